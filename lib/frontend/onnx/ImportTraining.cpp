//===- ImportTraining.cpp - Steps of optimizers ---------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Inputs are the learning rate, the number of updates so far, and then groups
// of n tensors: parameters, gradients and states of the optimizer. Outputs are
// the groups of parameters and states.
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/Compose.h"

using namespace mlir;

namespace narae::onnx {

namespace {
/// What one parameter's update reads and gives.
struct Update {
  Value rate, count; ///< scalars; the count is i64
  Value x, gradient, first, second;
};
} // namespace

using UpdateFn = LogicalResult (*)(const Node &n, Update &u);

/// Applies `fn` to every parameter; `states` tensors of state belong to each.
static LogicalResult forEachParameter(Node &n, unsigned states, UpdateFn fn) {
  unsigned groups = 2 + states, tensors = n.numInputs() - 2;
  if (n.numInputs() < 2 + groups || tensors % groups)
    return n.error() << "has " << n.numInputs() << " inputs; it needs 2 and a "
                     << "multiple of " << groups;
  unsigned count = tensors / groups;
  for (unsigned i = 0; i < n.numInputs(); ++i)
    if (!n.hasInput(i))
      return n.error() << "input " << i << " is missing";
  for (unsigned i = 0; i < count; ++i) {
    Update u;
    u.rate = asScalar(n, n.input(0));
    u.count = asScalar(n, n.input(1));
    u.x = n.input(2 + i);
    u.gradient = n.input(2 + count + i);
    u.first = n.input(2 + 2 * count + i);
    if (states > 1)
      u.second = n.input(2 + 3 * count + i);
    u.rate = n.cast(u.rate, elementOf(u.x));
    if (failed(fn(n, u)) || failed(n.setOutput(i, u.x)) ||
        failed(n.setOutput(count + i, u.first)) ||
        (states > 1 && failed(n.setOutput(2 * count + i, u.second))))
      return failure();
  }
  return success();
}

/// gradient + norm_coefficient * x.
static Value regularised(const Node &n, const Update &u) {
  double norm = n.floatAttr("norm_coefficient", 0);
  return norm == 0 ? u.gradient
                   : n.make<fm::AddOp>(mulConst(n, u.x, norm), u.gradient);
}

/// factor * a + (1 - factor) * b.
static Value blend(const Node &n, Value a, Value b, double factor) {
  return n.make<fm::AddOp>(mulConst(n, a, factor), mulConst(n, b, 1 - factor));
}

static LogicalResult updateAdam(const Node &n, Update &u) {
  double alpha = n.floatAttr("alpha", 0.9), beta = n.floatAttr("beta", 0.999);
  Type type = elementOf(u.x);
  Value g = regularised(n, u);
  u.first = blend(n, u.first, g, alpha);
  u.second = blend(n, u.second, n.make<fm::MulOp>(g, g), beta);
  Value root =
      addConst(n, n.make<fm::SqrtOp>(u.second), n.floatAttr("epsilon", 1e-6));
  // Correction of the bias from the second update on.
  Value steps = n.cast(u.count, type);
  auto remainder = [&](double base) {
    Value power = n.make<fm::PowOp>(n.constScalar(base, type), steps);
    return n.make<fm::SubOp>(n.constScalar(1, type), power);
  };
  Value corrected = n.make<fm::DivOp>(
      n.make<fm::MulOp>(u.rate, n.make<fm::SqrtOp>(remainder(beta))),
      remainder(alpha));
  Value rate = select(n, compare(n, u.count, "gt", 0.0), corrected, u.rate);
  u.x = n.make<fm::SubOp>(
      u.x, n.make<fm::MulOp>(rate, n.make<fm::DivOp>(u.first, root)));
  u.x = mulConst(n, u.x, 1 - n.floatAttr("norm_coefficient_post", 0));
  return success(u.x && u.first && u.second);
}

static LogicalResult updateAdagrad(const Node &n, Update &u) {
  Value decay = mulConst(n, n.cast(u.count, elementOf(u.x)),
                         n.floatAttr("decay_factor", 0));
  Value rate = n.make<fm::DivOp>(u.rate, addConst(n, decay, 1));
  Value g = regularised(n, u);
  u.first = n.make<fm::AddOp>(u.first, n.make<fm::MulOp>(g, g));
  Value root =
      addConst(n, n.make<fm::SqrtOp>(u.first), n.floatAttr("epsilon", 1e-6));
  Value change = n.make<fm::DivOp>(n.make<fm::MulOp>(rate, g), root);
  u.x = n.make<fm::SubOp>(u.x, change);
  return success(u.x && u.first);
}

static LogicalResult updateMomentum(const Node &n, Update &u) {
  double alpha = n.floatAttr("alpha", 0), beta = n.floatAttr("beta", 0);
  std::string mode = n.strAttr("mode", "standard");
  if (mode != "standard" && mode != "nesterov")
    return n.error() << "mode is '" << mode
                     << "'; it must be standard or nesterov";
  Type type = elementOf(u.x);
  Value g = regularised(n, u);
  // The gradient counts in full in the first update.
  Value weight = select(n, compare(n, u.count, "gt", 0.0),
                        n.constScalar(beta, type), n.constScalar(1, type));
  u.first = n.make<fm::AddOp>(mulConst(n, u.first, alpha),
                              n.make<fm::MulOp>(weight, g));
  Value step = mode == "standard"
                   ? u.first
                   : n.make<fm::AddOp>(g, mulConst(n, u.first, alpha));
  u.x = n.make<fm::SubOp>(u.x, n.make<fm::MulOp>(u.rate, step));
  return success(u.x && u.first);
}

static LogicalResult adam(Node &n) {
  return forEachParameter(n, 2, updateAdam);
}
static LogicalResult adagrad(Node &n) {
  return forEachParameter(n, 1, updateAdagrad);
}
static LogicalResult momentum(Node &n) {
  return forEachParameter(n, 1, updateMomentum);
}

void registerTraining(ImporterTable &table) {
  constexpr llvm::StringLiteral domain = "ai.onnx.preview.training";
  table.add("Adam", checked<adam, 6>, domain);
  table.add("Adagrad", checked<adagrad, 5>, domain);
  table.add("Momentum", checked<momentum, 5>, domain);
  addMl(table);
}

} // namespace narae::onnx
