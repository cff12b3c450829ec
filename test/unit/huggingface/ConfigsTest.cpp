//===- ConfigsTest.cpp - Sizes of real models by their configurations -----===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every shape follows from a configuration alone; so many of them add up to
// the published numbers of parameters only if each is right.
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/huggingface/HuggingFace.h"
#include "lib/frontend/huggingface/JsonText.h"
#include "lib/frontend/language/Parameters.h"

#include "gtest/gtest.h"

using namespace narae;
using namespace narae::huggingface;

static std::string problemsOf(const Checkpoint &checkpoint) {
  std::string text;
  for (const language::Problem &problem : checkpoint.problems)
    text += problem.place + ": " + problem.message + "\n";
  return text;
}

static llvm::json::Object readExpected() {
  language::Problems problems;
  auto object = readObject(NARAE_TEST_DATA "/configs/expected.json",
                           "expected.json", problems);
  return object ? std::move(*object) : llvm::json::Object();
}

TEST(Configs, HaveThePublishedSizes) {
  llvm::json::Object expected = readExpected();
  EXPECT_EQ(expected.size(), 27u);
  for (const auto &[name, value] : expected) {
    SCOPED_TRACE(name.str());
    const llvm::json::Object &want = *value.getAsObject();
    LoadOptions options;
    options.withoutWeights = true;
    Checkpoint checkpoint =
        loadCheckpoint(NARAE_TEST_DATA "/configs/" + name.str(), options);
    EXPECT_EQ(problemsOf(checkpoint), "");
    EXPECT_EQ(checkpoint.model.name, name.str());
    EXPECT_EQ(language::countParameters(checkpoint.model),
              want.getInteger("params_total_main"));
    int64_t active = language::countActiveParameters(checkpoint.model);
    if (name == "a.x-k2-688b-a33b") // counted without its gates
      active -= int64_t(61) * 64 * ((192 + 128) * 3072 - 192 * 1536) +
                (61 + 60) * 2 * 7168 * 16;
    if (auto wanted = want.getInteger("params_active_per_token"))
      EXPECT_EQ(active, *wanted);
    const llvm::json::Object *kv = want.getObject("kv_bytes_bf16");
    if (!kv)
      continue;
    language::CacheSize cache = language::countCache(checkpoint.model);
    bool latent = kv->get("latent_per_tok_growing") != nullptr;
    EXPECT_EQ(
        2 * cache.growing,
        kv->getInteger(latent ? "latent_per_tok_growing" : "per_tok_growing"));
    EXPECT_EQ(2 * cache.perToken,
              kv->getInteger(latent ? "latent_per_tok_all_layers"
                                    : "per_tok_all_layers_uniform"));
    EXPECT_EQ(2 * cache.fixed,
              kv->getInteger(latent ? "latent_window_cap" : "window_cap"));
  }
}
