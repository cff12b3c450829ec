//===- AxK2Test.cpp - Gated norms and gated attention -------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestFolder.h"

#include "lib/frontend/language/Check.h"

using namespace narae;
using namespace narae::huggingface;
using namespace narae::language;
using llvm::json::Array;
using llvm::json::Object;

namespace {
/// How a checkpoint of A.X K2 spells what is its own.
struct Spelling {
  const char *down, *up;      ///< of gated norms
  const char *query;          ///< its projection
  const char *gate = nullptr; ///< its own projection, or fused with the query
};
} // namespace

static std::string config() {
  return R"({"architectures": ["AXK2ForCausalLM"], "model_type": "axk2",
    "hidden_size": 16, "vocab_size": 11, "num_hidden_layers": 2,
    "num_attention_heads": 2, "q_lora_rank": 8, "kv_lora_rank": 8,
    "qk_nope_head_dim": 4, "qk_rope_head_dim": 2, "v_head_dim": 4,
    "intermediate_size": 24, "moe_intermediate_size": 8,
    "n_routed_experts": 4, "num_experts_per_tok": 2, "n_group": 2,
    "topk_group": 1, "index_topk": 32, "index_n_heads": 2,
    "index_head_dim": 4, "gated_norm_rank": 3, "rope_theta": 100.0,
    "layer_types": ["indexed_attention", "indexed_attention"],
    "mlp_layer_types": ["dense", "sparse"], "rms_norm_eps": 1e-5,
    "max_position_embeddings": 128, "tie_word_embeddings": false})";
}

static MadeTensors tensors(const Spelling &spelling) {
  MadeTensors made;
  auto add = [&](const std::string &name, std::vector<int64_t> shape) {
    made[name] = {"F32", std::move(shape), ""};
  };
  add("model.embed_tokens.weight", {11, 16});
  add("lm_head.weight", {11, 16});
  add("model.norm.weight", {16});
  for (int i = 0; i < 2; ++i) {
    std::string at = "model.layers." + std::to_string(i) + ".";
    for (const char *norm : {"input_layernorm", "post_attention_layernorm"}) {
      bool gated = i == 1 || norm[0] == 'i';
      add(at + norm + (gated ? ".norm.weight" : ".weight"), {16});
      if (gated) {
        add(at + norm + spelling.down, {3, 16});
        add(at + norm + spelling.up, {16, 3});
      }
    }
    std::string attention = at + "self_attn.";
    add(attention + "q_a_proj.weight", {8, 16});
    add(attention + "q_a_layernorm.weight", {8});
    if (spelling.gate) {
      add(attention + spelling.query, {2 * 6, 8});
      add(attention + spelling.gate, {2 * 4, 8});
    } else {
      add(attention + spelling.query, {2 * (6 + 4), 16});
    }
    add(attention + "kv_a_proj_with_mqa.weight", {10, 16});
    add(attention + "kv_a_layernorm.weight", {8});
    add(attention + "kv_b_proj.weight", {2 * 8, 8});
    add(attention + "o_proj.weight", {16, 8});
    add(attention + "indexer.wk.weight", {4, 16});
    add(attention + "indexer.k_norm.bias", {4});
    std::vector<std::string> mlps = {"mlp."};
    if (i == 1) {
      mlps = {"mlp.shared_experts."};
      for (int e = 0; e < 4; ++e)
        mlps.push_back("mlp.experts." + std::to_string(e) + ".");
      add(at + "mlp.gate.weight", {4, 16});
      add(at + "mlp.gate.e_score_correction_bias", {4});
    }
    for (const std::string &mlp : mlps) {
      int64_t width = i == 1 ? 8 : 24;
      add(at + mlp + "gate_proj.weight", {width, 16});
      add(at + mlp + "up_proj.weight", {width, 16});
      add(at + mlp + "down_proj.weight", {16, width});
    }
  }
  return made;
}

TEST(AxK2, InEverySpelling) {
  const Spelling released = {".W_down.weight", ".W_up.weight",
                             "q_b_proj.weight"};
  const Spelling transformers = {".mlp.fc1.weight", ".mlp.fc2.weight",
                                 "q_gate_proj.weight"};
  const Spelling apart = {".W_down.weight", ".W_up.weight", "q_b_proj.weight",
                          "linear_gate.weight"};
  for (const Spelling &spelling : {released, transformers, apart}) {
    SCOPED_TRACE(spelling.query);
    TestFolder folder;
    folder.write("config.json", config());
    folder.write("model.safetensors", madeSafetensors(tensors(spelling)));
    Checkpoint checkpoint = folder.load();
    ASSERT_EQ(textOf(checkpoint.problems), "");
    const LanguageModel &model = checkpoint.model;
    checkModel(model, [](const std::string &where, const std::string &message) {
      ADD_FAILURE() << where << ": " << message;
    });
    EXPECT_TRUE(model.layers[0].attentionNorm->gateDown);
    EXPECT_FALSE(model.layers[0].mlpNorm->gateDown);
    EXPECT_TRUE(model.layers[1].mlpNorm->gateUp);
    EXPECT_EQ(model.layers[0].latent->gateInQuery, !spelling.gate);
    EXPECT_EQ(model.layers[0].latent->outputGate.has_value(),
              spelling.gate != nullptr);
    EXPECT_TRUE(model.layers[1].experts->droppedGroupsScoreZero);
    EXPECT_EQ(model.layers[1].experts->groups, 2);
    EXPECT_EQ(model.maxContext, 32); // index_topk
  }
}
