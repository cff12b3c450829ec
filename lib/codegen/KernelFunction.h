//===- KernelFunction.h - A kernel as a function ---------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_CODEGEN_KERNELFUNCTION_H
#define NARAE_LIB_CODEGEN_KERNELFUNCTION_H

#include "lib/codegen/KernelEmitter.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace narae::codegen {

using Emitters = std::vector<std::unique_ptr<KernelEmitter>>;

/// The emitter that the kernel's config names, else the first that matches;
/// null when none does.
KernelEmitter *findEmitter(const Emitters &emitters, rt::KernelOp kernel,
                           const MachineModel &machine);

/// The kernels of a module that are a backend's.
llvm::SmallVector<rt::KernelOp> kernelsOf(mlir::ModuleOp module,
                                          llvm::StringRef backend);

/// Makes at `b` the internal function
///   @NAME_body(inputs, outputs: ptr; params, part, parts: index; scratch: ptr)
/// of a kernel, filled by the emitter. Null after a diagnostic.
mlir::func::FuncOp buildBody(mlir::OpBuilder &b, rt::KernelOp kernel,
                             KernelEmitter &emitter,
                             const MachineModel &machine);

/// Dialects that kernels' code is made of.
void loadKernelDialects(mlir::MLIRContext *context);

} // namespace narae::codegen

#endif // NARAE_LIB_CODEGEN_KERNELFUNCTION_H
