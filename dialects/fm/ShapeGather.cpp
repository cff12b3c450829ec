//===- ShapeGather.cpp - Shapes of gathers and scatters -------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Elements are followed where the indices are constants; those that are out
// of range are errors here, as they would be when the program runs.
//
//===----------------------------------------------------------------------===//

#include "dialects/fm/ShapeHelpers.h"

using namespace mlir;
using namespace narae::fm;
using namespace narae::fm::shape;

/// Constant indices into a dimension, made non-negative. None when they are
/// not known; failure when one is out of range.
static FailureOr<std::optional<Sizes>>
constantIndices(Operation *op, SymbolicScope &scope, Value indices, Expr dim) {
  auto size = constantOf(dim);
  std::optional<SmallVector<int64_t>> values = scope.constants(indices);
  if (!size || !values)
    return std::optional<Sizes>();
  for (int64_t &index : *values) {
    if (index < -*size || index >= *size)
      return op->emitOpError("index ")
             << index << " is out of range for a dimension of " << *size;
    index += index < 0 ? *size : 0;
  }
  return std::optional<Sizes>(Sizes(values->begin(), values->end()));
}

LogicalResult GatherOp::inferResults(SymbolicScope &scope,
                                     SmallVectorImpl<SymTensor> &results) {
  const SymTensor &input = scope.get(getInput());
  const SymTensor &indices = scope.get(getIndices());
  int64_t axis = getAxis(), indexRank = indices.dims.size();
  if (failed(checkAxis(*this, axis, input.dims.size())) ||
      failed(checkInt(*this, indices.elementType, "indices")))
    return failure();
  SymTensor result{input.elementType, {}};
  result.dims.append(input.dims.begin(), input.dims.begin() + axis);
  result.dims.append(indices.dims.begin(), indices.dims.end());
  result.dims.append(input.dims.begin() + axis + 1, input.dims.end());
  auto at = constantIndices(*this, scope, getIndices(), input.dims[axis]);
  if (failed(at))
    return failure();
  std::optional<Sizes> from = smallSizes(input.dims),
                       indexSizes = smallSizes(indices.dims);
  if (*at && from && indexSizes)
    pickBy(input, result, [&](ArrayRef<int64_t> index) {
      Sizes source(index.begin(), index.begin() + axis);
      source.push_back(
          (**at)[position(index.slice(axis, indexRank), *indexSizes)]);
      source.append(index.begin() + axis + indexRank, index.end());
      return position(source, *from);
    });
  results.push_back(std::move(result));
  return success();
}

LogicalResult
GatherElementsOp::inferResults(SymbolicScope &scope,
                               SmallVectorImpl<SymTensor> &results) {
  const SymTensor &input = scope.get(getInput());
  const SymTensor &indices = scope.get(getIndices());
  int64_t axis = getAxis(), rank = input.dims.size();
  if (failed(checkAxis(*this, axis, rank)) ||
      failed(checkRank(*this, scope, getIndices(), rank, "indices")) ||
      failed(checkInt(*this, indices.elementType, "indices")))
    return failure();
  SymTensor result{input.elementType, indices.dims};
  auto at = constantIndices(*this, scope, getIndices(), input.dims[axis]);
  if (failed(at))
    return failure();
  std::optional<Sizes> from = smallSizes(input.dims),
                       indexSizes = smallSizes(indices.dims);
  bool inside = from && indexSizes;
  for (int64_t i = 0; inside && i < rank; ++i)
    inside = i == axis || (*indexSizes)[i] <= (*from)[i];
  if (*at && inside)
    pickBy(input, result, [&](ArrayRef<int64_t> index) {
      Sizes source(index.begin(), index.end());
      source[axis] = (**at)[position(index, *indexSizes)];
      return position(source, *from);
    });
  results.push_back(std::move(result));
  return success();
}

/// The length of the index tuples, the last dimension of `indices`.
static FailureOr<int64_t> tupleLength(Operation *op, SymbolicScope &scope,
                                      Value indices, int64_t most) {
  if (failed(checkMinRank(op, scope, indices, 1, "indices")) ||
      failed(checkInt(op, scope.get(indices).elementType, "indices")))
    return failure();
  auto length = constantOf(scope.dims(indices).back());
  if (!length)
    return op->emitOpError("the number of dimensions depends on data: the "
                           "last dimension of indices must be static");
  if (*length < 0 || *length > most)
    return op->emitOpError("index tuples of ")
           << *length << " address an operand with " << most << " dimensions";
  return *length;
}

LogicalResult GatherNdOp::inferResults(SymbolicScope &scope,
                                       SmallVectorImpl<SymTensor> &results) {
  const SymTensor &input = scope.get(getInput());
  const SymTensor &indices = scope.get(getIndices());
  int64_t batch = getBatchDims(), rank = input.dims.size();
  if (batch < 0 || batch > rank ||
      batch >= std::max<int64_t>(1, indices.dims.size()))
    return emitOpError("batch_dims ") << batch << " is out of range";
  FailureOr<int64_t> length =
      tupleLength(*this, scope, getIndices(), rank - batch);
  if (failed(length))
    return failure();
  SymTensor result{input.elementType, indices.dims};
  for (int64_t i = 0; i < batch; ++i)
    if (failed(unify(*this, scope, result.dims[i], input.dims[i],
                     "batch dimension " + Twine(i))))
      return failure();
  result.dims.pop_back();
  result.dims.append(input.dims.begin() + batch + *length, input.dims.end());
  results.push_back(std::move(result));
  return success();
}

static LogicalResult checkReduction(Operation *op, StringRef reduction) {
  return checkOneOf(op, reduction, "reduction",
                    {"none", "add", "mul", "max", "min"});
}

/// Replaces elements of `result`, position by position.
static void replace(SymTensor &result, const SymTensor &updates,
                    ArrayRef<int64_t> positions) {
  for (auto [i, at] : llvm::enumerate(positions)) {
    if (result.elements)
      (*result.elements)[at] = (*updates.elements)[i];
    if (result.floats)
      (*result.floats)[at] = (*updates.floats)[i];
  }
}

/// Whether both are followed, in the same way.
static bool areFollowed(const SymTensor &a, const SymTensor &b) {
  return (a.elements && b.elements) || (a.floats && b.floats);
}

LogicalResult
ScatterElementsOp::inferResults(SymbolicScope &scope,
                                SmallVectorImpl<SymTensor> &results) {
  const SymTensor &input = scope.get(getInput());
  const SymTensor &indices = scope.get(getIndices());
  const SymTensor &updates = scope.get(getUpdates());
  int64_t axis = getAxis(), rank = input.dims.size();
  if (failed(checkReduction(*this, getReduction())) ||
      failed(checkAxis(*this, axis, rank)) ||
      failed(checkRank(*this, scope, getIndices(), rank, "indices")) ||
      failed(checkRank(*this, scope, getUpdates(), rank, "updates")) ||
      failed(checkInt(*this, indices.elementType, "indices")) ||
      failed(
          checkType(*this, updates.elementType, input.elementType, "updates")))
    return failure();
  for (int64_t i = 0; i < rank; ++i)
    if (failed(checkSame(*this, scope, indices.dims[i], updates.dims[i],
                         "dimension " + Twine(i) + " of indices and updates")))
      return failure();
  auto at = constantIndices(*this, scope, getIndices(), input.dims[axis]);
  if (failed(at))
    return failure();
  SymTensor result{input.elementType, input.dims};
  std::optional<Sizes> sizes = smallSizes(input.dims),
                       indexSizes = smallSizes(indices.dims);
  bool inside = sizes && indexSizes;
  for (int64_t i = 0; inside && i < rank; ++i)
    inside = i == axis || (*indexSizes)[i] <= (*sizes)[i];
  if (*at && inside && getReduction() == "none" &&
      areFollowed(input, updates)) {
    Sizes positions;
    forEachIndex(*indexSizes, [&](ArrayRef<int64_t> index) {
      Sizes target(index.begin(), index.end());
      target[axis] = (**at)[position(index, *indexSizes)];
      positions.push_back(position(target, *sizes));
    });
    result.elements = input.elements;
    result.floats = input.floats;
    replace(result, updates, positions);
  }
  results.push_back(std::move(result));
  return success();
}

LogicalResult ScatterNdOp::inferResults(SymbolicScope &scope,
                                        SmallVectorImpl<SymTensor> &results) {
  const SymTensor &input = scope.get(getInput());
  const SymTensor &indices = scope.get(getIndices());
  const SymTensor &updates = scope.get(getUpdates());
  int64_t rank = input.dims.size();
  FailureOr<int64_t> length = tupleLength(*this, scope, getIndices(), rank);
  if (failed(length) || failed(checkReduction(*this, getReduction())) ||
      failed(
          checkType(*this, updates.elementType, input.elementType, "updates")))
    return failure();
  Exprs want(indices.dims.begin(), indices.dims.end() - 1);
  want.append(input.dims.begin() + *length, input.dims.end());
  if (failed(checkRank(*this, scope, getUpdates(), want.size(), "updates")))
    return failure();
  for (auto [i, pair] : llvm::enumerate(llvm::zip(updates.dims, want)))
    if (failed(checkSame(*this, scope, std::get<0>(pair), std::get<1>(pair),
                         "dimension " + Twine(i) +
                             " of updates and what is addressed")))
      return failure();
  SymTensor result{input.elementType, input.dims};
  std::optional<Sizes> sizes = smallSizes(input.dims),
                       updateSizes = smallSizes(updates.dims);
  std::optional<SmallVector<int64_t>> at = scope.constants(getIndices());
  if (at && sizes && updateSizes && getReduction() == "none" &&
      areFollowed(input, updates)) {
    Sizes positions;
    size_t outer = indices.dims.size() - 1;
    bool inside = true;
    forEachIndex(*updateSizes, [&](ArrayRef<int64_t> index) {
      int64_t tuple =
          position(index.take_front(outer),
                   ArrayRef<int64_t>(*updateSizes).take_front(outer));
      Sizes target;
      for (int64_t i = 0; i < *length; ++i) {
        int64_t v = (*at)[tuple * *length + i];
        v += v < 0 ? (*sizes)[i] : 0;
        inside &= v >= 0 && v < (*sizes)[i];
        target.push_back(v);
      }
      target.append(index.begin() + outer, index.end());
      positions.push_back(position(target, *sizes));
    });
    if (!inside)
      return emitOpError("an index is out of range");
    result.elements = input.elements;
    result.floats = input.floats;
    replace(result, updates, positions);
  }
  results.push_back(std::move(result));
  return success();
}
