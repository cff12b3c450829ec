//===- Indexing.cpp - Elements of gathers ---------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Indices come from the model's data: negative ones count from the end, and
// what lies outside is clamped, so that nothing is read out of bounds.
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/elemental/Helpers.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;

/// An element of an index tensor as an index into a dimension.
static Value indexElement(KernelContext &k, Value tensor, ValueRange indices,
                          Expr dim) {
  Value v = k.element(tensor, indices);
  return v ? wrapIndex(k, toIndex(k, v, elementOf(tensor)), dim) : v;
}

static Value gather(KernelContext &k, Operation *op, unsigned,
                    ValueRange indices) {
  auto gather = cast<fm::GatherOp>(op);
  int64_t axis = gather.getAxis();
  size_t inner = k.dims(gather.getIndices()).size();
  Expr dim = k.scope.dim(gather.getInput(), axis);
  Value at =
      indexElement(k, gather.getIndices(), indices.slice(axis, inner), dim);
  if (!at)
    return {};
  Indices operand(indices.begin(), indices.begin() + axis);
  operand.push_back(at);
  llvm::append_range(operand, indices.drop_front(axis + inner));
  return unlessEmpty(k, dim, elementOf(gather.getInput()),
                     [&] { return k.element(gather.getInput(), operand); });
}

static Value gatherElements(KernelContext &k, Operation *op, unsigned,
                            ValueRange indices) {
  auto gather = cast<fm::GatherElementsOp>(op);
  int64_t axis = gather.getAxis();
  Expr dim = k.scope.dim(gather.getInput(), axis);
  Value at = indexElement(k, gather.getIndices(), indices, dim);
  if (!at)
    return {};
  Indices operand(indices.begin(), indices.end());
  operand[axis] = at;
  return unlessEmpty(k, dim, elementOf(gather.getInput()),
                     [&] { return k.element(gather.getInput(), operand); });
}

static Value gatherNd(KernelContext &k, Operation *op, unsigned,
                      ValueRange indices) {
  auto gather = cast<fm::GatherNdOp>(op);
  int64_t batch = gather.getBatchDims();
  ArrayRef<Expr> tupleDims = k.dims(gather.getIndices());
  auto length = fm::constantOf(tupleDims.back());
  if (!length) {
    k.error(op) << "the length of the index tuples is not static";
    return {};
  }
  size_t leading = tupleDims.size() - 1;
  Indices operand(indices.begin(), indices.begin() + batch);
  Indices tuple(indices.begin(), indices.begin() + leading);
  tuple.push_back({});
  Expr product = k.scope.cst(1);
  for (int64_t i = 0; i < *length; ++i) {
    tuple.back() = k.index(i);
    Expr dim = k.scope.dim(gather.getInput(), batch + i);
    Value at = indexElement(k, gather.getIndices(), tuple, dim);
    if (!at)
      return {};
    operand.push_back(at);
    product = k.scope.mul(product, dim);
  }
  llvm::append_range(operand, indices.drop_front(leading));
  return unlessEmpty(k, product, elementOf(gather.getInput()),
                     [&] { return k.element(gather.getInput(), operand); });
}

void codegen::registerIndexingElements(ElementTable &t) {
  t["fm.gather"] = {gather, ElementCost::Free};
  t["fm.gather_elements"] = {gatherElements, ElementCost::Free};
  t["fm.gather_nd"] = {gatherNd, ElementCost::Free};
}
