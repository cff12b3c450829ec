//===- Configure.h - Choices made before scheduling ------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_CODEGEN_CONFIGURE_H
#define NARAE_LIB_CODEGEN_CONFIGURE_H

#include "lib/codegen/KernelFunction.h"

namespace narae::codegen {

/// Chooses the emitter of every kernel, its tiles and workspace, estimates
/// its work, and says which arguments its result may take the memory of.
llvm::LogicalResult configureKernels(llvm::ArrayRef<rt::KernelOp> kernels,
                                     const Emitters &emitters,
                                     const MachineModel &machine);

/// Scalar operations that a kernel does, over its symbols.
fm::Expr estimateWork(rt::KernelOp kernel, fm::SymbolicScope &scope);

/// Whether a kernel of a backend can be built around the op; a diagnostic says
/// why not.
llvm::LogicalResult checkSupported(mlir::Operation *op,
                                   const Emitters &emitters,
                                   const MachineModel &machine,
                                   llvm::StringRef backend);

} // namespace narae::codegen

#endif // NARAE_LIB_CODEGEN_CONFIGURE_H
