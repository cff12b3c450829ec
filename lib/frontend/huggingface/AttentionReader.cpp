//===- AttentionReader.cpp - Attention out of configuration and tensors ---===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/huggingface/DecoderReader.h"

#include <cmath>

using namespace narae;
using namespace narae::huggingface;
using namespace narae::language;

Attention DecoderReader::attention(const std::string &at,
                                   const LayerKind &kind) {
  const TensorNames &names = family.names;
  Attention a;
  a.heads = heads;
  a.kvHeads = kvHeads;
  a.headDim = headDim;
  a.query = linear(at + names.query, heads * headDim, model.hidden, queryBias);
  a.key = linear(at + names.key, kvHeads * headDim, model.hidden, queryBias);
  a.value =
      linear(at + names.value, kvHeads * headDim, model.hidden, queryBias);
  a.output =
      linear(at + names.output, model.hidden, heads * headDim, outputBias);
  if (headNorms) {
    a.queryNorm = norm(at + "self_attn.q_norm.weight", headDim, epsilon);
    a.keyNorm = norm(at + "self_attn.k_norm.weight", headDim, epsilon);
  }
  a.window = kind.window;
  if (rotatesAll || kind.window)
    a.rope = ropes->of(kind.type());
  a.scale = attentionScale.value_or(1 / std::sqrt(double(headDim)));
  return a;
}

void DecoderReader::readLatentSizes() {
  queryRank = config.integer({"q_lora_rank"}).value_or(0);
  if (queryRank == 0 && family.latent->outputGate)
    config.fail({"q_lora_rank"}, "is missing; the output gate reads the "
                                 "query's latent");
  rank = config.required({"kv_lora_rank"}, 1, 65536);
  noRopeDim = config.required({"qk_nope_head_dim"}, 1, 4096);
  ropeDim = config.required({"qk_rope_head_dim"}, 1, 4096);
  valueDim = config.required({"v_head_dim"}, 1, 4096);
  // Derived from the others, but written by transformers.
  if (auto whole = config.integer({"qk_head_dim"});
      whole && *whole != noRopeDim + ropeDim)
    config.fail({"qk_head_dim"}, "is not qk_nope_head_dim + qk_rope_head_dim");
  config.ignore({"head_dim"});
  if (kvHeads != heads)
    config.fail({"num_key_value_heads"},
                "is not num_attention_heads; the latent is shared by all");
  pairs = config.flag({"rope_interleave"}).value_or(true);
  if (!family.latent->indexer)
    return;
  int64_t sparse = config.integer({"index_topk"}).value_or(2048);
  int64_t indexHeads = config.integer({"index_n_heads"}, 1, 65536).value_or(16);
  int64_t indexDim = config.integer({"index_head_dim"}, 1, 65536).value_or(128);
  // Projections of the latent and of x, weights of heads, norm with bias.
  indexerParameters =
      layers * (indexHeads * indexDim * queryRank + indexDim * model.hidden +
                2 * indexDim + indexHeads * model.hidden);
  if (sparse < model.maxContext) {
    model.maxContext = sparse;
    model.contextReason = "beyond index_topk (" + std::to_string(sparse) +
                          ") positions attention is sparse, which is not "
                          "supported";
  }
  model.notes.push_back("the indexers of sparse attention are set apart: up "
                        "to index_topk (" +
                        std::to_string(sparse) +
                        ") positions attention is dense");
  if (!config.flag({"attention_output_gate"}).value_or(true))
    config.fail({"attention_output_gate"}, "is false, which is not supported");
}

/// kv_b_proj has, for each head, the rows of its keys and of its values.
void DecoderReader::splitValueUp(LatentAttention &a, const std::string &name) {
  int64_t both = noRopeDim + valueDim;
  Weight whole = tensors.takeMatrix(name, {heads * both, rank});
  std::vector<std::pair<int64_t, int64_t>> keys, values;
  for (int64_t head = 0; head < heads; ++head) {
    keys.push_back({head * both, noRopeDim});
    values.push_back({head * both + noRopeDim, valueDim});
  }
  a.keyUp = tensors.rows(whole, keys, {heads, noRopeDim, rank});
  a.valueUp = tensors.rows(whole, values, {heads, valueDim, rank});
}

/// The query, and the gate of the result where there is one: apart, or fused
/// as A.X K2's releases (q_b_proj) and transformers (q_gate_proj) have them.
void DecoderReader::latentQuery(LatentAttention &a, const std::string &at) {
  int64_t head = noRopeDim + ropeDim;
  if (queryRank == 0) {
    a.query = linear(at + "q_proj", heads * head, model.hidden, false);
    return;
  }
  a.queryDown = linear(at + "q_a_proj", queryRank, model.hidden, queryBias);
  a.queryNorm = norm(at + "q_a_layernorm.weight", queryRank,
                     family.latent->epsilon.value_or(epsilon));
  if (!family.latent->outputGate) {
    a.query = linear(at + "q_b_proj", heads * head, queryRank, false);
    return;
  }
  for (const char *gate : {"linear_gate", "gate_proj", "g_proj"})
    if (tensors.has(at + gate + ".weight")) {
      a.query = linear(at + "q_b_proj", heads * head, queryRank, false);
      a.outputGate = linear(at + gate, heads * valueDim, queryRank, false);
      return;
    }
  a.gateInQuery = true;
  std::string name =
      at +
      (tensors.has(at + "q_gate_proj.weight") ? "q_gate_proj" : "q_b_proj");
  a.query = linear(name, heads * (head + valueDim), 2 * queryRank, false);
}

void DecoderReader::setIndexerApart(const std::string &at) {
  tensors.setApart(
      [&](llvm::StringRef name) { return name.starts_with(at + "indexer."); });
}

LatentAttention DecoderReader::latent(const std::string &layerAt,
                                      const LayerKind &kind) {
  std::string at = layerAt + "self_attn.";
  LatentAttention a;
  a.heads = heads;
  a.rank = rank;
  a.noRopeDim = noRopeDim;
  a.ropeDim = ropeDim;
  a.valueDim = valueDim;
  latentQuery(a, at);
  a.latentDown = linear(at + "kv_a_proj_with_mqa", rank + ropeDim, model.hidden,
                        queryBias);
  a.latentNorm = norm(at + "kv_a_layernorm.weight", rank,
                      family.latent->epsilon.value_or(epsilon));
  splitValueUp(a, at + "kv_b_proj.weight");
  a.output = linear(at + "o_proj", model.hidden, heads * valueDim, outputBias);
  a.window = kind.window;
  a.rope = ropes->of(kind.type());
  if (a.rope)
    a.rope->pairs = pairs;
  a.scale = ropes->softmaxFactor(kind.type()) /
            std::sqrt(double(noRopeDim + ropeDim));
  if (family.latent->indexer)
    setIndexerApart(at);
  return a;
}
