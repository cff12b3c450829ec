//===- Backends.h - The registered backends ------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_DRIVER_BACKENDS_H
#define NARAE_LIB_DRIVER_BACKENDS_H

#include "lib/driver/Compiler.h"

#include "mlir/IR/BuiltinOps.h"

namespace narae::driver {

/// The backend of a target name, a target being BACKEND[:CHIP]; null when
/// there is none.
const NaraeBackendCompiler *findBackend(const std::string &target);
/// The backend whose code runs in this process: the first registered. It
/// evaluates weights at compile time.
const NaraeBackendCompiler *hostBackend();

/// One target of one backend, with errors turned into MLIR diagnostics.
class Target {
public:
  Target(const NaraeBackendCompiler *backend, std::string name,
         const CompileOptions &options);
  const char *backend() const { return compiler->name; }
  const std::string &name() const { return target; }
  bool supports(mlir::Operation *op) const;
  bool configure(mlir::ModuleOp module) const;
  /// The object of all kernels of a module.
  bool compile(mlir::ModuleOp module, std::string &object) const;

private:
  const NaraeBackendCompiler *compiler;
  std::string target;
  NaraeCompileOptions options;
};

} // namespace narae::driver

#endif // NARAE_LIB_DRIVER_BACKENDS_H
