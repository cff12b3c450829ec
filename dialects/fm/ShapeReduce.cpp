//===- ShapeReduce.cpp - Shapes of reductions, scans and sorts ------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Ops whose size depends on data (non_zero, unique, non_max_suppression) have
// results of the largest possible size, and a count.
//
//===----------------------------------------------------------------------===//

#include "dialects/fm/ShapeHelpers.h"

using namespace mlir;
using namespace narae::fm;
using namespace narae::fm::shape;

static Type i64Of(Operation *op) {
  return IntegerType::get(op->getContext(), 64);
}

/// The dimensions after reducing some.
static Exprs reducedDims(SymbolicScope &scope, ArrayRef<Expr> dims,
                         ArrayRef<int64_t> axes, bool keep) {
  Exprs reduced;
  for (auto [i, dim] : llvm::enumerate(dims)) {
    if (!llvm::is_contained(axes, int64_t(i)))
      reduced.push_back(dim);
    else if (keep)
      reduced.push_back(scope.cst(1));
  }
  return reduced;
}

/// What a reduction begins with; null when it needs an element.
static Expr neutral(SymbolicScope &scope, StringRef kind) {
  if (kind == "sum" || kind == "any" || kind == "sum_square")
    return scope.cst(0);
  return kind == "prod" || kind == "all" ? scope.cst(1) : Expr();
}

static Expr combine(SymbolicScope &scope, StringRef kind, Expr a, Expr b) {
  if (kind == "sum_square")
    b = scope.mul(b, b);
  if (!a)
    return b;
  if (kind == "sum" || kind == "sum_square")
    return scope.add(a, b);
  if (kind == "prod")
    return scope.mul(a, b);
  if (kind == "max" || kind == "any")
    return scope.max(a, b);
  return kind == "min" || kind == "all" ? scope.min(a, b) : Expr();
}

LogicalResult ReduceOp::inferResults(SymbolicScope &scope,
                                     SmallVectorImpl<SymTensor> &results) {
  const SymTensor &input = scope.get(getInput());
  StringRef kind = getKind();
  if (failed(checkOneOf(
          *this, kind, "kind",
          {"sum", "mean", "max", "min", "prod", "any", "all", "sum_square"})) ||
      failed(checkAxes(*this, getAxes(), input.dims.size())))
    return failure();
  if (!llvm::is_sorted(getAxes()))
    return emitOpError("axes must be sorted");
  bool isBool = input.elementType.isInteger(1);
  if ((kind == "any" || kind == "all") && !isBool)
    return emitOpError() << kind << " takes elements of type 'i1' but has "
                         << input.elementType;
  if (!input.elementType.isIntOrIndexOrFloat())
    return emitOpError("takes numbers but has elements of type ")
           << input.elementType;
  SymTensor result{input.elementType,
                   reducedDims(scope, input.dims, getAxes(), getKeepDims())};
  std::optional<Sizes> from = smallSizes(input.dims);
  Sizes kept;
  int64_t count = 1;
  for (auto [i, dim] : llvm::enumerate(input.dims)) {
    bool gone = llvm::is_contained(getAxes(), int64_t(i));
    kept.push_back(gone || !from ? 1 : (*from)[i]);
    count *= kept.back();
  }
  if (from && input.elements && kind != "mean") {
    Exprs sums(count, neutral(scope, kind));
    forEachIndex(*from, [&](ArrayRef<int64_t> index) {
      Expr &sum = sums[position(index, kept)];
      sum =
          combine(scope, kind, sum, (*input.elements)[position(index, *from)]);
    });
    for (Expr &sum : sums)
      sum = asInteger(scope, input.elementType, sum);
    if (!llvm::is_contained(sums, Expr()))
      result.elements = std::move(sums);
  }
  results.push_back(std::move(result));
  return success();
}

LogicalResult ArgReduceOp::inferResults(SymbolicScope &scope,
                                        SmallVectorImpl<SymTensor> &results) {
  const SymTensor &input = scope.get(getInput());
  int64_t axis = getAxis();
  if (failed(checkOneOf(*this, getKind(), "kind", {"max", "min"})) ||
      failed(checkAxis(*this, axis, input.dims.size())))
    return failure();
  SymTensor result{i64Of(*this),
                   reducedDims(scope, input.dims, {axis}, getKeepDims())};
  std::optional<Sizes> from = smallSizes(input.dims);
  std::optional<SmallVector<int64_t>> values = scope.constants(getInput());
  if (from && values && (*from)[axis] > 0) {
    Sizes kept(*from);
    kept[axis] = 1;
    int64_t count = 1;
    for (int64_t size : kept)
      count *= size;
    Sizes best(count, 0), where(count, -1);
    forEachIndex(*from, [&](ArrayRef<int64_t> index) {
      int64_t at = position(index, kept);
      int64_t v = (*values)[position(index, *from)];
      bool better = getKind() == "max" ? v > best[at] : v < best[at];
      if (where[at] < 0 || better || (v == best[at] && getLast())) {
        best[at] = v;
        where[at] = index[axis];
      }
    });
    Exprs exprs;
    for (int64_t w : where)
      exprs.push_back(scope.cst(w));
    result.elements = std::move(exprs);
  }
  results.push_back(std::move(result));
  return success();
}

LogicalResult CumulativeOp::inferResults(SymbolicScope &scope,
                                         SmallVectorImpl<SymTensor> &results) {
  const SymTensor &input = scope.get(getInput());
  int64_t axis = getAxis();
  if (failed(checkOneOf(*this, getKind(), "kind", {"sum", "prod"})) ||
      failed(checkAxis(*this, axis, input.dims.size())))
    return failure();
  SymTensor result{input.elementType, input.dims};
  std::optional<Sizes> sizes = smallSizes(input.dims);
  if (sizes && input.elements) {
    Exprs exprs;
    // Every element is a reduction of the elements before it.
    forEachIndex(*sizes, [&](ArrayRef<int64_t> index) {
      Sizes at(index.begin(), index.end());
      int64_t step = getReverse() ? 1 : -1;
      Expr sum = neutral(scope, getKind());
      at[axis] += getExclusive() ? step : 0;
      for (; at[axis] >= 0 && at[axis] < (*sizes)[axis]; at[axis] += step)
        sum = combine(scope, getKind(), sum,
                      (*input.elements)[position(at, *sizes)]);
      exprs.push_back(asInteger(scope, input.elementType, sum));
    });
    if (!llvm::is_contained(exprs, Expr()))
      result.elements = std::move(exprs);
  }
  results.push_back(std::move(result));
  return success();
}

LogicalResult TopKOp::inferResults(SymbolicScope &scope,
                                   SmallVectorImpl<SymTensor> &results) {
  const SymTensor &input = scope.get(getInput());
  int64_t axis = getAxis();
  if (failed(checkAxis(*this, axis, input.dims.size())))
    return failure();
  FailureOr<Exprs> k = listOperand(*this, scope, getK(), "k", 1);
  if (failed(k) || failed(checkSizes(*this, *k, "k")))
    return failure();
  auto most = constantOf(input.dims[axis]), count = constantOf(k->front());
  if (most && count && *count > *most)
    return emitOpError("takes ") << *count << " of a dimension of " << *most;
  Exprs dims = input.dims;
  dims[axis] = k->front();
  results.push_back({input.elementType, dims});
  results.push_back({i64Of(*this), dims});
  return success();
}

LogicalResult NonZeroOp::inferResults(SymbolicScope &scope,
                                      SmallVectorImpl<SymTensor> &results) {
  ArrayRef<Expr> dims = scope.dims(getInput());
  Expr rank = scope.cst(dims.size());
  results.push_back({i64Of(*this), {rank, scope.product(dims)}});
  results.push_back({i64Of(*this), {}});
  return success();
}

LogicalResult UniqueOp::inferResults(SymbolicScope &scope,
                                     SmallVectorImpl<SymTensor> &results) {
  if (failed(checkRank(*this, scope, getInput(), 1, "input")))
    return failure();
  Exprs dims = dimsOf(scope, getInput());
  results.push_back({scope.get(getInput()).elementType, dims});
  for (int i = 0; i < 3; ++i)
    results.push_back({i64Of(*this), dims});
  results.push_back({i64Of(*this), {}});
  return success();
}

LogicalResult
NonMaxSuppressionOp::inferResults(SymbolicScope &scope,
                                  SmallVectorImpl<SymTensor> &results) {
  if (failed(checkRank(*this, scope, getBoxes(), 3, "boxes")) ||
      failed(checkRank(*this, scope, getScores(), 3, "scores")))
    return failure();
  Exprs boxes = dimsOf(scope, getBoxes()), scores = dimsOf(scope, getScores());
  if (failed(unify(*this, scope, scores[0], boxes[0],
                   "the batches of boxes and scores")) ||
      failed(unify(*this, scope, scores[2], boxes[1],
                   "the numbers of boxes and scores")) ||
      failed(checkSame(*this, scope, boxes[2], scope.cst(4),
                       "a box's coordinates and their number")))
    return failure();
  FailureOr<Expr> most =
      scalarOperand(*this, scope, getMaxOutput(), "max_output");
  if (failed(most))
    return failure();
  for (auto [value, name] : {std::make_pair(getIouThreshold(), "iou_threshold"),
                             {getScoreThreshold(), "score_threshold"}})
    if (failed(checkFloat(*this, scope.get(value).elementType, name)) ||
        failed(checkSame(*this, scope, scope.product(scope.dims(value)),
                         scope.cst(1), "one and the number of thresholds")))
      return failure();
  Expr each = scope.min(scope.max(*most, scope.cst(0)), scores[2]);
  Expr rows = scope.product({scores[0], scores[1], each});
  results.push_back({i64Of(*this), {rows, scope.cst(3)}});
  results.push_back({i64Of(*this), {}});
  return success();
}
