//===- ConfigTest.cpp - What configurations may say ---------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestFolder.h"

#include <cmath>

using namespace narae;
using namespace narae::huggingface;
using namespace narae::language;
using llvm::json::Array;
using llvm::json::Object;

static std::string problemsOf(const std::string &folder, const Changes &changes,
                              std::vector<std::string> allowed = {}) {
  return textOf(loadChanged(folder, changes, std::move(allowed)).problems);
}

static bool has(const std::string &text, const std::string &part) {
  return text.find(part) != std::string::npos;
}

TEST(Config, UnreadKeysAreNamed) {
  EXPECT_EQ(problemsOf("checkpoints/llama", {{"hc_rate", 2}}),
            "config.json: 'hc_rate' is 2, and nothing in llama models reads "
            "it; --ignore=hc_rate compiles without it\n");
  EXPECT_EQ(problemsOf("checkpoints/llama", {{"hc_rate", 2}}, {"hc_rate"}), "");
  // Neutral values, and keys that no model computes with.
  EXPECT_EQ(problemsOf("checkpoints/llama", {{"hc_rate", 0},
                                             {"sliding_window", nullptr},
                                             {"use_cache", false},
                                             {"top_p", 0.5}}),
            "");
  EXPECT_TRUE(has(problemsOf("checkpoints/llama", {{"sliding_window", 4096}}),
                  "'sliding_window' is 4096"));
  EXPECT_TRUE(has(problemsOf("checkpoints/exaone4", {{"attention_bias", true}}),
                  "'attention_bias' is true"));
  // Inside objects too.
  std::string text = problemsOf(
      "checkpoints/llama",
      {{"rope_scaling", Object{{"rope_type", "default"}, {"warp", 3}}}});
  EXPECT_TRUE(has(text, "'rope_scaling.warp' is 3")) << text;
}

TEST(Config, AllProblemsAtOnce) {
  std::string text =
      problemsOf("checkpoints/llama", {{"hidden_size", -1},
                                       {"vocab_size", "many"},
                                       {"num_hidden_layers", 1e12},
                                       {"warp", 1}});
  EXPECT_TRUE(has(text, "'hidden_size' is -1")) << text;
  EXPECT_TRUE(has(text, "'vocab_size' is \"many\"")) << text;
  EXPECT_TRUE(has(text, "'num_hidden_layers'")) << text;
  EXPECT_TRUE(has(text, "'warp' is 1")) << text;
  EXPECT_TRUE(has(problemsOf("checkpoints/llama", {{"hidden_size", nullptr}}),
                  "'hidden_size' is missing"));
}

static std::vector<int64_t> windowsOf(const std::string &folder,
                                      const Changes &changes) {
  Checkpoint checkpoint = loadChanged(folder, changes);
  EXPECT_EQ(textOf(checkpoint.problems), "");
  std::vector<int64_t> windows;
  for (const Layer &layer : checkpoint.model.layers) {
    const Attention &a = *layer.attention;
    windows.push_back(a.rope ? a.window : -1); // -1: no rotation
    if (!a.rope)
      EXPECT_EQ(a.window, 0);
  }
  return windows;
}

TEST(Config, WindowsInEverySpelling) {
  using List = std::vector<int64_t>;
  const char *model = "checkpoints/exaone4";
  Changes bare = {{"layer_types", "(removed)"}};
  auto with = [&](llvm::json::Value pattern) {
    Changes changes = bare;
    changes.insert_or_assign("sliding_window_pattern", std::move(pattern));
    return windowsOf(model, changes);
  };
  EXPECT_EQ(with("LLLG"), (List{4, 4, 4, -1, 4}));
  EXPECT_EQ(with("LG"), (List{4, -1, 4, -1, 4}));
  EXPECT_EQ(with(3), (List{4, 4, -1, 4, 4}));
  // Null, or no window at all: every layer sees and rotates everything.
  EXPECT_EQ(with(nullptr), (List{0, 0, 0, 0, 0}));
  EXPECT_EQ(windowsOf(model, {{"layer_types", "(removed)"},
                              {"sliding_window", nullptr}}),
            (List{0, 0, 0, 0, 0}));
  // A window that no layer has, as transformers reads it: nothing rotates.
  EXPECT_EQ(with(1), (List{-1, -1, -1, -1, -1}));
  std::vector<std::string> full(5, "full_attention");
  EXPECT_EQ(windowsOf("checkpoints/exaone_moe",
                      {{"layer_types", full},
                       {"sliding_windows", nullptr},
                       {"sliding_window_pattern", "(removed)"}}),
            (List{-1, -1, -1, -1, -1}));
  EXPECT_EQ(windowsOf(model, {{"layer_types", full},
                              {"sliding_window_pattern", nullptr},
                              {"sliding_window", nullptr}}),
            (List{0, 0, 0, 0, 0}));
  EXPECT_EQ(windowsOf("checkpoints/exaone_moe",
                      {{"sliding_windows", Array{4, 2, 8, 0, 4}}}),
            (List{4, 2, 8, -1, 4}));
  EXPECT_TRUE(has(problemsOf("checkpoints/exaone_moe",
                             {{"sliding_windows", Array{4, 0, 8, 0, 4}}}),
                  "does not agree with 'layer_types' at layer 1"));
  EXPECT_TRUE(has(problemsOf(model, {{"sliding_window_pattern", "LG"}}),
                  "does not agree with 'layer_types'"));
  EXPECT_TRUE(has(problemsOf(model, {{"sliding_window_pattern", "LXG"}}),
                  "neither null, a number, nor"));
  EXPECT_TRUE(has(problemsOf(model, {{"layer_types", Array{"full_attention"}}}),
                  "1 entries for 5 layers"));
  // A window that is switched off, and on.
  EXPECT_EQ(windowsOf("checkpoints/qwen2", {{"sliding_window", 8}}),
            (List{0, 0, 0, 0, 0}));
  EXPECT_EQ(windowsOf("checkpoints/qwen2", {{"sliding_window", 8},
                                            {"use_sliding_window", true},
                                            {"max_window_layers", 3},
                                            {"layer_types", "(removed)"}}),
            (List{0, 0, 0, 8, 8}));
}

TEST(Config, RotaryEmbeddingsInBothSpellings) {
  auto ropeOf = [&](const Changes &changes, int64_t layer = 0) {
    Checkpoint checkpoint = loadChanged("checkpoints/exaone4", changes);
    EXPECT_EQ(textOf(checkpoint.problems), "");
    return *checkpoint.model.layers[layer].attention->rope;
  };
  Changes older = {{"rope_parameters", "(removed)"},
                   {"rope_theta", 100.0},
                   {"rope_scaling", Object{{"type", "linear"}, {"factor", 4}}}};
  EXPECT_NEAR(ropeOf(older).inverseFrequencies[4], 0.1 / 4, 1e-12);
  Changes half = {{"rope_parameters", Object{{"rope_theta", 100.0},
                                             {"partial_rotary_factor", 0.5}}}};
  EXPECT_EQ(ropeOf(half).inverseFrequencies.size(), 4u);
  Changes nested = {
      {"rope_parameters",
       Object{{"full_attention", Object{{"rope_theta", 10.0}}},
              {"sliding_attention",
               Object{{"rope_theta", 100.0}, {"rope_type", "default"}}}}}};
  EXPECT_NEAR(ropeOf(nested).inverseFrequencies[4], 0.1, 1e-12);
  Changes given = {
      {"rope_parameters", Object{{"rope_theta", 100.0},
                                 {"rope_type", "yarn"},
                                 {"factor", 2.0},
                                 {"truncate", false},
                                 {"attention_factor", 1.5},
                                 {"original_max_position_embeddings", 8}}}};
  EXPECT_EQ(ropeOf(given).factor, 1.5);
  // As far as the shorter factors go; exaone4's heads are 16 wide.
  Object longrope{{"type", "longrope"},
                  {"original_max_position_embeddings", 64},
                  {"factor", 4},
                  {"short_factor", Array{1, 2, 3, 4, 5, 6, 7, 8}},
                  {"long_factor", Array{9, 9, 9, 9, 9, 9, 9, 9}}};
  Changes change = {{"rope_parameters", "(removed)"},
                    {"rope_theta", 100.0},
                    {"rope_scaling", Object(longrope)}};
  EXPECT_NEAR(ropeOf(change).inverseFrequencies[4], 0.1 / 5, 1e-12);
  EXPECT_NEAR(ropeOf(change).factor, std::sqrt(1 + std::log(4) / std::log(64)),
              1e-12);
  Checkpoint limited = loadChanged("checkpoints/exaone4", change);
  EXPECT_EQ(limited.model.maxContext, 64);
  longrope["short_factor"] = Array{1, 2};
  change.insert_or_assign("rope_scaling", Object(longrope));
  EXPECT_TRUE(has(problemsOf("checkpoints/exaone4", change),
                  "has 2 entries for the 8 pairs"));
  EXPECT_TRUE(has(
      problemsOf("checkpoints/llama",
                 {{"rope_scaling", Object{{"type", "su"}}}}),
      "is 'su'; known are default, linear, dynamic, llama3, longrope and "));
  EXPECT_TRUE(has(problemsOf("checkpoints/llama",
                             {{"rope_parameters",
                               Object{{"rope_type", "yarn"}, {"factor", 3}}}}),
                  "have different 'factor'"));
}

TEST(Config, WhatIsSetApartIsSaid) {
  Checkpoint draft = loadChanged("checkpoints/deepseek_v3", {});
  ASSERT_EQ(draft.model.notes.size(), 1u);
  EXPECT_EQ(draft.model.notes[0],
            "the configuration names 1 layer that drafts tokens (MTP), set "
            "apart");
  Checkpoint sparse = loadChanged("configs/a.x-k2-688b-a33b", {});
  EXPECT_EQ(sparse.model.maxContext, 2048);
  EXPECT_TRUE(has(sparse.model.contextReason, "index_topk (2048)"));
}

TEST(Config, UnknownArchitecturesAreCompared) {
  std::string text = problemsOf("checkpoints/exaone4",
                                {{"model_type", "exaone5"},
                                 {"architectures", Array{"Exaone5ForCausalLM"}},
                                 {"hc_rate", 2}});
  EXPECT_TRUE(has(text, "model_type 'exaone5' (Exaone5ForCausalLM) is not "
                        "known. Nearest by its keys is exaone4, which does "
                        "not have hc_rate"))
      << text;
  EXPECT_TRUE(has(text, "Known are llama, mistral, exaone")) << text;
  // Other capitals, and the class alone, will do.
  EXPECT_EQ(problemsOf("checkpoints/axk1", {{"model_type", "AXK1"}}), "");
  EXPECT_EQ(problemsOf("checkpoints/exaone_moe",
                       {{"model_type", "(removed)"},
                        {"architectures", Array{"ExaoneMoEForCausalLM"}}}),
            "");
}

TEST(Config, LimitsOfSwiGlu) {
  Checkpoint checkpoint = loadChanged(
      "checkpoints/exaone_moe", {{"swiglu_limits", Array{0, 7.5, 7, 0, 1}}});
  EXPECT_EQ(textOf(checkpoint.problems), "");
  EXPECT_EQ(checkpoint.model.layers[0].mlp->limit, 0);
  EXPECT_EQ(checkpoint.model.layers[1].experts->limit, 7.5);
  EXPECT_EQ(checkpoint.model.layers[1].experts->shared->limit, 7.5);
  EXPECT_EQ(checkpoint.model.layers[4].experts->limit, 1);
}
