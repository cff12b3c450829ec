//===- Configure.h - Choices made before scheduling ----------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_COMPILER_CONFIGURE_H
#define NARAE_BACKENDS_CPU_COMPILER_CONFIGURE_H

#include "backends/cpu/compiler/KernelModule.h"
#include "backends/cpu/compiler/Targets.h"

namespace narae::cpu {

/// Chooses the emitter of every kernel, its tiles and workspace, and
/// estimates its work.
llvm::LogicalResult configureKernels(mlir::ModuleOp module,
                                     const codegen::MachineModel &machine);

/// Scalar operations that a kernel does, over its symbols.
fm::Expr estimateWork(rt::KernelOp kernel, fm::SymbolicScope &scope);

/// Whether a kernel can be built around the op; a diagnostic says why not.
llvm::LogicalResult checkSupported(mlir::Operation *op,
                                   const Emitters &emitters,
                                   const codegen::MachineModel &machine);

} // namespace narae::cpu

#endif // NARAE_BACKENDS_CPU_COMPILER_CONFIGURE_H
