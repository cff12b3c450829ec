//===- MicroKernel.h - Register tiles of matrix products --------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// All f32 contractions end here: C[rows x cols] (+)= A[rows x k] . B[k x NR],
// where cols <= NR. B is a panel, k rows of NR floats. A lies in rows at a
// distance that is a compile-time constant, so that one register addresses
// the whole tile. A tile of MR x NR accumulators stays in registers over the
// loop in k; row edges use tiles of fewer rows. The code is one function a
// module, row distance and way to start, shared by all kernels.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_COMPILER_KERNELS_MICROKERNEL_H
#define NARAE_BACKENDS_CPU_COMPILER_KERNELS_MICROKERNEL_H

#include "backends/cpu/compiler/kernels/VectorBuilder.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace narae::cpu {

/// The register tile of a machine.
struct RegisterTile {
  int64_t mr, nr;
  /// Rows of B that are fetched ahead into the cache; 0 where the machine is
  /// slow enough to find them there anyway.
  int64_t fetchAhead;
  static RegisterTile of(const MachineModel &machine);
};

/// What accumulators hold at first.
enum class Start {
  Zero,
  RowBias,    ///< bias[row]
  ColumnBias, ///< bias[column]
};

/// Operands of the function; sizes are of type index, pointers to f32.
struct PanelCall {
  Value a; ///< row r at a + r * lda
  Value rows;
  Value b;          ///< the panel
  Value depth;      ///< k
  Value c, ldc;     ///< row r at c + r * ldc
  Value cols;       ///< columns of C that exist
  Value bias;       ///< null with Start::Zero
  Value accumulate; ///< i1: add to C instead of overwriting it; the bias is
                    ///< then left out
};

/// The function of a module, made when it is not there yet.
mlir::func::FuncOp panelFunction(mlir::ModuleOp module, mlir::Location loc,
                                 const MachineModel &machine, int64_t lda,
                                 Start start);

/// Calls the function, which is made at the first use in a module.
void callPanelKernel(KernelContext &k, const MachineModel &machine, int64_t lda,
                     Start start, const PanelCall &call);

/// A distance of rows for rows of `depth` floats that spreads a tile's rows
/// over the sets of the cache.
int64_t rowDistance(int64_t depth);

} // namespace narae::cpu

#endif // NARAE_BACKENDS_CPU_COMPILER_KERNELS_MICROKERNEL_H
