//===- BlockFormats.h - Quantised elements in blocks ------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The block formats are those of GGUF, byte for byte. Whoever computes the size
// of a tensor asks here; no LLVM, no MLIR.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_SUPPORT_BLOCKFORMATS_H
#define NARAE_LIB_SUPPORT_BLOCKFORMATS_H

#include <cstddef>
#include <cstdint>

namespace narae {

/// The order is that of the artifact's type codes and never changes.
enum class BlockFormat : uint8_t {
  Q4_0,
  Q4_1,
  Q5_0,
  Q5_1,
  Q8_0,
  Q2_K,
  Q3_K,
  Q4_K,
  Q5_K,
  Q6_K,
  IQ4_NL
};

struct BlockInfo {
  BlockFormat format;
  const char *name;        ///< "q4_0"
  int64_t elements, bytes; ///< of a block, which lies along a row
};

/// All formats, in the order of BlockFormat.
inline constexpr BlockInfo blockInfos[] = {
    {BlockFormat::Q4_0, "q4_0", 32, 18},
    {BlockFormat::Q4_1, "q4_1", 32, 20},
    {BlockFormat::Q5_0, "q5_0", 32, 22},
    {BlockFormat::Q5_1, "q5_1", 32, 24},
    {BlockFormat::Q8_0, "q8_0", 32, 34},
    {BlockFormat::Q2_K, "q2_k", 256, 84},
    {BlockFormat::Q3_K, "q3_k", 256, 110},
    {BlockFormat::Q4_K, "q4_k", 256, 144},
    {BlockFormat::Q5_K, "q5_k", 256, 176},
    {BlockFormat::Q6_K, "q6_k", 256, 210},
    {BlockFormat::IQ4_NL, "iq4_nl", 32, 18}};

constexpr const BlockInfo &blockInfo(BlockFormat format) {
  return blockInfos[static_cast<size_t>(format)];
}

} // namespace narae

#endif // NARAE_LIB_SUPPORT_BLOCKFORMATS_H
