//===- LlvmModule.h - LLVM modules of kernels ------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_CODEGEN_LLVMMODULE_H
#define NARAE_LIB_CODEGEN_LLVMMODULE_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <memory>
#include <string>

namespace llvm {
class LLVMContext;
class Module;
class TargetMachine;
} // namespace llvm

namespace narae::codegen {

/// LLVM IR of a module in the llvm dialect; null after a diagnostic.
std::unique_ptr<llvm::Module> translateToLLVMIR(mlir::ModuleOp module,
                                                llvm::LLVMContext &context);

/// A module of embedded bitcode whose functions are read as they are needed;
/// null with a message.
std::unique_ptr<llvm::Module> readBitcode(llvm::StringRef bitcode,
                                          llvm::LLVMContext &context,
                                          std::string &error);

/// Lets a * b + c fuse. Only in kernels: the device library depends on the
/// rounding of each of its operations.
void allowContraction(llvm::Module &module);

/// Copies in what the module calls of the device library, as its own. False
/// with a message where that fails.
bool linkDeviceLibrary(llvm::Module &module, llvm::StringRef bitcode,
                       std::string &error);

/// LLVM's default pipeline of an optimisation level (0 to 3) for a target.
/// There is no C library: no function is taken to be what its name says.
void optimize(llvm::Module &module, llvm::TargetMachine &machine, int optLevel,
              bool vectorize);

/// Calls `body` with 0 to count - 1, on up to `threads` threads.
void parallelFor(size_t count, int threads,
                 llvm::function_ref<void(size_t)> body);

} // namespace narae::codegen

#endif // NARAE_LIB_CODEGEN_LLVMMODULE_H
