//===- Attention.cpp - Attention of GGUF models ---------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/gguf/ModelBuilder.h"

#include <cmath>

namespace narae::gguf {

using language::Attention;
using language::LatentAttention;
using llvm::Twine;

/// EXAONE 4 of 32B, which llama.cpp knows by its number of layers: these
/// windows are in it where the file names none.
static constexpr int64_t kLargeExaoneLayers = 64, kLargeExaoneWindow = 4096;

int64_t ModelBuilder::windowOf(int64_t at) {
  if (arch.window == Architecture::Global)
    return 0;
  std::optional<int64_t> byDefault;
  if (arch.window == Architecture::MayHave)
    byDefault = layers == kLargeExaoneLayers ? kLargeExaoneWindow : 0;
  int64_t window = keys.layerSize("attention.sliding_window", at, blocks,
                                  byDefault, /*least=*/0);
  const Value *pattern = keys.find("attention.sliding_window_pattern");
  const Value *windows = keys.find("attention.sliding_window");
  if (!window || (!pattern && windows && windows->isArray))
    return window;
  // Without a pattern: three layers with a window, then one without.
  if (!pattern)
    return at % 4 < 3 ? window : 0;
  if (!pattern->isArray) {
    int64_t period = pattern->integer().value_or(-1);
    if (period < 0)
      keys.problem("attention.sliding_window_pattern",
                   "is " + pattern->show() + "; a period is expected");
    return period <= 0 || at % period < period - 1 ? window : 0;
  }
  if (std::optional<bool> slides = pattern->boolean(at))
    return *slides ? window : 0;
  if (std::optional<int64_t> slides = pattern->integer(at))
    return *slides ? window : 0;
  keys.problem("attention.sliding_window_pattern",
               "is " + pattern->show() + ", which says nothing of layer " +
                   Twine(at));
  return 0;
}

void ModelBuilder::readRotation(language::LanguageModel &model) {
  rotatesAll = arch.window == Architecture::Global;
  if (rotatesAll)
    return;
  bool anyWindow = false;
  for (int64_t at = 0; at < layers; ++at)
    anyWindow |= windowOf(at) != 0;
  if (anyWindow)
    return;
  const Value *window = keys.find("attention.sliding_window");
  rotatesAll = !window || (!window->isArray && window->integer() == 0);
  if (!rotatesAll)
    model.notes.push_back("no layer has a window, and attention.sliding_window "
                          "is given: no layer rotates, as in transformers");
}

/// q, k and v as rows of one matrix.
void ModelBuilder::fusedProjection(Attention &attention, int64_t at) {
  std::string name = "blk." + std::to_string(at) + ".attn_qkv";
  int64_t q = attention.heads * attention.headDim;
  int64_t kv = attention.kvHeads * attention.headDim;
  int64_t all = q + 2 * kv;
  auto cut = [&](language::Linear &linear, int64_t first, int64_t rows) {
    linear.weight = tensors.takeRows(name + ".weight", 1, all, hidden, first,
                                     rows, {rows, hidden});
    if (tensors.has(name + ".bias"))
      linear.bias = tensors.takePart(name + ".bias", all, first, rows);
  };
  cut(attention.query, 0, q);
  cut(attention.key, q, kv);
  cut(attention.value, q + kv, kv);
}

Attention ModelBuilder::attention(int64_t at) {
  std::string prefix = "blk." + std::to_string(at) + ".";
  size_t before = problems.size();
  Attention attention;
  attention.heads = keys.layerSize("attention.head_count", at, blocks);
  attention.kvHeads =
      keys.layerSize("attention.head_count_kv", at, blocks, attention.heads);
  int64_t even = std::max<int64_t>(hidden / attention.heads, 1);
  attention.headDim = keys.size("attention.key_length", even);
  if (attention.heads % attention.kvHeads)
    keys.problem("attention.head_count_kv",
                 "is " + Twine(attention.kvHeads) + ", which does not divide " +
                     "the " + Twine(attention.heads) + " heads");
  for (const char *key : {"attention.value_length", "attention.key_length_swa",
                          "attention.value_length_swa"})
    if (int64_t other = keys.size(key, attention.headDim);
        other != attention.headDim)
      keys.problem(key, "is " + Twine(other) + ", but keys have " +
                            Twine(attention.headDim) +
                            " elements a head; both must be the same");

  int64_t q = attention.heads * attention.headDim;
  int64_t kv = attention.kvHeads * attention.headDim;
  if (tensors.has(prefix + "attn_qkv.weight")) {
    fusedProjection(attention, at);
  } else {
    attention.query = linear(prefix + "attn_q", q, hidden);
    attention.key = linear(prefix + "attn_k", kv, hidden);
    attention.value = linear(prefix + "attn_v", kv, hidden);
  }
  attention.output = linear(prefix + "attn_output", hidden, q);
  if (arch.headNorms == Architecture::Needed ||
      (arch.headNorms == Architecture::Possible &&
       (tensors.has(prefix + "attn_q_norm.weight") ||
        tensors.has(prefix + "attn_k_norm.weight")))) {
    attention.queryNorm = norm(prefix + "attn_q_norm", attention.headDim);
    attention.keyNorm = norm(prefix + "attn_k_norm", attention.headDim);
  }

  attention.window = windowOf(at);
  bool rotates = rotatesAll || attention.window;
  // Granite says `finetuned` where it rotates.
  if (arch.multipliers)
    rotates &= keys.flag("rope.scaling.finetuned", true);
  int64_t rotated = keys.size("rope.dimension_count", attention.headDim);
  int64_t rotatedSliding = keys.size("rope.dimension_count_swa", rotated);
  if (rotated > attention.headDim || rotated % 2 || rotatedSliding != rotated ||
      (arch.pairs && rotated != attention.headDim))
    keys.problem("rope.dimension_count",
                 "is " + Twine(rotated) + " of " + Twine(attention.headDim) +
                     " elements a head, which the architecture does not have");
  else if (problems.size() == before) { // else it may be of any size
    // Files whose layers do not rotate have the keys of rotation too.
    language::Rope rope = rotation(rotated, attention.window != 0, nullptr);
    if (rotates)
      attention.rope = std::move(rope);
  }

  attention.scale = 1 / std::sqrt(static_cast<double>(attention.headDim));
  if (arch.multipliers)
    if (double scale = keys.number("attention.scale", 0, /*positive=*/false))
      attention.scale = scale;
  return attention;
}

/// The matrices from the latent to keys and values: two, or (in old files) one
/// that has for each head its rows of keys, then its rows of values.
void ModelBuilder::latentUp(LatentAttention &attention,
                            const std::string &prefix) {
  int64_t heads = attention.heads, rank = attention.rank;
  int64_t keyRows = attention.noRopeDim, valueRows = attention.valueDim;
  std::string fused = prefix + "attn_kv_b.weight";
  if (tensors.has(fused) && !tensors.has(prefix + "attn_k_b.weight")) {
    attention.keyUp = tensors.takeRows(fused, heads, keyRows + valueRows, rank,
                                       0, keyRows, {heads, keyRows, rank});
    attention.valueUp =
        tensors.takeRows(fused, heads, keyRows + valueRows, rank, keyRows,
                         valueRows, {heads, valueRows, rank});
    return;
  }
  tensors.drop(fused); // said twice
  attention.keyUp = tensors.takeRows(prefix + "attn_k_b.weight", heads, rank,
                                     keyRows, 0, rank, {heads, rank, keyRows});
  attention.keyUpTransposed = true;
  attention.valueUp =
      tensors.takeRows(prefix + "attn_v_b.weight", heads, valueRows, rank, 0,
                       valueRows, {heads, valueRows, rank});
}

LatentAttention ModelBuilder::latentAttention(int64_t at) {
  std::string prefix = "blk." + std::to_string(at) + ".";
  size_t before = problems.size();
  LatentAttention attention;
  attention.heads = keys.layerSize("attention.head_count", at, blocks);
  attention.rank = keys.size("attention.kv_lora_rank");
  attention.ropeDim = keys.size("rope.dimension_count");
  // New files describe the heads that the cache sees, and these beside them.
  int64_t key = keys.size("attention.key_length");
  int64_t value = keys.size("attention.value_length");
  key = keys.size("attention.key_length_mla", key);
  attention.valueDim = keys.size("attention.value_length_mla", value);
  attention.noRopeDim = key - attention.ropeDim;
  keys.find("attention.head_count_kv"); // 1 or `heads`: says nothing new
  if (attention.noRopeDim < 1 || attention.ropeDim % 2) {
    keys.problem("rope.dimension_count", "is " + Twine(attention.ropeDim) +
                                             " of " + Twine(key) +
                                             " elements of a key");
    return attention;
  }

  int64_t queryRank = keys.size("attention.q_lora_rank", 0, /*least=*/0);
  // transformers builds the norms of the latents without the model's epsilon.
  auto latentNorm = [&](const std::string &name, int64_t size) {
    language::Norm result = norm(name, size);
    result.epsilon = 1e-6;
    return result;
  };
  if (queryRank) {
    attention.queryDown = linear(prefix + "attn_q_a", queryRank, hidden);
    attention.queryNorm = latentNorm(prefix + "attn_q_a_norm", queryRank);
  }
  attention.query =
      linear(prefix + (queryRank ? "attn_q_b" : "attn_q"),
             attention.heads * key, queryRank ? queryRank : hidden);
  attention.latentDown = linear(prefix + "attn_kv_a_mqa",
                                attention.rank + attention.ropeDim, hidden);
  attention.latentNorm = latentNorm(prefix + "attn_kv_a_norm", attention.rank);
  latentUp(attention, prefix);
  attention.output = linear(prefix + "attn_output", hidden,
                            attention.heads * attention.valueDim);
  double softmax = 1;
  if (problems.size() == before) // else it may be of any size
    attention.rope = rotation(attention.ropeDim, /*sliding=*/false, &softmax);
  attention.scale = softmax / std::sqrt(static_cast<double>(key));
  return attention;
}

} // namespace narae::gguf
