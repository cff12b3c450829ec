//===- LatentAttention.cpp - Multi-head latent attention, absorbed --------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The cache holds latents c, and keys K c and values V c are never made: with
// q (K c) = (q K) c all heads attend over the same short vectors, and V is
// applied to the average of latents. (DeepSeek-V2, arXiv:2405.04434, 2.1.2.)
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/language/Graph.h"

using namespace mlir;
using namespace narae;
using namespace narae::language;

namespace {
/// Queries [B, T, heads, noRopeDim + ropeDim] and the gate of the result
/// [N, heads * valueDim], where there is one.
struct Query {
  Value heads;
  Maybe gate;
};
} // namespace

/// Both from one matrix over the latent query, normed, and itself.
static Query fusedQuery(Graph &g, const LatentAttention &a, Value normed,
                        Value latent) {
  int64_t head = a.noRopeDim + a.ropeDim;
  Value both = g.linear(g.join(normed, latent, 1), a.query);
  both = g.split(both, {a.heads, head + a.valueDim});
  Query query;
  query.heads = g.slice(both, 3, 0, head);
  query.gate.value = g.merge(g.slice(both, 3, head, head + a.valueDim),
                             {a.heads * a.valueDim});
  return query;
}

static Query buildQuery(Graph &g, const LatentAttention &a, Value x) {
  Value latent = x, normed = x;
  if (a.queryDown) {
    latent = g.linear(x, *a.queryDown);
    normed = buildNorm(g, *a.queryNorm, latent);
  }
  if (a.gateInQuery)
    return fusedQuery(g, a, normed, latent);
  Query query;
  query.heads =
      g.split(g.linear(normed, a.query), {a.heads, a.noRopeDim + a.ropeDim});
  if (a.outputGate)
    query.gate.value = g.linear(latent, *a.outputGate);
  return query;
}

/// [B, T, H, K] by a matrix [K, M] (or [M, K]) for each head: [B, T, H, M].
static Value perHead(Graph &g, Value x, const Weight &weight, bool transposed,
                     int64_t heads, int64_t in, int64_t out) {
  Graph::At at(g, blockName(weight), "linear");
  // [N, H, K] to [H, N, K] and back.
  Value rows = g.transpose(g.merge(x, {heads, in}), {1, 0, 2});
  Value y =
      g.make<fm::MatmulOp>(rows, g.weight(weight), Maybe{},
                           /*transpose_lhs=*/false, transposed, TypeAttr());
  return g.split(g.transpose(y, {1, 0, 2}), {heads, out});
}

Value language::buildLatentAttention(Graph &g, const LatentAttention &a,
                                     const LayerCaches &caches, Value x) {
  Graph::At at(g, parentName(a.latentDown.weight), "attention");
  const Cache &cache = caches[0];
  int64_t width = a.rank + a.ropeDim;
  Value down = g.linear(x, a.latentDown);
  Value latent = buildNorm(g, a.latentNorm, g.slice(down, 1, 0, a.rank));
  Value entry = g.join(latent, g.slice(down, 1, a.rank, width), 1);
  entry = g.split(entry, {1, width});
  Query q = buildQuery(g, a, x);
  Value query = q.heads;
  if (a.rope) {
    Value table = g.ropeTable(*a.rope);
    query =
        g.make<fm::RopeOp>(query, table, a.rope->pairs, uint64_t(a.noRopeDim));
    entry = g.make<fm::RopeOp>(entry, table, a.rope->pairs, uint64_t(a.rank));
  }
  Value fixed = g.slice(query, 3, 0, a.noRopeDim);
  Value turned = g.slice(query, 3, a.noRopeDim, a.noRopeDim + a.ropeDim);
  fixed = perHead(g, fixed, a.keyUp, a.keyUpTransposed, a.heads, a.noRopeDim,
                  a.rank);
  Value keys = buildCacheUpdate(g, cache, entry);
  Value y = g.make<fm::CachedAttentionOp>(
      g.join(fixed, turned, 3), keys, Maybe{}, g.start, g.lengths,
      llvm::APFloat(a.scale), uint64_t(a.window), cache.ring, uint64_t(a.rank));
  y = perHead(g, y, a.valueUp, /*transposed=*/true, a.heads, a.rank,
              a.valueDim);
  y = g.merge(y, {a.heads * a.valueDim});
  if (a.outputGate || a.gateInQuery)
    y = g.product(y, g.make<fm::SigmoidOp>(q.gate.value));
  return g.linear(y, a.output);
}
