//===- Session.h - One compilation, phase by phase ----*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_DRIVER_SESSION_H
#define NARAE_LIB_DRIVER_SESSION_H

#include "lib/driver/Backends.h"
#include "lib/frontend/WeightStore.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Pass/PassManager.h"

namespace narae::driver {

/// Registers the dialects of all phases.
void registerDialects(mlir::MLIRContext &context);

/// Compiles one module down the ladder.
class Session {
public:
  Session(mlir::MLIRContext &context, const CompileOptions &options);

  mlir::OwningOpRef<mlir::ModuleOp> module;
  WeightStore weights;
  /// Files of weights that may stay outside of the artifact are below it.
  std::string modelFolder;
  /// Whether phase `memory` fails where the target is too small.
  bool checkCapacity = true;
  /// Whether phase `dispatch` measures what quantised activations cost.
  bool measuresLoss = true;
  /// Milliseconds of each phase, in order.
  std::vector<std::pair<std::string, double>> times;

  /// Finds the backend of the target; false after a diagnostic.
  bool resolveTarget();
  const Target &target() const { return *resolved; }
  /// Runs one phase after import and before artifact.
  bool run(Phase phase);
  /// Writes IR and, for import, weights to `dumpPhases`.
  bool dump(Phase phase);
  /// Reads weights that fm.weight_data places in files.
  bool loadWeights(llvm::StringRef directory);

  bool runPasses(llvm::function_ref<void(mlir::OpPassManager &)> build,
                 const char *phase);

private:
  bool dispatch();
  bool planMemory();
  bool codegen();
  mlir::MLIRContext &context;
  const CompileOptions &options;
  std::optional<Target> resolved;
};

/// Evaluates dispatches that depend on weights alone, and replaces their
/// results by new weights. False after a diagnostic.
bool evaluateConstants(mlir::ModuleOp module, WeightStore &weights,
                       const CompileOptions &options);

/// Phase `codegen` for a module: objects for its kernels.
bool generateCode(mlir::ModuleOp module, const Target &target);

/// What an artifact says beside its program.
struct ArtifactInfo {
  std::string targetJson, backend, optionsJson = "{}", report = "{}";
  /// Weights that lie in one piece of a file below `weightsFolder`, as they
  /// were, stay there.
  bool externalWeights = false;
  std::string weightsFolder;
};

/// Phase `artifact`: writes the file. Weights are streamed.
bool emitArtifact(mlir::ModuleOp module, WeightStore &weights,
                  const ArtifactInfo &info, const std::string &path);

/// Writes IR of any phase, and beside it the weights that no file of the
/// user's has, as NAME.weights.bin. False after a diagnostic.
bool writeIr(mlir::ModuleOp module, const WeightStore &weights,
             const std::string &path);

/// The report so far, as JSON.
std::string makeReport(mlir::ModuleOp module, const Target &target,
                       llvm::ArrayRef<std::pair<std::string, double>> times,
                       bool stable);

} // namespace narae::driver

#endif // NARAE_LIB_DRIVER_SESSION_H
