//===- ShapeLanguage.cpp - Shapes of the ops of language models -----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/fm/ShapeHelpers.h"

using namespace mlir;
using namespace narae::fm;
using namespace narae::fm::shape;

//===----------------------------------------------------------------------===//
// What these ops have in common
//===----------------------------------------------------------------------===//

static LogicalResult checkF32(Operation *op, SymbolicScope &scope, Value value,
                              StringRef name) {
  return checkType(op, scope.get(value).elementType,
                   Float32Type::get(op->getContext()), name);
}

/// A tensor of rank `rank` of signless integers of `width` bits.
static LogicalResult checkIntegers(Operation *op, SymbolicScope &scope,
                                   Value value, int64_t rank, unsigned width,
                                   StringRef name) {
  if (failed(checkRank(op, scope, value, rank, name)))
    return failure();
  return checkType(op, scope.get(value).elementType,
                   IntegerType::get(op->getContext(), width), name);
}

/// What a cache may hold.
static LogicalResult checkCache(Operation *op, SymbolicScope &scope,
                                Value value, StringRef name) {
  if (failed(checkRank(op, scope, value, 4, name)))
    return failure();
  Type type = scope.get(value).elementType;
  if (type.isF32() || type.isF16() || type.isBF16() ||
      isa<FmDialect>(type.getDialect()))
    return success();
  return op->emitOpError() << name << " has elements of type " << type
                           << "; a cache holds f32, f16, bf16 or "
                              "!fm.block<q8_0>";
}

/// `start` and `lengths`: [B] i64.
static LogicalResult checkSequences(Operation *op, SymbolicScope &scope,
                                    Value start, Value lengths, Expr batch) {
  for (auto [value, name] :
       {std::make_pair(start, "start"), {lengths, "lengths"}})
    if (failed(checkIntegers(op, scope, value, 1, 64, name)) ||
        failed(checkSame(op, scope, scope.dim(value, 0), batch,
                         "the size of " + Twine(name) +
                             " and the number of sequences")))
      return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// Rotary positions
//===----------------------------------------------------------------------===//

LogicalResult RopeTableOp::inferResults(SymbolicScope &scope,
                                        SmallVectorImpl<SymTensor> &results) {
  if (failed(checkIntegers(*this, scope, getPositions(), 2, 64, "positions")))
    return failure();
  int64_t pairs = getInverseFrequencies().size();
  if (pairs == 0)
    return emitOpError("has no inverse_frequencies");
  Exprs dims = dimsOf(scope, getPositions());
  dims.push_back(scope.cst(2 * pairs));
  results.push_back({Float32Type::get(getContext()), dims});
  return success();
}

LogicalResult RopeOp::inferResults(SymbolicScope &scope,
                                   SmallVectorImpl<SymTensor> &results) {
  const SymTensor &input = scope.get(getInput());
  if (failed(checkRank(*this, scope, getInput(), 4, "input")) ||
      failed(checkRank(*this, scope, getTable(), 3, "table")) ||
      failed(checkFloat(*this, input.elementType, "input")) ||
      failed(checkF32(*this, scope, getTable(), "table")))
    return failure();
  ArrayRef<Expr> table = scope.dims(getTable());
  Exprs dims = input.dims;
  if (failed(unify(*this, scope, dims[0], table[0],
                   "numbers of sequences of input and table")) ||
      failed(unify(*this, scope, dims[1], table[1],
                   "numbers of tokens of input and table")))
    return failure();
  auto size = constantOf(dims[3]), rotated = constantOf(table[2]);
  if (rotated && *rotated % 2)
    return emitOpError() << "a table row of " << *rotated
                         << " elements is not cosines and as many sines";
  int64_t offset = getOffset();
  if (offset < 0 || (size && rotated && offset + *rotated > *size))
    return emitOpError() << "rotates elements from " << offset << " to "
                         << offset + rotated.value_or(0) << " of heads of size "
                         << size.value_or(0);
  results.push_back({input.elementType, dims});
  return success();
}

//===----------------------------------------------------------------------===//
// Experts
//===----------------------------------------------------------------------===//

LogicalResult RouteOp::inferResults(SymbolicScope &scope,
                                    SmallVectorImpl<SymTensor> &results) {
  if (failed(checkRank(*this, scope, getLogits(), 2, "logits")) ||
      failed(checkF32(*this, scope, getLogits(), "logits")) ||
      failed(
          checkOneOf(*this, getScoring(), "scoring", {"sigmoid", "softmax"})))
    return failure();
  Expr experts = scope.dim(getLogits(), 1);
  if (getBias() &&
      (failed(checkRank(*this, scope, getBias(), 1, "bias")) ||
       failed(checkF32(*this, scope, getBias(), "bias")) ||
       failed(checkSame(*this, scope, scope.dim(getBias(), 0), experts,
                        "the size of bias and the number of experts"))))
    return failure();
  int64_t chosen = getChosen(), groups = getGroups(), kept = getChosenGroups();
  if (groups < 1 || kept < 1 || kept > groups)
    return emitOpError() << "cannot choose " << kept << " of " << groups
                         << " groups";
  auto count = constantOf(experts);
  if (!count)
    return emitOpError("needs a static number of experts");
  if (*count % groups)
    return emitOpError() << *count << " experts are not a multiple of "
                         << groups << " groups";
  if (chosen < 1 || chosen > *count / groups * kept)
    return emitOpError() << "cannot choose " << chosen << " of "
                         << *count / groups * kept << " experts";
  Exprs dims{scope.dim(getLogits(), 0), scope.cst(chosen)};
  results.push_back({Float32Type::get(getContext()), dims});
  results.push_back({IntegerType::get(getContext(), 32), dims});
  return success();
}

LogicalResult
ExpertMatmulOp::inferResults(SymbolicScope &scope,
                             SmallVectorImpl<SymTensor> &results) {
  const SymTensor &input = scope.get(getInput());
  int64_t rank = input.dims.size();
  if (failed(checkMinRank(*this, scope, getInput(), 2, "input")) ||
      (rank != 2 && failed(checkRank(*this, scope, getInput(), 3, "input"))) ||
      failed(checkFloat(*this, input.elementType, "input")) ||
      failed(checkRank(*this, scope, getExperts(), 3, "experts")) ||
      failed(checkType(*this, scope.get(getExperts()).elementType,
                       input.elementType, "experts")) ||
      failed(checkIntegers(*this, scope, getIndices(), 2, 32, "indices")))
    return failure();
  ArrayRef<Expr> experts = scope.dims(getExperts());
  Exprs chosen = dimsOf(scope, getIndices());
  if (failed(checkSame(*this, scope, input.dims.back(), experts[2],
                       "inner dimensions")) ||
      failed(unify(*this, scope, chosen[0], input.dims[0],
                   "numbers of tokens of indices and input")) ||
      (rank == 3 && failed(unify(*this, scope, chosen[1], input.dims[1],
                                 "chosen experts of indices and input"))))
    return failure();
  results.push_back({input.elementType, {chosen[0], chosen[1], experts[1]}});
  return success();
}

//===----------------------------------------------------------------------===//
// Caches
//===----------------------------------------------------------------------===//

LogicalResult CacheUpdateOp::inferResults(SymbolicScope &scope,
                                          SmallVectorImpl<SymTensor> &results) {
  const SymTensor &cache = scope.get(getCache());
  if (failed(checkCache(*this, scope, getCache(), "cache")) ||
      failed(checkRank(*this, scope, getUpdate(), 4, "update")) ||
      failed(checkF32(*this, scope, getUpdate(), "update")))
    return failure();
  ArrayRef<Expr> update = scope.dims(getUpdate());
  if (failed(checkSame(*this, scope, cache.dims[0], update[0],
                       "numbers of sequences of cache and update")) ||
      failed(checkSame(*this, scope, cache.dims[1], update[2],
                       "groups of cache and update")) ||
      failed(checkSame(*this, scope, cache.dims[3], update[3],
                       "head sizes of cache and update")) ||
      failed(checkSequences(*this, scope, getStart(), getLengths(),
                            cache.dims[0])))
    return failure();
  auto slots = constantOf(cache.dims[2]), tokens = constantOf(update[1]);
  if (getRing() && slots && tokens && *tokens > *slots)
    return emitOpError() << *tokens << " tokens do not fit a ring of " << *slots
                         << " slots";
  results.push_back({cache.elementType, cache.dims});
  return success();
}

OpOperand &CacheUpdateOp::getInPlaceOperand() { return getCacheMutable(); }

LogicalResult
CachedAttentionOp::inferResults(SymbolicScope &scope,
                                SmallVectorImpl<SymTensor> &results) {
  if (failed(checkRank(*this, scope, getQuery(), 4, "query")) ||
      failed(checkF32(*this, scope, getQuery(), "query")) ||
      failed(checkCache(*this, scope, getKey(), "key")) ||
      (getValue() && failed(checkCache(*this, scope, getValue(), "value"))))
    return failure();
  Exprs query = dimsOf(scope, getQuery()), key = dimsOf(scope, getKey());
  if (failed(checkSame(*this, scope, query[0], key[0],
                       "numbers of sequences of query and key")) ||
      failed(checkSame(*this, scope, query[3], key[3],
                       "head sizes of query and key")) ||
      failed(checkSequences(*this, scope, getStart(), getLengths(), query[0])))
    return failure();
  auto heads = constantOf(query[2]), groups = constantOf(key[1]);
  if (heads && groups && (*groups == 0 || *heads % *groups))
    return emitOpError() << *heads << " query heads are not a multiple of "
                         << *groups << " key heads";
  if (getWindow() < 0)
    return emitOpError() << "window " << getWindow() << " is negative";
  auto slots = constantOf(key[2]);
  if (getRing() &&
      (getWindow() == 0 || (slots && *slots < int64_t(getWindow()))))
    return emitOpError() << "a ring of " << slots.value_or(0)
                         << " slots does not hold a window of " << getWindow();
  Expr width;
  if (Value value = getValue()) {
    Exprs dims = dimsOf(scope, value);
    for (auto [i, what] : {std::make_pair(0, "numbers of sequences"),
                           {1, "groups"},
                           {2, "slots"}})
      if (failed(checkSame(*this, scope, key[i], dims[i],
                           Twine(what) + " of key and value")))
        return failure();
    if (getValueDim() != 0)
      return emitOpError("has both value and value_dim");
    width = dims[3];
  } else {
    auto size = constantOf(key[3]);
    if (getValueDim() < 1 || (size && int64_t(getValueDim()) > *size))
      return emitOpError() << "value_dim " << getValueDim() << " is not in [1, "
                           << size.value_or(0) << "]";
    width = scope.cst(getValueDim());
  }
  results.push_back(
      {Float32Type::get(getContext()), {query[0], query[1], query[2], width}});
  return success();
}
