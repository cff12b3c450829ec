//===- Gemm.h - The loops around the micro-kernel ---------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A batch of products C = A . B in blocks of rows and panels of columns. The
// rows of A of one block are packed into scratch memory over all of k, in
// blocks of k; then the panels of B that this part computes pass by. A panel
// of C is finished while it is hot: either it is written where it belongs by
// the micro-kernel, or it comes to lie in a tile in scratch memory that
// `finish` turns into results.
//
// Items of the static partition are (batch, block of rows, panel), panels
// innermost, never parts of k: results do not depend on the number of parts.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_COMPILER_KERNELS_GEMM_H
#define NARAE_BACKENDS_CPU_COMPILER_KERNELS_GEMM_H

#include "backends/cpu/compiler/kernels/MicroKernel.h"

#include <functional>

namespace narae::cpu {

/// Sizes that are chosen at compile time. Made the same way when a kernel is
/// configured and when its code is emitted.
struct GemmPlan {
  RegisterTile tile;
  int64_t mc;           ///< most rows of a block
  int64_t kc;           ///< k of a block
  int64_t lda;          ///< distance of packed rows
  bool packsB = false;  ///< panels are packed here, not found in memory
  bool hasTile = false; ///< C goes through a tile

  /// `step`: blocks of k hold whole steps. `packsB`: see above.
  static GemmPlan make(const MachineModel &machine, fm::Expr rows,
                       fm::Expr depth, int64_t step, bool packsB);
  /// Bytes of scratch memory a part needs.
  fm::Expr scratch(fm::SymbolicScope &scope, fm::Expr depth) const;

  int64_t tileAt() const { return 0; }
  int64_t panelAt() const { return hasTile ? mc * tile.nr * 4 : 0; }
  int64_t rowsAt() const { return panelAt() + (packsB ? kc * tile.nr * 4 : 0); }
};

/// A place in C: rows [row, row + rows) by columns [col, col + cols).
struct GemmBlock {
  Value batch, row, rows, col, cols;
};

struct Gemm {
  Value batches, rows, cols, depth;
  Start start = Start::Zero;

  /// Writes rows of A, columns [k0, k0 + kc), to `to`, rows at plan.lda.
  std::function<void(const GemmBlock &block, Value k0, Value kc, Value to)>
      packA;
  /// The panel of B from k0 on; may write it to `room`.
  std::function<Value(const GemmBlock &block, Value k0, Value kc, Value room)>
      panelB;
  /// Where the bias of the block starts; null with Start::Zero.
  std::function<Value(const GemmBlock &block)> bias;
  /// Without a tile: where the block's first element is, and ldc.
  std::function<Value(const GemmBlock &block)> output;
  Value ldc;
  /// With a tile, whose rows are at a distance of NR.
  std::function<void(const GemmBlock &block, Value tile)> finish;
};

void emitGemm(KernelContext &k, const MachineModel &machine,
              const GemmPlan &plan, const Gemm &gemm);

/// Loops over a finished tile: `row` gives the indices of a row's elements
/// but for what `at` adds of the column (null: the column, last); every yielded
/// value is stored.
/// `anchor` is defined as the tile's element, changed by `change` if given.
struct TileStore {
  Value anchor;
  std::function<codegen::Indices(Value row)> row;
  std::function<codegen::Indices(codegen::Indices row, Value col)> at;
  std::function<Value(Value element, ValueRange indices)> change;
};
void storeTile(KernelContext &k, const GemmPlan &plan, const GemmBlock &block,
               Value tile, const TileStore &store);

/// Stores the element at `indices` of every value that the kernel yields.
void storeYields(KernelContext &k, ValueRange indices);

/// The indices of an operand that broadcasts, from those of the result's
/// dimensions in front (batches): sizes of 1 take index 0.
codegen::Indices broadcastIndices(KernelContext &k,
                                  llvm::ArrayRef<fm::Expr> own,
                                  llvm::ArrayRef<fm::Expr> result,
                                  ValueRange indices);

} // namespace narae::cpu

#endif // NARAE_BACKENDS_CPU_COMPILER_KERNELS_GEMM_H
