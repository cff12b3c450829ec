//===- Metadata.cpp - What runs a language model must know of it ----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/language/Caches.h"
#include "lib/frontend/language/Parameters.h"

#include "llvm/Support/JSON.h"

using namespace narae;
using namespace narae::language;

std::string language::metadata(const LanguageModel &model,
                               const BuildOptions &options,
                               llvm::ArrayRef<LayerCaches> caches,
                               int64_t weightBytes) {
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
                            {"parameters", countParameters(model)},
                            {"active_parameters", countActiveParameters(model)},
                            {"weight_bytes", weightBytes},
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
