//===- Diagnostics.h - MLIR diagnostics for users ---------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_DRIVER_DIAGNOSTICS_H
#define NARAE_LIB_DRIVER_DIAGNOSTICS_H

#include "lib/driver/Compiler.h"

#include "mlir/IR/Diagnostics.h"

#include <mutex>

namespace narae::driver {

/// Collects a context's diagnostics while it lives.
class DiagnosticCollector {
public:
  explicit DiagnosticCollector(mlir::MLIRContext *context);
  ~DiagnosticCollector();
  std::vector<Diagnostic> take();
  bool hasErrors() const { return errors > 0; }

private:
  mlir::MLIRContext *context;
  mlir::DiagnosticEngine::HandlerID handler;
  std::mutex mutex;
  std::vector<Diagnostic> diagnostics;
  unsigned errors = 0;
};

/// The place in the user's model: "node 'conv1 (Conv)'", "file.mlir:3:5".
std::string describeLocation(mlir::Location loc);

} // namespace narae::driver

#endif // NARAE_LIB_DRIVER_DIAGNOSTICS_H
