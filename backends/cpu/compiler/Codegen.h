//===- Codegen.h - LLVM: optimisation, machine code, link ----- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The calls of LLVM's and lld's own C++ API, which differ from version to
// version, are in Codegen.cpp and Link.cpp.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_COMPILER_CODEGEN_H
#define NARAE_BACKENDS_CPU_COMPILER_CODEGEN_H

#include "backends/cpu/compiler/Targets.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"

#include <memory>
#include <string>

namespace narae::cpu {

/// A group of kernels on its way to machine code. Each has an LLVM context of
/// its own, so that groups compile in parallel.
struct CodegenJob {
  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::Module> module;
  std::string object; ///< the relocatable object, once compiled
  std::string error;  ///< what went wrong, else empty
};

struct CodegenOptions {
  int optLevel = 3;
  bool exact = false;
};

/// Translates a module of the llvm dialect; an error goes to the job's.
std::unique_ptr<CodegenJob> translate(mlir::ModuleOp module);
/// The job that makes the object of the memory functions.
std::unique_ptr<CodegenJob> memoryFunctionsJob();

/// Links the device library, optimises, makes the object.
void compileJob(CodegenJob &job, const CpuTarget &target,
                const CodegenOptions &options);

/// Compiles jobs on `threads` threads; objects are the same for any number.
void compileJobs(llvm::MutableArrayRef<std::unique_ptr<CodegenJob>> jobs,
                 const CpuTarget &target, const CodegenOptions &options,
                 int threads);

/// Links objects to a shared object; `library` is used where symbols are
/// undefined. False with a message in `error`.
bool linkShared(llvm::ArrayRef<llvm::StringRef> objects,
                llvm::StringRef library, std::string &result,
                std::string &error);

} // namespace narae::cpu

#endif // NARAE_BACKENDS_CPU_COMPILER_CODEGEN_H
