//===- KernelModule.h - Kernels as functions of a fresh module  -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_COMPILER_KERNELMODULE_H
#define NARAE_BACKENDS_CPU_COMPILER_KERNELMODULE_H

#include "lib/codegen/KernelFunction.h"

namespace narae::cpu {

using codegen::Emitters;

/// All emitters of this backend: its own, then the generic ones.
Emitters allEmitters();

/// A module with two functions a kernel: NAME, a NaraeHostKernelFn, and the
/// internal NAME_body, filled by an emitter. Null after diagnostics.
mlir::OwningOpRef<mlir::ModuleOp>
buildKernels(llvm::ArrayRef<rt::KernelOp> kernels, const Emitters &emitters,
             const codegen::MachineModel &machine);

} // namespace narae::cpu

#endif // NARAE_BACKENDS_CPU_COMPILER_KERNELMODULE_H
