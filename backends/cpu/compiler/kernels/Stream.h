//===- Stream.h - Products whose weights stream by ------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A batch of products C = A . B where a panel of B is read once from memory
// and used in registers as it comes: for few rows, which the speed of memory
// decides, and for weights that are cheaper to widen in registers than to
// write out. Items of the static partition are (batch, block of rows, panel)
// and never parts of k, as in Gemm.h.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_COMPILER_KERNELS_STREAM_H
#define NARAE_BACKENDS_CPU_COMPILER_KERNELS_STREAM_H

#include "backends/cpu/compiler/kernels/Gemm.h"
#include "backends/cpu/compiler/kernels/RowBlocks.h"

namespace narae::cpu {

struct Stream {
  Value batches, rows, cols;
  int64_t width;   ///< columns of a panel, whole vectors
  int64_t maxRows; ///< rows of a block
  /// Rows that are computed together, falling, the last 1.
  llvm::SmallVector<int64_t> heights;
  /// Makes the rows of a block ready; may be null.
  std::function<void(const GemmBlock &block)> prepare;
  /// Makes the panel at block.col ready; may be null.
  std::function<void(const GemmBlock &block)> panel;
  /// Rows [row, row + height) of the block by the panel at block.col: vectors,
  /// row by row.
  std::function<llvm::SmallVector<Value>(const GemmBlock &block, Value row,
                                         int64_t height)>
      product;
  /// Where the block's first element is, and ldc; every panel is whole.
  std::function<Value(const GemmBlock &block)> output;
  Value ldc;
  /// Else: a tile of rows at a distance of `width`, and what becomes of it.
  Value tile;
  std::function<void(const GemmBlock &block, Value tile)> finish;

  /// Blocks of up to so many rows take another way: no `panel`, and `few` for
  /// a product, in these heights.
  int64_t fewRows = 0;
  llvm::SmallVector<int64_t> fewHeights;
  std::function<llvm::SmallVector<Value>(const GemmBlock &block, Value row,
                                         int64_t height)>
      few;
};

void emitStream(KernelContext &k, const MachineModel &machine,
                const Stream &stream);

/// Heights of tiles for products of `rows` rows (0: not known).
llvm::SmallVector<int64_t> streamHeights(int64_t rows, int64_t most);

//===----------------------------------------------------------------------===//
// Quantised weights and activations
//===----------------------------------------------------------------------===//

/// Activations as int8 in groups of 32 with a scale: groups of a row follow
/// each other, each 32 bytes, the scale (f32), and the group's sums that the
/// weights' format needs (one a scale of the weights).
class QuantizedRows {
public:
  QuantizedRows(const codegen::BlockPanelLayout &layout, int64_t depth)
      : layout(layout), depth(depth) {}

  int64_t sums() const { return layout.subScales == 2 ? 2 : 1; }
  int64_t groupBytes() const { return 36 + 4 * sums(); }
  int64_t rowBytes() const {
    return llvm::alignTo(depth / 32 * groupBytes(), 64);
  }
  /// Of a panel of 16 rows of weights.
  int64_t panelBytes() const {
    return depth / fm::blockInfo(layout.format).elements * layout.bytes();
  }
  /// Quantises `rows` rows of f32 at a distance of `ld` floats.
  void quantize(KernelContext &k, VectorBuilder &v, Value from, Value ld,
                Value rows, Value to) const;
  /// Rows of int8 at `rows` by a panel of 16 rows of weights.
  llvm::SmallVector<Value> product(KernelContext &k, VectorBuilder &v,
                                   Value panel, Value rows,
                                   int64_t height) const;
  /// The same, bit for bit, by 16 rows as a file has them.
  llvm::SmallVector<Value> product(KernelContext &k, VectorBuilder &v,
                                   const PanelRows &weights, Value rows,
                                   int64_t height) const;

  const codegen::BlockPanelLayout &layout;
  int64_t depth;
  bool asksAhead = true; ///< panels come from memory, one behind the other

private:
  void addGroup(ByteVectors &bytes, llvm::ArrayRef<Value> codes,
                llvm::ArrayRef<GroupScales> scales, Value row, int64_t height,
                int64_t part, llvm::MutableArrayRef<Value> sums) const;
};

/// Rows of f32 at `x`, `ld` floats apart, by a panel [depth][2 vectors] of
/// `element`: f32 accumulators, widened in registers.
llvm::SmallVector<Value> narrowProduct(KernelContext &k, VectorBuilder &v,
                                       Value panel, mlir::Type element,
                                       int64_t depth, Value x, int64_t ld,
                                       int64_t height);

} // namespace narae::cpu

#endif // NARAE_BACKENDS_CPU_COMPILER_KERNELS_STREAM_H
