//===- Norm.cpp - Softmax and norms ---------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/compiler/ops/Helpers.h"

using namespace mlir;
using namespace narae;
using namespace narae::npu;

static constexpr ElementType f32 = ElementType::F32;

/// The axes of the tile on which all of dimensions [first, end) lie.
static FailureOr<SmallVector<AxisId>> rowAxes(TileBuilder &b, Operation *op,
                                              size_t first, size_t end,
                                              const Access &access) {
  SmallVector<AxisId> result;
  for (size_t i = first; i < end; ++i) {
    if (fm::constantOf(b.dims(op->getResult(0))[i]) == 1)
      continue;
    std::optional<AxisId> axis = b.plainAxis(access[i]);
    if (!axis || !b.axes[*axis].isWhole)
      return op->emitError() << op->getName()
                             << " under another movement is not covered on the "
                                "NPU; compile for cpu";
    result.push_back(*axis);
  }
  return result;
}

/// x as f32 with elements of its own on the axes.
static Tile spread(TileBuilder &b, const Tile &x, ArrayRef<AxisId> axes) {
  TileAxes wanted(axes.begin(), axes.end());
  TileAxes list = TileBuilder::unite({b.axesOf(x), wanted});
  if (x.isNumber() || x.type != f32 || list != b.axesOf(x))
    return b.vector(Opcode::VConvert, f32, {x}, list);
  return x;
}

static FailureOr<Tile> softmax(TileBuilder &b, Operation *op, unsigned,
                               const Access &access) {
  auto softmax = cast<fm::SoftmaxOp>(op);
  size_t dim = size_t(softmax.getAxis());
  auto axes = rowAxes(b, op, dim, dim + 1, access);
  FailureOr<Tile> tile = b.evaluate(softmax.getInput(), access);
  if (failed(axes) || failed(tile))
    return failure();
  ElementType type = typeOf(op->getResult(0));
  if (axes->empty()) { // one element: 1, or its logarithm; NaN stays
    Tile x = spread(b, *tile, {});
    Tile zero = b.vector(Opcode::VSub, f32, {x, x});
    return b.convert(
        softmax.getLog() ? zero : b.vector(Opcode::VExp, f32, {zero}), type);
  }
  AxisId axis = axes->front();
  Tile x = spread(b, *tile, *axes);
  Tile most = b.reduce(Opcode::VRowMax, x, axis, f32);
  Tile e = b.vector(Opcode::VExpSub, f32, {x, most});
  Tile sum = b.reduce(Opcode::VSum, e, axis, f32);
  if (softmax.getLog()) {
    Tile log = b.vector(Opcode::VLog, f32, {sum});
    return b.vector(Opcode::VSub, type,
                    {b.vector(Opcode::VSub, f32, {x, most}), log});
  }
  return b.vector(Opcode::VDiv, type, {e, sum});
}

static void softmaxWish(TileBuilder &, Operation *op, TileWish &wish) {
  wish.whole[size_t(cast<fm::SoftmaxOp>(op).getAxis())] = true;
}

/// Sum over all of the axes, the last first.
static Tile total(TileBuilder &b, Tile x, ArrayRef<AxisId> axes, bool squares) {
  if (axes.empty() && squares)
    return b.vector(Opcode::VMul, f32, {x, x});
  bool isFirst = true;
  for (AxisId axis : llvm::reverse(axes)) {
    x = b.reduce(isFirst && squares ? Opcode::VSumSq : Opcode::VSum, x, axis,
                 f32);
    isFirst = false;
  }
  return x;
}

static Expr rowSize(TileBuilder &b, Value value, size_t first) {
  return b.scope.product(ArrayRef<Expr>(b.dims(value)).drop_front(first));
}

/// x / sqrt(mean(squares) + epsilon).
static Tile normalise(TileBuilder &b, const Tile &x, const Tile &squares,
                      Expr count, double epsilon) {
  Tile mean =
      b.vector(Opcode::VDiv, f32, {squares, b.integer(b.scalars.host(count))});
  Tile shifted = b.vector(Opcode::VAdd, f32, {mean, b.number(epsilon)});
  Tile factor = b.vector(Opcode::VRsqrt, f32, {shifted});
  return b.vector(Opcode::VMul, f32, {x, factor});
}

static FailureOr<Tile> layerNorm(TileBuilder &b, Operation *op, unsigned,
                                 const Access &access) {
  auto norm = cast<fm::LayerNormOp>(op);
  size_t first = size_t(norm.getAxis());
  SmallVector<Expr> dims(b.dims(op->getResult(0)));
  auto axes = rowAxes(b, op, first, dims.size(), access);
  FailureOr<Tile> tile = b.evaluate(norm.getInput(), access);
  if (failed(axes) || failed(tile))
    return failure();
  Expr count = rowSize(b, norm.getInput(), first);
  Tile x = spread(b, *tile, *axes);
  Tile mean =
      b.vector(Opcode::VDiv, f32,
               {total(b, x, *axes, false), b.integer(b.scalars.host(count))});
  Tile centred = b.vector(Opcode::VSub, f32, {x, mean});
  Tile y = normalise(b, centred, total(b, centred, *axes, true), count,
                     norm.getEpsilon().convertToDouble());
  if (norm.getScale()) {
    FailureOr<Tile> scale = b.evaluateBroadcast(norm.getScale(), dims, access);
    if (failed(scale))
      return failure();
    y = b.vector(Opcode::VMul, f32, {y, *scale});
  }
  if (norm.getBias()) {
    FailureOr<Tile> bias = b.evaluateBroadcast(norm.getBias(), dims, access);
    if (failed(bias))
      return failure();
    y = b.vector(Opcode::VAdd, f32, {y, *bias});
  }
  return b.convert(y, typeOf(op->getResult(0)));
}

static FailureOr<Tile> rmsNorm(TileBuilder &b, Operation *op, unsigned,
                               const Access &access) {
  auto norm = cast<fm::RmsNormOp>(op);
  size_t first = size_t(norm.getAxis());
  SmallVector<Expr> dims(b.dims(op->getResult(0)));
  auto axes = rowAxes(b, op, first, dims.size(), access);
  FailureOr<Tile> tile = b.evaluate(norm.getInput(), access);
  if (failed(axes) || failed(tile))
    return failure();
  Tile x = spread(b, *tile, *axes);
  Tile y = normalise(b, x, total(b, x, *axes, true),
                     rowSize(b, norm.getInput(), first),
                     norm.getEpsilon().convertToDouble());
  if (norm.getScale()) {
    FailureOr<Tile> scale = b.evaluateBroadcast(norm.getScale(), dims, access);
    if (failed(scale))
      return failure();
    Tile factor = *scale;
    if (norm.getZeroCentred())
      factor = b.vector(Opcode::VAdd, f32, {b.inMemory(factor), b.number(1)});
    y = b.vector(Opcode::VMul, f32, {y, factor});
  }
  return b.convert(y, typeOf(op->getResult(0)));
}

template <typename OpTy>
static void normWish(TileBuilder &, Operation *op, TileWish &wish) {
  for (size_t i = size_t(cast<OpTy>(op).getAxis()); i < wish.whole.size(); ++i)
    wish.whole[i] = true;
}

void narae::npu::registerNormOps(OpTable &t) {
  t["fm.softmax"] = {softmax, softmaxWish};
  t["fm.layer_norm"] = {layerNorm, normWish<fm::LayerNormOp>};
  t["fm.rms_norm"] = {rmsNorm, normWish<fm::RmsNormOp>};
}
