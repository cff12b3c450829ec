//===- ShapeMovement.cpp - Shapes of ops that move data -------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each op says its dimensions and, where it moves followed elements, from
// which place of the operand each element of the result comes.
//
//===----------------------------------------------------------------------===//

#include "dialects/fm/ShapeHelpers.h"

using namespace mlir;
using namespace narae::fm;
using namespace narae::fm::shape;

/// Static sizes of a followed operand.
static Sizes sizesOf(const SymTensor &tensor) {
  Sizes sizes;
  for (Expr e : tensor.dims)
    sizes.push_back(constantOf(e).value_or(0));
  return sizes;
}

LogicalResult TransposeOp::inferResults(SymbolicScope &scope,
                                        SmallVectorImpl<SymTensor> &results) {
  const SymTensor &input = scope.get(getInput());
  ArrayRef<int64_t> perm = getPerm();
  if (failed(checkLength(*this, perm.size(), input.dims.size(), "perm")) ||
      failed(checkAxes(*this, perm, input.dims.size())))
    return failure();
  SymTensor result{input.elementType, {}};
  for (int64_t axis : perm)
    result.dims.push_back(input.dims[axis]);
  Sizes from = sizesOf(input);
  pickBy(input, result, [&](ArrayRef<int64_t> index) {
    Sizes source(index.size());
    for (auto [i, axis] : llvm::enumerate(perm))
      source[axis] = index[i];
    return position(source, from);
  });
  results.push_back(std::move(result));
  return success();
}

LogicalResult BroadcastOp::inferResults(SymbolicScope &scope,
                                        SmallVectorImpl<SymTensor> &results) {
  const SymTensor &input = scope.get(getInput());
  FailureOr<Exprs> shape = listOperand(*this, scope, getShape(), "shape");
  if (failed(shape) || failed(checkSizes(*this, *shape, "shape")))
    return failure();
  SymTensor result{input.elementType, input.dims};
  if (failed(broadcastDims(*this, scope, *shape, result.dims)))
    return failure();
  Sizes from = sizesOf(input);
  pickBy(input, result,
         [&](ArrayRef<int64_t> index) { return position(index, from); });
  results.push_back(std::move(result));
  return success();
}

LogicalResult TileOp::inferResults(SymbolicScope &scope,
                                   SmallVectorImpl<SymTensor> &results) {
  const SymTensor &input = scope.get(getInput());
  FailureOr<Exprs> repeats =
      listOperand(*this, scope, getRepeats(), "repeats", input.dims.size());
  if (failed(repeats) || failed(checkSizes(*this, *repeats, "repeats")))
    return failure();
  SymTensor result{input.elementType, {}};
  for (auto [dim, times] : llvm::zip(input.dims, *repeats))
    result.dims.push_back(scope.mul(dim, times));
  Sizes from = sizesOf(input);
  pickBy(input, result, [&](ArrayRef<int64_t> index) {
    Sizes source;
    for (auto [i, size] : llvm::zip(index, from))
      source.push_back(i % size);
    return position(source, from);
  });
  results.push_back(std::move(result));
  return success();
}

LogicalResult ConcatOp::inferResults(SymbolicScope &scope,
                                     SmallVectorImpl<SymTensor> &results) {
  if (getInputs().empty())
    return emitOpError("needs at least one operand");
  const SymTensor &first = scope.get(getInputs().front());
  int64_t axis = getAxis(), rank = first.dims.size();
  if (failed(checkAxis(*this, axis, rank)))
    return failure();
  SymTensor result{first.elementType, first.dims};
  Expr total = scope.cst(0);
  bool elements = true, floats = true;
  for (Value value : getInputs()) {
    const SymTensor &part = scope.get(value);
    if (failed(checkRank(*this, scope, value, rank, "every operand")) ||
        failed(checkType(*this, part.elementType, first.elementType,
                         "every operand")))
      return failure();
    for (int64_t i = 0; i < rank; ++i)
      if (i != axis &&
          failed(unify(*this, scope, result.dims[i], part.dims[i],
                       "dimension " + Twine(i) + " of all operands")))
        return failure();
    total = scope.add(total, part.dims[axis]);
    elements &= part.elements.has_value();
    floats &= part.floats.has_value();
  }
  result.dims[axis] = total;
  std::optional<Sizes> sizes = smallSizes(result.dims);
  if (sizes && (elements || floats)) {
    Exprs exprs;
    SmallVector<double> numbers;
    forEachIndex(*sizes, [&](ArrayRef<int64_t> index) {
      Sizes at(index.begin(), index.end());
      for (Value value : getInputs()) {
        const SymTensor &part = scope.get(value);
        Sizes from = sizesOf(part);
        if (at[axis] < from[axis]) {
          if (elements)
            exprs.push_back((*part.elements)[position(at, from)]);
          else
            numbers.push_back((*part.floats)[position(at, from)]);
          return;
        }
        at[axis] -= from[axis];
      }
    });
    if (elements)
      result.elements = std::move(exprs);
    else
      result.floats = std::move(numbers);
  }
  results.push_back(std::move(result));
  return success();
}

//===----------------------------------------------------------------------===//
// Slice and pad
//===----------------------------------------------------------------------===//

/// Bounds beyond 32 bits mean "to the end": no dimension is that large.
static bool isHuge(Expr e) { return constantOf(e).value_or(0) >= INT32_MAX; }
static bool isTiny(Expr e) { return constantOf(e).value_or(0) <= INT32_MIN; }

/// A bound of a slice where negative ones count from the end.
static Expr fromEnd(SymbolicScope &scope, Expr bound, Expr dim) {
  auto [low, high] = scope.range(bound);
  if (low >= 0)
    return bound;
  if (high < 0)
    return scope.add(bound, dim);
  // Both choices are computed; neither must overflow.
  Expr zero = scope.cst(0);
  return scope.select(scope.less(bound, zero),
                      scope.add(scope.min(bound, zero), dim), bound);
}

/// The number of elements a slice takes of a dimension. Where a bound is out
/// of range on the far side, the count is not positive without clamping.
static Expr sliceCount(SymbolicScope &scope, Expr start, Expr end, Expr dim,
                       int64_t step) {
  Expr zero = scope.cst(0), width;
  if (step > 0) {
    Expr last = isHuge(end)   ? dim
                : isTiny(end) ? zero
                              : scope.min(fromEnd(scope, end, dim), dim);
    auto back = constantOf(start);
    if (isHuge(start))
      return zero;
    if (isTiny(start)) {
      width = last;
    } else if (last == dim && back && *back < 0) {
      width = scope.min(scope.cst(-*back), dim);
    } else {
      Expr first = fromEnd(scope, start, dim);
      // The difference of two numbers from a tensor may overflow.
      if (auto [low, high] = scope.range(start); low < 0 && high >= 0)
        first = scope.min(first, dim);
      width = scope.sub(last, scope.max(first, zero));
    }
  } else {
    Expr top = scope.sub(dim, scope.cst(1)), minus = scope.cst(-1);
    // Walking down, a start below the first element is the first element.
    auto begin = constantOf(start);
    Expr first;
    if (isHuge(start) || begin == -1)
      first = top;
    else if (isTiny(start))
      first = scope.min(zero, top);
    else if (scope.range(start).first >= 0)
      first = scope.min(start, top);
    else
      first = scope.min(scope.max(fromEnd(scope, start, dim), zero), top);
    Expr last = isTiny(end)   ? minus
                : isHuge(end) ? top
                              : scope.max(fromEnd(scope, end, dim), minus);
    width = scope.sub(first, last);
  }
  return scope.max(zero, scope.ceilDiv(width, scope.cst(std::abs(step))));
}

/// The first index a slice takes, for constants.
static int64_t sliceStart(int64_t start, int64_t size, int64_t step) {
  if (start < 0)
    start = std::max<int64_t>(start, -size - 1) + size;
  return std::clamp<int64_t>(start, 0, step > 0 ? size : size - 1);
}

LogicalResult SliceOp::inferResults(SymbolicScope &scope,
                                    SmallVectorImpl<SymTensor> &results) {
  const SymTensor &input = scope.get(getInput());
  ArrayRef<int64_t> axes = getAxes(), steps = getSteps();
  if (failed(checkAxes(*this, axes, input.dims.size())) ||
      failed(checkLength(*this, steps.size(), axes.size(), "steps")))
    return failure();
  FailureOr<Exprs> starts =
      listOperand(*this, scope, getStarts(), "starts", axes.size());
  if (failed(starts))
    return failure();
  FailureOr<Exprs> ends =
      listOperand(*this, scope, getEnds(), "ends", axes.size());
  if (failed(ends))
    return failure();
  SymTensor result{input.elementType, input.dims};
  for (auto [i, axis] : llvm::enumerate(axes)) {
    if (steps[i] == 0 || steps[i] == INT64_MIN)
      return emitOpError("step ") << i << " is " << steps[i];
    result.dims[axis] =
        sliceCount(scope, (*starts)[i], (*ends)[i], input.dims[axis], steps[i]);
  }
  bool constant =
      llvm::all_of(*starts, [](Expr e) { return constantOf(e).has_value(); });
  if (constant) {
    Sizes from = sizesOf(input);
    pickBy(input, result, [&](ArrayRef<int64_t> index) {
      Sizes source(index.begin(), index.end());
      for (auto [i, axis] : llvm::enumerate(axes))
        source[axis] =
            sliceStart(*constantOf((*starts)[i]), from[axis], steps[i]) +
            steps[i] * index[axis];
      return position(source, from);
    });
  }
  results.push_back(std::move(result));
  return success();
}

LogicalResult PadOp::inferResults(SymbolicScope &scope,
                                  SmallVectorImpl<SymTensor> &results) {
  const SymTensor &input = scope.get(getInput());
  const SymTensor &value = scope.get(getValue());
  ArrayRef<int64_t> axes = getAxes();
  if (failed(checkAxes(*this, axes, input.dims.size())) ||
      failed(checkType(*this, value.elementType, input.elementType, "value")) ||
      failed(checkSame(*this, scope, scope.product(value.dims), scope.cst(1),
                       "one and the number of padding values")) ||
      failed(checkOneOf(*this, getMode(), "mode",
                        {"constant", "edge", "reflect", "wrap"})))
    return failure();
  FailureOr<Exprs> pads =
      listOperand(*this, scope, getPads(), "pads", 2 * axes.size());
  if (failed(pads))
    return failure();
  SymTensor result{input.elementType, input.dims};
  for (auto [i, axis] : llvm::enumerate(axes))
    result.dims[axis] = scope.add(scope.add(input.dims[axis], (*pads)[i]),
                                  (*pads)[i + axes.size()]);
  if (failed(checkSizes(*this, result.dims, "pads")))
    return failure();
  std::optional<Sizes> sizes = smallSizes(result.dims);
  bool constant =
      llvm::all_of(*pads, [](Expr e) { return constantOf(e).has_value(); });
  if (sizes && constant && getMode() == "constant" && input.elements &&
      value.elements) {
    Sizes from = sizesOf(input);
    Exprs exprs;
    forEachIndex(*sizes, [&](ArrayRef<int64_t> index) {
      Sizes at(index.begin(), index.end());
      bool inside = true;
      for (auto [i, axis] : llvm::enumerate(axes)) {
        at[axis] -= *constantOf((*pads)[i]);
        inside &= at[axis] >= 0 && at[axis] < from[axis];
      }
      exprs.push_back(inside ? (*input.elements)[position(at, from)]
                             : value.elements->front());
    });
    result.elements = std::move(exprs);
  }
  results.push_back(std::move(result));
  return success();
}

//===----------------------------------------------------------------------===//
// The operand's shape, or nearly
//===----------------------------------------------------------------------===//

LogicalResult TriluOp::inferResults(SymbolicScope &scope,
                                    SmallVectorImpl<SymTensor> &results) {
  if (failed(checkMinRank(*this, scope, getInput(), 2, "input")) ||
      failed(scalarOperand(*this, scope, getK(), "k")))
    return failure();
  results.push_back(
      {scope.get(getInput()).elementType, dimsOf(scope, getInput())});
  return success();
}

LogicalResult
ReverseSequenceOp::inferResults(SymbolicScope &scope,
                                SmallVectorImpl<SymTensor> &results) {
  const SymTensor &input = scope.get(getInput());
  const SymTensor &lengths = scope.get(getLengths());
  int64_t batch = getBatchAxis(), time = getTimeAxis();
  if (failed(checkAxes(*this, {batch, time}, input.dims.size())) ||
      failed(checkRank(*this, scope, getLengths(), 1, "lengths")) ||
      failed(checkInt(*this, lengths.elementType, "lengths")) ||
      failed(checkSame(*this, scope, lengths.dims[0], input.dims[batch],
                       "the batch and the number of lengths")))
    return failure();
  results.push_back({input.elementType, input.dims});
  return success();
}

LogicalResult PackPanelsOp::inferResults(SymbolicScope &scope,
                                         SmallVectorImpl<SymTensor> &results) {
  if (failed(checkMinRank(*this, scope, getInput(), 2, "input")))
    return failure();
  int64_t width = getWidth();
  if (width <= 0)
    return emitOpError("width must be positive but is ") << width;
  SymTensor result{scope.get(getInput()).elementType,
                   dimsOf(scope, getInput())};
  Expr n = result.dims.pop_back_val(), k = result.dims.pop_back_val();
  if (getTransposed())
    std::swap(n, k);
  result.dims.append({scope.ceilDiv(n, scope.cst(width)), k, scope.cst(width)});
  results.push_back(std::move(result));
  return success();
}
