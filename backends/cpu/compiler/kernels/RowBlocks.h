//===- RowBlocks.h - GGUF's blocks of 16 rows in the lanes ------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Reads rows as a GGUF file has them, the rows of a panel in the lanes of
// vectors: chunks of 16 bytes of each row are transposed as words of four
// bytes, which are neighbours in a row and in the planes of
// lib/codegen/BlockPanels.h. Words that stand alone are gathered.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_COMPILER_KERNELS_ROWBLOCKS_H
#define NARAE_BACKENDS_CPU_COMPILER_KERNELS_ROWBLOCKS_H

#include "backends/cpu/compiler/kernels/PanelBlock.h"

namespace narae::cpu {

/// 16 rows of a matrix, one behind the other.
struct PanelRows {
  Value first;    ///< pointer
  Value rowBytes; ///< index
  Value last;     ///< index: rows behind it are this one; null: there are none
};

class RowBlocks {
public:
  /// Emits what does not change from block to block.
  RowBlocks(KernelContext &k, VectorBuilder &v,
            const codegen::BlockPanelLayout &layout, const PanelRows &rows);

  /// Vectors of lanes that the 16 rows are.
  int64_t parts() const { return BlockPanelLayout::rows / v.lanes; }
  /// What follows is of the block `offset` bytes (index) into each row of
  /// [part * lanes, (part + 1) * lanes).
  void open(Value offset, int64_t part);

  //--- As in the file, a word of 32 bits a row --------------------------------
  /// Numbers 4 i ... 4 i + 3 of a group: their low parts, a byte each.
  Value lowWord(int64_t g, int64_t i);
  Value highPairs(int64_t g, int64_t i);
  /// The sign bits of the bytes are the high bits of the numbers.
  Value highSigns(int64_t g, int64_t i);
  /// Scale and minimum (or null) of half h of a group, integers.
  std::pair<Value, Value> subScales(int64_t g, int64_t h);
  /// The block's scale as f16 in the low half, what follows it in the high one.
  Value blockScale();

  //--- As PanelBlock has them -------------------------------------------------
  llvm::SmallVector<Value, 8> codes(int64_t g);
  GroupScales blockScales();
  GroupScales groupScales(const GroupScales &block, int64_t g, int64_t h);

  Value shr(Value x, int64_t bits);
  Value shl(Value x, int64_t bits);
  Value band(Value x, uint32_t mask);
  /// The low bits of each lane.
  Value narrow(Value words, unsigned bits);

private:
  llvm::SmallVector<Value, 4> chunk(int64_t start);
  /// Word i of what begins at byte `base` of each row's block, read with its
  /// neighbours.
  Value word(int64_t base, int64_t i);
  /// The word at `offset`, whose neighbours nobody needs.
  Value lone(int64_t offset);
  /// Scales 4 j ... 4 j + 3 of a block and minima (or null), a byte each.
  std::pair<Value, Value> scaleWords(int64_t j);
  Value half(Value words);

  KernelContext &k;
  VectorBuilder &v;
  ByteVectors b8;
  const codegen::BlockPanelLayout &layout;
  const PanelRows rows;
  llvm::SmallVector<Value, 16> offsets; ///< of the rows, index
  llvm::SmallVector<Value, 2> lanes;    ///< the same as i32, by part

  /// Of the open block.
  Value here;
  int64_t part = 0;
  llvm::DenseMap<int64_t, llvm::SmallVector<Value, 4>> chunks;
  llvm::DenseMap<int64_t, Value> gathered;
  llvm::DenseMap<int64_t, std::pair<Value, Value>> scales;
};

} // namespace narae::cpu

#endif // NARAE_BACKENDS_CPU_COMPILER_KERNELS_ROWBLOCKS_H
