//===- KernelModule.h - Kernels as functions of a fresh module  -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_COMPILER_KERNELMODULE_H
#define NARAE_BACKENDS_CPU_COMPILER_KERNELMODULE_H

#include "lib/codegen/KernelEmitter.h"

#include "mlir/IR/BuiltinOps.h"

namespace narae::cpu {

using Emitters = std::vector<std::unique_ptr<codegen::KernelEmitter>>;

/// All emitters of this backend: its own, then the generic ones.
Emitters allEmitters();

/// The emitter that the kernel's config names, else the first that matches;
/// null when none does.
codegen::KernelEmitter *findEmitter(const Emitters &emitters,
                                    rt::KernelOp kernel,
                                    const codegen::MachineModel &machine);

/// The kernels of a module that are this backend's.
llvm::SmallVector<rt::KernelOp> kernelsOf(mlir::ModuleOp module);

/// A module with two functions a kernel: NAME, a NaraeHostKernelFn, and the
/// internal NAME_body, filled by an emitter. Null after diagnostics.
mlir::OwningOpRef<mlir::ModuleOp>
buildKernels(llvm::ArrayRef<rt::KernelOp> kernels, const Emitters &emitters,
             const codegen::MachineModel &machine);

/// Dialects that kernels' code is made of.
void loadKernelDialects(mlir::MLIRContext *context);

} // namespace narae::cpu

#endif // NARAE_BACKENDS_CPU_COMPILER_KERNELMODULE_H
