//===- VariantsTest.cpp - Checkpoints spelled otherwise -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestFolder.h"

#include "lib/frontend/huggingface/Safetensors.h"
#include "lib/frontend/language/Check.h"
#include "lib/frontend/language/Parameters.h"

#include <functional>

using namespace narae;
using namespace narae::huggingface;
using namespace narae::language;
using llvm::StringRef;
using llvm::json::Array;
using llvm::json::Object;

/// Names and shapes of a tiny checkpoint, with zeros for values.
static MadeTensors tensorsOf(const std::string &name) {
  MadeTensors made;
  Problems problems;
  for (const TensorEntry &entry :
       readSafetensors(NARAE_TEST_DATA "/checkpoints/" + name,
                       "model.safetensors", problems))
    made[entry.name] = {entry.type, entry.shape, ""};
  EXPECT_EQ(textOf(problems), "");
  return made;
}

static Checkpoint load(const std::string &config, const MadeTensors &tensors,
                       bool check = true) {
  TestFolder folder;
  folder.write("config.json", config);
  folder.write("model.safetensors", madeSafetensors(tensors));
  Checkpoint checkpoint = folder.load();
  if (check) {
    EXPECT_EQ(textOf(checkpoint.problems), "");
    checkModel(checkpoint.model,
               [](const std::string &where, const std::string &message) {
                 ADD_FAILURE() << where << ": " << message;
               });
  }
  return checkpoint;
}

static Checkpoint load(const std::string &name, const Changes &changes,
                       const MadeTensors &tensors, bool check = true) {
  return load(changedConfig("checkpoints/" + name, changes), tensors, check);
}

static std::string problemsOf(const std::string &name,
                              const MadeTensors &tensors,
                              const Changes &changes = {}) {
  return textOf(load(name, changes, tensors, false).problems);
}

TEST(Variants, TensorsThatDoNotFit) {
  MadeTensors tensors = tensorsOf("llama");
  tensors.erase("model.layers.1.mlp.up_proj.weight");
  tensors["model.layers.2.self_attn.q_proj.weight"].shape = {32, 64};
  EXPECT_EQ(problemsOf("llama", tensors),
            "model.layers.1.mlp.up_proj.weight: is missing; the configuration "
            "asks for [96, 64]\n"
            "model.layers.2.self_attn.q_proj.weight: has the shape [32, 64]; "
            "the configuration makes it [64, 64]\n");

  tensors = tensorsOf("llama");
  for (const char *i : {"0", "3"})
    tensors[std::string("model.layers.") + i + ".self_attn.q_proj.bias"] = {
        "F32", {64}, ""};
  tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = {"F32", {8}, ""};
  EXPECT_EQ(problemsOf("llama", tensors),
            "model.layers.0.self_attn.q_proj.bias: [64] (and 1 more like "
            "model.layers.*.self_attn.q_proj.bias) is read by nothing in llama "
            "models, so the result would be another model; "
            "--ignore=model.layers.*.self_attn.q_proj.bias compiles anyway\n");
  // The flag that would read them asks for all of them.
  std::string text = problemsOf("llama", tensors, {{"attention_bias", true}});
  EXPECT_NE(text.find("model.layers.0.self_attn.o_proj.bias: is missing"),
            std::string::npos)
      << text;
  // A layer too many is no MTP layer unless something says so.
  tensors = tensorsOf("llama");
  text = problemsOf("llama", tensors, {{"num_hidden_layers", 4}});
  EXPECT_NE(text.find("model.layers.4.input_layernorm.weight"),
            std::string::npos)
      << text;
}

TEST(Variants, DraftingLayersAreSetApart) {
  MadeTensors tensors = tensorsOf("deepseek_v3");
  for (const char *name : {"eh_proj", "self_attn.o_proj", "enorm"})
    tensors["model.layers.5." + std::string(name) + ".weight"] = {
        "F32", {7}, ""};
  EXPECT_EQ(load("deepseek_v3", {}, tensors).model.notes[0],
            "layers that draft tokens (MTP) are set apart: 3 tensors");
  // Without a word of the configuration, by their own tensors.
  EXPECT_EQ(load("deepseek_v3", {{"num_nextn_predict_layers", 0}}, tensors)
                .model.notes.size(),
            1u);
  tensors = tensorsOf("exaone_moe");
  tensors["mtp.fc.weight"] = {"F32", {64, 128}, ""};
  tensors["mtp.layers.0.mlp.up_proj.weight"] = {"F32", {96, 64}, ""};
  EXPECT_EQ(load("exaone_moe", {{"num_nextn_predict_layers", 1}}, tensors)
                .model.notes[0],
            "layers that draft tokens (MTP) are set apart: 2 tensors");
}

/// As transformers saves experts: two tensors for all of a layer.
static MadeTensors fused(const MadeTensors &tensors, int64_t experts) {
  MadeTensors made;
  for (const auto &[name, tensor] : tensors) {
    StringRef rest = name;
    size_t at = rest.find(".mlp.experts.");
    if (at == StringRef::npos) {
      made[name] = tensor;
      continue;
    }
    std::string prefix = rest.take_front(at).str() + ".mlp.experts.";
    const std::vector<int64_t> &shape = tensor.shape;
    if (rest.ends_with("up_proj.weight"))
      made[prefix + "gate_up_proj"] = {
          tensor.type, {experts, 2 * shape[0], shape[1]}, ""};
    if (rest.ends_with("down_proj.weight"))
      made[prefix + "down_proj"] = {
          tensor.type, {experts, shape[0], shape[1]}, ""};
  }
  return made;
}

TEST(Variants, FusedExperts) {
  MadeTensors tensors = fused(tensorsOf("axk1"), 8);
  // Transformers keeps this norm among the experts.
  for (int i = 1; i < 5; ++i) {
    std::string at = "model.layers." + std::to_string(i) + ".";
    tensors[at + "mlp.post_mlp_layernorm.weight"] =
        tensors[at + "post_mlp_layernorm.weight"];
    tensors.erase(at + "post_mlp_layernorm.weight");
  }
  LanguageModel model = load("axk1", {}, tensors).model;
  const Experts &experts = *model.layers[1].experts;
  ASSERT_EQ(experts.gate.pieces.size(), 8u);
  ASSERT_EQ(experts.up.pieces.size(), 8u);
  // Each expert's gate, then its up, of 48 x 64 numbers.
  EXPECT_EQ(experts.up.pieces[0].offset,
            experts.gate.pieces[0].offset + 48 * 64 * 4);
  EXPECT_EQ(experts.gate.pieces[1].offset,
            experts.gate.pieces[0].offset + 2 * 48 * 64 * 4);
  EXPECT_TRUE(model.layers[1].mlpPostNorm);
}

/// A model with pictures around a text model.
static Checkpoint loadWithPictures(const std::string &name,
                                   const std::string &prefix,
                                   const std::string &head) {
  MadeTensors made;
  for (const auto &[tensor, what] : tensorsOf(name)) {
    StringRef rest = tensor;
    if (rest.consume_front("model."))
      made[prefix + rest.str()] = what;
    else
      made[head + rest.str()] = what;
  }
  made["model.visual.blocks.0.attn.qkv.weight"] = {"F32", {3, 3}, ""};
  made["model.vision_projector.weight"] = {"F32", {3}, ""};
  auto text = llvm::json::parse(changedConfig("checkpoints/" + name, {}));
  EXPECT_TRUE(bool(text));
  Object config{{"model_type", "vlm"},
                {"architectures", Array{"HCXVisionV2ForCausalLM"}},
                {"image_token_id", 3},
                {"text_config", std::move(*text)},
                {"vision_config", Object{{"depth", 32}}}};
  std::string json;
  llvm::raw_string_ostream(json) << llvm::json::Value(std::move(config));
  return load(json, made);
}

TEST(Variants, ModelsWithPictures) {
  Checkpoint exaone = loadWithPictures("exaone4", "model.language_model.", "");
  EXPECT_EQ(exaone.model.family, "exaone4");
  EXPECT_EQ(exaone.model.notes.back(),
            "the part for pictures is set apart: 2 tensors");
  Checkpoint clova = loadWithPictures(
      "hyperclovax", "model.language_model.model.", "model.language_model.");
  EXPECT_EQ(clova.model.family, "hyperclovax");
  EXPECT_TRUE(clova.model.head);
}

TEST(Variants, TiedEmbeddings) {
  MadeTensors tensors = tensorsOf("qwen3");
  EXPECT_FALSE(load("qwen3", {}, tensors).model.head);
  tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"];
  EXPECT_FALSE(load("qwen3", {}, tensors).model.head); // the same bytes
  tensors["lm_head.weight"].bytes = "other";
  EXPECT_NE(problemsOf("qwen3", tensors).find("with other values than"),
            std::string::npos);
  EXPECT_TRUE(
      load("qwen3", {{"tie_word_embeddings", false}}, tensors).model.head);
}

TEST(Variants, TokenizersThatDoNotFit) {
  for (const char *id : {"96", "97"}) {
    TestFolder folder;
    folder.write("config.json", changedConfig("checkpoints/llama", {}));
    folder.write("tokenizer.json",
                 std::string(R"({"model":{"vocab":{"a":0,"b":5}},)"
                             R"("added_tokens":[{"id":)") +
                     id + R"(,"content":"<end>"}]})");
    folder.write("generation_config.json", R"({"eos_token_id":[7,8]})");
    LoadOptions options;
    options.withoutWeights = true;
    Checkpoint checkpoint = folder.load(options);
    EXPECT_EQ(checkpoint.ok(), std::string(id) == "96");
    EXPECT_EQ(checkpoint.model.endTokens, (std::vector<int64_t>{7, 8}));
    ASSERT_EQ(checkpoint.model.attachments.size(), 2u);
    EXPECT_EQ(checkpoint.model.attachments[0].file, "tokenizer.json");
    options.ignore = {"tokenizer.json"};
    EXPECT_TRUE(folder.load(options).ok());
  }
}

TEST(Variants, EightBitReleases) {
  MadeTensors tensors = tensorsOf("deepseek_v3"), made;
  for (const auto &[name, tensor] : tensors) {
    StringRef rest = name;
    made[name] = tensor;
    if (!rest.ends_with("_proj.weight") && !rest.contains("_with_mqa"))
      continue;
    made[name].type = "F8_E4M3";
    made[name + "_scale_inv"] = {
        "F32", {(tensor.shape[0] + 31) / 32, (tensor.shape[1] + 31) / 32}, ""};
  }
  Object quantisation{{"quant_method", "fp8"},
                      {"fmt", "e4m3"},
                      {"activation_scheme", "dynamic"},
                      {"weight_block_size", Array{32, 32}}};
  Changes changes = {{"quantization_config", std::move(quantisation)}};
  LanguageModel model = load("deepseek_v3", changes, made).model;
  // 16 rows of keys, 16 of values: blocks of 32 rows are cut.
  EXPECT_EQ(model.layers[0].latent->keyUp.scaleRows, 1);
  EXPECT_EQ(model.layers[1].experts->gate.scaleRows, 32);
  EXPECT_EQ(model.layers[1].experts->gate.scale->shape,
            (std::vector<int64_t>{8, 2, 2}));
  std::string text =
      textOf(load("deepseek_v3",
                  {{"quantization_config", Object{{"quant_method", "awq"}}}},
                  made, false)
                 .problems);
  EXPECT_NE(text.find("is 'awq'; known are fp8"), std::string::npos) << text;
}
