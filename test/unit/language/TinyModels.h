//===- TinyModels.h - Small models for the tests ----------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_TEST_UNIT_LANGUAGE_TINYMODELS_H
#define NARAE_TEST_UNIT_LANGUAGE_TINYMODELS_H

#include "lib/frontend/language/BuildModule.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "gtest/gtest.h"

namespace narae::test {

using namespace narae::language;

constexpr int64_t kHidden = 64, kWidth = 96, kVocabulary = 97;

/// A weight without bytes.
inline Weight weight(const std::string &name, std::vector<int64_t> shape,
                     Storage storage = Storage::F32) {
  Weight w;
  w.name = name + ".weight";
  w.shape = std::move(shape);
  w.storage = storage;
  return w;
}
inline Linear linear(const std::string &name, int64_t out, int64_t in) {
  return {weight(name, {out, in}), {}};
}
inline Norm norm(const std::string &name, int64_t size = kHidden) {
  Norm n;
  n.scale = weight(name, {size});
  return n;
}
inline Rope rope(int64_t size) {
  Rope r;
  for (int64_t i = 0; i < size / 2; ++i)
    r.inverseFrequencies.push_back(1.0 / (1 << i));
  return r;
}
inline Mlp mlp(const std::string &name) {
  Mlp m;
  m.gate = linear(name + ".gate_proj", kWidth, kHidden);
  m.up = linear(name + ".up_proj", kWidth, kHidden);
  m.down = linear(name + ".down_proj", kHidden, kWidth);
  return m;
}
inline Attention attention(const std::string &name) {
  Attention a;
  a.heads = 4;
  a.kvHeads = 2;
  a.headDim = 16;
  a.query = linear(name + ".q_proj", 64, kHidden);
  a.key = linear(name + ".k_proj", 32, kHidden);
  a.value = linear(name + ".v_proj", 32, kHidden);
  a.output = linear(name + ".o_proj", kHidden, 64);
  a.rope = rope(16);
  a.scale = 0.25;
  return a;
}
inline LatentAttention latent(const std::string &name) {
  LatentAttention a;
  a.heads = 4;
  a.rank = 16;
  a.noRopeDim = 12;
  a.ropeDim = 8;
  a.valueDim = 10;
  a.queryDown = linear(name + ".q_a_proj", 24, kHidden);
  a.queryNorm = norm(name + ".q_a_layernorm", 24);
  a.query = linear(name + ".q_b_proj", 80, 24);
  a.latentDown = linear(name + ".kv_a_proj_with_mqa", 24, kHidden);
  a.latentNorm = norm(name + ".kv_a_layernorm", 16);
  a.keyUp = weight(name + ".kv_b_proj", {4, 12, 16});
  a.valueUp = weight(name + ".kv_b_proj", {4, 10, 16});
  a.output = linear(name + ".o_proj", kHidden, 40);
  a.rope = rope(8);
  a.rope->pairs = true;
  return a;
}
inline Experts experts(const std::string &name) {
  Experts e;
  e.count = 8;
  e.chosen = 2;
  e.router = weight(name + ".gate", {8, kHidden});
  e.choiceBias = weight(name + ".bias", {8});
  e.groups = 4;
  e.chosenGroups = 2;
  e.gate = weight(name + ".experts.gate", {8, 48, kHidden});
  e.up = weight(name + ".experts.up", {8, 48, kHidden});
  e.down = weight(name + ".experts.down", {8, kHidden, 48});
  e.shared = mlp(name + ".shared_experts");
  return e;
}

/// Llama-like layers; to be changed by tests.
inline LanguageModel model(int layers = 2) {
  LanguageModel m;
  m.name = "tiny";
  m.family = "llama";
  m.hidden = kHidden;
  m.vocabulary = kVocabulary;
  m.maxContext = 256;
  m.embedding = weight("model.embed_tokens", {kVocabulary, kHidden});
  m.norm = norm("model.norm");
  m.head = linear("lm_head", kVocabulary, kHidden);
  m.withoutWeights = true;
  m.endTokens = {2};
  for (int i = 0; i < layers; ++i) {
    std::string name = "model.layers." + std::to_string(i);
    Layer layer;
    layer.attentionNorm = norm(name + ".input_layernorm");
    layer.mlpNorm = norm(name + ".post_attention_layernorm");
    layer.attention = attention(name + ".self_attn");
    layer.mlp = mlp(name + ".mlp");
    m.layers.push_back(std::move(layer));
  }
  return m;
}

/// Builds a model and keeps what was said.
class Built {
public:
  explicit Built(const LanguageModel &model, const BuildOptions &options = {}) {
    mlir::ScopedDiagnosticHandler handler(&context,
                                          [&](mlir::Diagnostic &diagnostic) {
                                            messages += diagnostic.str() + "\n";
                                            return mlir::success();
                                          });
    module = buildModule(model, options, context, weights);
    if (module && mlir::failed(mlir::verify(*module)))
      module = {};
    if (module)
      llvm::raw_string_ostream(text) << *module;
  }
  bool says(const std::string &part) const {
    return messages.find(part) != std::string::npos;
  }
  bool has(const std::string &part) const {
    return text.find(part) != std::string::npos;
  }

  mlir::MLIRContext context;
  WeightStore weights;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::string messages, text;
};

} // namespace narae::test

#endif // NARAE_TEST_UNIT_LANGUAGE_TINYMODELS_H
