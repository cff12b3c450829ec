//===- LlvmModule.cpp - LLVM modules of kernels --------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/LlvmModule.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/Linker/Linker.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/IPO/Internalize.h"

#include <atomic>
#include <thread>

using namespace narae;

std::unique_ptr<llvm::Module>
codegen::translateToLLVMIR(mlir::ModuleOp module, llvm::LLVMContext &context) {
  mlir::registerBuiltinDialectTranslation(*module.getContext());
  mlir::registerLLVMDialectTranslation(*module.getContext());
  return mlir::translateModuleToLLVMIR(module, context, "kernels");
}

std::unique_ptr<llvm::Module> codegen::readBitcode(llvm::StringRef bitcode,
                                                   llvm::LLVMContext &context,
                                                   std::string &error) {
  auto module = llvm::getLazyBitcodeModule(
      llvm::MemoryBufferRef(bitcode, "device"), context);
  if (!module) {
    error =
        "the device library is damaged: " + llvm::toString(module.takeError());
    return nullptr;
  }
  return std::move(*module);
}

void codegen::allowContraction(llvm::Module &module) {
  for (llvm::Function &function : module)
    for (llvm::Instruction &instruction : llvm::instructions(function))
      switch (instruction.getOpcode()) {
      case llvm::Instruction::FAdd:
      case llvm::Instruction::FSub:
      case llvm::Instruction::FMul:
        instruction.setHasAllowContract(true);
        break;
      default:
        break;
      }
}

bool codegen::linkDeviceLibrary(llvm::Module &module, llvm::StringRef bitcode,
                                std::string &error) {
  auto library = readBitcode(bitcode, module.getContext(), error);
  if (!library)
    return false;
  library->setTargetTriple(module.getTargetTriple());
  library->setDataLayout(module.getDataLayout());
  bool failed = llvm::Linker::linkModules(
      module, std::move(library), llvm::Linker::LinkOnlyNeeded,
      [](llvm::Module &into, const llvm::StringSet<> &linked) {
        llvm::internalizeModule(into, [&](const llvm::GlobalValue &value) {
          return !value.hasName() || !linked.contains(value.getName());
        });
      });
  if (failed)
    error = "linking the device library failed";
  return !failed;
}

void codegen::optimize(llvm::Module &module, llvm::TargetMachine &machine,
                       int optLevel, bool vectorize) {
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = vectorize && optLevel >= 2;
  tuning.SLPVectorization = vectorize && optLevel >= 2;
  tuning.LoopInterleaving = vectorize && optLevel >= 2;
  tuning.LoopUnrolling = optLevel >= 1;
  llvm::LoopAnalysisManager lam;
  llvm::FunctionAnalysisManager fam;
  llvm::CGSCCAnalysisManager cgam;
  llvm::ModuleAnalysisManager mam;
  llvm::PassBuilder builder(&machine, tuning);
  // There is no C library to call: no function is what its name says.
  llvm::TargetLibraryInfoImpl info(machine.getTargetTriple());
  info.disableAllFunctions();
  fam.registerPass([&] { return llvm::TargetLibraryAnalysis(info); });
  builder.registerModuleAnalyses(mam);
  builder.registerCGSCCAnalyses(cgam);
  builder.registerFunctionAnalyses(fam);
  builder.registerLoopAnalyses(lam);
  builder.crossRegisterProxies(lam, fam, cgam, mam);
  const llvm::OptimizationLevel levels[] = {
      llvm::OptimizationLevel::O0, llvm::OptimizationLevel::O1,
      llvm::OptimizationLevel::O2, llvm::OptimizationLevel::O3};
  llvm::ModulePassManager passes =
      optLevel == 0 ? builder.buildO0DefaultPipeline(levels[0])
                    : builder.buildPerModuleDefaultPipeline(levels[optLevel]);
  passes.run(module, mam);
}

void codegen::parallelFor(size_t count, int threads,
                          llvm::function_ref<void(size_t)> body) {
  std::atomic<size_t> next{0};
  auto work = [&] {
    for (size_t i; (i = next.fetch_add(1)) < count;)
      body(i);
  };
  std::vector<std::thread> pool;
  size_t extra = std::min<size_t>(std::max(threads, 1), count);
  for (size_t i = 1; i < extra; ++i)
    pool.emplace_back(work);
  work();
  for (std::thread &thread : pool)
    thread.join();
}
