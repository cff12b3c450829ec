//===- ModelTest.cpp - Models described by GGUF files ---------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GgufBytes.h"

#include "gtest/gtest.h"

#include <cmath>

using namespace narae::gguf;
using namespace narae::gguf::test;
using narae::language::Experts;

static std::string problemsOf(const GgufBytes &file,
                              const GgufOptions &options = {}) {
  return show(describe(file.bytes(), options).problems);
}
static bool has(const std::string &text, const char *part) {
  return text.find(part) != std::string::npos;
}

TEST(GgufModel, DescribesLlama) {
  LoadedModel loaded = describe(smallLlama()
                                    .f32("llama.rope.freq_base", 500)
                                    .text("general.name", "Small")
                                    .bytes());
  ASSERT_TRUE(loaded.model) << show(loaded.problems);
  const auto &model = *loaded.model;
  EXPECT_EQ(model.name, "Small");
  EXPECT_EQ(model.maxContext, 64);
  EXPECT_FALSE(model.head); // tied
  ASSERT_EQ(model.layers.size(), 2u);
  const auto &attention = *model.layers[1].attention;
  EXPECT_EQ(attention.heads, 2);
  EXPECT_EQ(attention.kvHeads, 1);
  EXPECT_EQ(attention.headDim, 4);
  EXPECT_EQ(attention.scale, 0.5);
  EXPECT_TRUE(attention.rope->pairs);
  ASSERT_EQ(attention.rope->inverseFrequencies.size(), 2u);
  EXPECT_NEAR(attention.rope->inverseFrequencies[1], 1 / std::sqrt(500), 1e-12);
  EXPECT_EQ(attention.key.weight.name, "blk.1.attn_k.weight");
  EXPECT_EQ(attention.key.weight.pieces[0].length, 128u);
  EXPECT_NEAR(model.norm.epsilon, 1e-5, 1e-12);

  GgufOptions options;
  options.withoutWeights = true;
  loaded = describe(smallLlama().bytes(), options);
  ASSERT_TRUE(loaded.model);
  EXPECT_TRUE(loaded.model->embedding.pieces.empty());
}

TEST(GgufModel, AppliesFrequencyFactors) {
  LoadedModel loaded = describe(
      smallLlama().f32Tensor("rope_freqs.weight", {2}, {1, 8}).bytes());
  ASSERT_TRUE(loaded.model) << show(loaded.problems);
  const auto &rope = *loaded.model->layers[0].attention->rope;
  EXPECT_EQ(rope.inverseFrequencies[0], 1);
  EXPECT_NEAR(rope.inverseFrequencies[1], 0.01 / 8, 1e-12);
  EXPECT_TRUE(
      has(problemsOf(smallLlama().f32Tensor("rope_freqs.weight", {2}, {1, 0})),
          "rope_freqs.weight: has a factor that is not above 0"));
}

TEST(GgufModel, ReadsYarnAndLinearScaling) {
  auto rope = [](GgufBytes file) {
    LoadedModel loaded = describe(file.bytes());
    EXPECT_TRUE(loaded.model) << show(loaded.problems);
    return *loaded.model->layers[0].attention->rope;
  };
  auto linear = rope(smallLlama().f32("llama.rope.scaling.factor", 4));
  EXPECT_EQ(linear.inverseFrequencies[0], 0.25);
  auto yarn = rope(smallLlama()
                       .text("llama.rope.scaling.type", "yarn")
                       .f32("llama.rope.scaling.factor", 4)
                       .u32("llama.rope.scaling.original_context_length", 16));
  EXPECT_NEAR(yarn.factor, 0.1 * std::log(4) + 1, 1e-12);
  EXPECT_TRUE(
      has(problemsOf(smallLlama().text("llama.rope.scaling.type", "longrope")),
          "rope.scaling.type: is \"longrope\""));
}

TEST(GgufModel, SplitsFusedProjections) {
  GgufBytes file = smallModel("qwen2", 1);
  file.f32Tensor("blk.0.attn_norm.weight", {8})
      .f32Tensor("blk.0.attn_qkv.weight", {16, 8})
      .f32Tensor("blk.0.attn_qkv.bias", {16})
      .f32Tensor("blk.0.attn_output.weight", {8, 8})
      .f32Tensor("blk.0.ffn_norm.weight", {8});
  LoadedModel loaded = describe(addMlp(file, 0).bytes());
  ASSERT_TRUE(loaded.model) << show(loaded.problems);
  const auto &attention = *loaded.model->layers[0].attention;
  uint64_t start = attention.query.weight.pieces[0].offset;
  EXPECT_EQ(attention.query.weight.pieces[0].length, 8u * 32);
  EXPECT_EQ(attention.key.weight.pieces[0].offset, start + 8 * 32);
  EXPECT_EQ(attention.value.weight.pieces[0].offset, start + 12 * 32);
  EXPECT_EQ(attention.value.bias->pieces[0].offset,
            attention.query.bias->pieces[0].offset + 48);
}

static GgufBytes &addExperts(GgufBytes &file, unsigned layer) {
  std::string prefix = "blk." + std::to_string(layer) + ".";
  return file.f32Tensor(prefix + "ffn_gate_inp.weight", {4, 8})
      .f32Tensor(prefix + "ffn_gate_exps.weight", {4, 6, 8})
      .f32Tensor(prefix + "ffn_up_exps.weight", {4, 6, 8})
      .f32Tensor(prefix + "ffn_down_exps.weight", {4, 8, 6});
}

/// K-EXAONE in small: a dense layer, then experts; four layers and one more.
static GgufBytes smallExaoneMoe() {
  GgufBytes file = smallModel("exaone-moe", 6);
  file.u32("exaone-moe.expert_count", 4)
      .u32("exaone-moe.expert_used_count", 2)
      .u32("exaone-moe.expert_feed_forward_length", 6)
      .u32("exaone-moe.expert_shared_count", 1)
      .u32("exaone-moe.leading_dense_block_count", 1)
      .u32("exaone-moe.expert_gating_func", 2)
      .flag("exaone-moe.expert_weights_norm", true)
      .f32("exaone-moe.expert_weights_scale", 2.5f)
      .u32("exaone-moe.attention.sliding_window", 7)
      .u32("exaone-moe.nextn_predict_layers", 1);
  for (unsigned layer = 0; layer < 6; ++layer) {
    std::string prefix = "blk." + std::to_string(layer) + ".";
    addAttention(file, layer)
        .f32Tensor(prefix + "attn_q_norm.weight", {4})
        .f32Tensor(prefix + "attn_k_norm.weight", {4});
    if (layer == 0 || layer == 5)
      addMlp(file, layer);
    else
      addExperts(file, layer)
          .f32Tensor(prefix + "exp_probs_b.bias", {4})
          .f32Tensor(prefix + "ffn_gate_shexp.weight", {6, 8})
          .f32Tensor(prefix + "ffn_up_shexp.weight", {6, 8})
          .f32Tensor(prefix + "ffn_down_shexp.weight", {8, 6});
  }
  file.f32Tensor("blk.5.nextn.eh_proj.weight", {8, 16});
  return file;
}

TEST(GgufModel, DescribesExaoneMoe) {
  LoadedModel loaded = describe(smallExaoneMoe().bytes());
  ASSERT_TRUE(loaded.model) << show(loaded.problems);
  const auto &model = *loaded.model;
  ASSERT_EQ(model.layers.size(), 5u);
  ASSERT_EQ(model.notes.size(), 1u);
  EXPECT_TRUE(has(model.notes[0], "1 layer that predicts tokens after the next "
                                  "(MTP) set apart"));
  EXPECT_TRUE(model.layers[0].mlp);
  const Experts &experts = *model.layers[4].experts;
  EXPECT_EQ(experts.scoring, Experts::Sigmoid);
  EXPECT_EQ(experts.chosen, 2);
  EXPECT_TRUE(experts.normalise && experts.choiceBias && experts.shared);
  EXPECT_EQ(experts.scaling, 2.5);
  int64_t windows[] = {7, 7, 7, 0, 7};
  for (int layer = 0; layer < 5; ++layer) {
    const auto &attention = *model.layers[layer].attention;
    EXPECT_EQ(attention.window, windows[layer]);
    EXPECT_EQ(attention.rope.has_value(), windows[layer] != 0);
    EXPECT_FALSE(attention.rope && attention.rope->pairs);
    EXPECT_TRUE(attention.queryNorm && attention.keyNorm);
  }
}

TEST(GgufModel, ReadsWindowPatterns) {
  auto windows = [](GgufBytes file) {
    LoadedModel loaded = describe(file.bytes());
    EXPECT_TRUE(loaded.model) << show(loaded.problems);
    std::vector<int64_t> result;
    for (const auto &layer : loaded.model->layers)
      result.push_back(layer.attention->window);
    return result;
  };
  const char *key = "exaone-moe.attention.sliding_window_pattern";
  EXPECT_EQ(windows(smallExaoneMoe().u32(key, 2)),
            (std::vector<int64_t>{7, 0, 7, 0, 7}));
  EXPECT_EQ(windows(smallExaoneMoe().array<uint8_t>(key, 7, {0, 0, 1, 1, 0})),
            (std::vector<int64_t>{0, 0, 7, 7, 0}));
}

/// EXAONE 4: norms of results only.
static GgufBytes smallExaone4(unsigned layers = 5) {
  GgufBytes file = smallModel("exaone4", layers);
  for (unsigned layer = 0; layer < layers; ++layer) {
    std::string prefix = "blk." + std::to_string(layer) + ".";
    file.f32Tensor(prefix + "attn_q.weight", {8, 8})
        .f32Tensor(prefix + "attn_k.weight", {4, 8})
        .f32Tensor(prefix + "attn_v.weight", {4, 8})
        .f32Tensor(prefix + "attn_output.weight", {8, 8})
        .f32Tensor(prefix + "attn_q_norm.weight", {4})
        .f32Tensor(prefix + "attn_k_norm.weight", {4})
        .f32Tensor(prefix + "post_attention_norm.weight", {8})
        .f32Tensor(prefix + "post_ffw_norm.weight", {8});
    addMlp(file, layer);
  }
  return file;
}

/// What transformers' Exaone4Attention does: layers with a window rotate, and
/// all layers do only where the model has no `sliding_window`.
TEST(GgufModel, RotatesInWindowsOnly) {
  using List = std::vector<int64_t>;
  auto windows = [](const GgufBytes &file) {
    LoadedModel loaded = describe(file.bytes());
    EXPECT_TRUE(loaded.model) << show(loaded.problems);
    List result;
    for (const auto &layer : loaded.model->layers) {
      const auto &attention = *layer.attention;
      result.push_back(attention.rope ? attention.window : -1); // -1: neither
      EXPECT_TRUE(attention.rope || !attention.window);
    }
    return result;
  };
  const char *window = "exaone4.attention.sliding_window";
  const char *pattern = "exaone4.attention.sliding_window_pattern";
  EXPECT_EQ(windows(smallExaone4()), (List{0, 0, 0, 0, 0}));
  EXPECT_EQ(windows(smallExaone4().u32(window, 0)), (List{0, 0, 0, 0, 0}));
  EXPECT_EQ(windows(smallExaone4().u32(window, 7)), (List{7, 7, 7, -1, 7}));
  EXPECT_EQ(windows(smallExaone4().u32(window, 7).u32(pattern, 2)),
            (List{7, -1, 7, -1, 7}));
  List never(5, -1);
  GgufBytes full =
      smallExaone4()
          .u32(window, 7)
          .f32("exaone4.rope.freq_base", 500) // which says nothing then
          .array<uint8_t>(pattern, 7, {0, 0, 0, 0, 0});
  EXPECT_EQ(windows(full), never);
  EXPECT_EQ(describe(full.bytes()).model->notes.size(), 1u);
  EXPECT_EQ(windows(smallExaone4().u32(window, 7).u32(pattern, 1)), never);
  EXPECT_EQ(
      windows(smallExaoneMoe().array<uint8_t>(
          "exaone-moe.attention.sliding_window_pattern", 7, {0, 0, 0, 0, 0})),
      never);
  // The 32B has a window whether or not the file says so, as in llama.cpp.
  List large = windows(smallExaone4(64));
  EXPECT_EQ(List(large.begin(), large.begin() + 5),
            (List{4096, 4096, 4096, -1, 4096}));
  EXPECT_EQ(windows(smallExaone4(64).u32(window, 0)), List(64, 0));
}

TEST(GgufModel, SetsNextTokenLayersApart) {
  // Named, but not in the file.
  LoadedModel named =
      describe(smallLlama("qwen3moe", 1).bytes()); // lacks what it needs
  EXPECT_FALSE(named.model);
  GgufBytes file = smallLlama("qwen2", 2);
  file.keyBytes.clear();
  file.keys = 0;
  GgufBytes keys = smallModel("qwen2", 3);
  file.keyBytes = keys.keyBytes;
  file.keys = keys.keys;
  file.u32("qwen2.nextn_predict_layers", 1);
  LoadedModel loaded = describe(file.bytes());
  ASSERT_TRUE(loaded.model) << show(loaded.problems);
  EXPECT_EQ(loaded.model->layers.size(), 2u);
  EXPECT_TRUE(has(loaded.model->notes[0], "named, but not in the file"));
}

/// DeepSeek in small: 2 heads of 4 + 2 and 3, latent 5, no experts.
static GgufBytes smallDeepseek(bool fused) {
  GgufBytes file = smallModel("deepseek2", 1);
  file.u32("deepseek2.leading_dense_block_count", 1)
      .u32("deepseek2.attention.kv_lora_rank", 5)
      .u32("deepseek2.rope.dimension_count", 2)
      .u32("deepseek2.attention.key_length", fused ? 6 : 7)
      .u32("deepseek2.attention.value_length", fused ? 3 : 5)
      .f32Tensor("blk.0.attn_norm.weight", {8})
      .f32Tensor("blk.0.ffn_norm.weight", {8})
      .f32Tensor("blk.0.attn_q.weight", {12, 8})
      .f32Tensor("blk.0.attn_kv_a_mqa.weight", {7, 8})
      .f32Tensor("blk.0.attn_kv_a_norm.weight", {5})
      .f32Tensor("blk.0.attn_output.weight", {8, 6});
  addMlp(file, 0);
  if (fused)
    return file.f32Tensor("blk.0.attn_kv_b.weight", {14, 5});
  return file.u32("deepseek2.attention.key_length_mla", 6)
      .u32("deepseek2.attention.value_length_mla", 3)
      .f32Tensor("blk.0.attn_k_b.weight", {2, 5, 4})
      .f32Tensor("blk.0.attn_v_b.weight", {2, 3, 5});
}

TEST(GgufModel, DescribesLatentAttentionInBothForms) {
  for (bool fused : {true, false}) {
    LoadedModel loaded = describe(smallDeepseek(fused).bytes());
    ASSERT_TRUE(loaded.model) << show(loaded.problems);
    const auto &latent = *loaded.model->layers[0].latent;
    EXPECT_EQ(latent.noRopeDim, 4);
    EXPECT_EQ(latent.ropeDim, 2);
    EXPECT_EQ(latent.valueDim, 3);
    EXPECT_EQ(latent.rank, 5);
    EXPECT_NEAR(latent.scale, 1 / std::sqrt(6), 1e-12);
    EXPECT_TRUE(latent.rope->pairs);
    EXPECT_EQ(latent.keyUpTransposed, !fused);
    EXPECT_EQ(latent.keyUp.shape, fused ? (std::vector<int64_t>{2, 4, 5})
                                        : (std::vector<int64_t>{2, 5, 4}));
    EXPECT_EQ(latent.valueUp.shape, (std::vector<int64_t>{2, 3, 5}));
    if (!fused)
      continue;
    uint64_t start = latent.keyUp.pieces[0].offset;
    ASSERT_EQ(latent.keyUp.pieces.size(), 2u);
    EXPECT_EQ(latent.keyUp.pieces[1].offset, start + 7 * 20);
    EXPECT_EQ(latent.valueUp.pieces[0].offset, start + 4 * 20);
    EXPECT_EQ(latent.valueUp.pieces[1].length, 3u * 20);
  }
}

TEST(GgufModel, AppliesGranitesMultipliers) {
  LoadedModel loaded = describe(smallLlama("granite")
                                    .f32("granite.logit_scale", 8)
                                    .f32("granite.embedding_scale", 12)
                                    .f32("granite.residual_scale", 0.25f)
                                    .f32("granite.attention.scale", 0.125f)
                                    .bytes());
  ASSERT_TRUE(loaded.model) << show(loaded.problems);
  EXPECT_EQ(loaded.model->logitsMultiplier, 0.125);
  EXPECT_EQ(loaded.model->embeddingMultiplier, 12);
  EXPECT_EQ(loaded.model->layers[1].residualMultiplier, 0.25);
  EXPECT_EQ(loaded.model->layers[1].attention->scale, 0.125);
  EXPECT_TRUE(has(problemsOf(smallLlama().f32("llama.residual_scale", 0.5f)),
                  "llama.residual_scale: is 0.5, which nothing reads"));
  // Without rotation: what would describe it says nothing.
  loaded = describe(smallLlama("granite")
                        .flag("granite.rope.scaling.finetuned", false)
                        .f32("granite.rope.freq_base", 500)
                        .bytes());
  ASSERT_TRUE(loaded.model) << show(loaded.problems);
  EXPECT_FALSE(loaded.model->layers[0].attention->rope);
}

TEST(GgufModel, IsStrict) {
  GgufBytes file = smallLlama();
  file.u32("llama.wkv.head_size", 3)
      .u32("llama.pooling_type", 0) // neutral
      .f32("llama.final_logit_softcapping", 30)
      .f32Tensor("blk.0.attn_sinks.weight", {2});
  std::string all = problemsOf(file);
  EXPECT_TRUE(has(all, "llama.wkv.head_size: is 3, which nothing reads"));
  EXPECT_TRUE(has(all, "final_logit_softcapping: is 30, which nothing"));
  EXPECT_TRUE(
      has(all, "blk.0.attn_sinks.weight: nothing uses this tensor [2]"));
  EXPECT_FALSE(has(all, "pooling_type"));
  const char *window = "llama.attention.sliding_window";
  EXPECT_EQ(problemsOf(smallLlama().u32(window, 64)), ""); // the context
  EXPECT_TRUE(has(problemsOf(smallLlama().u32(window, 63)),
                  "sliding_window: is 63, which nothing reads"));
  GgufOptions options;
  options.ignore = {"llama.wkv.*", "llama.final_logit_softcapping",
                    "blk.*.attn_sinks.*"};
  EXPECT_EQ(problemsOf(file, options), "");
}

TEST(GgufModel, ReportsContradictionsTogether) {
  GgufBytes file = smallModel("llama", 2);
  addAttention(file, 0);
  addMlp(file, 0);
  file.f32Tensor("blk.1.attn_norm.weight", {9});
  std::string all = problemsOf(file);
  EXPECT_TRUE(has(all, "blk.1.attn_norm.weight: the tensor has the shape [9], "
                       "but [8] follows"));
  EXPECT_TRUE(has(all, "blk.1.attn_q.weight: the tensor is missing; its shape "
                       "would be [8, 8]"));
  EXPECT_TRUE(has(all, "blk.1.ffn_down.weight: the tensor is missing"));

  GgufBytes huge = smallLlama();
  EXPECT_TRUE(has(problemsOf(smallLlama().u32("llama.vocab_size", 6)),
                  "token_embd.weight: the tensor has the shape [5, 8]"));
  EXPECT_TRUE(has(problemsOf(smallModel("llama", 4000000000u)),
                  "block_count: is 4000000000; a whole number from 1"));
  EXPECT_TRUE(has(problemsOf(smallModel("llama", 1000000)),
                  "block_count: is 1000000, but the file has 2 tensors"));
}

TEST(GgufModel, RefusesGroupsOfSoftmaxScores) {
  GgufBytes file = smallModel("qwen3moe", 1);
  file.u32("qwen3moe.expert_count", 4)
      .u32("qwen3moe.expert_used_count", 2)
      .u32("qwen3moe.expert_group_count", 2)
      .u32("qwen3moe.expert_group_used_count", 1);
  addAttention(file, 0)
      .f32Tensor("blk.0.attn_q_norm.weight", {4})
      .f32Tensor("blk.0.attn_k_norm.weight", {4});
  EXPECT_TRUE(has(problemsOf(addExperts(file, 0)),
                  "groups of softmax scores are chosen by their best expert"));
}
