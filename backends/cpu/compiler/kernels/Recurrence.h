//===- Recurrence.h - A recurrent op as its emitter sees it -----*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_COMPILER_KERNELS_RECURRENCE_H
#define NARAE_BACKENDS_CPU_COMPILER_KERNELS_RECURRENCE_H

#include "backends/cpu/compiler/kernels/VectorBuilder.h"

namespace narae::cpu {

enum class CellKind { Lstm, Gru, Rnn };

/// The op with its sizes as expressions.
struct Recurrence {
  mutable fm::RecurrentOp op; ///< accessors of ops are not const
  CellKind kind;
  int64_t gates, directions;
  fm::Expr steps, batch, inputs, hidden;

  static std::optional<Recurrence> of(fm::SymbolicScope &scope,
                                      mlir::Operation *op);
  /// Whether direction `d` runs from the last step to the first.
  bool isReverse(int64_t d) const {
    return d == 1 || op.getDirection() == "reverse";
  }
};

/// Activation `index` of direction `d` of a scalar in a register.
Value activate(KernelContext &k, const Recurrence &r, int64_t d, int64_t index,
               Value x);

/// A matrix in rows, and the vector it is multiplied by. Sizes are indices;
/// the matrix's rows follow each other.
struct MatrixVector {
  Value matrix, vector, width;
};

/// out[i] = sum of (matrix row i) . vector over all terms, i < rows. Whole
/// vectors of `out` are written.
void emitDots(KernelContext &k, VectorBuilder &v,
              llvm::ArrayRef<MatrixVector> terms, Value rows, Value out);

} // namespace narae::cpu

#endif // NARAE_BACKENDS_CPU_COMPILER_KERNELS_RECURRENCE_H
