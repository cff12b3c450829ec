//===- Compiler.h - A model in, an artifact out ----------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The compiler as tools and bindings see it: no MLIR in this header.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_DRIVER_COMPILER_H
#define NARAE_LIB_DRIVER_COMPILER_H

#include "narae/backend.h"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace narae::driver {

/// The rungs of the ladder, in order.
enum class Phase {
  Import,
  Graph,
  Place,
  Dispatch,
  Schedule,
  Memory,
  Codegen,
  Artifact
};
/// "import" ... "artifact"; parsePhase is false for an unknown name.
const char *phaseName(Phase phase);
bool parsePhase(std::string_view name, Phase &phase);
/// Comma-separated names, for messages.
std::string phaseNames();

/// A dimension fixed (min == max) or bounded; max -1 is unbounded.
struct DimBounds {
  int64_t min = 0, max = -1;
};

/// Options of language models: checkpoint folders, .gguf files, config.json.
struct LanguageOptions {
  int64_t batch = 1;   ///< sequences at a time
  int64_t context = 0; ///< positions of a sequence; 0: min(the model's, 4096)
  std::string kvType;  ///< f32, bf16, f16, q8_0; empty: f32 where the model is
                       ///< f32 or compiled exactly, else f16
  int64_t prefillChunk = 128; ///< most tokens of one `prefill`
  std::string quantize;       ///< q8_0, q4_0, q4_k; empty: as stored
  /// Keys and tensors that may stay unread, with * and ?.
  std::vector<std::string> ignore;
};

struct CompileOptions {
  std::string target = "cpu";
  /// By name, or `INPUT.AXIS`.
  std::map<std::string, DimBounds> dims;
  std::string precision; ///< empty: as stored in the model
  LanguageOptions language;
  bool allDynamic = false; ///< forget static sizes of inputs (for tests)
  bool exact = false;
  /// Weights that kernels can read as the model's files have them stay there.
  bool externalWeights = false;
  /// Beside the device's code, what an emulator of the device needs.
  bool emulatable = false;
  /// Shapes only: what the model's weights are is not read.
  bool withoutWeights = false;
  int optLevel = 3; ///< 0: no fusion, no optimisation
  int threads = 0;  ///< of the compiler; 0: all cores
  Phase startFrom = Phase::Import;
  Phase stopAfter = Phase::Artifact;
  std::string dumpPhases;    ///< folder for the IR after each phase
  std::string reproducerDir; ///< where a failing pass leaves a reproducer
  /// Called as work proceeds: what is done, in [0, 1], and the phase.
  std::function<void(double, const char *)> progress;
};

/// One problem, placed in the user's model.
struct Diagnostic {
  enum Severity { Error, Warning, Note } severity = Error;
  std::string location; ///< "node 'conv1 (Conv)'", a file, or empty
  std::string message;
};

struct CompileResult {
  /// 0 done, 1 the user's model or options, 2 an error of the compiler.
  int status = 0;
  std::vector<Diagnostic> diagnostics;
  /// IR after `stopAfter` when that is not `artifact`.
  std::string ir;
  /// JSON: phase times, kernels, memory plan.
  std::string report;
};

/// Compiles a model (.onnx, .mlir of any phase, .gguf, a checkpoint's folder,
/// or a bare config.json where no weights are wanted) to `output`. The file
/// appears whole or not at all. With `stopAfter` before artifact it holds the
/// IR, with the weights beside it; when `output` is empty, `ir` holds it.
CompileResult compile(const std::string &model, const std::string &output,
                      const CompileOptions &options);
/// The same for an ONNX model in memory; `directory` is for external data.
CompileResult compileBytes(std::string_view onnx, const std::string &name,
                           const std::string &directory,
                           const std::string &output,
                           const CompileOptions &options);
/// Everything that stands in the way of compiling, without compiling.
CompileResult check(const std::string &model, const CompileOptions &options);
/// The same for an ONNX model in memory; `directory` is for external data.
CompileResult checkBytes(std::string_view onnx, const std::string &name,
                         const std::string &directory,
                         const CompileOptions &options);

/// Whether a backend's compiler side can be added: its API and MLIR versions
/// fit, it is complete, and its name is free. Else the reason is in `error`.
bool checkBackend(const NaraeBackendCompiler *backend, std::string &error);
/// Adds a backend's compiler side for the whole process; false when it cannot
/// be added, with the reason in `error`.
bool registerBackend(const NaraeBackendCompiler *backend, std::string &error);
/// All backends so far are built in: a plugin may take the place of one of
/// them, but for the first, which is the host's.
void sealBuiltInBackends();
/// Target names that can be compiled for ("cpu", "cpu:x86-64-v3", ...).
std::vector<std::string> targets();
/// The JSON description of a target; empty with a message in `error`.
std::string describeTarget(const std::string &target, std::string &error);
/// Registers the backends of this build, once. Defined by the tool library.
void registerDefaultBackends();
/// Opens a plugin and adds both sides of its backend for the whole process;
/// false with the reason in `error`. Defined by the tool library.
bool loadPlugin(const std::string &path, std::string &error);

/// Parses and prints IR of any phase, or runs a pass pipeline on it.
CompileResult runPipeline(std::string_view ir, const std::string &pipeline);

/// The compiler's version, as "0.1.0".
const char *version();

} // namespace narae::driver

#endif // NARAE_LIB_DRIVER_COMPILER_H
