//===- CheckpointsTest.cpp - Descriptions of tiny checkpoints -----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestFolder.h"

#include "lib/frontend/huggingface/Safetensors.h"
#include "lib/frontend/language/Check.h"
#include "lib/frontend/language/Parameters.h"

#include <cmath>

using namespace narae;
using namespace narae::huggingface;
using namespace narae::language;

static LanguageModel load(const std::string &name) {
  Checkpoint checkpoint =
      loadCheckpoint(NARAE_TEST_DATA "/checkpoints/" + name, {});
  EXPECT_EQ(textOf(checkpoint.problems), "") << name;
  EXPECT_GE(checkpoint.model.layers.size(), 5u) << name;
  return std::move(checkpoint.model);
}

/// The files' elements are those of the description: nothing is left out.
static int64_t elementsOfFile(const std::string &name) {
  Problems problems;
  int64_t count = 0;
  for (const TensorEntry &entry :
       readSafetensors(NARAE_TEST_DATA "/checkpoints/" + name,
                       "model.safetensors", problems))
    count += int64_t(entry.length / 4);
  EXPECT_EQ(textOf(problems), "");
  return count;
}

TEST(Checkpoints, AreReadWhole) {
  for (const char *name :
       {"axk1", "deepseek_v3", "exaone4", "exaone_moe", "hyperclovax",
        "kanana2", "llama", "qwen2", "qwen3", "solar_open", "vaetki"}) {
    SCOPED_TRACE(name);
    LanguageModel model = load(name);
    EXPECT_EQ(countParameters(model), elementsOfFile(name));
    checkModel(model, [](const std::string &where, const std::string &message) {
      ADD_FAILURE() << where << ": " << message;
    });
    EXPECT_EQ(model.endTokens, std::vector<int64_t>{2});
    EXPECT_EQ(model.maxContext, 256);
    EXPECT_EQ(model.hidden, 64);
    EXPECT_EQ(model.vocabulary, 97);
    EXPECT_EQ(model.norm.epsilon, 1e-5);
  }
}

TEST(Checkpoints, Llama) {
  LanguageModel model = load("llama");
  const Attention &a = *model.layers[4].attention;
  EXPECT_EQ(a.scale, 0.25);
  EXPECT_EQ(a.window, 0);
  EXPECT_FALSE(a.query.bias || a.queryNorm || a.rope->pairs);
  // llama3: the first frequency stays, the last is divided by 16.
  ASSERT_EQ(a.rope->inverseFrequencies.size(), 8u);
  EXPECT_EQ(a.rope->inverseFrequencies[0], 1);
  EXPECT_NEAR(a.rope->inverseFrequencies[7], std::pow(1e6, -7.0 / 8) / 16,
              1e-12);
  EXPECT_TRUE(model.head);
  EXPECT_FALSE(model.layers[0].attentionPostNorm);
}

TEST(Checkpoints, QwenHasBiasesOrHeadNorms) {
  LanguageModel two = load("qwen2"), three = load("qwen3");
  EXPECT_TRUE(two.layers[0].attention->key.bias);
  EXPECT_FALSE(two.layers[0].attention->output.bias);
  EXPECT_FALSE(two.layers[0].attention->keyNorm);
  EXPECT_FALSE(three.layers[0].attention->key.bias);
  EXPECT_EQ(three.layers[0].attention->keyNorm->scale.shape,
            std::vector<int64_t>{16});
  EXPECT_FALSE(three.head); // tied
}

TEST(Checkpoints, ExaoneRotatesInWindowsOnly) {
  for (const char *name : {"exaone4", "exaone_moe"}) {
    SCOPED_TRACE(name);
    LanguageModel model = load(name);
    for (int64_t i = 0; i < 5; ++i) {
      const Layer &layer = model.layers[i];
      EXPECT_EQ(layer.attention->window, i == 3 ? 0 : 4);
      EXPECT_EQ(layer.attention->rope.has_value(), i != 3);
      bool post = std::string(name) == "exaone4";
      EXPECT_EQ(layer.attentionNorm.has_value(), !post);
      EXPECT_EQ(layer.attentionPostNorm.has_value(), post);
      EXPECT_EQ(layer.experts.has_value(), !post && i > 0);
    }
  }
  const Experts experts = *load("exaone_moe").layers[1].experts;
  EXPECT_EQ(experts.chosen, 2);
  EXPECT_EQ(experts.scaling, 2.5);
  EXPECT_TRUE(experts.choiceBias && experts.shared && experts.normalise);
  // Each expert's matrix is a piece of its own, in order.
  EXPECT_EQ(experts.gate.shape, (std::vector<int64_t>{8, 48, 64}));
  EXPECT_EQ(experts.gate.pieces.size(), 8u);
}

TEST(Checkpoints, HyperclovaMultiplies) {
  LanguageModel model = load("hyperclovax");
  EXPECT_EQ(model.embeddingMultiplier, 10);
  EXPECT_EQ(model.logitsMultiplier, 0.125);
  EXPECT_EQ(model.layers[2].residualMultiplier, 0.7);
  EXPECT_EQ(model.layers[2].attention->scale, 0.05);
  EXPECT_TRUE(model.layers[2].attentionPostNorm && model.layers[2].mlpPostNorm);
}

TEST(Checkpoints, YarnScalesWhatItShould) {
  // Grouped attention: cosine and sine only.
  const Attention solar = *load("solar_open").layers[0].attention;
  EXPECT_NEAR(solar.rope->factor, 0.1 * std::log(2) + 1, 1e-12);
  EXPECT_EQ(solar.scale, 0.25);
  EXPECT_EQ(solar.rope->inverseFrequencies.size(), 8u); // all of the head
  // Latent attention: both mscales 1 leave cosine and sine alone and scale the
  // scores; mscale_all_dim 0 does the opposite.
  double plain = 1 / std::sqrt(24.0), m = 0.1 * std::log(40) + 1;
  const LatentAttention v3 = *load("deepseek_v3").layers[0].latent;
  EXPECT_EQ(v3.rope->factor, 1);
  EXPECT_NEAR(v3.scale, plain * m * m, 1e-12);
  EXPECT_TRUE(v3.rope->pairs);
  const LatentAttention k1 = *load("axk1").layers[0].latent;
  EXPECT_NEAR(k1.rope->factor, 0.1 * std::log(4) + 1, 1e-12);
  EXPECT_NEAR(k1.scale, plain, 1e-12);
}

TEST(Checkpoints, LatentsAreSplitByHead) {
  const LatentAttention a = *load("kanana2").layers[1].latent;
  EXPECT_FALSE(a.queryDown || a.queryNorm || a.outputGate || a.gateInQuery);
  EXPECT_EQ(a.latentNorm.epsilon, 1e-6); // not rms_norm_eps
  EXPECT_EQ(a.keyUp.shape, (std::vector<int64_t>{4, 16, 16}));
  ASSERT_EQ(a.keyUp.pieces.size(), 4u);
  ASSERT_EQ(a.valueUp.pieces.size(), 4u);
  // Heads of 16 + 16 rows of 16 numbers: 1024 bytes of keys, then of values.
  EXPECT_EQ(a.valueUp.pieces[0].offset, a.keyUp.pieces[0].offset + 1024);
  EXPECT_EQ(a.keyUp.pieces[1].offset, a.keyUp.pieces[0].offset + 2048);
  EXPECT_EQ(a.keyUp.pieces[1].length, 1024u);
}

TEST(Checkpoints, AxK1NormsWhatExpertsGive) {
  LanguageModel model = load("axk1");
  EXPECT_FALSE(model.layers[0].mlpPostNorm);
  EXPECT_TRUE(model.layers[1].mlpPostNorm);
  EXPECT_EQ(model.layers[1].experts->groups, 4);
  EXPECT_EQ(model.layers[1].experts->chosenGroups, 2);
}

TEST(Checkpoints, VaetkiHasTwoThetas) {
  LanguageModel model = load("vaetki");
  for (int64_t i = 0; i < 7; ++i) {
    const LatentAttention &a = *model.layers[i].latent;
    EXPECT_EQ(a.window, i == 5 ? 0 : 4);
    EXPECT_NEAR(a.rope->inverseFrequencies[0], i == 5 ? 1 / 8.0 : 1, 1e-12);
    EXPECT_NEAR(a.rope->inverseFrequencies[1],
                i == 5 ? std::pow(1e6, -0.25) / 8 : 0.1, 1e-12);
    EXPECT_TRUE(a.latentNorm.zeroCentred);
    EXPECT_EQ(a.latentNorm.epsilon, 1e-5);
    EXPECT_EQ(model.layers[i].experts.has_value(), i >= 2);
  }
  EXPECT_FALSE(model.layers[2].experts->choiceBias);
  EXPECT_TRUE(model.norm.zeroCentred && model.layers[0].mlpPostNorm);
}
