//===- Codegen.cpp - LLVM: optimisation and PTX --------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/nvidia/compiler/Codegen.h"
#include "backends/nvidia/compiler/DeviceLibrary.h"
#include "lib/codegen/LlvmModule.h"

#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"

#include <mutex>

using namespace narae;
using namespace narae::nvidia;

static constexpr const char *kTriple = "nvptx64-nvidia-cuda";

static std::unique_ptr<llvm::TargetMachine>
targetMachine(const NvidiaTarget &target, int optLevel, std::string &error) {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
  });
  const llvm::Target *llvmTarget =
      llvm::TargetRegistry::lookupTarget(kTriple, error);
  if (!llvmTarget)
    return nullptr;
  return std::unique_ptr<llvm::TargetMachine>(llvmTarget->createTargetMachine(
      kTriple, target.sm, target.features, llvm::TargetOptions(),
      llvm::Reloc::PIC_, std::nullopt,
      static_cast<llvm::CodeGenOptLevel>(optLevel)));
}

std::unique_ptr<CodegenJob> nvidia::translate(mlir::ModuleOp module) {
  auto job = std::make_unique<CodegenJob>();
  job->context = std::make_unique<llvm::LLVMContext>();
  job->module = codegen::translateToLLVMIR(module, *job->context);
  if (!job->module)
    job->error = "translation to LLVM IR failed";
  return job;
}

/// Entry points are what is not internal and has a body: kernels are called
/// by the driver, in PTX's own convention.
static void markEntries(llvm::Module &module, const NvidiaTarget &target) {
  llvm::LLVMContext &context = module.getContext();
  auto *annotations = module.getOrInsertNamedMetadata("nvvm.annotations");
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    for (llvm::StringRef name : {"target-cpu", "tune-cpu", "target-features",
                                 "frame-pointer", "no-builtins"})
      function.removeFnAttr(name);
    function.addFnAttr("target-cpu", target.sm);
    function.addFnAttr("target-features", target.features);
    function.addFnAttr(llvm::Attribute::NoUnwind);
    if (function.hasLocalLinkage())
      continue;
    function.setCallingConv(llvm::CallingConv::PTX_Kernel);
    llvm::Metadata *entry[] = {
        llvm::ValueAsMetadata::get(&function),
        llvm::MDString::get(context, "kernel"),
        llvm::ConstantAsMetadata::get(
            llvm::ConstantInt::get(llvm::Type::getInt32Ty(context), 1))};
    annotations->addOperand(llvm::MDNode::get(context, entry));
  }
}

static bool emitPtx(CodegenJob &job, llvm::TargetMachine &machine) {
  llvm::SmallString<0> text;
  llvm::raw_svector_ostream os(text);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, os, nullptr,
                                  llvm::CodeGenFileType::AssemblyFile)) {
    job.error = "this LLVM cannot write PTX";
    return false;
  }
  passes.run(*job.module);
  job.image.ptx = text.str();
  return true;
}

static void compileJob(CodegenJob &job, const NvidiaTarget &target,
                       const CodegenOptions &options) {
  if (!job.error.empty())
    return;
  int optLevel = std::clamp(options.optLevel, 0, 3);
  auto machine = targetMachine(target, optLevel, job.error);
  if (!machine)
    return;
  llvm::Module &module = *job.module;
  module.setTargetTriple(kTriple);
  module.setDataLayout(machine->createDataLayout());
  module.setSourceFileName("kernels");
  if (!options.exact)
    codegen::allowContraction(module);
  if (!codegen::linkDeviceLibrary(module, mathBitcode(), job.error))
    return;
  markEntries(module, target);
  std::string broken;
  llvm::raw_string_ostream os(broken);
  if (llvm::verifyModule(module, &os)) {
    job.error = "invalid LLVM IR: " + broken;
    return;
  }
  codegen::optimize(module, *machine, optLevel, /*vectorize=*/false);
  if (options.emulatable) {
    llvm::raw_string_ostream bitcode(job.image.bitcode);
    llvm::WriteBitcodeToFile(module, bitcode);
  }
  emitPtx(job, *machine);
  job.module.reset();
}

void nvidia::compileJobs(
    llvm::MutableArrayRef<std::unique_ptr<CodegenJob>> jobs,
    const NvidiaTarget &target, const CodegenOptions &options, int threads) {
  codegen::parallelFor(jobs.size(), threads, [&](size_t i) {
    compileJob(*jobs[i], target, options);
  });
}
