//===- DamagedTest.cpp - GGUF files that lie ------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GgufBytes.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"
#include "gtest/gtest.h"

using namespace narae::gguf;
using namespace narae::gguf::test;
using narae::language::Problems;

/// The only problem of some bytes, or all of them.
static std::string problemOf(const std::string &bytes) {
  Problems problems;
  readFile(bytes, "x.gguf", problems);
  return problems.size() == 1 ? problems[0].message : show(problems);
}

#define EXPECT_SAYS(bytes, part)                                               \
  EXPECT_NE(problemOf(bytes).find(part), std::string::npos) << problemOf(bytes)

TEST(DamagedGguf, EveryPrefixIsAnError) {
  std::string whole = smallLlama().bytes();
  for (size_t size = 0; size < whole.size(); size += 1 + size / 1024) {
    Problems problems;
    readFile(llvm::StringRef(whole).take_front(size), "x.gguf", problems);
    ASSERT_FALSE(problems.empty()) << size;
  }
}

TEST(DamagedGguf, Headers) {
  EXPECT_SAYS("", "does not start with 'GGUF'");
  EXPECT_SAYS("PK\3\4 something else", "does not start with 'GGUF'");
  GgufBytes bytes;
  bytes.version = 1;
  EXPECT_SAYS(bytes.bytes(), "version 1 is not supported");
  bytes.version = 0x03000000;
  EXPECT_SAYS(bytes.bytes(), "big-endian");
  bytes.version = 3;
  bytes.keys = 1ull << 60;
  EXPECT_SAYS(bytes.bytes(), "promises 1152921504606846976 keys");
  bytes.keys = 0;
  bytes.tensors = UINT64_MAX;
  EXPECT_SAYS(bytes.bytes(), "promises 0 keys and 18446744073709551615");
}

TEST(DamagedGguf, Metadata) {
  EXPECT_SAYS(GgufBytes().key("k", 13, "12345678").bytes(), "has type 13");
  EXPECT_SAYS(GgufBytes().key("k", 8, GgufBytes::raw(~0ull)).bytes(),
              "inside the value of k");
  std::string array = GgufBytes::raw<uint32_t>(8) + GgufBytes::raw(1ull << 61);
  EXPECT_SAYS(GgufBytes().key("k", 9, array).bytes(),
              "said to have 2305843009213693952 elements");
  array = GgufBytes::raw<uint32_t>(55) + GgufBytes::raw(1ull);
  EXPECT_SAYS(GgufBytes().key("k", 9, array).bytes(), "elements of type 55");
  std::string nested;
  for (int i = 0; i < 9; ++i)
    nested += GgufBytes::raw<uint32_t>(9) + GgufBytes::raw(1ull);
  EXPECT_SAYS(GgufBytes().key("k", 9, nested).bytes(), "nested more deeply");
  EXPECT_SAYS(GgufBytes().u32("k", 1).u32("k", 1).bytes(), "k appears twice");
  EXPECT_SAYS(
      GgufBytes().u32("general.alignment", 3).f32Tensor("a", {1}).bytes(),
      "a power of two is expected");
}

TEST(DamagedGguf, Tensors) {
  auto one = [](std::vector<uint64_t> shape, uint32_t type, uint64_t bytes,
                uint64_t offset) {
    return GgufBytes()
        .tensor("a\n", std::move(shape), type, bytes, offset)
        .bytes();
  };
  EXPECT_SAYS(one({}, 0, 4, 0), "tensor a\\0A has 0 dimensions");
  EXPECT_SAYS(one({1, 1, 1, 1, 1}, 0, 4, 0), "has 5 dimensions");
  EXPECT_SAYS(one({0}, 0, 4, 0), "a shape that no file can hold");
  EXPECT_SAYS(one({1ull << 32, 1ull << 32}, 0, 4, 0), "no file can hold");
  EXPECT_SAYS(one({~0ull}, 0, 4, 0), "no file can hold");
  EXPECT_SAYS(one({1ull << 40}, 0, 4, 0), "is larger than the file");
  EXPECT_SAYS(one({33}, 2, 64, 0), "no multiple of the 32 in a block of Q4_0");
  EXPECT_SAYS(one({4}, 0, 16, 8), "not a multiple of the alignment 32");
  EXPECT_SAYS(one({4}, 0, 16, 1ull << 40), "lies at bytes 1099511627776");
  EXPECT_SAYS(one({4}, 0, 16, ~31ull), "lies at bytes 18446744073709551584");
  EXPECT_SAYS(GgufBytes().f32Tensor("a", {1}).f32Tensor("a", {1}).bytes(),
              "tensor a appears twice");
  EXPECT_SAYS(GgufBytes()
                  .tensor("a", {16}, 0, 64, 0)
                  .tensor("b", {16}, 0, 64, 32)
                  .bytes(),
              "tensors a and b overlap");
}

static std::string writeFile(const llvm::Twine &path,
                             const std::string &bytes) {
  std::error_code error;
  llvm::raw_fd_ostream out(path.str(), error);
  out << bytes;
  return path.str();
}

TEST(DamagedGguf, SplitFiles) {
  llvm::SmallString<64> folder;
  ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("gguf", folder));
  GgufBytes first = smallModel("llama", 1);
  addAttention(first, 0);
  first.key("split.no", 2, GgufBytes::raw<uint16_t>(0))
      .key("split.count", 2, GgufBytes::raw<uint16_t>(2))
      .key("split.tensors.count", 5, GgufBytes::raw<int32_t>(11));
  GgufBytes second;
  addMlp(second, 0);
  second.key("split.no", 2, GgufBytes::raw<uint16_t>(1))
      .key("split.count", 2, GgufBytes::raw<uint16_t>(2));
  std::string path =
      writeFile(folder + "/m-00001-of-00002.gguf", first.bytes());

  LoadedModel missing = loadGguf(path);
  EXPECT_FALSE(missing.model);
  EXPECT_NE(
      show(missing.problems).find("m-00002-of-00002.gguf: cannot be read"),
      std::string::npos);

  std::string other =
      writeFile(folder + "/m-00002-of-00002.gguf", second.bytes());
  LoadedModel whole = loadGguf(path);
  EXPECT_EQ(show(whole.problems), "");
  ASSERT_TRUE(whole.model);
  EXPECT_EQ(whole.model->layers[0].mlp->up.weight.pieces[0].file, other);
  EXPECT_NE(show(loadGguf(other).problems).find("but not the first"),
            std::string::npos);

  second.f32Tensor("token_embd.weight", {5, 8});
  writeFile(other, second.bytes());
  EXPECT_NE(show(loadGguf(path).problems).find("repeats the tensor token_embd"),
            std::string::npos);
  llvm::sys::fs::remove_directories(folder);
}
