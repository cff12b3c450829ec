//===- BlockPanels.cpp - Quantised rows as kernels stream them ------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/BlockPanels.h"

using namespace narae;
using namespace narae::codegen;
using fm::BlockFormat;
using Layout = BlockPanelLayout;

// clang-format off
//                    low, bytes       high  up subs  mins  block offset signed
static const Layout layouts[] = {
    {BlockFormat::Q4_0, Layout::Nibbles, 256, 0, 0, 0, false, false, 8, false},
    {BlockFormat::Q4_1, Layout::Nibbles, 256, 0, 0, 0, false, true, 0, false},
    {BlockFormat::Q5_0, Layout::Nibbles, 256, 64, 4, 0, false, false, 16, false},
    {BlockFormat::Q5_1, Layout::Nibbles, 256, 64, 4, 0, false, true, 0, false},
    {BlockFormat::Q8_0, Layout::Bytes, 512, 0, 0, 0, false, false, 128, false},
    {BlockFormat::Q2_K, Layout::Pairs, 128, 0, 0, 2, true, true, 0, false},
    {BlockFormat::Q3_K, Layout::Pairs, 128, 64, 2, 2, false, false, 4, true},
    {BlockFormat::Q4_K, Layout::Nibbles, 256, 0, 0, 1, true, true, 0, false},
    {BlockFormat::Q5_K, Layout::Nibbles, 256, 64, 4, 1, true, true, 0, false},
    {BlockFormat::Q6_K, Layout::Nibbles, 256, 128, 4, 2, false, false, 32, true},
    {BlockFormat::IQ4_NL, Layout::Nibbles, 256, 0, 0, 0, false, false, 128, false, true}};
// clang-format on

const int8_t codegen::kIq4Values[16] = {
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

const Layout &Layout::of(BlockFormat format) {
  return layouts[static_cast<size_t>(format)];
}

int64_t Layout::maxByte() const {
  if (low == Bytes || isTable)
    return 255;
  int64_t bits = (low == Nibbles ? 4 : 2) + highBytes / 64;
  return (int64_t(1) << bits) - 1;
}
