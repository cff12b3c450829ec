//===- NvidiaCompiler.cpp - The compiler side of the backend -------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/nvidia/compiler/NvidiaCompiler.h"
#include "backends/nvidia/compiler/Codegen.h"
#include "backends/nvidia/compiler/KernelModule.h"
#include "lib/codegen/Configure.h"
#include "lib/codegen/DiagnosticForwarder.h"
#include "lib/codegen/Lowering.h"

#include "dialects/rt/KernelScope.h"

#include "mlir/IR/Verifier.h"
#include "llvm/Config/llvm-config.h"

using namespace mlir;
using namespace narae;
using namespace narae::nvidia;
using codegen::DiagnosticForwarder;

/// Kernels in one module. The groups do not depend on the number of threads,
/// so that neither does the object.
static constexpr size_t kKernelsPerModule = 8;
/// Threads of a block.
static constexpr uint32_t kBlockThreads = 128;

static codegen::MachineModel machineModel(const NaraeCompileOptions &options) {
  codegen::MachineModel machine;
  machine.vectorBytes = 16;
  machine.optLevel = options.opt_level;
  machine.exact = options.exact;
  machine.keepWeights = options.keep_weights;
  return machine;
}

static std::optional<NvidiaTarget> targetOf(const NaraeCompileOptions &options,
                                            DiagnosticForwarder &diagnostics) {
  std::string error;
  auto target = parseTarget(codegen::ref(options.target), error);
  if (!target)
    diagnostics.emit("", error);
  return target;
}

static void listChips(NaraeSink sink, void *context) {
  for (const std::string &chip : chipNames()) {
    std::string line = chip + "\n";
    sink(context, line.data(), line.size());
  }
}

static int describeTarget(NaraeStringRef name, NaraeSink json, void *context,
                          NaraeDiagnosticSink *errors) {
  std::string error;
  auto target = parseTarget(codegen::ref(name), error);
  if (!target) {
    if (errors && errors->emit)
      errors->emit(errors->context, "", error.c_str());
    return 1;
  }
  json(context, target->json.data(), target->json.size());
  return 0;
}

static int supports(void *opaque, const NaraeCompileOptions *options,
                    NaraeDiagnosticSink *errors) {
  auto *op = static_cast<Operation *>(opaque);
  DiagnosticForwarder diagnostics(op->getContext(), errors);
  static const codegen::Emitters emitters = allEmitters();
  return failed(
      codegen::checkSupported(op, emitters, machineModel(*options), "nvidia"));
}

static int configure(void *opaque, const NaraeCompileOptions *options,
                     NaraeDiagnosticSink *errors) {
  auto module = cast<ModuleOp>(static_cast<Operation *>(opaque));
  DiagnosticForwarder diagnostics(module.getContext(), errors);
  bool fine = succeeded(
      codegen::configureKernels(codegen::kernelsOf(module, "nvidia"),
                                allEmitters(), machineModel(*options)));
  if (!fine && !diagnostics.reported)
    diagnostics.emit("", "internal error: configuring the kernels failed");
  return !fine;
}

/// Builds and lowers the kernels, a group at a time, and lists them.
static bool makeJobs(ArrayRef<rt::KernelOp> kernels,
                     const NaraeCompileOptions &options, KernelObject &object,
                     std::vector<std::unique_ptr<CodegenJob>> &jobs) {
  codegen::MachineModel machine = machineModel(options);
  codegen::Emitters emitters = allEmitters();
  bool fine = true;
  while (!kernels.empty()) {
    auto group = kernels.take_front(kKernelsPerModule);
    kernels = kernels.drop_front(group.size());
    for (auto [i, kernel] : llvm::enumerate(group)) {
      KernelInfo info;
      info.name = rt::KernelOp(kernel).getSymName().str();
      info.entry = entryName(i);
      info.module = jobs.size();
      info.buffers = rt::KernelOp(kernel).block().getNumArguments() +
                     rt::KernelOp(kernel).yield()->getNumOperands();
      info.params = rt::paramCount(kernel);
      info.threads = kBlockThreads;
      if ((info.buffers + info.params + 2) * 8 > kMaxParameterBytes) {
        rt::KernelOp(kernel).emitError("kernel @")
            << info.name << " has " << info.buffers << " buffers and "
            << info.params
            << " parameters, more than PTX can pass; compile it with a lower "
               "--opt, which fuses less";
        fine = false;
      }
      object.kernels.push_back(std::move(info));
    }
    OwningOpRef<ModuleOp> code = buildKernels(group, emitters, machine);
    if (!code || failed(verify(*code)) ||
        failed(codegen::lowerToLLVMDialect(*code, /*expandBf16=*/true))) {
      fine = false;
      continue;
    }
    jobs.push_back(translate(*code));
  }
  return fine;
}

static int compile(void *opaque, const NaraeCompileOptions *options,
                   NaraeSink sink, void *context, NaraeDiagnosticSink *errors) {
  auto module = cast<ModuleOp>(static_cast<Operation *>(opaque));
  DiagnosticForwarder diagnostics(module.getContext(), errors);
  std::optional<NvidiaTarget> target = targetOf(*options, diagnostics);
  if (!target)
    return 1;
  codegen::loadKernelDialects(module.getContext());
  std::vector<std::unique_ptr<CodegenJob>> jobs;
  KernelObject object;
  object.chip = target->sm;
  bool fine =
      makeJobs(codegen::kernelsOf(module, "nvidia"), *options, object, jobs);
  if (fine) {
    CodegenOptions codegen;
    codegen.optLevel = options->opt_level;
    codegen.exact = options->exact;
    codegen.emulatable = options->emulatable;
    compileJobs(jobs, *target, codegen, options->threads);
  }
  for (auto &job : jobs) {
    if (!job->error.empty())
      diagnostics.emit("", "internal error: " + job->error);
    fine &= job->error.empty();
    object.modules.push_back(std::move(job->image));
  }
  if (!fine) {
    if (!diagnostics.reported)
      diagnostics.emit("", "internal error: compiling the kernels failed");
    return 1;
  }
  std::string bytes = writeObject(object);
  sink(context, bytes.data(), bytes.size());
  return 0;
}

const NaraeBackendCompiler *narae_nvidia_compiler(void) {
  static const NaraeBackendCompiler compiler = {sizeof(NaraeBackendCompiler),
                                                NARAE_BACKEND_API_VERSION,
                                                "nvidia",
                                                LLVM_VERSION_STRING,
                                                listChips,
                                                describeTarget,
                                                supports,
                                                configure,
                                                compile,
                                                /*kernel_cost=*/nullptr};
  return &compiler;
}
