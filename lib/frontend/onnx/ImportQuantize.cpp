//===- ImportQuantize.cpp - Quantisation and its inverse ------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/Quantization.h"

using namespace mlir;

namespace narae::onnx {

std::pair<double, double> integerRange(Type type) {
  unsigned width = type.getIntOrFloatBitWidth();
  if (type.isUnsignedInteger())
    return {0, std::ldexp(1.0, width) - 1};
  return {-std::ldexp(1.0, width - 1), std::ldexp(1.0, width - 1) - 1};
}

Value saturate(const Node &n, Value value, Type type) {
  auto [low, high] = integerRange(type);
  Value bounded = clamp(n, value, low, high);
  return bounded ? n.cast(bounded, type) : Value();
}

/// Scales or zero points in a shape that broadcasts with x: for the whole
/// tensor, for an axis (1-D) or for blocks of an axis, whose entries repeat.
static FailureOr<Value> spread(const Node &n, Value x, Value factor,
                               int64_t axisAttr, int64_t blockSize) {
  if (!x || !factor)
    return failure();
  int64_t rank = rankOf(x), factorRank = rankOf(factor);
  if (factorRank == 0)
    return factor;
  if (blockSize == 0 && factorRank == 1 && staticDim(factor, 0) == 1)
    return n.squeeze(factor, {0});
  auto axis = n.axis(axisAttr, rank);
  if (failed(axis))
    return failure();
  if (blockSize == 0) {
    if (factorRank != 1)
      return n.error() << "scale and zero point have rank " << factorRank
                       << "; without block_size they must be scalars or have "
                          "an element for each slice of the axis";
    return alongAxis(n, factor, *axis, rank);
  }
  if (blockSize < 0 || factorRank != rank)
    return n.error() << "block_size is " << blockSize
                     << "; it must be positive, and scale must have the rank "
                        "of the input, "
                     << rank;
  Value index = iota(n, {dimOf(n, x, *axis)}, 0, n.b.getI64Type());
  Value block =
      n.make<fm::DivOp>(index, scalarLike(n, double(blockSize), index));
  return Value(n.make<fm::GatherOp>(factor, block, uint64_t(*axis)));
}

static bool isFloat(Type type) {
  return isa<FloatType>(type) || fm::isCarriedFloat(type);
}

static LogicalResult quantizeLinear(Node &n) {
  // The result's type: that of the zero point, or the attribute, or uint8.
  Type type = n.hasInput(2) ? n.elem(2) : Type();
  if (int64_t wanted = n.intAttr("output_dtype", 0)) {
    Type given = onnxType(n, wanted);
    if (!given)
      return failure();
    if (type && type != given)
      return n.error() << "output_dtype says " << given
                       << "; the zero point has " << type;
    type = given;
  }
  if (!type)
    type = n.b.getIntegerType(8, /*isSigned=*/false);

  Value x = n.input(0), scale = n.input(1);
  Type precision = isa<FloatType>(elementOf(scale)) ? elementOf(scale)
                                                    : Type(n.b.getF32Type());
  if (int64_t wanted = n.intAttr("precision", 0)) {
    precision = onnxType(n, wanted);
    if (!precision)
      return failure();
  }
  if (!isa<FloatType>(precision))
    return n.error() << "precision must be a float type, not " << precision;
  int64_t axis = n.intAttr("axis", 1), block = n.intAttr("block_size", 0);
  auto factor = spread(n, x, n.cast(scale, precision), axis, block);
  if (failed(factor))
    return failure();
  Value quotient = widen(n, n.make<fm::DivOp>(n.cast(x, precision), *factor));
  if (!quotient)
    return failure();
  if (isFloat(type)) // zero points of float types are 0
    return n.setOutput(
        0, n.make<fm::CastOp>(quotient, type, bool(n.intAttr("saturate", 1))));
  Value rounded = n.make<fm::RoundOp>(quotient);
  if (n.hasInput(2)) {
    auto zero = spread(n, x, n.input(2), axis, block);
    if (failed(zero))
      return failure();
    rounded = n.make<fm::AddOp>(rounded, n.cast(*zero, elementOf(quotient)));
  }
  return n.setOutput(0, saturate(n, rounded, type));
}

static LogicalResult dequantizeLinear(Node &n) {
  Value x = n.input(0), scale = n.input(1);
  Type type = elementOf(scale);
  if (int64_t wanted = n.intAttr("output_dtype", 0)) {
    type = onnxType(n, wanted);
    if (!type)
      return failure();
  }
  if (!isFloat(type))
    return n.error() << "the result would have type " << type
                     << "; it must be a float type";
  Type wide = wideType(type);
  int64_t axis = n.intAttr("axis", 1), block = n.intAttr("block_size", 0);
  auto factor = spread(n, x, n.cast(scale, wide), axis, block);
  if (failed(factor))
    return failure();
  Value y = n.cast(x, wide);
  if (n.hasInput(2) && !isFloat(n.elem(0))) {
    auto zero = spread(n, x, n.input(2), axis, block);
    if (failed(zero))
      return failure();
    // Differences of narrow integers are exact in f32.
    y = n.make<fm::SubOp>(y, n.cast(*zero, wide));
  }
  y = n.make<fm::MulOp>(y, *factor);
  return n.setOutput(0, y ? n.cast(y, type) : Value());
}

/// To uint8 with the range of the tensor's own elements and 0.
static LogicalResult dynamicQuantizeLinear(Node &n) {
  Type type = n.b.getIntegerType(8, /*isSigned=*/false);
  Value x = n.input(0);
  llvm::SmallVector<int64_t> axes = axesFrom(0, n.rank(0));
  Value zero = scalarLike(n, 0, x);
  Value high = n.make<fm::MaxOp>(n.reduce("max", x, axes, false), zero);
  Value low = n.make<fm::MinOp>(n.reduce("min", x, axes, false), zero);
  Value extent = n.make<fm::SubOp>(high, low);
  extent =
      select(n, compare(n, extent, "eq", 0.0), scalarLike(n, 1, x), extent);
  Value scale = n.make<fm::DivOp>(extent, scalarLike(n, 255, x));
  Value origin = n.make<fm::NegOp>(n.make<fm::DivOp>(low, scale));
  Value point = n.make<fm::RoundOp>(clamp(n, origin, 0, 255));
  Value y = n.make<fm::AddOp>(n.make<fm::RoundOp>(n.make<fm::DivOp>(x, scale)),
                              point);
  if (failed(n.setOutput(0, saturate(n, y, type))))
    return failure();
  if (n.hasOutput(1) && failed(n.setOutput(1, scale)))
    return failure();
  return n.hasOutput(2) ? n.setOutput(2, n.cast(point, type)) : success();
}

void registerQuantize(ImporterTable &table) {
  for (llvm::StringRef domain : {"", "com.microsoft"}) {
    table.add("QuantizeLinear", checked<quantizeLinear, 2>, domain);
    table.add("DequantizeLinear", checked<dequantizeLinear, 2>, domain);
  }
  table.add("DynamicQuantizeLinear", checked<dynamicQuantizeLinear, 1>);
  addQuantizedOps(table);
}

} // namespace narae::onnx
