//===- AttentionFew.cpp - Attention of few queries ------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// When a model decodes, one query meets all keys: packing them would cost
// more than the products. Keys and values stream from where they lie.
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/AttentionSteps.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;

/// Most vectors of a row of keys or values, which stay in registers.
static constexpr int64_t kMaxVectors = 16;
/// Keys at once: their sums hide each other's latency.
static constexpr int64_t kKeys = 4;

bool AttentionSteps::hasFewPath() const {
  auto fits = [&](fm::Expr size) {
    auto c = fm::constantOf(size);
    return c && *c > 0 && *c % v.lanes == 0 && *c <= kMaxVectors * v.lanes;
  };
  auto inMemory = [](Value tensor) {
    return isa<BlockArgument>(tensor) &&
           cast<ShapedType>(tensor.getType()).getElementType().isF32();
  };
  fm::AttentionOp op = a.op;
  return fits(a.depth) && fits(a.width) &&
         *fm::constantOf(a.depth) <= plan.depth && inMemory(op.getKey()) &&
         inMemory(op.getValue());
}

void AttentionSteps::scoresByDots(const AttentionBlock &block) {
  Value zero = k.index(0), one = k.index(1), step = k.index(kKeys);
  int64_t vectors = *fm::constantOf(a.depth) / v.lanes;
  auto [first, distance] = rowsOf(a.op.getKey(), block, block.key);
  Value keys = first, stride = distance;
  Value whole = k.mulI(k.divI(block.keys, step), step);
  k.forLoop(zero, block.rows, one, [&](Value r) {
    SmallVector<Value> query;
    Value from = v.at(queries, k.mulI(r, lda));
    for (int64_t i = 0; i < vectors; ++i)
      query.push_back(v.load(v.at(from, i * v.lanes)));
    Value to = v.at(scoresTile, k.mulI(r, lda));
    auto dots = [&](Value t, int64_t count) {
      for (int64_t j = 0; j < count; ++j) {
        Value row = v.at(keys, k.mulI(k.addI(t, k.index(j)), stride));
        Value sum = v.mul(v.load(row), query[0]);
        for (int64_t i = 1; i < vectors; ++i)
          sum = v.fma(v.load(v.at(row, i * v.lanes)), query[i], sum);
        v.storeScalar(v.sum(sum), v.at(v.at(to, t), j));
      }
    };
    k.forLoop(zero, whole, step, [&](Value t) { dots(t, kKeys); });
    k.forLoop(whole, block.keys, one, [&](Value t) { dots(t, 1); });
  });
}

void AttentionSteps::outputByRows(const AttentionBlock &block) {
  Value zero = k.index(0), one = k.index(1);
  int64_t vectors = *fm::constantOf(a.width) / v.lanes;
  auto [first, distance] = rowsOf(a.op.getValue(), block, block.key);
  Value values = first, stride = distance;
  k.forLoop(zero, block.rows, one, [&](Value r) {
    Value to = v.at(out, k.mulI(r, outputRow));
    Value from = v.at(scoresTile, k.mulI(r, lda));
    SmallVector<Value> sums;
    for (int64_t i = 0; i < vectors; ++i)
      sums.push_back(v.load(v.at(to, i * v.lanes)));
    sums = k.forLoop(zero, block.keys, one, sums,
                     [&](Value t, ValueRange acc) -> SmallVector<Value> {
                       Value p = v.broadcast(v.loadScalar(v.at(from, t)));
                       Value row = v.at(values, k.mulI(t, stride));
                       SmallVector<Value> next;
                       for (int64_t i = 0; i < vectors; ++i)
                         next.push_back(
                             v.fma(p, v.load(v.at(row, i * v.lanes)), acc[i]));
                       return next;
                     });
    for (int64_t i = 0; i < vectors; ++i)
      v.store(sums[i], v.at(to, i * v.lanes));
  });
}
