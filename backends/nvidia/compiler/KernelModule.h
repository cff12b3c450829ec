//===- KernelModule.h - Kernels as entry points of a module ----*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NVIDIA_COMPILER_KERNELMODULE_H
#define NARAE_BACKENDS_NVIDIA_COMPILER_KERNELMODULE_H

#include "lib/codegen/KernelFunction.h"

namespace narae::nvidia {

/// All emitters of this backend.
codegen::Emitters allEmitters();

/// The symbol of a module's kernel `index`.
std::string entryName(size_t index);

/// A module with an entry point a kernel,
///   @kINDEX(buffers: ptr ..., params: i64 ..., scratch: ptr, bytes: i64),
/// whose threads are the parts of the kernel's body. Null after diagnostics.
mlir::OwningOpRef<mlir::ModuleOp>
buildKernels(llvm::ArrayRef<rt::KernelOp> kernels,
             const codegen::Emitters &emitters,
             const codegen::MachineModel &machine);

} // namespace narae::nvidia

#endif // NARAE_BACKENDS_NVIDIA_COMPILER_KERNELMODULE_H
