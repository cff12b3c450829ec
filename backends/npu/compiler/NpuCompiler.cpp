//===- NpuCompiler.cpp - The NPU backend's compiler side ------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/compiler/NpuCompiler.h"
#include "backends/npu/compiler/KernelWriter.h"
#include "backends/npu/compiler/Supports.h"
#include "backends/targets/TargetFiles.h"
#include "lib/codegen/OwnContext.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/Config/llvm-config.h"

using namespace mlir;
using namespace narae;
using namespace narae::npu;

namespace {
/// Hands the errors of a context of our own on to a sink while it lives.
class Reporter {
public:
  Reporter(MLIRContext &context, NaraeDiagnosticSink *sink)
      : sink(sink), handler(&context, [this](Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() != DiagnosticSeverity::Error)
            return success();
          std::string location, message = diagnostic.str();
          llvm::raw_string_ostream(location) << diagnostic.getLocation();
          for (Diagnostic &note : diagnostic.getNotes())
            message += "\n  note: " + note.str();
          emit(location, message);
          return success();
        }) {}
  void emit(const std::string &location, const std::string &message) {
    reported = true;
    if (sink && sink->emit)
      sink->emit(sink->context, location.c_str(), message.c_str());
  }
  bool reported = false;

private:
  NaraeDiagnosticSink *sink;
  ScopedDiagnosticHandler handler;
};
} // namespace

static StringRef ref(NaraeStringRef text) {
  return StringRef(text.data, text.size);
}

/// The machine of a target's name or file; none with `problem`.
static std::optional<Machine> machineOf(StringRef target, std::string &json,
                                        std::string &problem) {
  if (target == "npu") {
    problem = "target 'npu' needs a chip: npu:";
    const char *separator = "";
    for (const std::string &name : targets::names())
      if (StringRef(name).starts_with("npu:")) {
        problem += separator + name.substr(4);
        separator = ", npu:";
      }
    problem += ", or a path to a .json file that describes one";
    return std::nullopt;
  }
  if (!targets::read(target.str(), json, problem))
    return std::nullopt;
  std::vector<std::string> problems;
  Machine machine = readMachine(json, problems);
  if (problems.empty())
    return machine;
  problem = "target '" + target.str() + "':";
  for (const std::string &each : problems)
    problem += "\n  " + each;
  return std::nullopt;
}

static void listChips(NaraeSink sink, void *context) {
  for (const std::string &name : targets::names())
    if (StringRef(name).starts_with("npu:")) {
      std::string line = name.substr(4) + "\n";
      sink(context, line.data(), line.size());
    }
}

static int describeTarget(NaraeStringRef target, NaraeSink json, void *context,
                          NaraeDiagnosticSink *errors) {
  std::string text, problem;
  if (!machineOf(ref(target), text, problem)) {
    if (errors && errors->emit)
      errors->emit(errors->context, "", problem.c_str());
    return 1;
  }
  json(context, text.data(), text.size());
  return 0;
}

static std::optional<Machine> machineFor(const NaraeCompileOptions &options,
                                         Reporter &reporter) {
  std::string json, problem;
  auto machine = machineOf(ref(options.target), json, problem);
  if (!machine)
    reporter.emit("", problem);
  return machine;
}

static int supports(void *opaque, const NaraeCompileOptions *options,
                    NaraeDiagnosticSink *errors) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  codegen::loadKernelDialects(context);
  Reporter reporter(context, errors);
  auto machine = machineFor(*options, reporter);
  if (!machine)
    return 1;
  OwningOpRef<ModuleOp> module = codegen::copyOp(opaque, context);
  if (!module)
    return 1;
  auto function = *module->getOps<func::FuncOp>().begin();
  return failed(checkSupported(&function.front().front(), *machine));
}

static int configure(void *, const NaraeCompileOptions *,
                     NaraeDiagnosticSink *) {
  // Tiles are cut when a kernel is compiled: nobody else counts on them.
  return 0;
}

static int compile(void *opaque, const NaraeCompileOptions *options,
                   NaraeSink sink, void *sinkContext,
                   NaraeDiagnosticSink *errors) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  codegen::loadKernelDialects(context);
  Reporter reporter(context, errors);
  auto machine = machineFor(*options, reporter);
  if (!machine)
    return 1;
  OwningOpRef<ModuleOp> module = codegen::copyModule(opaque, context);
  if (!module)
    return 1;
  Object object;
  object.machineHash = machine->hash();
  bool fine = true;
  for (auto kernel : module->getOps<rt::KernelOp>()) {
    if (kernel.getDevice().split(':').first != "npu")
      continue;
    FailureOr<Kernel> written = writeKernel(kernel, *machine);
    if (succeeded(written))
      object.kernels.push_back(std::move(*written));
    else
      fine = false;
  }
  if (!fine) {
    if (!reporter.reported)
      reporter.emit("", "internal error: compiling the kernels failed");
    return 1;
  }
  std::vector<uint8_t> bytes = writeObject(object);
  sink(sinkContext, reinterpret_cast<const char *>(bytes.data()), bytes.size());
  return 0;
}

const NaraeBackendCompiler *narae_npu_compiler(void) {
  static const NaraeBackendCompiler compiler = {sizeof(NaraeBackendCompiler),
                                                NARAE_BACKEND_API_VERSION,
                                                "npu",
                                                LLVM_VERSION_STRING,
                                                listChips,
                                                describeTarget,
                                                supports,
                                                configure,
                                                compile,
                                                /*kernel_cost=*/nullptr};
  return &compiler;
}
