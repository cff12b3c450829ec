//===- ModuleTest.cpp - Graphs of language models -------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TinyModels.h"

#include "llvm/Support/JSON.h"

using namespace narae::test;

/// The number of times that a text occurs.
static int count(const std::string &text, const std::string &part) {
  int n = 0;
  for (size_t at = text.find(part); at != std::string::npos;
       at = text.find(part, at + 1))
    ++n;
  return n;
}

TEST(LanguageModule, Llama) {
  Built b(model());
  ASSERT_TRUE(b.module) << b.messages;
  for (const char *entry : {"@prefill(", "@decode(", "@score("})
    EXPECT_TRUE(b.has(std::string("func.func ") + entry)) << entry;
  EXPECT_TRUE(b.has("fm.state @layers.1.value : tensor<1x2x256x16xf32>"));
  // One symbol a weight, whatever the number of entries.
  EXPECT_EQ(count(b.text, "fm.weight_data"), 2 * 9 + 3);
  EXPECT_EQ(count(b.text, "fm.cached_attention"), 3 * 2);
  EXPECT_EQ(count(b.text, "fm.rope_table"), 3);
  EXPECT_EQ(count(b.text, "fm.state_write"), 3 * 4);
}

TEST(LanguageModule, TiedHeadIsOneWeight) {
  LanguageModel m = model();
  m.head = {};
  Built b(m);
  ASSERT_TRUE(b.module) << b.messages;
  EXPECT_EQ(count(b.text, "fm.weight_data"), 2 * 9 + 2);
}

TEST(LanguageModule, EveryBatchAndChunk) {
  LanguageModel m = model();
  m.layers[0].attention->window = 4;
  for (int64_t batch : {1, 3})
    for (int64_t chunk : {1, 5, 1000}) {
      BuildOptions options;
      options.batch = batch;
      options.prefillChunk = chunk;
      options.context = 32;
      Built b(m, options);
      ASSERT_TRUE(b.module) << batch << " " << chunk << b.messages;
    }
}

TEST(LanguageModule, RingsAreForWindowsThatAreShort) {
  LanguageModel m = model();
  m.layers[0].attention->window = 4;
  m.layers[1].attention->window = 30;
  BuildOptions options;
  options.batch = 2;
  options.context = 32;
  options.prefillChunk = 8;
  options.kvType = "q8_0";
  Built b(m, options);
  ASSERT_TRUE(b.module) << b.messages;
  EXPECT_TRUE(b.has("fm.state @layers.0.key : tensor<2x2x11x16x!fm.block<q8_0>>"
                    " {kind = \"ring\", window = 4 : i64}"))
      << b.text.substr(0, 2000);
  EXPECT_TRUE(b.has("fm.state @layers.1.key : tensor<2x2x32x16x!fm.block<q8_0>>"
                    " {kind = \"growing\"}"));
}

TEST(LanguageModule, Latent) {
  LanguageModel m = model();
  for (Layer &layer : m.layers) {
    layer.attention = {};
    layer.latent = latent("model.layers.0.self_attn");
  }
  m.layers[1].latent->queryDown = {};
  m.layers[1].latent->queryNorm = {};
  m.layers[1].latent->query = linear("q_proj", 80, kHidden);
  Built b(m);
  ASSERT_TRUE(b.module) << b.messages;
  EXPECT_TRUE(b.has("fm.state @layers.0.latent : tensor<1x1x256x24xf32>"));
  // Keys and values are never made.
  EXPECT_TRUE(b.has("value_dim = 16"));

  m.layers[0].latent->gateInQuery = true;
  m.layers[0].latent->query = linear("q_b_proj", 4 * 30, 48);
  m.layers[0].latent->keyUpTransposed = true;
  m.layers[0].latent->keyUp.shape = {4, 16, 12};
  Built gated(m);
  ASSERT_TRUE(gated.module) << gated.messages;
}

TEST(LanguageModule, ExpertsOfPackedWeights) {
  LanguageModel m = model();
  m.layers[1].mlp = {};
  m.layers[1].experts = experts("model.layers.1.mlp");
  m.layers[1].experts->gate.storage = Storage::BF16;
  m.layers[1].experts->up.storage = Storage::F8E4M3;
  Weight scale = weight("scale", {8, 1, 1});
  m.layers[1].experts->up.scale = std::make_shared<Weight>(scale);
  m.layers[0].mlp->gate.weight.storage = Storage::Q4_0;
  m.layers[0].mlp->limit = 7;
  m.embedding.storage = Storage::Q8_0;
  Built b(m);
  ASSERT_TRUE(b.module) << b.messages;
  EXPECT_EQ(count(b.text, "fm.route"), 3);
  EXPECT_EQ(count(b.text, "fm.expert_matmul"), 9);
  EXPECT_TRUE(b.has("scale_columns = 128"));
}

TEST(LanguageModule, Metadata) {
  LanguageModel m = model();
  m.layers[0].attention->window = 4;
  BuildOptions options;
  options.batch = 2;
  options.context = 64;
  options.prefillChunk = 8;
  options.kvType = "f16";
  Built b(m, options);
  ASSERT_TRUE(b.module) << b.messages;
  auto text = (*b.module)->getAttrOfType<mlir::StringAttr>("fm.metadata");
  auto json = llvm::json::parse(text.getValue());
  ASSERT_TRUE(bool(json));
  const llvm::json::Object &o =
      *json->getAsObject()->getObject("language_model");
  auto number = [&](const char *key) { return o.getInteger(key).value_or(-1); };
  int64_t layer = 2 * (64 * 64 + 32 * 64 + 3 * 96 * 32), norms = 5 * 64;
  EXPECT_EQ(number("parameters"), 2 * 97 * 64 + 2 * layer + norms);
  EXPECT_EQ(number("active_parameters"), 97 * 64 + 2 * layer);
  EXPECT_EQ(number("weight_bytes"), 4 * number("parameters"));
  EXPECT_EQ(number("kv_bytes_per_token"), 2 * 2 * 16 * 2);
  EXPECT_EQ(number("kv_bytes_fixed"), 4 * 2 * 2 * 16 * 2);
  EXPECT_EQ(number("kv_bytes_per_token_uniform"), 2 * 2 * 2 * 16 * 2);
  EXPECT_EQ(number("kv_bytes_allocated"), 2 * (64 + 11) * 2 * 2 * 16 * 2);
  const llvm::json::Object &state = *(*o.getArray("states"))[0].getAsObject();
  EXPECT_EQ(state.getString("kind"), "ring");
  EXPECT_EQ(state.getInteger("slots"), 11);
}

TEST(LanguageModule, WrongShapesAreAllNamed) {
  LanguageModel m = model();
  m.layers[0].attention->key.weight.shape = {33, 64};
  m.layers[1].mlp->down.weight.shape = {64};
  m.norm.scale.shape = {63};
  Built b(m);
  EXPECT_FALSE(b.module);
  EXPECT_TRUE(b.says("'model.layers.0.self_attn.k_proj.weight' has the shape "
                     "[33, 64]; the configuration makes it [32, 64]"))
      << b.messages;
  EXPECT_TRUE(b.says("model.layers.1.mlp.down_proj.weight"));
  EXPECT_TRUE(b.says("model.norm.weight"));
}

TEST(LanguageModule, WrongNumbersAreRefused) {
  LanguageModel m = model();
  m.layers[0].attention->kvHeads = 3;
  m.layers[1].mlp = {};
  m.layers[1].experts = experts("e");
  m.layers[1].experts->chosen = 5;
  Built b(m);
  EXPECT_FALSE(b.module);
  EXPECT_TRUE(b.says("4 heads are no multiple of 3 key heads")) << b.messages;
  EXPECT_TRUE(b.says("5 experts cannot be chosen of 4"));
}

TEST(LanguageModule, WrongBytesAreRefused) {
  LanguageModel m = model();
  m.withoutWeights = false;
  m.norm.scale.bytes = std::make_shared<std::vector<char>>(12);
  Built b(m);
  EXPECT_FALSE(b.module);
  EXPECT_TRUE(b.says("'model.norm.weight' has 12 bytes; a tensor [64] of f32 "
                     "has 256"))
      << b.messages;
}

TEST(LanguageModule, Options) {
  LanguageModel m = model();
  m.contextReason = "attention is sparse beyond";
  BuildOptions options;
  options.context = 300;
  options.batch = 0;
  options.kvType = "f64";
  Built b(m, options);
  EXPECT_FALSE(b.module);
  EXPECT_TRUE(b.says("a context of 300 positions is more than the 256 that the "
                     "model has (attention is sparse beyond); give "
                     "--context=256 or less"))
      << b.messages;
  EXPECT_TRUE(b.says("a batch of 0"));
  EXPECT_TRUE(b.says("type 'f64'"));
}
