//===- WeightPanels.h - Weights in fewer bits for products ------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What products do with weights that are not f32 panels: panels of f32 for
// many rows, products without panels for few, panels of bytes.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_COMPILER_KERNELS_WEIGHTPANELS_H
#define NARAE_BACKENDS_CPU_COMPILER_KERNELS_WEIGHTPANELS_H

#include "backends/cpu/compiler/kernels/Stream.h"
#include "backends/cpu/compiler/kernels/WeightForm.h"

namespace narae::cpu {

/// Up to so many rows narrow panels and rows of weights are widened in
/// registers.
constexpr int64_t kStreamedRows = 4;

/// Matrices [count, cols, depth] of one kernel. A GemmBlock says which
/// columns; its `batch` is the number of the matrix.
class WeightPanels {
public:
  WeightPanels(KernelContext &k, VectorBuilder &v, const WeightForm &form,
               fm::Expr cols, int64_t depth)
      : k(k), v(v), form(form), cols(cols), depth(depth) {}

  /// Columns of a panel that a product of few rows or of bytes takes.
  static int64_t streamWidth(const WeightForm &form,
                             const MachineModel &machine);
  /// Bytes that widen() needs in `spare`.
  static int64_t spareBytes(const WeightForm &form, const GemmPlan &plan);
  /// Of `rows` quantised rows, and of a panel where that is packed here.
  static int64_t bytesScratch(const WeightForm &form, int64_t depth,
                              int64_t rows);

  /// The panel of f32 from k0 on, `plan.tile.nr` wide, to `room`.
  void widen(const GemmPlan &plan, const GemmBlock &at, Value k0, Value kc,
             Value room, Value spare);
  /// `height` rows of f32 at `x`, `depth` apart, by the panel at at.col.
  /// `lines` is room for height * streamWidth floats.
  llvm::SmallVector<Value> product(const GemmBlock &at, Value x, int64_t height,
                                   Value lines);
  /// Makes `s` multiply bytes, which lie in `scratch`, in blocks of `maxRows`
  /// rows: `quantize` writes a block's rows, `matrix` says which weights.
  void streamBytes(
      Stream &s, Value scratch, int64_t maxRows,
      const std::function<void(const QuantizedRows &rows,
                               const GemmBlock &block, Value to)> &quantize,
      const std::function<GemmBlock(const GemmBlock &block)> &matrix);

  /// Where a row of Rows begins; the last one of the matrix for those behind.
  Value row(const GemmBlock &at, Value row);

private:
  void widenBlocks(const GemmPlan &plan, const GemmBlock &at, Value k0,
                   Value kc, Value room);
  void widenNarrow(const GemmPlan &plan, const GemmBlock &at, Value k0,
                   Value kc, Value room);
  void widenRows(const GemmPlan &plan, const GemmBlock &at, Value k0, Value kc,
                 Value room, Value spare);
  using Pair = std::array<Value, 2>;
  int64_t scaleStep();
  Value scaleOf(const GemmBlock &at, Value row, Value step);
  Pair scales(const GemmBlock &at, Value step);
  llvm::SmallVector<Value> scaledProduct(const GemmBlock &at, Value from,
                                         int64_t line, Value x, int64_t height);
  PanelRows panelRows(const GemmBlock &at);
  /// Where the packed panel of `bytes` bytes at at.col begins.
  Value panel(const GemmBlock &at, int64_t bytes, int64_t width);

  KernelContext &k;
  VectorBuilder &v;
  const WeightForm &form;
  fm::Expr cols;
  int64_t depth;
};

} // namespace narae::cpu

#endif // NARAE_BACKENDS_CPU_COMPILER_KERNELS_WEIGHTPANELS_H
