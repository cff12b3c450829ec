//===- CachedAttention.h - Attention over caches, step by step --*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A block of rows is some tokens by some heads of one group, which share the
// group's keys: row r is token r / heads, head r % heads. Keys pass by in
// blocks that lie at multiples of the block's size, whatever a query sees of
// them: so sums have one order, however rows are dealt out to parts.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_COMPILER_KERNELS_CACHEDATTENTION_H
#define NARAE_BACKENDS_CPU_COMPILER_KERNELS_CACHEDATTENTION_H

#include "backends/cpu/compiler/kernels/CacheRows.h"
#include "backends/cpu/compiler/kernels/MicroKernel.h"

namespace narae::cpu {

/// The op with its sizes. Heads, groups and head sizes are static.
struct CachedAttention {
  mutable fm::CachedAttentionOp op; ///< accessors of ops are not const
  fm::Expr batch, tokens;
  int64_t heads, groups, depth, width;

  static std::optional<CachedAttention> of(fm::SymbolicScope &scope,
                                           mlir::Operation *op);
  int64_t headsPerGroup() const { return heads / groups; }
  Value valueCache() const {
    return op.getValue() ? Value(op.getValue()) : Value(op.getKey());
  }
};

/// Compile-time sizes, and where things lie in scratch memory (bytes).
struct CachedAttentionPlan {
  RegisterTile tile;
  int64_t rows;      ///< most rows of a block
  int64_t keys;      ///< of a block
  int64_t lda;       ///< distance of rows of queries and of scores
  int64_t outputRow; ///< distance of rows of output
  int64_t wideRow;   ///< distance of widened rows

  static CachedAttentionPlan make(const MachineModel &machine,
                                  const CachedAttention &a);
  int64_t maximaAt() const { return 0; }
  int64_t sumsAt() const { return llvm::alignTo(rows * 4, 64); }
  int64_t queriesAt() const { return 2 * sumsAt(); }
  int64_t scoresAt() const { return queriesAt() + rows * lda * 4; }
  int64_t outputAt() const { return scoresAt() + rows * lda * 4; }
  int64_t wideAt() const { return outputAt() + rows * outputRow * 4; }
  int64_t panelAt() const { return wideAt() + keys * wideRow * 4; }
  int64_t scratch() const {
    return panelAt() + std::max(keys, lda) * tile.nr * 4 + 64;
  }
};

/// Rows of a block: tokens [token, token + tokens) by heads [head, head +
/// heads) of a group; `rows` of them are real, the rest is behind the
/// sequence's length. Then keys: positions [key, key + keys) from a slot on.
struct CachedBlock {
  Value batch, group, token, tokens, head, heads, rows;
  Value position; ///< of the block's first token
  Value key, keys, slot;
};

/// What is done with a block, in this order for each block of keys.
class CachedAttentionSteps {
public:
  CachedAttentionSteps(KernelContext &k, const MachineModel &machine,
                       const CachedAttention &a,
                       const CachedAttentionPlan &plan);

  /// Packs the queries, scaled; no output, no sum so far.
  void start(const CachedBlock &block);
  /// scores = q k^T, by the micro-kernel.
  void scores(const CachedBlock &block);
  /// Scores become probabilities up to a factor; what was before is scaled to
  /// the new maximum.
  void softmax(const CachedBlock &block);
  /// out += probabilities . v
  void output(const CachedBlock &block);

  /// The same products for few rows, on keys and values as they lie
  /// (CachedAttentionFew.cpp).
  bool hasFewPath() const;
  void scoresByDots(const CachedBlock &block);
  void outputByRows(const CachedBlock &block);

  Value sums, out; ///< scratch

private:
  void softmaxRow(const CachedBlock &block, Value row);
  /// Hidden keys of a row become -inf; the largest score.
  Value hideKeys(const CachedBlock &block, Value row);
  /// Rows of keys or values as f32: pointer and distance.
  std::pair<Value, Value> wideRows(const CacheRows &cache,
                                   const CachedBlock &block);
  void dots(const CachedBlock &block, Value row, int64_t count);
  void weighted(const CachedBlock &block, Value row, int64_t count);
  void overRows(const CachedBlock &block, int64_t vectors,
                llvm::function_ref<void(Value row, int64_t count)> body);

  KernelContext &k;
  const MachineModel &machine;
  VectorBuilder v;
  const CachedAttention &a;
  const CachedAttentionPlan &plan;
  CacheRows keyRows, valueRows;
  Value maxima, queries, scoresTile, wide, panel, lda, outputRow;
};

} // namespace narae::cpu

#endif // NARAE_BACKENDS_CPU_COMPILER_KERNELS_CACHEDATTENTION_H
