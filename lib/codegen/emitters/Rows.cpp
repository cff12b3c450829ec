//===- Rows.cpp - Loops along rows that end where formulas change ---------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/emitters/Rows.h"
#include "lib/codegen/Elemental.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;

SmallVector<int64_t> codegen::rowPieces(KernelContext &k, Value tensor) {
  SmallVector<int64_t> places;
  auto rope = tensor.getDefiningOp<fm::RopeOp>();
  if (!rope) {
    // Through element-wise ops, to the first that has pieces.
    Operation *op = tensor.getDefiningOp();
    if (op && isElementwise(op))
      for (Value operand : op->getOperands())
        if (k.dims(operand) == k.dims(tensor) && places.empty())
          places = rowPieces(k, operand);
    return places;
  }
  auto size = fm::constantOf(k.dims(tensor).back());
  auto rotated = fm::constantOf(k.scope.dim(rope.getTable(), 2));
  if (!size || !rotated)
    return places;
  int64_t offset = rope.getOffset();
  places = {offset, offset + *rotated};
  if (!rope.getPairs())
    places.insert(places.begin() + 1, offset + *rotated / 2);
  llvm::erase_if(places, [&](int64_t p) { return p <= 0 || p >= *size; });
  return places;
}

void codegen::overPieces(KernelContext &k, ArrayRef<int64_t> pieces, Value size,
                         llvm::function_ref<void(Value, Value)> body) {
  Value begin = k.index(0);
  for (int64_t place : pieces) {
    body(begin, k.index(place));
    begin = k.index(place);
  }
  body(begin, size);
}
