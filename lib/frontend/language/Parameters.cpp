//===- Parameters.cpp - Sizes of a described model ------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/language/Parameters.h"

namespace narae::language {

static int64_t elements(const Weight &weight) {
  int64_t count = weight.shape.empty() ? 0 : 1;
  for (int64_t size : weight.shape)
    count *= size;
  return count;
}

static int64_t elements(const std::optional<Weight> &weight) {
  return weight ? elements(*weight) : 0;
}

static int64_t elements(const Linear &linear) {
  return elements(linear.weight) + elements(linear.bias);
}

static int64_t elements(const std::optional<Linear> &linear) {
  return linear ? elements(*linear) : 0;
}

namespace {
/// Sums of norms of the hidden state, of the rest that a token reads, and of
/// experts that it does not.
struct Counter {
  int64_t norms = 0, active = 0, idle = 0;

  static int64_t inner(const std::optional<Norm> &norm) {
    return norm ? elements(norm->scale) : 0;
  }

  void add(const std::optional<Norm> &norm) {
    if (!norm)
      return;
    norms += elements(norm->scale);
    active += elements(norm->gateDown) + elements(norm->gateUp);
  }
  void add(const Attention &a) {
    active += elements(a.query) + elements(a.key) + elements(a.value) +
              elements(a.output) + inner(a.queryNorm) + inner(a.keyNorm);
  }
  void add(const LatentAttention &a) {
    active += elements(a.queryDown) + elements(a.query) +
              elements(a.latentDown) + elements(a.keyUp) + elements(a.valueUp) +
              elements(a.output) + elements(a.outputGate) + inner(a.queryNorm) +
              inner(a.latentNorm);
  }
  void add(const Mlp &mlp) {
    active += elements(mlp.gate) + elements(mlp.up) + elements(mlp.down);
  }
  void add(const Experts &e) {
    int64_t all = elements(e.gate) + elements(e.up) + elements(e.down);
    int64_t chosen = e.count ? all / e.count * e.chosen : 0;
    active += elements(e.router) + elements(e.choiceBias) + chosen;
    idle += all - chosen;
    if (e.shared)
      add(*e.shared);
  }
  void add(const Layer &layer) {
    add(layer.attentionNorm);
    add(layer.attentionPostNorm);
    add(layer.mlpNorm);
    add(layer.mlpPostNorm);
    if (layer.attention)
      add(*layer.attention);
    if (layer.latent)
      add(*layer.latent);
    if (layer.mlp)
      add(*layer.mlp);
    if (layer.experts)
      add(*layer.experts);
  }
};
} // namespace

static Counter countLayers(const LanguageModel &model) {
  Counter counter;
  for (const Layer &layer : model.layers)
    counter.add(layer);
  return counter;
}

int64_t countParameters(const LanguageModel &model) {
  Counter counter = countLayers(model);
  return counter.norms + counter.active + counter.idle +
         elements(model.embedding) + elements(model.norm.scale) +
         elements(model.head) + model.setApartParameters;
}

int64_t countActiveParameters(const LanguageModel &model) {
  return countLayers(model).active +
         (model.head ? elements(*model.head) : elements(model.embedding));
}

CacheSize countCache(const LanguageModel &model) {
  CacheSize size;
  for (const Layer &layer : model.layers) {
    int64_t numbers = 0, window = 0;
    if (layer.attention) {
      numbers = 2 * layer.attention->kvHeads * layer.attention->headDim;
      window = layer.attention->window;
    } else if (layer.latent) {
      numbers = layer.latent->rank + layer.latent->ropeDim;
      window = layer.latent->window;
    }
    size.perToken += numbers;
    (window ? size.fixed : size.growing) += numbers * (window ? window : 1);
  }
  return size;
}

} // namespace narae::language
