//===- RunTimeAxes.cpp - Axes that are known when run only ----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/RunTimeAxes.h"

using namespace mlir;

namespace narae::onnx {

Value branch(const Node &n, Value condition, llvm::function_ref<Value()> onTrue,
             llvm::function_ref<Value()> onFalse) {
  if (!condition)
    return {};
  OperationState state(n.loc, fm::IfOp::getOperationName());
  state.addOperands(condition);
  state.addTypes(n.b.getNoneType());
  for (auto emit : {onTrue, onFalse}) {
    Region *region = state.addRegion();
    OpBuilder::InsertionGuard guard(n.b);
    n.b.createBlock(region);
    Value result = emit();
    if (!result)
      return {};
    n.b.create<fm::YieldOp>(n.loc, ValueRange(result));
  }
  Operation *op = fm::createInferred(n.b, state, n.scope);
  return op ? op->getResult(0) : Value();
}

namespace {
/// Decides axis by axis whether it is one of those given.
struct Chooser {
  const Node &n;
  Value value, axes;
  bool keepDims;
  ReduceFn reduce;
  int64_t rank, count;

  /// The axes before `axis` are decided; `chosen` are those of them given.
  Value choose(int64_t axis, SmallVector<int64_t> chosen) {
    int64_t missing = count - chosen.size();
    if (missing == 0)
      return reduce(value, chosen, keepDims);
    SmallVector<int64_t> with(chosen);
    with.push_back(axis);
    if (missing == rank - axis) // all that are left
      return choose(axis + 1, with);
    Value hit = n.make<fm::OrOp>(compare(n, axes, "eq", double(axis)),
                                 compare(n, axes, "eq", double(axis - rank)));
    Value any = n.reduce("any", hit, {0}, /*keepDims=*/false);
    return branch(
        n, any, [&] { return choose(axis + 1, with); },
        [&] { return choose(axis + 1, chosen); });
  }
};
} // namespace

Value reduceAtRunTime(const Node &n, Value value, Value axes, bool keepDims,
                      bool noop, ReduceFn reduce) {
  int64_t rank = rankOf(value);
  int64_t count = rankOf(axes) == 1 ? staticDim(axes, 0) : -1;
  if (count < 0 || count > rank || rank > 6) {
    n.error() << "the axes of " << n.opType()
              << " are computed at run time, as " << axes.getType()
              << "; their number must be static, at most the rank, which must "
                 "be at most 6";
    return {};
  }
  if (count == 0)
    return reduce(value, noop ? SmallVector<int64_t>() : axesFrom(0, rank),
                  keepDims);
  Chooser chooser{n, value, axes, keepDims, reduce, rank, count};
  return chooser.choose(0, {});
}

//===----------------------------------------------------------------------===//
// Other ops
//===----------------------------------------------------------------------===//

Value axisHits(const Node &n, Value axes, int64_t rank) {
  SmallVector<int64_t> positive = axesFrom(0, rank), negative;
  for (int64_t axis : positive)
    negative.push_back(axis - rank);
  Value column = n.unsqueeze(n.cast(axes, n.b.getI64Type()), {1});
  return n.make<fm::OrOp>(compare(n, column, "eq", n.constInts(positive)),
                          compare(n, column, "eq", n.constInts(negative)));
}

Value scatterByAxis(const Node &n, Value axes, int64_t rank, Value values,
                    Value otherwise) {
  Value hits = axisHits(n, axes, rank);
  Value chosen = select(n, hits, n.unsqueeze(values, {1}), n.constInt(0));
  return select(n, n.reduce("any", hits, {0}, false),
                n.reduce("sum", chosen, {0}, false), otherwise);
}

/// The length of a 1-D tensor of axes, at most `most`; -1 after a diagnostic.
static int64_t axisCount(const Node &n, Value axes, int64_t most) {
  int64_t count = rankOf(axes) == 1 ? staticDim(axes, 0) : -1;
  if (count >= 0 && count <= most)
    return count;
  n.error() << "the axes of " << n.opType() << " are computed at run time, as "
            << axes.getType() << "; they must be 1-D, at most " << most
            << ", and their number static";
  return -1;
}

Value squeezeAtRunTime(const Node &n, Value value, Value axes) {
  int64_t rank = rankOf(value), count = axisCount(n, axes, rank);
  if (count < 0)
    return {};
  if (count == rank)
    return n.reshape(value, {});
  Value kept =
      n.make<fm::NotOp>(n.reduce("any", axisHits(n, axes, rank), {0}, false));
  if (!kept)
    return {};
  auto indices = fm::createOp<fm::NonZeroOp>(n.b, n.loc, n.scope, kept);
  if (!indices)
    return {};
  Value which =
      n.squeeze(n.slice(indices.getIndices(), 1, 0, rank - count), {0});
  Value shape = n.make<fm::GatherOp>(n.shapeOf(value), which, uint64_t(0));
  return n.make<fm::ReshapeOp>(value, shape, n.b.getUnitAttr());
}

Value unsqueezeAtRunTime(const Node &n, Value value, Value axes) {
  int64_t rank = rankOf(value), count = axisCount(n, axes, 64);
  if (count < 0)
    return {};
  if (rank == 0)
    return n.reshape(value, SmallVector<int64_t>(count, 1));
  int64_t newRank = rank + count;
  Value isNew = n.reduce("any", axisHits(n, axes, newRank), {0}, false);
  Value before = n.make<fm::CumulativeOp>(
      n.cast(isNew, n.b.getI64Type()), n.b.getStringAttr("sum"),
      n.b.getI64IntegerAttr(0), UnitAttr(), UnitAttr());
  Value from = n.make<fm::SubOp>(n.constInts(axesFrom(0, newRank)), before);
  from = n.make<fm::MinOp>(n.make<fm::MaxOp>(from, n.constInt(0)),
                           n.constInt(rank - 1));
  Value dims = n.make<fm::GatherOp>(n.shapeOf(value), from, uint64_t(0));
  Value shape = select(n, isNew, n.constInt(1), dims);
  return n.make<fm::ReshapeOp>(value, shape, n.b.getUnitAttr());
}

/// Indices start, start + step, ... of a dimension, where everything is a
/// scalar known at run time and a negative start or end counts from the end.
static Value sliceIndices(const Node &n, Value dim, Value start, Value end,
                          Value step) {
  Value zero = n.constInt(0);
  Value backwards = n.cast(compare(n, step, "lt", zero), n.b.getI64Type());
  Value last = n.make<fm::SubOp>(dim, backwards);
  auto bound = [&](Value value, Value low) {
    value = select(n, compare(n, value, "lt", zero),
                   n.make<fm::AddOp>(value, dim), value);
    return n.make<fm::MinOp>(n.make<fm::MaxOp>(value, low), last);
  };
  return n.make<fm::RangeOp>(bound(start, zero),
                             bound(end, n.make<fm::NegOp>(backwards)), step);
}

Value sliceAtRunTime(const Node &n, Value value, Value starts, Value ends,
                     Value axes, Value steps) {
  int64_t rank = rankOf(value), count = axisCount(n, starts, rank);
  if (count < 0)
    return {};
  Type index = n.b.getI64Type();
  axes = axes ? axes : n.constInts(axesFrom(0, count));
  if (axisCount(n, axes, count) != count)
    return {};
  auto all = [&](Value values, int64_t otherwise) {
    return scatterByAxis(n, axes, rank, values,
                         n.constInts(SmallVector<int64_t>(rank, otherwise)));
  };
  starts = all(starts, 0);
  ends = all(ends, INT64_MAX);
  if (!steps)
    return n.make<fm::SliceOp>(
        value, starts, ends, ArrayRef<int64_t>(axesFrom(0, rank)),
        ArrayRef<int64_t>(SmallVector<int64_t>(rank, 1)));
  steps = all(n.cast(steps, index), 1);
  for (int64_t i = 0; i < rank; ++i) {
    auto at = [&](Value values) {
      return n.squeeze(n.slice(values, 0, i, i + 1), {0});
    };
    if (!value)
      return {};
    Value dim = n.squeeze(dimOf(n, value, i), {0});
    Value indices = sliceIndices(n, dim, at(starts), at(ends), at(steps));
    value = n.make<fm::GatherOp>(value, indices, uint64_t(i));
  }
  return value;
}

} // namespace narae::onnx
