//===- ImportElementwise.cpp - Arithmetic, logic, comparisons -------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/Compose.h"
#include "lib/frontend/onnx/GraphImporter.h"
#include "lib/frontend/onnx/Text.h"

using namespace mlir;

namespace narae::onnx {

template <typename OpTy>
static LogicalResult unary(Node &n) {
  return n.setOutput(0, n.make<OpTy>(n.input(0)));
}

/// The second operand. Before opset 7 its dimensions were matched with those
/// of the first from an axis on, not from the end.
static Value second(Node &n) {
  Value value = n.input(1);
  if (n.opset >= 7 || !n.intAttr("broadcast", 0) || !n.has("axis"))
    return value;
  int64_t axis = n.intAttr("axis", 0), rank = n.rank(0);
  axis = axis < 0 ? axis + rank : axis;
  SmallVector<int64_t> after = axesFrom(rankOf(value), rank - axis);
  return n.unsqueeze(value, after);
}

template <typename OpTy>
static LogicalResult binary(Node &n) {
  return n.setOutput(0, n.make<OpTy>(n.input(0), second(n)));
}

template <int predicate>
static LogicalResult comparison(Node &n) {
  static const char *const names[] = {"eq", "lt", "le", "gt", "ge"};
  return n.setOutput(0, compare(n, n.input(0), names[predicate], second(n)));
}

/// Logical ops take booleans only; fm's are bitwise for other types.
template <typename OpTy>
static LogicalResult logical(Node &n) {
  for (unsigned i = 0; i < n.numInputs(); ++i)
    if (!n.elem(i).isInteger(1))
      return n.error() << n.opType() << " takes booleans, not " << n.elem(i);
  if constexpr (std::is_same_v<OpTy, fm::NotOp>)
    return unary<OpTy>(n);
  else
    return binary<OpTy>(n);
}

static LogicalResult mod(Node &n) {
  bool fmod = n.intAttr("fmod", 0);
  return n.setOutput(0,
                     n.make<fm::ModOp>(n.input(0), n.input(1),
                                       fmod ? n.b.getUnitAttr() : UnitAttr()));
}

static LogicalResult bitShift(Node &n) {
  std::string direction = n.strAttr("direction", "");
  if (!n.elem(0).isInteger() || n.elem(0).isInteger(1))
    return n.error() << "BitShift takes integers, not " << n.elem(0);
  if (direction == "LEFT")
    return binary<fm::ShlOp>(n);
  if (direction != "RIGHT")
    return n.error() << "BitShift has the direction '" << direction
                     << "'; it is LEFT or RIGHT";
  if (n.elem(0).isUnsignedInteger())
    return binary<fm::ShrOp>(n);
  // Negative numbers shift as complements, so that ones come in from the left.
  Value x = n.input(0), count = n.input(1);
  Value negative = compare(n, x, "lt", 0.0);
  Value shifted =
      n.make<fm::ShrOp>(select(n, negative, n.make<fm::NotOp>(x), x), count);
  return n.setOutput(0,
                     select(n, negative, n.make<fm::NotOp>(shifted), shifted));
}

/// An op over any number of inputs, two at a time.
template <typename OpTy>
static Value fold(Node &n) {
  Value result = n.input(0);
  for (unsigned i = 1; i < n.numInputs(); ++i)
    result = n.make<OpTy>(result, n.input(i));
  return result;
}

template <typename OpTy>
static LogicalResult variadic(Node &n) {
  return n.setOutput(0, fold<OpTy>(n));
}

static LogicalResult mean(Node &n) {
  Value sum = fold<fm::AddOp>(n);
  Value count = n.constScalar(n.numInputs(), n.elem(0));
  return n.setOutput(0, n.make<fm::DivOp>(sum, count));
}

/// min(max(x, low), high); bounds are attributes before opset 11.
static LogicalResult clip(Node &n) {
  Value x = n.input(0);
  Type type = n.elem(0);
  Value low = n.input(1), high = n.input(2);
  if (n.has("min"))
    low = n.constScalar(n.floatAttr("min", 0), type);
  if (n.has("max"))
    high = n.constScalar(n.floatAttr("max", 0), type);
  if (low)
    x = n.make<fm::MaxOp>(x, asScalar(n, low));
  if (high)
    x = n.make<fm::MinOp>(x, asScalar(n, high));
  return n.setOutput(0, x);
}

static LogicalResult where(Node &n) {
  return n.setOutput(0, select(n, n.input(0), n.input(1), n.input(2)));
}

static LogicalResult isInf(Node &n) {
  return n.setOutput(
      0, n.make<fm::IsInfOp>(n.input(0), bool(n.intAttr("detect_positive", 1)),
                             bool(n.intAttr("detect_negative", 1))));
}

static LogicalResult identity(Node &n) {
  const Binding *binding = n.binding(0);
  if (!binding)
    return n.error() << "Identity has no input";
  return n.setBinding(0, *binding);
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

static LogicalResult convert(Node &n, Type to) {
  if (!to)
    return failure();
  std::string round = n.strAttr("round_mode", "up");
  if (round != "up" && round != "down" && round != "nearest")
    return n.error() << "round_mode is '" << round
                     << "'; it is up, down or nearest";
  Value x = n.input(0);
  if (n.elem(0) == to)
    return n.setOutput(0, x);
  if (fm::isString(n.elem(0)) || fm::isString(to))
    return n.setOutput(0, castText(n, x, to));
  return n.setOutput(
      0, n.make<fm::CastOp>(x, TypeAttr::get(to),
                            n.b.getBoolAttr(n.intAttr("saturate", 1)),
                            n.b.getStringAttr(round)));
}

static LogicalResult castTo(Node &n) {
  // Before opset 6 the type was a string.
  return convert(n, onnxType(n, n.intAttr("to", 0)));
}

static LogicalResult castLike(Node &n) { return convert(n, n.elem(1)); }

static LogicalResult bitCast(Node &n) {
  Type to = onnxType(n, n.intAttr("to", 0));
  if (!to)
    return failure();
  for (Type type : {n.elem(0), to})
    if (!type.isIntOrFloat())
      return n.error() << "BitCast of " << type << " is not supported";
  // A boolean is a byte, 0 or 1.
  Type byte = n.b.getIntegerType(8, /*isSigned=*/false);
  if (n.elem(0).isInteger(1) && to.getIntOrFloatBitWidth() == 8) {
    Value bits = n.cast(n.input(0), byte);
    return n.setOutput(0, to == byte ? bits : n.make<fm::BitcastOp>(bits, to));
  }
  if (to.getIntOrFloatBitWidth() != n.elem(0).getIntOrFloatBitWidth())
    return n.error() << "BitCast from " << n.elem(0) << " to " << to
                     << ": the types differ in width";
  return n.setOutput(0, n.make<fm::BitcastOp>(n.input(0), to));
}

//===----------------------------------------------------------------------===//
// Dropout
//===----------------------------------------------------------------------===//

/// The identity outside of training; the mask is all ones.
static LogicalResult dropout(Node &n) {
  bool training = n.hasInput(2);
  if (training) {
    auto mode = n.constantInts(2);
    auto ratio = n.constantFloats(1);
    bool keepsAll = ratio && ratio->size() == 1 && (*ratio)[0] == 0;
    training = !(mode && mode->size() == 1 && (*mode)[0] == 0) && !keepsAll;
  }
  if (training)
    return n.error() << "Dropout in training mode is random; export the model "
                        "for inference, so that training_mode is false";
  if (n.hasOutput(1)) {
    Type type = n.opset >= 10 ? n.b.getI1Type() : n.elem(0);
    Value shape = n.shapeOf(n.input(0));
    TypedAttr one = isa<FloatType>(type)
                        ? TypedAttr(n.b.getFloatAttr(type, 1.0))
                        : TypedAttr(n.b.getIntegerAttr(type, 1));
    if (failed(n.setOutput(1, n.make<fm::FillOp>(shape, one))))
      return failure();
  }
  return n.setOutput(0, n.input(0));
}

void registerElementwise(ImporterTable &table) {
  table.add("Abs", checked<unary<fm::AbsOp>, 1>);
  table.add("Neg", checked<unary<fm::NegOp>, 1>);
  table.add("Sign", checked<unary<fm::SignOp>, 1>);
  table.add("Exp", checked<unary<fm::ExpOp>, 1>);
  table.add("Log", checked<unary<fm::LogOp>, 1>);
  table.add("Sqrt", checked<unary<fm::SqrtOp>, 1>);
  table.add("Reciprocal", checked<unary<fm::ReciprocalOp>, 1>);
  table.add("Sin", checked<unary<fm::SinOp>, 1>);
  table.add("Cos", checked<unary<fm::CosOp>, 1>);
  table.add("Tan", checked<unary<fm::TanOp>, 1>);
  table.add("Asin", checked<unary<fm::AsinOp>, 1>);
  table.add("Acos", checked<unary<fm::AcosOp>, 1>);
  table.add("Atan", checked<unary<fm::AtanOp>, 1>);
  table.add("Sinh", checked<unary<fm::SinhOp>, 1>);
  table.add("Cosh", checked<unary<fm::CoshOp>, 1>);
  table.add("Asinh", checked<unary<fm::AsinhOp>, 1>);
  table.add("Acosh", checked<unary<fm::AcoshOp>, 1>);
  table.add("Atanh", checked<unary<fm::AtanhOp>, 1>);
  table.add("Erf", checked<unary<fm::ErfOp>, 1>);
  table.add("Floor", checked<unary<fm::FloorOp>, 1>);
  table.add("Ceil", checked<unary<fm::CeilOp>, 1>);
  table.add("Round", checked<unary<fm::RoundOp>, 1>);
  table.add("BitwiseNot", checked<unary<fm::NotOp>, 1>);
  table.add("IsNaN", checked<unary<fm::IsNanOp>, 1>);
  table.add("IsInf", checked<isInf, 1>);
  table.add("Not", checked<logical<fm::NotOp>, 1>);
  table.add("And", checked<logical<fm::AndOp>, 2>);
  table.add("Or", checked<logical<fm::OrOp>, 2>);
  table.add("Xor", checked<logical<fm::XorOp>, 2>);
  table.add("Add", checked<binary<fm::AddOp>, 2>);
  table.add("Sub", checked<binary<fm::SubOp>, 2>);
  table.add("Mul", checked<binary<fm::MulOp>, 2>);
  table.add("Div", checked<binary<fm::DivOp>, 2>);
  table.add("Pow", checked<binary<fm::PowOp>, 2>);
  table.add("Mod", checked<mod, 2>);
  table.add("BitwiseAnd", checked<binary<fm::AndOp>, 2>);
  table.add("BitwiseOr", checked<binary<fm::OrOp>, 2>);
  table.add("BitwiseXor", checked<binary<fm::XorOp>, 2>);
  table.add("BitShift", checked<bitShift, 2>);
  table.add("Equal", checked<comparison<0>, 2>);
  table.add("Less", checked<comparison<1>, 2>);
  table.add("LessOrEqual", checked<comparison<2>, 2>);
  table.add("Greater", checked<comparison<3>, 2>);
  table.add("GreaterOrEqual", checked<comparison<4>, 2>);
  table.add("Min", checked<variadic<fm::MinOp>, 1>);
  table.add("Max", checked<variadic<fm::MaxOp>, 1>);
  table.add("Sum", checked<variadic<fm::AddOp>, 1>);
  table.add("Mean", checked<mean, 1>);
  table.add("Clip", checked<clip, 1>);
  table.add("Where", checked<where, 3>);
  table.add("Identity", identity);
  table.add("Cast", checked<castTo, 1>);
  table.add("CastLike", checked<castLike, 2>);
  table.add("BitCast", checked<bitCast, 1>);
  table.add("Dropout", checked<dropout, 1>);
}

} // namespace narae::onnx
