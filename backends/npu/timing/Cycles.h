//===- Cycles.h - Closed forms of instruction times ----------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// How long an engine that waits for nothing takes for an instruction, as the
// column "cycles" of docs/npu-isa.md defines. All times are cycles of
// `npu.clock`.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_TIMING_CYCLES_H
#define NARAE_BACKENDS_NPU_TIMING_CYCLES_H

#include "backends/npu/isa/View.h"
#include "backends/npu/machine/Machine.h"

#include <functional>
#include <optional>

namespace narae::npu {

/// Cycles of a product [m, k] * [k, n] on a systolic array that is filled and
/// drained for each fold, without the issue of the instruction: SCALE-Sim v3's
/// `F * (fill + T - 2) - 1`.
/// \param rate multiply-accumulates a cell and cycle; k is shortened by it.
double arrayCycles(const TensorUnit &unit, Dataflow dataflow, int64_t m,
                   int64_t n, int64_t k, double rate);

/// Cycles of weight-stationary tiles that follow each other without a drain in
/// between, as ONNXim has them: a tile of `rows` rows takes
/// `height + width - 2 + max(rows, 4)`; the next one issues `max(rows, 4)`
/// after it, and `max(rows, 4, height)` if it needs weights of its own.
struct WeightTile {
  int64_t rows = 0;
  bool preload = true; ///< weights other than the tile before
};
double tileLatency(const TensorUnit &unit, int64_t rows);
double tileInterval(const TensorUnit &unit, int64_t previousRows, bool preload);
double tileCycles(const TensorUnit &unit, const std::vector<WeightTile> &tiles);

/// A view operand of the instruction; unset where it is left out.
using ViewOf = std::function<std::optional<View>(OperandName)>;

/// What a tensor or vector instruction takes.
struct InstructionTime {
  double cycles = 0; ///< with the issue
  double macs = 0;   ///< multiply-accumulates that the result needs
  /// Cycles that the same work needs with every cell or lane always busy; never
  /// more than `cycles`.
  double bound = 0;
};

/// \param pipelined whether folds of weight-stationary products follow each
/// other as `tileCycles` says, instead of one at a time.
InstructionTime instructionTime(const Machine &machine,
                                const Instruction &instruction,
                                const ViewOf &view, bool pipelined = false);

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_TIMING_CYCLES_H
