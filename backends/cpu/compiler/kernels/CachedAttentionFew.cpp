//===- CachedAttentionFew.cpp - Few rows over a cache ---------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// When a model decodes, the heads of a group meet all its keys, and reading
// these is most of the work. Keys and values stream from where they lie, are
// widened in registers, and serve several heads at once.
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/CachedAttention.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;

bool CachedAttentionSteps::hasFewPath() const {
  return a.depth % v.lanes == 0 && a.width % v.lanes == 0 &&
         a.depth <= int64_t(16 * v.lanes) && a.width <= int64_t(16 * v.lanes);
}

/// body(row, count) for all rows, as many at once as have `vectors` vectors
/// each in registers.
void CachedAttentionSteps::overRows(
    const CachedBlock &block, int64_t vectors,
    llvm::function_ref<void(Value row, int64_t count)> body) {
  int64_t room = machine.vectorRegisters >= 32 ? 24 : 10;
  int64_t most = std::clamp<int64_t>(room / vectors, 1, 8), count = 1;
  // All heads of a group if they fit, or parts of the same size.
  for (int64_t n = 2; n <= most; ++n)
    if (a.headsPerGroup() % n == 0)
      count = n;
  Value whole = k.index(0), one = k.index(1), step = k.index(count);
  if (count > 1) {
    whole = k.mulI(k.divI(block.rows, step), step);
    k.forLoop(k.index(0), whole, step, [&](Value r) { body(r, count); });
  }
  k.forLoop(whole, block.rows, one, [&](Value r) { body(r, 1); });
}

void CachedAttentionSteps::dots(const CachedBlock &block, Value row,
                                int64_t count) {
  int64_t vectors = a.depth / v.lanes;
  SmallVector<SmallVector<Value>> query(count);
  SmallVector<Value> to;
  for (int64_t r = 0; r < count; ++r) {
    Value start = k.mulI(k.addI(row, k.index(r)), lda);
    for (int64_t i = 0; i < vectors; ++i)
      query[r].push_back(v.load(v.at(v.at(queries, start), i * v.lanes)));
    to.push_back(v.at(scoresTile, start));
  }
  Value first = keyRows.row(block.batch, block.group, block.slot);
  k.forLoop(k.index(0), block.keys, k.index(1), [&](Value t) {
    Value key = keyRows.after(first, t);
    SmallVector<Value> sums(count);
    for (int64_t i = 0; i < vectors; ++i) {
      Value x = keyRows.vector(key, i);
      for (int64_t r = 0; r < count; ++r)
        sums[r] = i ? v.fma(x, query[r][i], sums[r]) : v.mul(x, query[r][i]);
    }
    for (int64_t r = 0; r < count; ++r)
      v.storeScalar(v.sum(sums[r]), v.at(to[r], t));
  });
}

void CachedAttentionSteps::scoresByDots(const CachedBlock &block) {
  overRows(block, a.depth / v.lanes,
           [&](Value row, int64_t count) { dots(block, row, count); });
}

void CachedAttentionSteps::weighted(const CachedBlock &block, Value row,
                                    int64_t count) {
  int64_t vectors = a.width / v.lanes;
  SmallVector<Value> sums, to, weights;
  for (int64_t r = 0; r < count; ++r) {
    Value at = k.addI(row, k.index(r));
    to.push_back(v.at(out, k.mulI(at, outputRow)));
    weights.push_back(v.at(scoresTile, k.mulI(at, lda)));
    for (int64_t i = 0; i < vectors; ++i)
      sums.push_back(v.load(v.at(to[r], i * v.lanes)));
  }
  Value first = valueRows.row(block.batch, block.group, block.slot);
  sums = k.forLoop(k.index(0), block.keys, k.index(1), sums,
                   [&](Value t, ValueRange acc) -> SmallVector<Value> {
                     Value value = valueRows.after(first, t);
                     SmallVector<Value> next(acc), x;
                     for (int64_t i = 0; i < vectors; ++i)
                       x.push_back(valueRows.vector(value, i));
                     for (int64_t r = 0; r < count; ++r) {
                       Value p = v.broadcast(v.loadScalar(v.at(weights[r], t)));
                       for (int64_t i = 0; i < vectors; ++i)
                         next[r * vectors + i] =
                             v.fma(p, x[i], acc[r * vectors + i]);
                     }
                     return next;
                   });
  for (int64_t r = 0; r < count; ++r)
    for (int64_t i = 0; i < vectors; ++i)
      v.store(sums[r * vectors + i], v.at(to[r], i * v.lanes));
}

void CachedAttentionSteps::outputByRows(const CachedBlock &block) {
  overRows(block, a.width / v.lanes,
           [&](Value row, int64_t count) { weighted(block, row, count); });
}
