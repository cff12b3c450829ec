//===- Attention.cpp - Attention with grouped heads and a cache -----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/language/Graph.h"

using namespace mlir;
using namespace narae;
using namespace narae::language;

Value language::buildCacheUpdate(Graph &g, const Cache &cache, Value update) {
  auto read = g.b.create<fm::StateReadOp>(g.loc, cache.type, cache.name);
  fm::SymTensor tensor;
  tensor.elementType = cache.type.getElementType();
  for (int64_t size : cache.type.getShape())
    tensor.dims.push_back(g.scope.cst(size));
  g.scope.set(read.getResult(), std::move(tensor));
  Value updated = g.make<fm::CacheUpdateOp>(read.getResult(), update, g.start,
                                            g.lengths, cache.ring);
  if (updated)
    g.b.create<fm::StateWriteOp>(g.loc, cache.name, updated);
  return updated;
}

/// Projects x and splits the result into heads, normed where the model does:
/// each by itself, or all of a token together.
static Value heads(Graph &g, const Linear &linear,
                   const std::optional<Norm> &norm, int64_t count, int64_t size,
                   Value x) {
  Value y = g.linear(x, linear);
  bool together = norm && norm->scale.shape[0] != size;
  if (together)
    y = buildNorm(g, *norm, y);
  y = g.split(y, {count, size});
  if (norm && !together)
    y = buildNorm(g, *norm, y);
  return y;
}

/// Rotates the first elements of each head.
static Value rotate(Graph &g, const std::optional<Rope> &rope, Value x) {
  if (!rope)
    return x;
  return g.make<fm::RopeOp>(x, g.ropeTable(*rope), rope->pairs, uint64_t(0));
}

Value language::buildAttention(Graph &g, const Attention &a,
                               const LayerCaches &caches, Value x) {
  Graph::At at(g, parentName(a.query.weight), "attention");
  Value query = heads(g, a.query, a.queryNorm, a.heads, a.headDim, x);
  Value key = heads(g, a.key, a.keyNorm, a.kvHeads, a.headDim, x);
  Value value = heads(g, a.value, {}, a.kvHeads, a.headDim, x);
  query = rotate(g, a.rope, query);
  key = buildCacheUpdate(g, caches[0], rotate(g, a.rope, key));
  value = buildCacheUpdate(g, caches[1], value);
  if (!value)
    return {};
  Value y = g.make<fm::CachedAttentionOp>(
      query, key, Maybe{value}, g.start, g.lengths, llvm::APFloat(a.scale),
      uint64_t(a.window), caches[0].ring, uint64_t(0));
  return g.linear(g.merge(y, {a.heads * a.headDim}), a.output);
}
