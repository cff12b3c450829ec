//===- ImportActivations.cpp - Activation functions -----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/Compose.h"

using namespace mlir;

namespace narae::onnx {

/// Computes in f32 at least and sets output 0 in the input's own type.
template <typename Fn>
static LogicalResult unary(Node &n, Fn fn) {
  Value y = fn(widen(n, n.input(0)));
  return n.setOutput(0, y ? n.cast(y, n.elem(0)) : Value());
}

/// An op of fm that is the whole activation.
template <typename OpTy>
static LogicalResult direct(Node &n) {
  return n.setOutput(0, n.make<OpTy>(n.input(0)));
}

/// log(1 + e^x) without overflow: max(x, 0) + log1p(e^-|x|).
static Value softplus(const Node &n, Value x) {
  Value tail = n.make<fm::ExpOp>(n.make<fm::NegOp>(n.make<fm::AbsOp>(x)));
  return n.make<fm::AddOp>(n.make<fm::ReluOp>(x), n.make<fm::Log1pOp>(tail));
}

/// x * sigmoid(alpha * x).
static Value swish(const Node &n, Value x, double alpha) {
  if (alpha == 1)
    return n.make<fm::SiluOp>(x);
  return n.make<fm::MulOp>(x, n.make<fm::SigmoidOp>(mulConst(n, x, alpha)));
}

/// alpha * (e^x - 1).
static Value expBranch(const Node &n, Value x, double alpha) {
  return mulConst(n, n.make<fm::Expm1Op>(x), alpha);
}

static LogicalResult leakyRelu(Node &n) {
  double alpha = n.floatAttr("alpha", 0.01);
  return unary(n, [&](Value x) {
    return select(n, compare(n, x, "lt", 0.0), mulConst(n, x, alpha), x);
  });
}

static LogicalResult prelu(Node &n) {
  Value x = n.input(0), slope = n.input(1);
  // Before opset 7 the slope had one element a channel, on axis 1.
  if (n.opset < 7 && rankOf(slope) == 1 && staticDim(slope, 0) != 1 &&
      n.rank(0) > 1)
    slope = alongAxis(n, slope, 1, n.rank(0));
  Value scaled = n.make<fm::MulOp>(x, n.cast(slope, n.elem(0)));
  return n.setOutput(0, select(n, compare(n, x, "lt", 0.0), scaled, x));
}

static LogicalResult elu(Node &n) {
  double alpha = n.floatAttr("alpha", 1);
  return unary(n, [&](Value x) {
    return select(n, compare(n, x, "lt", 0.0), expBranch(n, x, alpha), x);
  });
}

static LogicalResult selu(Node &n) {
  bool rounded = n.opset < 6; // the constants had fewer digits
  double alpha =
      n.floatAttr("alpha", rounded ? 1.6732 : 1.67326319217681884765625);
  double gamma =
      n.floatAttr("gamma", rounded ? 1.0507 : 1.05070102214813232421875);
  return unary(n, [&](Value x) {
    Value y = select(n, compare(n, x, "lt", 0.0), expBranch(n, x, alpha), x);
    return mulConst(n, y, gamma);
  });
}

static LogicalResult celu(Node &n) {
  double alpha = n.floatAttr("alpha", 1);
  if (alpha == 0)
    return n.error() << "alpha is 0; it divides and must not be";
  return unary(n, [&](Value x) {
    Value low = expBranch(n, mulConst(n, x, 1 / alpha), alpha);
    Value zero = scalarLike(n, 0, x);
    return n.make<fm::AddOp>(n.make<fm::MaxOp>(x, zero),
                             n.make<fm::MinOp>(low, zero));
  });
}

static LogicalResult thresholdedRelu(Node &n) {
  double alpha = n.floatAttr("alpha", 1);
  return unary(n, [&](Value x) {
    return select(n, compare(n, x, "gt", alpha), x, scalarLike(n, 0, x));
  });
}

static Value hardSigmoid(const Node &n, Value x, double alpha, double beta) {
  return clamp(n, addConst(n, mulConst(n, x, alpha), beta), 0, 1);
}

static LogicalResult hardSigmoidNode(Node &n) {
  double alpha = n.floatAttr("alpha", 0.2), beta = n.floatAttr("beta", 0.5);
  return unary(n, [&](Value x) { return hardSigmoid(n, x, alpha, beta); });
}

static LogicalResult hardSwish(Node &n) {
  return unary(n, [&](Value x) {
    return n.make<fm::MulOp>(x, hardSigmoid(n, x, 1.0 / 6, 0.5));
  });
}

static LogicalResult softplusNode(Node &n) {
  return unary(n, [&](Value x) { return softplus(n, x); });
}

static LogicalResult softsign(Node &n) {
  return unary(n, [&](Value x) {
    return n.make<fm::DivOp>(x, addConst(n, n.make<fm::AbsOp>(x), 1));
  });
}

static LogicalResult mish(Node &n) {
  return unary(n, [&](Value x) {
    return n.make<fm::MulOp>(x, n.make<fm::TanhOp>(softplus(n, x)));
  });
}

static LogicalResult swishNode(Node &n) {
  double alpha = n.floatAttr("alpha", 1);
  return unary(n, [&](Value x) { return swish(n, x, alpha); });
}

static LogicalResult swiGlu(Node &n) {
  double alpha = n.floatAttr("alpha", 1);
  return unary(n, [&](Value a) {
    return n.make<fm::MulOp>(swish(n, a, alpha), widen(n, n.input(1)));
  });
}

static LogicalResult shrink(Node &n) {
  double bias = n.floatAttr("bias", 0), lambda = n.floatAttr("lambd", 0.5);
  // Bias and lambda are fractions also where the elements are integers.
  Type type = n.elem(0);
  if (!type.isIntOrFloat())
    return n.error() << "Shrink does not work on elements of type " << type;
  Type wide = isa<FloatType>(type)                 ? wideType(type)
              : type.getIntOrFloatBitWidth() <= 16 ? Type(n.b.getF32Type())
                                                   : n.b.getF64Type();
  Value x = n.cast(n.input(0), wide);
  Value y = select(n, compare(n, x, "gt", lambda), addConst(n, x, -bias),
                   scalarLike(n, 0, x));
  y = select(n, compare(n, x, "lt", -lambda), addConst(n, x, bias), y);
  return n.setOutput(0, n.cast(y, type));
}

static LogicalResult gelu(Node &n) {
  std::string form = n.strAttr("approximate", "none");
  if (form != "none" && form != "tanh")
    return n.error() << "approximate is '" << form
                     << "'; it must be 'none' or 'tanh'";
  return n.setOutput(0, n.make<fm::GeluOp>(n.input(0), form == "tanh"));
}

//===----------------------------------------------------------------------===//
// Fused forms that ONNX Runtime's optimizer writes (com.microsoft)
//===----------------------------------------------------------------------===//

/// Input 0 plus the optional bias in input 1.
static Value biased(const Node &n) {
  return n.hasInput(1) ? n.make<fm::AddOp>(n.input(0), n.input(1)) : n.input(0);
}

static LogicalResult exactGelu(Node &n) {
  return n.setOutput(0, n.make<fm::GeluOp>(biased(n), /*tanh=*/false));
}
static LogicalResult fastGelu(Node &n) {
  return n.setOutput(0, n.make<fm::GeluOp>(biased(n), /*tanh=*/true));
}
static LogicalResult quickGelu(Node &n) {
  double alpha = n.floatAttr("alpha", 1.702);
  return unary(n, [&](Value x) { return swish(n, x, alpha); });
}

void registerActivations(ImporterTable &table) {
  table.add("Relu", checked<direct<fm::ReluOp>, 1>);
  table.add("Sigmoid", checked<direct<fm::SigmoidOp>, 1>);
  table.add("Tanh", checked<direct<fm::TanhOp>, 1>);
  table.add("LeakyRelu", checked<leakyRelu, 1>);
  table.add("PRelu", checked<prelu, 2>);
  table.add("Elu", checked<elu, 1>);
  table.add("Selu", checked<selu, 1>);
  table.add("Celu", checked<celu, 1>);
  table.add("ThresholdedRelu", checked<thresholdedRelu, 1>);
  table.add("HardSigmoid", checked<hardSigmoidNode, 1>);
  table.add("HardSwish", checked<hardSwish, 1>);
  table.add("Softplus", checked<softplusNode, 1>);
  table.add("Softsign", checked<softsign, 1>);
  table.add("Mish", checked<mish, 1>);
  table.add("Swish", checked<swishNode, 1>);
  table.add("SwiGLU", checked<swiGlu, 2>);
  table.add("Shrink", checked<shrink, 1>);
  table.add("Gelu", checked<gelu, 1>);
  table.add("Gelu", checked<exactGelu, 1>, "com.microsoft");
  table.add("BiasGelu", checked<exactGelu, 2>, "com.microsoft");
  table.add("FastGelu", checked<fastGelu, 1>, "com.microsoft");
  table.add("QuickGelu", checked<quickGelu, 1>, "com.microsoft");
}

} // namespace narae::onnx
