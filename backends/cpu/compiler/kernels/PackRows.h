//===- PackRows.h - Rows of GGUF's blocks into panel blocks -----*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// From rows as a GGUF file has them to the planes of lib/codegen/BlockPanels.h,
// the rows of a panel in the lanes of vectors: chunks of 16 bytes of each row
// are transposed as words of four bytes, which are neighbours in both layouts.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_COMPILER_KERNELS_PACKROWS_H
#define NARAE_BACKENDS_CPU_COMPILER_KERNELS_PACKROWS_H

#include "backends/cpu/compiler/kernels/ByteVectors.h"
#include "lib/codegen/BlockPanels.h"

namespace narae::cpu {

/// Packs blocks of the 16 rows of a panel.
class RowPacker {
public:
  RowPacker(KernelContext &k, VectorBuilder &v,
            const codegen::BlockPanelLayout &layout)
      : k(k), v(v), b8(v), layout(layout) {}

  /// `blocks` (index) blocks of the panel whose row r begins `rows[r]` bytes
  /// (index) behind `from`; writes them to `to`, one behind the other.
  void panel(Value from, llvm::ArrayRef<Value> rows, Value blocks, Value to);

private:
  void block(llvm::ArrayRef<Value> rows, Value to, int64_t part);
  void group(int64_t g);
  void lowPlane(int64_t g, Value to);
  void highPlane(int64_t g, Value to);
  void groupScales(int64_t g, Value to);
  void blockScales();
  /// Numbers 4 i ... 4 i + 3 of a group: their low parts, a byte each.
  Value lowWord(int64_t g, int64_t i);
  Value highPairs(int64_t g, int64_t i);
  /// The sign bits of the bytes are the high bits of the numbers.
  Value highSigns(int64_t g, int64_t i);
  std::pair<Value, Value> subScales(int64_t g, int64_t h);

  /// The word at byte `offset` of each row's block.
  Value word(int64_t offset);
  Value scaleByte(int64_t from, int64_t i);
  Value shr(Value x, int64_t bits);
  Value shl(Value x, int64_t bits);
  Value band(Value x, uint32_t mask);
  void storeNarrow(Value words, unsigned bits, int64_t offset);

  KernelContext &k;
  VectorBuilder &v;
  ByteVectors b8;
  const codegen::BlockPanelLayout &layout;

  /// Of the block that is being packed.
  llvm::SmallVector<Value, 16> current;
  Value target;
  int64_t part = 0;
  llvm::DenseMap<int64_t, llvm::SmallVector<Value, 4>> chunks;
};

} // namespace narae::cpu

#endif // NARAE_BACKENDS_CPU_COMPILER_KERNELS_PACKROWS_H
