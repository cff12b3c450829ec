//===- AttentionSteps.h - Steps of an attention kernel ----------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_COMPILER_KERNELS_ATTENTIONSTEPS_H
#define NARAE_BACKENDS_CPU_COMPILER_KERNELS_ATTENTIONSTEPS_H

#include "backends/cpu/compiler/kernels/AttentionPlan.h"

namespace narae::cpu {

/// Queries [row, row + rows) of a head, and a block of its keys.
struct AttentionBlock {
  Value batch, head, group, row, rows, key, keys;
};

/// What is done with a block, in this order for each block of keys.
class AttentionSteps {
public:
  AttentionSteps(KernelContext &k, const MachineModel &machine,
                 const Attention &a, const AttentionPlan &plan);

  /// Packs the queries; no output, no sum so far.
  void start(const AttentionBlock &block);
  /// scores = q k^T.
  void scores(const AttentionBlock &block);
  /// The scores become probabilities up to a factor; what was before is
  /// scaled to the new maximum.
  void softmax(const AttentionBlock &block);
  /// out += probabilities . v
  void output(const AttentionBlock &block);

  /// The same products for few queries, on keys and values as they lie.
  bool hasFewPath() const;
  void scoresByDots(const AttentionBlock &block);
  void outputByRows(const AttentionBlock &block);

  /// Query s sees the keys before s + 1 + shift.
  Value causalShift();

  Value sums, out; ///< scratch
  Value outputRow; ///< floats of a row of `out`

private:
  /// Rows of keys or values of a group: pointer (null when not f32 in
  /// memory) and distance.
  std::pair<Value, Value> rowsOf(Value tensor, const AttentionBlock &block,
                                 Value key);
  Value element(Value tensor, const AttentionBlock &block, Value row, Value col,
                bool isQuery);
  void softmaxRow(const AttentionBlock &block, Value row);
  Value visibleKeys(const AttentionBlock &block, Value row);
  /// The mask's row for the block's keys, where vectors of it can be read.
  Value maskRow(const AttentionBlock &block, Value row);
  /// Scale, softcap and mask of a row, hidden keys at -inf; its maximum.
  Value finishScores(const AttentionBlock &block, Value row);
  void finishByElement(const AttentionBlock &block, Value row);
  Value exp(Value x);

  KernelContext &k;
  const MachineModel &machine;
  VectorBuilder v;
  const Attention &a;
  const AttentionPlan &plan;
  Value panel, scoresTile, maxima, queries, lda;
};

} // namespace narae::cpu

#endif // NARAE_BACKENDS_CPU_COMPILER_KERNELS_ATTENTIONSTEPS_H
