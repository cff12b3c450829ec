//===- Codegen.h - LLVM: optimisation and PTX ------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NVIDIA_COMPILER_CODEGEN_H
#define NARAE_BACKENDS_NVIDIA_COMPILER_CODEGEN_H

#include "backends/nvidia/compiler/Targets.h"
#include "backends/nvidia/object/Object.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"

#include <memory>

namespace narae::nvidia {

/// One module on its way from LLVM IR to PTX.
struct CodegenJob {
  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::Module> module;
  ModuleImage image;
  std::string error;
};

struct CodegenOptions {
  int optLevel = 3;
  bool exact = false;
  /// Keep the optimised IR beside the PTX.
  bool emulatable = false;
};

/// LLVM IR of a module in the llvm dialect.
std::unique_ptr<CodegenJob> translate(mlir::ModuleOp module);

/// Optimises modules and writes their PTX, on `threads` threads. Functions
/// whose names `entryName` gives are entry points, all others are inlined or
/// internal. Errors are left in the jobs.
void compileJobs(llvm::MutableArrayRef<std::unique_ptr<CodegenJob>> jobs,
                 const NvidiaTarget &target, const CodegenOptions &options,
                 int threads);

} // namespace narae::nvidia

#endif // NARAE_BACKENDS_NVIDIA_COMPILER_CODEGEN_H
