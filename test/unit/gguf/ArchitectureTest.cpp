//===- ArchitectureTest.cpp - Names of families in GGUF files -------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/gguf/Architecture.h"
#include "GgufBytes.h"

#include "gtest/gtest.h"

using namespace narae::gguf;
using namespace narae::gguf::test;

TEST(GgufArchitecture, KnowsSpellings) {
  ASSERT_TRUE(findArchitecture("exaone-moe"));
  EXPECT_EQ(findArchitecture("exaone_moe"), findArchitecture("exaone-moe"));
  EXPECT_EQ(findArchitecture("Llama"), findArchitecture("llama"));
  EXPECT_FALSE(findArchitecture("gemma3"));
}

static std::string problemsOf(const GgufBytes &file) {
  return show(describe(file.bytes()).problems);
}

TEST(GgufArchitecture, ExplainsUnknownOnes) {
  std::string known = problemsOf(smallLlama("qwen2moe"));
  EXPECT_NE(known.find("the architecture 'qwen2moe' is not supported; these "
                       "are: llama, qwen2"),
            std::string::npos);
  EXPECT_NE(known.find("Nearest is qwen3moe; what differs: a gated shared "
                       "expert"),
            std::string::npos);
  std::string other = problemsOf(smallLlama("new-llm")
                                     .f32Tensor("blk.0.attn_sinks.weight", {2})
                                     .f32Tensor("blk.0.attn_q.bias", {8}));
  EXPECT_NE(other.find("Nearest by its tensors is qwen2; what differs: it also "
                       "has attn_sinks.weight"),
            std::string::npos);
}

TEST(GgufArchitecture, SaysWhatIsNoLanguageModel) {
  EXPECT_NE(problemsOf(GgufBytes()).find("holds no model"), std::string::npos);
  EXPECT_NE(problemsOf(GgufBytes().text("general.architecture", "clip"))
                .find("projector of images"),
            std::string::npos);
  EXPECT_NE(problemsOf(GgufBytes()
                           .text("general.architecture", "llama")
                           .text("general.type", "adapter"))
                .find("merge it into its model"),
            std::string::npos);
}
