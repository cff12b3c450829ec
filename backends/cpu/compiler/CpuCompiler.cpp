//===- CpuCompiler.cpp - The CPU backend's compiler side ------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/CpuCompiler.h"
#include "backends/cpu/compiler/Codegen.h"
#include "backends/cpu/compiler/KernelModule.h"
#include "backends/cpu/compiler/Targets.h"
#include "backends/cpu/compiler/kernels/CpuKernels.h"
#include "lib/codegen/Configure.h"
#include "lib/codegen/DiagnosticForwarder.h"
#include "lib/codegen/Lowering.h"

#include "mlir/IR/Verifier.h"
#include "llvm/Config/llvm-config.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;
using codegen::DiagnosticForwarder;

/// Kernels in one LLVM module. The groups do not depend on the number of
/// threads, so that neither does the object.
static constexpr size_t kKernelsPerGroup = 4;

static std::optional<CpuTarget> targetOf(const NaraeCompileOptions &options,
                                         DiagnosticForwarder &diagnostics) {
  std::string error;
  auto target = parseTarget(codegen::ref(options.target), error);
  if (!target)
    diagnostics.emit("", error);
  return target;
}

static void listChips(NaraeSink sink, void *context) {
  for (StringRef chip : chipNames()) {
    std::string line = (chip + "\n").str();
    sink(context, line.data(), line.size());
  }
}

static int describeTarget(NaraeStringRef name, NaraeSink json, void *context,
                          NaraeDiagnosticSink *errors) {
  std::string error;
  std::optional<CpuTarget> target = parseTarget(codegen::ref(name), error);
  if (!target) {
    if (errors && errors->emit)
      errors->emit(errors->context, "", error.c_str());
    return 1;
  }
  std::string text = target->describe();
  json(context, text.data(), text.size());
  return 0;
}

static int supports(void *opaque, const NaraeCompileOptions *options,
                    NaraeDiagnosticSink *errors) {
  auto *op = static_cast<Operation *>(opaque);
  DiagnosticForwarder diagnostics(op->getContext(), errors);
  std::optional<CpuTarget> target = targetOf(*options, diagnostics);
  if (!target)
    return 1;
  static const Emitters emitters = allEmitters();
  return failed(codegen::checkSupported(
      op, emitters, target->machine(options->opt_level, options->exact),
      "cpu"));
}

static int configure(void *opaque, const NaraeCompileOptions *options,
                     NaraeDiagnosticSink *errors) {
  auto module = cast<ModuleOp>(static_cast<Operation *>(opaque));
  DiagnosticForwarder diagnostics(module.getContext(), errors);
  std::optional<CpuTarget> target = targetOf(*options, diagnostics);
  if (!target)
    return 1;
  codegen::MachineModel machine =
      target->machine(options->opt_level, options->exact);
  machine.keepWeights = options->keep_weights;
  bool fine = succeeded(prepareContractions(module, machine)) &&
              succeeded(codegen::configureKernels(
                  codegen::kernelsOf(module, "cpu"), allEmitters(), machine));
  if (!fine && !diagnostics.reported)
    diagnostics.emit("", "internal error: configuring the kernels failed");
  return !fine;
}

/// Builds and lowers the kernels, a group at a time. MLIR's part is short, so
/// it runs on this thread.
static bool makeJobs(ModuleOp module, const CpuTarget &target,
                     const NaraeCompileOptions &options,
                     std::vector<std::unique_ptr<CodegenJob>> &jobs) {
  codegen::MachineModel machine =
      target.machine(options.opt_level, options.exact);
  Emitters emitters = allEmitters();
  SmallVector<rt::KernelOp> kernels = codegen::kernelsOf(module, "cpu");
  ArrayRef<rt::KernelOp> rest = kernels;
  // vcvtneps2bf16 takes denormals for zero, which `exact` must not.
  bool expandBf16 = options.exact || !target.has("avx512bf16");
  bool fine = true;
  while (!rest.empty()) {
    auto group = rest.take_front(kKernelsPerGroup);
    rest = rest.drop_front(group.size());
    OwningOpRef<ModuleOp> code = buildKernels(group, emitters, machine);
    if (!code || failed(verify(*code)) ||
        failed(codegen::lowerToLLVMDialect(*code, expandBf16))) {
      fine = false;
      continue;
    }
    jobs.push_back(translate(*code));
  }
  return fine;
}

static int compile(void *opaque, const NaraeCompileOptions *options,
                   NaraeSink object, void *context,
                   NaraeDiagnosticSink *errors) {
  auto module = cast<ModuleOp>(static_cast<Operation *>(opaque));
  DiagnosticForwarder diagnostics(module.getContext(), errors);
  std::optional<CpuTarget> target = targetOf(*options, diagnostics);
  if (!target)
    return 1;
  codegen::loadKernelDialects(module.getContext());
  std::vector<std::unique_ptr<CodegenJob>> jobs;
  bool fine = makeJobs(module, *target, *options, jobs);
  if (fine) {
    jobs.push_back(memoryFunctionsJob());
    CodegenOptions codegen;
    codegen.optLevel = options->opt_level;
    codegen.exact = options->exact;
    compileJobs(jobs, *target, codegen, options->threads);
  }
  std::vector<StringRef> objects;
  for (auto &job : jobs) {
    if (!job->error.empty())
      diagnostics.emit("", "internal error: " + job->error);
    fine &= job->error.empty();
    objects.push_back(job->object);
  }
  std::string result, error;
  if (fine && !linkShared(ArrayRef(objects).drop_back(), objects.back(), result,
                          error)) {
    diagnostics.emit("", error);
    fine = false;
  }
  if (!fine) {
    if (!diagnostics.reported)
      diagnostics.emit("", "internal error: compiling the kernels failed");
    return 1;
  }
  object(context, result.data(), result.size());
  return 0;
}

const NaraeBackendCompiler *narae_cpu_compiler(void) {
  static const NaraeBackendCompiler compiler = {sizeof(NaraeBackendCompiler),
                                                NARAE_BACKEND_API_VERSION,
                                                "cpu",
                                                LLVM_VERSION_STRING,
                                                listChips,
                                                describeTarget,
                                                supports,
                                                configure,
                                                compile,
                                                /*kernel_cost=*/nullptr};
  return &compiler;
}
