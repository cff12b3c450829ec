//===- FileTest.cpp - Reading GGUF files ----------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GgufBytes.h"

#include "gtest/gtest.h"

using namespace narae::gguf;
using namespace narae::gguf::test;
using narae::language::Problems;

TEST(GgufFile, ReadsValuesOfAllTypes) {
  GgufBytes bytes;
  bytes.key("u8", 0, "\xff")
      .key("i8", 1, "\xff")
      .key("u16", 2, GgufBytes::raw<uint16_t>(65535))
      .key("i16", 3, GgufBytes::raw<int16_t>(-2))
      .u32("u32", 4000000000u)
      .key("i32", 5, GgufBytes::raw<int32_t>(-3))
      .f32("f32", 0.5f)
      .flag("bool", true)
      .text("text", "one")
      .key("u64", 10, GgufBytes::raw<uint64_t>(UINT64_MAX))
      .key("i64", 11, GgufBytes::raw<int64_t>(-4))
      .key("f64", 12, GgufBytes::raw<double>(0.25))
      .array<int32_t>("numbers", 5, {1, -1, 7})
      .array<std::string>("texts", 8, {"a", "", "c"});
  std::string text = bytes.bytes();
  Problems problems;
  File file = readFile(text, "x.gguf", problems);
  EXPECT_EQ(show(problems), "");
  EXPECT_EQ(file.keys.size(), 14u);
  auto value = [&](const char *key) { return file.metadata.find(key)->second; };
  EXPECT_EQ(value("u8").integer(), 255);
  EXPECT_EQ(value("i8").integer(), -1);
  EXPECT_EQ(value("u16").integer(), 65535);
  EXPECT_EQ(value("i16").integer(), -2);
  EXPECT_EQ(value("u32").integer(), 4000000000);
  EXPECT_EQ(value("i32").integer(), -3);
  EXPECT_EQ(value("f32").number(), 0.5);
  EXPECT_EQ(value("f32").integer(), std::nullopt);
  EXPECT_EQ(value("bool").boolean(), true);
  EXPECT_EQ(value("text").string(), llvm::StringRef("one"));
  EXPECT_EQ(value("u64").integer(), std::nullopt);
  EXPECT_EQ(value("i64").integer(), -4);
  EXPECT_EQ(value("f64").number(), 0.25);
  EXPECT_EQ(value("numbers").integer(2), 7);
  EXPECT_EQ(value("numbers").integer(3), std::nullopt);
  EXPECT_EQ(value("numbers").show(), "[1, -1, 7]");
  EXPECT_EQ(value("texts").string(2), llvm::StringRef("c"));
}

TEST(GgufFile, PlacesTensorsOfEveryType) {
  GgufBytes bytes;
  struct {
    uint32_t type;
    uint64_t elements, size;
  } types[] = {{0, 1, 4},      {1, 1, 2},      {2, 32, 18},    {3, 32, 20},
               {6, 32, 22},    {7, 32, 24},    {8, 32, 34},    {10, 256, 84},
               {11, 256, 110}, {12, 256, 144}, {13, 256, 176}, {14, 256, 210},
               {20, 32, 18},   {30, 1, 2}};
  for (auto [type, elements, size] : types)
    bytes.tensor(std::to_string(type), {3, 2 * elements}, type, 6 * size,
                 (bytes.data.size() + 31) / 32 * 32);
  std::string text = bytes.bytes();
  Problems problems;
  File file = readFile(text, "x.gguf", problems);
  EXPECT_EQ(show(problems), "");
  ASSERT_EQ(file.tensors.size(), std::size(types));
  for (size_t i = 0; i < std::size(types); ++i) {
    EXPECT_EQ(file.tensors[i].length, 6 * types[i].size);
    EXPECT_EQ(file.tensors[i].offset % 32, 0u);
    EXPECT_EQ(file.tensors[i].bytes.size(), file.tensors[i].length);
  }
}

TEST(GgufFile, HonoursTheAlignmentAndVersion2) {
  GgufBytes bytes;
  bytes.version = 2;
  bytes.u32("general.alignment", 8).f32Tensor("a", {3}, {1, 2, 3});
  std::string text = "GGUF";
  put(text, bytes.version);
  put(text, bytes.tensors);
  put(text, bytes.keys);
  text += bytes.keyBytes + bytes.tensorBytes;
  text.resize((text.size() + 7) / 8 * 8);
  text += bytes.data;
  Problems problems;
  File file = readFile(text, "x.gguf", problems);
  EXPECT_EQ(show(problems), "");
  ASSERT_EQ(file.tensors.size(), 1u);
  EXPECT_EQ(file.tensors[0].offset, text.size() - 12);
}

TEST(GgufFile, NamesTypesThatAreNotSupported) {
  GgufBytes bytes;
  bytes.tensor("first", {32}, 17, 0, 0).tensor("second", {32}, 17, 0, 0);
  bytes.tensor("third", {32}, 99, 0, 0);
  std::string text = bytes.bytes();
  Problems problems;
  readFile(text, "x.gguf", problems);
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_EQ(problems[0].place, "first");
  EXPECT_NE(problems[0].message.find("IQ2_XS (and 1 other tensors)"),
            std::string::npos);
  EXPECT_NE(problems[0].message.find("IQ4_NL are"), std::string::npos);
  EXPECT_NE(problems[0].message.find("Q4_K for example"), std::string::npos);
  EXPECT_EQ(problems[1].place, "third");
  EXPECT_NE(problems[1].message.find("number 99"), std::string::npos);
}

TEST(GgufFile, LoadsTheGivenModels) {
  for (const char *name :
       {"llama.F16", "llama.Q4_0", "llama.Q4_1", "llama.Q4_K", "llama.Q6_K",
        "llama.Q8_0", "qwen3.Q5_0"}) {
    LoadedModel loaded =
        loadGguf(std::string(NARAE_GGUF_DIR "/") + name + ".gguf");
    EXPECT_EQ(show(loaded.problems), "");
    ASSERT_TRUE(loaded.model);
    EXPECT_EQ(loaded.model->layers.size(), 3u);
    EXPECT_EQ(loaded.model->vocabulary, 128);
    EXPECT_TRUE(loaded.model->head);
    EXPECT_TRUE(loaded.model->attachments.empty());
  }
}
