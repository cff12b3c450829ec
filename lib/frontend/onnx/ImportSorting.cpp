//===- ImportSorting.cpp - Sizes that depend on data ----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// These ops of fm give padded results and a count, from which a slice follows.
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/ShapeParts.h"

using namespace mlir;

namespace narae::onnx {

Value prefix(const Node &n, Value value, int64_t axis, Value count) {
  return sliceDims(n, value, axis, constDim(n, 0), asDim(n, count));
}

/// Both results of an op with two or more; empty after a diagnostic.
template <typename OpTy, typename... Args>
static SmallVector<Value> results(const Node &n, Args &&...args) {
  auto op =
      fm::createOp<OpTy>(n.b, n.loc, n.scope, std::forward<Args>(args)...);
  if (!op)
    return {};
  return SmallVector<Value>(op->getResults());
}

static LogicalResult topK(Node &n) {
  FailureOr<int64_t> axis = n.axis(n.intAttr("axis", -1), n.rank(0));
  if (failed(axis))
    return failure();
  Value k = n.has("k") ? constDim(n, n.intAttr("k", 0)) : Value();
  if (!k && n.hasInput(1))
    k = n.cast(asDim(n, n.input(1)), n.b.getI64Type());
  if (!k)
    return n.error() << "TopK has no k";
  SmallVector<Value> values = results<fm::TopKOp>(
      n, n.input(0), k, uint64_t(*axis), bool(n.intAttr("largest", 1)));
  if (values.empty())
    return failure();
  if (failed(n.setOutput(0, values[0])))
    return failure();
  return n.setOutput(1, values[1]);
}

Value trueIndices(const Node &n, Value x) {
  if (!x)
    return {};
  SmallVector<Value> values = results<fm::NonZeroOp>(n, x);
  return values.empty() ? Value() : prefix(n, values[0], 1, values[1]);
}

static LogicalResult nonZero(Node &n) {
  return n.setOutput(0, trueIndices(n, n.input(0)));
}

/// Gathers where the condition holds.
static LogicalResult compress(Node &n) {
  if (failed(checkRank(n, 1, 1, 1)))
    return failure();
  Value x = n.input(0);
  int64_t axis = 0;
  if (n.has("axis")) {
    FailureOr<int64_t> checked = n.axis(n.intAttr("axis", 0), n.rank(0));
    if (failed(checked))
      return failure();
    axis = *checked;
  } else {
    x = n.reshape(x, {-1});
  }
  Value indices = n.squeeze(trueIndices(n, n.input(1)), {0});
  return n.setOutput(0, n.make<fm::GatherOp>(x, indices, uint64_t(axis)));
}

/// Sets the outputs of Unique: slices of `x` along an axis whose 1-D `keys`
/// are distinct.
static LogicalResult setUnique(Node &n, Value x, Value keys, int64_t axis) {
  if (!x || !keys)
    return failure();
  SmallVector<Value> values =
      results<fm::UniqueOp>(n, keys, bool(n.intAttr("sorted", 1)));
  if (values.empty())
    return failure();
  // The inverse has an entry an element of the input.
  for (unsigned i : {0, 1, 3})
    values[i] = prefix(n, values[i], 0, values[4]);
  if (x != keys)
    values[0] = n.make<fm::GatherOp>(x, values[1], uint64_t(axis));
  for (unsigned i = 0; i < 4; ++i)
    if (n.hasOutput(i) && failed(n.setOutput(i, values[i])))
      return failure();
  return success();
}

/// Unique along an axis: every slice gets a number, the same one for equal
/// slices, by comparing all pairs of them (quadratic in their number). Sorted,
/// that is the number of distinct slices that come before it; unsorted, the
/// index of the first slice that equals it.
static LogicalResult uniqueSlices(Node &n) {
  FailureOr<int64_t> axis = n.axis(n.intAttr("axis", 0), n.rank(0));
  if (failed(axis))
    return failure();
  SmallVector<int64_t> perm = axesFrom(0, n.rank(0));
  perm.erase(perm.begin() + *axis);
  perm.insert(perm.begin(), *axis);
  Value moved = n.transpose(n.input(0), perm);
  Value count = dimOf(n, moved, 0);
  Value rows = reshapeTo(n, moved, {count, dimProduct(n, moved, 1, n.rank(0))});
  Value a = n.unsqueeze(rows, {1}), b = n.unsqueeze(rows, {0});
  Value differs = compare(n, a, "ne", b);
  Value equal = n.make<fm::NotOp>(n.reduce("any", differs, {2}, false));
  Type index = n.b.getI64Type();
  auto firstTrue = [&](Value value, int64_t along, bool keep) {
    return n.make<fm::ArgReduceOp>(
        n.cast(value, n.b.getI32Type()), n.b.getStringAttr("max"),
        n.b.getI64IntegerAttr(along), n.b.getBoolAttr(keep), UnitAttr());
  };
  Value first = firstTrue(equal, 1, /*keep=*/false);
  if (!n.intAttr("sorted", 1))
    return setUnique(n, n.input(0), first, *axis);
  Value less = n.make<fm::GatherElementsOp>(
      compare(n, a, "lt", b), firstTrue(differs, 2, /*keep=*/true),
      uint64_t(2));
  Value isFirst = compare(n, first, "eq", iota(n, {count}, 0, index));
  Value before =
      n.make<fm::AndOp>(n.squeeze(less, {2}), n.unsqueeze(isFirst, {1}));
  return setUnique(n, n.input(0),
                   n.reduce("sum", n.cast(before, index), {0}, false), *axis);
}

static LogicalResult unique(Node &n) {
  Value x = n.input(0);
  if (n.has("axis") && n.rank(0) != 1)
    return uniqueSlices(n);
  if (n.rank(0) != 1)
    x = n.reshape(x, {-1});
  return setUnique(n, x, x, 0);
}

static LogicalResult nonMaxSuppression(Node &n) {
  Type f32 = n.b.getF32Type();
  auto scalar = [&](unsigned i, Value otherwise) {
    return n.hasInput(i) ? asScalar(n, n.input(i)) : otherwise;
  };
  Value most = n.cast(scalar(2, n.constInt(0)), n.b.getI64Type());
  Value overlap = scalar(3, n.constScalar(0, f32));
  Value score = scalar(4, n.constScalar(-INFINITY, f32));
  if (!most || !overlap || !score)
    return failure();
  SmallVector<Value> values = results<fm::NonMaxSuppressionOp>(
      n, n.input(0), n.input(1), most, overlap, score,
      bool(n.intAttr("center_point_box", 0)));
  if (values.empty())
    return failure();
  return n.setOutput(0, prefix(n, values[0], 0, values[1]));
}

void registerSorting(ImporterTable &table) {
  table.add("TopK", checked<topK, 1>);
  table.add("NonZero", checked<nonZero, 1>);
  table.add("Compress", checked<compress, 2>);
  table.add("Unique", checked<unique, 1>);
  table.add("NonMaxSuppression", checked<nonMaxSuppression, 2>);
}

} // namespace narae::onnx
