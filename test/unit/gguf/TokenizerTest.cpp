//===- TokenizerTest.cpp - Tokenizers inside GGUF files -------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GgufBytes.h"

#include "llvm/Support/JSON.h"
#include "gtest/gtest.h"

using namespace narae::gguf;
using namespace narae::gguf::test;

static GgufBytes withTokenizer() {
  return smallLlama()
      .text("tokenizer.ggml.model", "gpt2")
      .text("tokenizer.ggml.pre", "smollm")
      .array<std::string>("tokenizer.ggml.tokens", 8,
                          {"<|im_end|>", "a", "b", "ab", "\xea\xb0\x80"})
      .array<int32_t>("tokenizer.ggml.token_type", 5, {3, 1, 1, 1, 1})
      .array<float>("tokenizer.ggml.scores", 6, {0, 0.1f, 0, 0, 0})
      .array<std::string>("tokenizer.ggml.merges", 8, {"a b"});
}

TEST(GgufTokenizer, Travels) {
  LoadedModel loaded = describe(withTokenizer()
                                    .u32("tokenizer.ggml.eos_token_id", 4)
                                    .u32("tokenizer.ggml.bos_token_id", ~0u)
                                    .flag("tokenizer.ggml.add_bos_token", false)
                                    .text("tokenizer.chat_template", "{{x}}")
                                    .bytes());
  ASSERT_TRUE(loaded.model) << show(loaded.problems);
  EXPECT_EQ(loaded.model->endTokens, (std::vector<int64_t>{0, 4}));
  ASSERT_EQ(loaded.model->attachments.size(), 1u);
  const auto &bytes = *loaded.model->attachments[0].bytes;
  auto parsed = llvm::json::parse(llvm::StringRef(bytes.data(), bytes.size()));
  ASSERT_TRUE(static_cast<bool>(parsed));
  llvm::json::Object &object = *parsed->getAsObject();
  EXPECT_EQ(object.getString("pre"), llvm::StringRef("smollm"));
  EXPECT_EQ(object.getString("chat_template"), llvm::StringRef("{{x}}"));
  EXPECT_EQ(object.getBoolean("add_bos_token"), false);
  EXPECT_EQ(object.getArray("tokens")->size(), 5u);
  EXPECT_EQ((*object.getArray("tokens"))[4].getAsString(),
            llvm::StringRef("\xea\xb0\x80"));
  EXPECT_EQ((*object.getArray("scores"))[1].getAsNumber(), 0.1f);
  EXPECT_EQ(object.getObject("special")->getInteger("eos"), 4);
  EXPECT_EQ(object.getObject("special")->getInteger("bos"), std::nullopt);
}

TEST(GgufTokenizer, MustFit) {
  LoadedModel large =
      describe(smallLlama()
                   .text("tokenizer.ggml.model", "gpt2")
                   .array<std::string>("tokenizer.ggml.tokens", 8,
                                       {"a", "b", "c", "d", "e", "f"})
                   .bytes());
  EXPECT_FALSE(large.model);
  EXPECT_EQ(show(large.problems),
            "tokenizer.ggml.tokens: has 6 tokens, but the model's vocabulary "
            "has 5: the tokenizer does not fit the model\n");

  std::string said = show(
      describe(smallLlama()
                   .text("tokenizer.ggml.model", "llama")
                   .array<std::string>("tokenizer.ggml.tokens", 8, {"a", "b"})
                   .array<float>("tokenizer.ggml.scores", 6, {0})
                   .array<std::string>("tokenizer.ggml.merges", 8, {"ab"})
                   .u32("tokenizer.ggml.eos_token_id", 2)
                   .u32("tokenizer.chat_template", 2)
                   .bytes())
          .problems);
  EXPECT_NE(said.find("scores: is [0], but there are 2 tokens"),
            std::string::npos);
  EXPECT_NE(said.find("merges: has an element that is not two tokens"),
            std::string::npos);
  EXPECT_NE(said.find("eos_token_id: is 2, but there are 2 tokens"),
            std::string::npos);
  EXPECT_NE(said.find("chat_template: is not a text"), std::string::npos);
}
