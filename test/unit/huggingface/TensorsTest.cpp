//===- TensorsTest.cpp - Weights cut, stacked and missing ---------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestFolder.h"

#include "lib/frontend/huggingface/Tensors.h"

using namespace narae;
using namespace narae::huggingface;
using namespace narae::language;

static std::string floats(const std::vector<float> &values) {
  return std::string(reinterpret_cast<const char *>(values.data()),
                     values.size() * 4);
}

/// The bytes that a weight stands for.
static std::string bytesOf(const TestFolder &folder, const Weight &weight) {
  if (weight.bytes)
    return std::string(weight.bytes->begin(), weight.bytes->end());
  std::string bytes;
  for (const Piece &piece : weight.pieces) {
    auto slice = llvm::MemoryBuffer::getFileSlice(
        folder.str() + "/" + piece.file, piece.length, piece.offset);
    EXPECT_TRUE(bool(slice));
    bytes += (*slice)->getBuffer().str();
  }
  return bytes;
}

namespace {
struct TensorsTest : testing::Test {
  TestFolder folder;
  Problems problems;
  Tensors open(const MadeTensors &made, StorageRules rules = {}) {
    folder.write("model.safetensors", madeSafetensors(made));
    return Tensors(readCheckpointTensors(folder.str(), problems), folder.str(),
                   false, rules, problems);
  }
};
} // namespace

TEST_F(TensorsTest, RowsAreCutAndStackedWithoutCopies) {
  Tensors tensors = open({{"a", {"F32", {4, 1}, floats({1, 2, 3, 4})}},
                          {"b", {"F32", {4, 1}, floats({5, 6, 7, 8})}}});
  Weight a = tensors.take("a", {4, 1}), b = tensors.take("b", {4, 1});
  Weight odd = tensors.rows(a, {{1, 1}, {3, 1}}, {2, 1});
  EXPECT_EQ(bytesOf(folder, odd), floats({2, 4}));
  EXPECT_FALSE(odd.bytes);
  Weight both = tensors.stack("ab", {a, b});
  EXPECT_EQ(both.shape, (Shape{2, 4, 1}));
  EXPECT_EQ(both.pieces.size(), 1u); // they follow each other in the file
  EXPECT_EQ(bytesOf(folder, tensors.rows(both, {{2, 4}}, {4, 1})),
            floats({3, 4, 5, 6}));
  EXPECT_EQ(textOf(problems), "");
  EXPECT_TRUE(tensors.untaken().empty());
}

TEST_F(TensorsTest, ScalesAreCutWithTheirRows) {
  StorageRules rules;
  rules.scaleRows = 2;
  rules.scaleColumns = 4;
  Tensors tensors =
      open({{"w", {"F8_E4M3", {6, 4}, "aaaabbbbccccddddeeeeffff"}},
            {"w_scale_inv", {"F32", {3, 1}, floats({1, 2, 3})}}},
           rules);
  Weight w = tensors.takeMatrix("w", {6, 4});
  EXPECT_EQ(textOf(problems), "");
  // On borders of blocks the scales are cut in blocks.
  Weight even = tensors.rows(w, {{0, 2}, {4, 2}}, {2, 2, 4});
  EXPECT_EQ(bytesOf(folder, even), "aaaabbbbeeeeffff");
  EXPECT_EQ(even.scale->shape, (Shape{2, 1, 1}));
  EXPECT_EQ(even.scaleRows, 2);
  EXPECT_EQ(bytesOf(folder, *even.scale), floats({1, 3}));
  // Elsewhere every row gets its own.
  Weight odd = tensors.rows(w, {{1, 2}, {5, 1}}, {3, 4});
  EXPECT_EQ(bytesOf(folder, odd), "bbbbccccffff");
  EXPECT_EQ(odd.scaleRows, 1);
  EXPECT_EQ(odd.scale->shape, (Shape{3, 1}));
  EXPECT_EQ(bytesOf(folder, *odd.scale), floats({1, 2, 3}));
}

TEST_F(TensorsTest, ScalesOfStacksAreByMatrix) {
  StorageRules rules;
  rules.scaleRows = 2;
  rules.scaleColumns = 4;
  // Two matrices of 3 rows: the second block of scales of each has one row.
  Tensors tensors =
      open({{"w", {"F8_E4M3", {2, 3, 4}, "aaaabbbbccccddddeeeeffff"}},
            {"w_scale_inv", {"F32", {2, 2, 1}, floats({1, 2, 3, 4})}}},
           rules);
  Weight w = tensors.takeMatrix("w", {2, 3, 4});
  Weight last = tensors.rows(w, {{2, 1}, {5, 1}}, {2, 1, 4});
  EXPECT_EQ(bytesOf(folder, last), "ccccffff");
  EXPECT_EQ(bytesOf(folder, *last.scale), floats({2, 4}));
  EXPECT_EQ(textOf(problems), "");
}

TEST_F(TensorsTest, ScalesInSixteenBitsAreWidened) {
  StorageRules rules;
  rules.scaleRows = rules.scaleColumns = 2;
  std::string bf16("\x80\x3f\x00\xc0", 4), f16("\x00\x3c\x01\x80", 4);
  Tensors tensors = open({{"v", {"F8_E4M3", {4, 2}, ""}},
                          {"v_scale_inv", {"F16", {2, 1}, f16}},
                          {"w", {"F8_E4M3", {4, 2}, ""}},
                          {"w_scale_inv", {"BF16", {2, 1}, bf16}}},
                         rules);
  EXPECT_EQ(bytesOf(folder, *tensors.takeMatrix("w", {4, 2}).scale),
            floats({1, -2}));
  EXPECT_EQ(bytesOf(folder, *tensors.takeMatrix("v", {4, 2}).scale),
            floats({1, -1 / 16777216.0f}));
  EXPECT_EQ(textOf(problems), "");
}

TEST_F(TensorsTest, WhatDoesNotFitIsNamed) {
  Tensors tensors = open({{"a", {"F32", {2, 2}, ""}},
                          {"f", {"F8_E4M3", {2, 2}, ""}},
                          {"i", {"I16", {2}, ""}}});
  tensors.take("a", {4});
  tensors.take("b", {3});
  tensors.take("i", {2});
  tensors.takeMatrix("f", {2, 2});
  EXPECT_EQ(textOf(problems),
            "a: has the shape [2, 2]; the configuration makes it [4]\n"
            "b: is missing; the configuration asks for [3]\n"
            "i: has the type I16; weights are F32, BF16, F16, or F8_E4M3 with "
            "scales\n"
            "f: is stored in fp8 and has no scales 'f_scale_inv' or 'f_scale' "
            "beside it\n");
}
