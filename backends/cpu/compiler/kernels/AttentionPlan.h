//===- AttentionPlan.h - Sizes of attention kernels -------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_COMPILER_KERNELS_ATTENTIONPLAN_H
#define NARAE_BACKENDS_CPU_COMPILER_KERNELS_ATTENTIONPLAN_H

#include "backends/cpu/compiler/kernels/MicroKernel.h"

namespace narae::cpu {

/// The op with its sizes as expressions.
struct Attention {
  mutable fm::AttentionOp op; ///< accessors of ops are not const
  fm::Expr batch, heads, groups, queries, keys, depth, width;

  static std::optional<Attention> of(fm::SymbolicScope &scope,
                                     mlir::Operation *op);
};

/// Compile-time sizes, and where things lie in scratch memory (bytes).
struct AttentionPlan {
  RegisterTile tile;
  int64_t rows;  ///< most queries of a block
  int64_t keys;  ///< of a block
  int64_t depth; ///< of a block
  int64_t lda;   ///< distance of rows of queries and of scores

  static AttentionPlan make(const MachineModel &machine, const Attention &a);

  int64_t panelAt() const { return 0; }
  int64_t scoresAt() const { return std::max(keys, depth) * tile.nr * 4; }
  /// Maximum and sum of each row.
  int64_t maximaAt() const { return scoresAt() + rows * lda * 4; }
  int64_t sumsAt() const { return maximaAt() + llvm::alignTo(rows * 4, 64); }
  int64_t queriesAt() const { return sumsAt() + llvm::alignTo(rows * 4, 64); }
  fm::Expr outputAt(fm::SymbolicScope &scope, const Attention &a) const;
  /// Floats of a row of unfinished output: whole vectors.
  fm::Expr outputRow(fm::SymbolicScope &scope, const Attention &a) const;
  fm::Expr scratch(fm::SymbolicScope &scope, const Attention &a) const;
};

} // namespace narae::cpu

#endif // NARAE_BACKENDS_CPU_COMPILER_KERNELS_ATTENTIONPLAN_H
