//===- ImportQuantizedOps.cpp - Matmul and convolution of integers --------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/Quantization.h"
#include "lib/frontend/onnx/Window.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace narae::onnx {

/// Whether input i is absent or known to be all zeros.
static bool isZero(const Node &n, unsigned i) {
  if (!n.hasInput(i))
    return true;
  auto known = n.constantInts(i);
  return known && llvm::all_of(*known, [](int64_t v) { return v == 0; });
}

/// A zero point or scale of a matmul operand in a shape that broadcasts: a 1-D
/// one is for the rows of the left operand or the columns of the right one.
static Value forMatrix(const Node &n, Value factor, bool ofRows) {
  if (!factor || rankOf(factor) != 1)
    return factor;
  if (staticDim(factor, 0) == 1)
    return n.squeeze(factor, {0});
  return ofRows ? n.unsqueeze(factor, {1}) : factor;
}

/// One for each output channel, or for all.
static Value forChannels(const Node &n, Value factor, int64_t axis,
                         int64_t rank) {
  if (!factor || rankOf(factor) == 0)
    return factor;
  if (staticDim(factor, 0) == 1)
    return n.squeeze(factor, {0});
  return alongAxis(n, factor, axis, rank);
}

/// The operand in i32 with its zero point subtracted.
static Value centred(const Node &n, Value operand, Value zeroPoint) {
  Type i32 = n.b.getI32Type();
  Value x = n.cast(operand, i32);
  return zeroPoint ? n.make<fm::SubOp>(x, n.cast(zeroPoint, i32)) : x;
}

/// The i32 product of inputs a and b, whose zero points are inputs za and zb.
static Value integerMatmul(const Node &n, unsigned a, unsigned za, unsigned b,
                           unsigned zb) {
  Type i32 = n.b.getI32Type();
  bool plain = isZero(n, za) && isZero(n, zb) && n.elem(a) == n.elem(b);
  if (plain)
    return matmul(n, n.input(a), n.input(b), false, false, i32);
  Value zeroA = isZero(n, za) ? Value() : forMatrix(n, n.input(za), true);
  Value zeroB = isZero(n, zb) ? Value() : forMatrix(n, n.input(zb), false);
  return matmul(n, centred(n, n.input(a), zeroA), centred(n, n.input(b), zeroB),
                false, false, i32);
}

static LogicalResult checkMatrices(const Node &n, unsigned a, unsigned b) {
  return failed(checkRank(n, a, 2)) ? failure() : checkRank(n, b, 2);
}

static LogicalResult matMulInteger(Node &n) {
  if (failed(checkMatrices(n, 0, 1)))
    return failure();
  return n.setOutput(0, integerMatmul(n, 0, 2, 1, 3));
}

/// round(accumulator * factor) + zero point, saturated to the zero point's
/// type.
static Value requantised(const Node &n, Value accumulator, Value factor,
                         unsigned zeroPoint) {
  if (!accumulator || !factor)
    return {};
  Type wide = elementOf(factor);
  Value y =
      n.make<fm::RoundOp>(n.make<fm::MulOp>(n.cast(accumulator, wide), factor));
  Value zero = asScalar(n, n.input(zeroPoint));
  y = n.make<fm::AddOp>(y, n.cast(zero, wide));
  return saturate(n, y, n.elem(zeroPoint));
}

/// Inputs are a, its scale and zero point, b and its, then those of y.
static LogicalResult qLinearMatMul(Node &n) {
  if (failed(checkMatrices(n, 0, 3)))
    return failure();
  Value product = integerMatmul(n, 0, 2, 3, 5);
  Value factor = n.make<fm::DivOp>(
      n.make<fm::MulOp>(widen(n, forMatrix(n, n.input(1), true)),
                        widen(n, forMatrix(n, n.input(4), false))),
      widen(n, asScalar(n, n.input(6))));
  return n.setOutput(0, requantised(n, product, factor, 7));
}

/// The i32 convolution of inputs x and w, zero points zx and zw.
static Value integerConv(const Node &n, unsigned x, unsigned zx, unsigned w,
                         unsigned zw, Maybe bias) {
  int64_t rank = n.rank(x), groups = n.intAttr("group", 1);
  if (failed(checkRank(n, x, 3)) || failed(checkRank(n, w, rank, rank)))
    return {};
  if (groups < 1) {
    n.error() << "group is " << groups << "; it must be positive";
    return {};
  }
  auto window = readWindow(n, rank - 2, n.type(w).getShape().drop_front(2));
  if (failed(window))
    return {};
  Value zeroX = isZero(n, zx) ? Value() : asScalar(n, n.input(zx));
  Value zeroW = isZero(n, zw) ? Value() : forChannels(n, n.input(zw), 0, rank);
  return n.make<fm::ConvOp>(centred(n, n.input(x), zeroX),
                            centred(n, n.input(w), zeroW), bias,
                            window->strides, window->pads, window->dilations,
                            window->autoPad, uint64_t(groups));
}

static LogicalResult convInteger(Node &n) {
  return n.setOutput(0, integerConv(n, 0, 2, 1, 3, {}));
}

/// Inputs are x, its scale and zero point, w and its, those of y, and a bias
/// in units of both scales.
static LogicalResult qLinearConv(Node &n) {
  Value product = integerConv(n, 0, 2, 3, 5, maybeInput(n, 8));
  if (!product)
    return failure();
  Value factor = n.make<fm::DivOp>(
      n.make<fm::MulOp>(
          widen(n, asScalar(n, n.input(1))),
          widen(n, forChannels(n, n.input(4), 1, rankOf(product)))),
      widen(n, asScalar(n, n.input(6))));
  return n.setOutput(0, requantised(n, product, factor, 7));
}

void addQuantizedOps(ImporterTable &table) {
  table.add("MatMulInteger", checked<matMulInteger, 2>);
  table.add("ConvInteger", checked<convInteger, 2>);
  table.add("QLinearMatMul", checked<qLinearMatMul, 8>);
  table.add("QLinearConv", checked<qLinearConv, 8>);
}

} // namespace narae::onnx
