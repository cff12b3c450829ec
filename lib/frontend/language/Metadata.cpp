//===- Metadata.cpp - What runs a language model must know of it ----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/language/Caches.h"
#include "lib/frontend/language/Storage.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/JSON.h"

using namespace narae;
using namespace narae::language;

/// What one token makes of a weight.
enum class Use { Always, Chosen, Never };

namespace {
/// Adds up the weights of a model.
class Counter {
public:
  explicit Counter(const LanguageModel &model);
  int64_t parameters = 0, active = 0, bytes = 0;

private:
  void add(const Weight &weight, Use use = Use::Always);
  void add(const std::optional<Weight> &weight) {
    if (weight)
      add(*weight);
  }
  void add(const Linear &linear) {
    add(linear.weight);
    add(linear.bias);
  }
  void add(const std::optional<Linear> &linear) {
    if (linear)
      add(*linear);
  }
  void add(const Norm &norm) {
    add(norm.scale);
    add(norm.gateDown);
    add(norm.gateUp);
  }
  void add(const std::optional<Norm> &norm) {
    if (norm)
      add(*norm);
  }
  void add(const Attention &a);
  void add(const LatentAttention &a);
  void add(const Mlp &mlp) {
    add(mlp.gate);
    add(mlp.up);
    add(mlp.down);
  }
  void add(const Experts &experts);

  int64_t chosen = 1, count = 1; ///< of the experts
};
} // namespace

void Counter::add(const Weight &weight, Use use) {
  int64_t elements = elementCount(weight.shape).value_or(0);
  parameters += elements;
  bytes += storageBytes(weight);
  if (weight.scale)
    bytes += storageBytes(*weight.scale);
  if (weight.shape.size() < 2 || use == Use::Never)
    return;
  active += use == Use::Chosen ? elements / count * chosen : elements;
}

void Counter::add(const Attention &a) {
  for (const Linear *linear : {&a.query, &a.key, &a.value, &a.output})
    add(*linear);
  add(a.queryNorm);
  add(a.keyNorm);
}

void Counter::add(const LatentAttention &a) {
  add(a.queryDown);
  add(a.queryNorm);
  add(a.query);
  add(a.latentDown);
  add(a.latentNorm);
  add(a.keyUp);
  add(a.valueUp);
  add(a.outputGate);
  add(a.output);
}

void Counter::add(const Experts &experts) {
  add(experts.router);
  add(experts.choiceBias);
  chosen = experts.chosen;
  count = experts.count;
  for (const Weight *weight : {&experts.gate, &experts.up, &experts.down})
    add(*weight, Use::Chosen);
  if (experts.shared)
    add(*experts.shared);
}

Counter::Counter(const LanguageModel &model) {
  add(model.embedding, model.head ? Use::Never : Use::Always);
  for (const Layer &layer : model.layers) {
    for (const std::optional<Norm> *norm :
         {&layer.attentionNorm, &layer.attentionPostNorm, &layer.mlpNorm,
          &layer.mlpPostNorm})
      add(*norm);
    if (layer.attention)
      add(*layer.attention);
    if (layer.latent)
      add(*layer.latent);
    if (layer.mlp)
      add(*layer.mlp);
    if (layer.experts)
      add(*layer.experts);
  }
  add(model.norm);
  add(model.head);
}

std::string language::metadata(const LanguageModel &model,
                               const BuildOptions &options,
                               llvm::ArrayRef<LayerCaches> caches) {
  int64_t growing = 0, fixed = 0, uniform = 0, allocated = 0;
  llvm::json::Array states;
  for (const LayerCaches &layer : caches)
    for (const Cache &cache : layer) {
      int64_t slot = cache.slotBytes();
      uniform += slot;
      growing += cache.window ? 0 : slot;
      fixed += cache.window * slot;
      allocated += cache.slots() * slot * options.batch;
      states.push_back(
          llvm::json::Object{{"name", cache.name},
                             {"kind", cache.ring ? "ring" : "growing"},
                             {"slots", cache.slots()},
                             {"window", cache.window},
                             {"slot_bytes", slot}});
    }
  Counter counter(model);
  llvm::json::Object object{{"name", model.name},
                            {"family", model.family},
                            {"hidden", model.hidden},
                            {"layers", int64_t(model.layers.size())},
                            {"vocabulary", model.vocabulary},
                            {"end_tokens", llvm::json::Array(model.endTokens)},
                            {"notes", llvm::json::Array(model.notes)},
                            {"batch", options.batch},
                            {"context", options.context},
                            {"max_context", model.maxContext},
                            {"prefill_chunk", options.prefillChunk},
                            {"kv_type", options.kvType},
                            {"parameters", counter.parameters},
                            {"active_parameters", counter.active},
                            {"weight_bytes", counter.bytes},
                            {"kv_bytes_per_token", growing},
                            {"kv_bytes_fixed", fixed},
                            {"kv_bytes_per_token_uniform", uniform},
                            {"kv_bytes_allocated", allocated},
                            {"states", std::move(states)}};
  llvm::json::Value value(
      llvm::json::Object{{"language_model", std::move(object)}});
  std::string text;
  llvm::raw_string_ostream(text) << value;
  return text;
}
