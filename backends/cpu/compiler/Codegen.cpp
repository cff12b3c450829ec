//===- Codegen.cpp - LLVM: optimisation and machine code ------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/Codegen.h"
#include "backends/cpu/compiler/DeviceLibrary.h"
#include "lib/codegen/LlvmModule.h"

#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"

#include <mutex>

using namespace narae;
using namespace narae::cpu;

static constexpr const char *kTriple = "x86_64-unknown-linux-gnu";

static void initializeLLVM() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeX86AsmParser();
  });
}

static std::unique_ptr<llvm::TargetMachine>
targetMachine(const CpuTarget &target, int optLevel, std::string &error) {
  initializeLLVM();
  const llvm::Target *llvmTarget =
      llvm::TargetRegistry::lookupTarget(kTriple, error);
  if (!llvmTarget)
    return nullptr;
  llvm::TargetOptions options;
  auto level = static_cast<llvm::CodeGenOptLevel>(optLevel);
  return std::unique_ptr<llvm::TargetMachine>(llvmTarget->createTargetMachine(
      kTriple, target.chip, target.featureString(), options, llvm::Reloc::PIC_,
      llvm::CodeModel::Small, level));
}

std::unique_ptr<CodegenJob> cpu::translate(mlir::ModuleOp module) {
  auto job = std::make_unique<CodegenJob>();
  job->context = std::make_unique<llvm::LLVMContext>();
  job->module = codegen::translateToLLVMIR(module, *job->context);
  if (!job->module)
    job->error = "translation to LLVM IR failed";
  return job;
}

std::unique_ptr<CodegenJob> cpu::memoryFunctionsJob() {
  auto job = std::make_unique<CodegenJob>();
  job->context = std::make_unique<llvm::LLVMContext>();
  job->module =
      codegen::readBitcode(memoryBitcode(), *job->context, job->error);
  if (job->module)
    if (llvm::Error error = job->module->materializeAll())
      job->error = llvm::toString(std::move(error));
  return job;
}

/// Gives every function the same attributes, so that all may be inlined.
static void setFunctionAttributes(llvm::Module &module,
                                  const CpuTarget &target) {
  std::string features = target.featureString();
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    for (llvm::StringRef name :
         {"tune-cpu", "min-legal-vector-width", "stack-protector-buffer-size",
          "frame-pointer", "no-builtins"})
      function.removeFnAttr(name);
    function.addFnAttr("target-cpu", target.chip);
    function.addFnAttr("target-features", features);
    if (target.has("avx512f"))
      function.addFnAttr("prefer-vector-width", "512");
    function.addFnAttr("no-trapping-math", "true");
    function.addFnAttr(llvm::Attribute::NoUnwind);
  }
}

static bool emitObject(CodegenJob &job, llvm::TargetMachine &machine) {
  llvm::SmallString<0> bytes;
  llvm::raw_svector_ostream os(bytes);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, os, nullptr,
                                  llvm::CodeGenFileType::ObjectFile)) {
    job.error = "this LLVM cannot write x86 objects";
    return false;
  }
  passes.run(*job.module);
  job.object.assign(bytes.begin(), bytes.end());
  return true;
}

void cpu::compileJob(CodegenJob &job, const CpuTarget &target,
                     const CodegenOptions &options) {
  if (!job.error.empty())
    return;
  int optLevel = std::clamp(options.optLevel, 0, 3);
  auto machine = targetMachine(target, optLevel, job.error);
  if (!machine)
    return;
  job.module->setTargetTriple(kTriple);
  job.module->setDataLayout(machine->createDataLayout());
  job.module->setSourceFileName("kernels");
  if (!options.exact)
    codegen::allowContraction(*job.module);
  if (!codegen::linkDeviceLibrary(*job.module, mathBitcode(), job.error))
    return;
  setFunctionAttributes(*job.module, target);
  std::string broken;
  llvm::raw_string_ostream os(broken);
  if (llvm::verifyModule(*job.module, &os)) {
    job.error = "invalid LLVM IR: " + broken;
    return;
  }
  codegen::optimize(*job.module, *machine, optLevel, /*vectorize=*/true);
  emitObject(job, *machine);
  job.module.reset();
}

void cpu::compileJobs(llvm::MutableArrayRef<std::unique_ptr<CodegenJob>> jobs,
                      const CpuTarget &target, const CodegenOptions &options,
                      int threads) {
  codegen::parallelFor(jobs.size(), threads, [&](size_t i) {
    compileJob(*jobs[i], target, options);
  });
}
