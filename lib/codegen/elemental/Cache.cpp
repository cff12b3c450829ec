//===- Cache.cpp - Slots of caches ----------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/elemental/Cache.h"
#include "dialects/fm/Storage.h"
#include "lib/codegen/Scalar.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;

Value CacheRange::slot(KernelContext &k, Value position) const {
  return ring ? k.remI(position, k.maxI(slots, k.index(1))) : position;
}

Value codegen::cacheStart(KernelContext &k, Value start, Value batch) {
  Value value = k.element(start, batch);
  return value ? toIndex(k, value, k.b.getI64Type()) : k.index(0);
}

Value codegen::cacheLength(KernelContext &k, Value lengths, Value batch,
                           Value tokens) {
  Value value = k.element(lengths, batch);
  Value length = value ? toIndex(k, value, k.b.getI64Type()) : k.index(0);
  return k.maxI(k.minI(length, tokens), k.index(0));
}

CacheRange codegen::visibleRange(KernelContext &k,
                                 fm::CachedAttentionOp attention, Value batch,
                                 Value first, Value last) {
  Value zero = k.index(0), one = k.index(1);
  CacheRange range;
  range.ring = attention.getRing();
  range.slots = k.dim(attention.getKey(), 2);
  Value start = cacheStart(k, attention.getStart(), batch);
  range.end = k.maxI(k.addI(k.addI(start, last), one), zero);
  range.begin = zero;
  if (int64_t window = attention.getWindow()) {
    Value oldest = k.subI(k.addI(start, first), k.index(window - 1));
    range.begin = k.minI(k.maxI(oldest, zero), range.end);
  }
  if (range.ring) {
    // An empty ring has no slot to read.
    range.end = k.selectV(k.lessI(zero, range.slots), range.end, range.begin);
    return range;
  }
  range.end = k.minI(range.end, range.slots);
  range.begin = k.minI(range.begin, range.end);
  return range;
}

fm::Expr codegen::cacheRowBytes(fm::SymbolicScope &scope, Value cache) {
  auto [elements, bytes] = fm::storageUnit(elementOf(cache));
  return scope.mul(scope.ceilDiv(scope.dim(cache, 3), scope.cst(elements)),
                   scope.cst(bytes));
}

Value codegen::cacheRow(KernelContext &k, Value cache, Value batch, Value group,
                        Value slot) {
  Value row = k.addI(k.mulI(batch, k.dim(cache, 1)), group);
  row = k.addI(k.mulI(row, k.dim(cache, 2)), slot);
  return k.address(k.pointerOf(cache), k.b.getI8Type(),
                   k.mulI(row, k.expr(cacheRowBytes(k.scope, cache))));
}

Value codegen::cacheElement(KernelContext &k, Value cache, ValueRange indices) {
  Type type = elementOf(cache), f32 = k.b.getF32Type();
  Value row = cacheRow(k, cache, indices[0], indices[1], indices[2]);
  Value d = indices[3];
  if (!fm::blockFormatOf(type))
    return convert(k, k.load(row, type, d), type, f32);
  Type f16 = k.b.getF16Type(), i8 = k.b.getI8Type();
  Value place = k.divI(d, k.index(kQ8Elements));
  Value block = k.address(row, i8, k.mulI(place, k.index(kQ8Bytes)));
  Value scale = convert(k, k.load(block, f16, k.index(0)), f16, f32);
  Value at = k.addI(k.remI(d, k.index(kQ8Elements)), k.index(2));
  Value quant = convert(k, k.load(block, i8, at), i8, f32);
  return k.b.create<arith::MulFOp>(k.loc, quant, scale);
}
