//===- Codegen.cpp - LLVM: optimisation and machine code ------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/Codegen.h"
#include "backends/cpu/compiler/DeviceLibrary.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Linker/Linker.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"
#include "llvm/Transforms/IPO/Internalize.h"

#include <atomic>
#include <mutex>
#include <thread>

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
  mlir::registerBuiltinDialectTranslation(*module.getContext());
  mlir::registerLLVMDialectTranslation(*module.getContext());
  auto job = std::make_unique<CodegenJob>();
  job->context = std::make_unique<llvm::LLVMContext>();
  job->module = mlir::translateModuleToLLVMIR(module, *job->context, "kernels");
  if (!job->module)
    job->error = "translation to LLVM IR failed";
  return job;
}

static std::unique_ptr<llvm::Module> readBitcode(llvm::StringRef bitcode,
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

std::unique_ptr<CodegenJob> cpu::memoryFunctionsJob() {
  auto job = std::make_unique<CodegenJob>();
  job->context = std::make_unique<llvm::LLVMContext>();
  job->module = readBitcode(memoryBitcode(), *job->context, job->error);
  if (job->module)
    if (llvm::Error error = job->module->materializeAll())
      job->error = llvm::toString(std::move(error));
  return job;
}

/// Lets a * b + c fuse. Only in kernels: the device library depends on the
/// rounding of each of its operations.
static void allowContraction(llvm::Module &module) {
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

/// Copies in what the module calls of the device library, as its own.
static bool linkDeviceLibrary(CodegenJob &job) {
  auto library = readBitcode(mathBitcode(), *job.context, job.error);
  if (!library)
    return false;
  library->setTargetTriple(job.module->getTargetTriple());
  library->setDataLayout(job.module->getDataLayout());
  bool failed = llvm::Linker::linkModules(
      *job.module, std::move(library), llvm::Linker::LinkOnlyNeeded,
      [](llvm::Module &module, const llvm::StringSet<> &linked) {
        llvm::internalizeModule(module, [&](const llvm::GlobalValue &value) {
          return !value.hasName() || !linked.contains(value.getName());
        });
      });
  if (failed)
    job.error = "linking the device library failed";
  return !failed;
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

static void optimize(llvm::Module &module, llvm::TargetMachine &machine,
                     int optLevel) {
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = optLevel >= 2;
  tuning.SLPVectorization = optLevel >= 2;
  tuning.LoopInterleaving = optLevel >= 2;
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
    allowContraction(*job.module);
  if (!linkDeviceLibrary(job))
    return;
  setFunctionAttributes(*job.module, target);
  std::string broken;
  llvm::raw_string_ostream os(broken);
  if (llvm::verifyModule(*job.module, &os)) {
    job.error = "invalid LLVM IR: " + broken;
    return;
  }
  optimize(*job.module, *machine, optLevel);
  emitObject(job, *machine);
  job.module.reset();
}

void cpu::compileJobs(llvm::MutableArrayRef<std::unique_ptr<CodegenJob>> jobs,
                      const CpuTarget &target, const CodegenOptions &options,
                      int threads) {
  std::atomic<size_t> next{0};
  auto work = [&] {
    for (size_t i; (i = next.fetch_add(1)) < jobs.size();)
      compileJob(*jobs[i], target, options);
  };
  std::vector<std::thread> pool;
  size_t extra = std::min<size_t>(std::max(threads, 1), jobs.size());
  for (size_t i = 1; i < extra; ++i)
    pool.emplace_back(work);
  work();
  for (std::thread &thread : pool)
    thread.join();
}
