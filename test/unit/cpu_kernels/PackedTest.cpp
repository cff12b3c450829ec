//===- PackedTest.cpp - The layout of packed weights ----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/BlockPanels.h"

#include <gtest/gtest.h>

using namespace narae;

TEST(Packed, LayoutsHaveTheSizesThatShapesSay) {
  for (const fm::BlockInfo &info : fm::blockFormats()) {
    const auto &layout = codegen::BlockPanelLayout::of(info.format);
    EXPECT_EQ(layout.format, info.format) << info.name;
    EXPECT_EQ(layout.bytes(), fm::panelBlockBytes(info.format)) << info.name;
  }
}

TEST(Packed, StaysAsSmallAsTheBlocks) {
  // 16 rows; scales of four and six bits take a byte each.
  for (const fm::BlockInfo &info : fm::blockFormats()) {
    int64_t blocks = 16 * info.bytes, packed = fm::panelBlockBytes(info.format);
    EXPECT_GE(packed, blocks) << info.name;
    bool isTwoBits = info.format == fm::BlockFormat::Q2_K;
    EXPECT_LE(packed, blocks + blocks / (isTwoBits ? 5 : 25)) << info.name;
  }
}

TEST(Packed, CodesFitTheProductsOfBytes) {
  using fm::BlockFormat;
  EXPECT_EQ(codegen::BlockPanelLayout::of(BlockFormat::Q4_1).maxByte(), 15);
  EXPECT_EQ(codegen::BlockPanelLayout::of(BlockFormat::Q5_0).maxByte(), 31);
  EXPECT_EQ(codegen::BlockPanelLayout::of(BlockFormat::Q6_K).maxByte(), 63);
  EXPECT_EQ(codegen::BlockPanelLayout::of(BlockFormat::Q2_K).maxByte(), 3);
  EXPECT_EQ(codegen::BlockPanelLayout::of(BlockFormat::Q3_K).maxByte(), 7);
  EXPECT_EQ(codegen::BlockPanelLayout::of(BlockFormat::Q8_0).maxByte(), 255);
}
