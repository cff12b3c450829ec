//===- Layer.cpp - A layer of a decoder -----------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/language/Graph.h"

using namespace mlir;
using namespace narae;
using namespace narae::language;

/// The name of the layer, which its norms have in front of theirs.
static std::string layerName(const Layer &layer) {
  for (const std::optional<Norm> *norm :
       {&layer.attentionNorm, &layer.attentionPostNorm, &layer.mlpNorm,
        &layer.mlpPostNorm})
    if (*norm)
      return parentName((*norm)->scale);
  return "layer";
}

static Value maybeNorm(Graph &g, const std::optional<Norm> &norm, Value x) {
  return norm ? buildNorm(g, *norm, x) : x;
}

Value language::buildLayer(Graph &g, const Layer &layer,
                           const LayerCaches &caches, Value x) {
  Graph::At at(g, layerName(layer), "layer");
  Value y = maybeNorm(g, layer.attentionNorm, x);
  y = layer.attention ? buildAttention(g, *layer.attention, caches, y)
                      : buildLatentAttention(g, *layer.latent, caches, y);
  y = maybeNorm(g, layer.attentionPostNorm, y);
  x = g.sum(x, g.times(y, layer.residualMultiplier));
  y = maybeNorm(g, layer.mlpNorm, x);
  y = layer.mlp ? buildMlp(g, *layer.mlp, y)
                : buildExperts(g, *layer.experts, y);
  y = maybeNorm(g, layer.mlpPostNorm, y);
  return g.sum(x, g.times(y, layer.residualMultiplier));
}
