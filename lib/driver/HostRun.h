//===- HostRun.h - Modules that run at compile time ----*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_DRIVER_HOSTRUN_H
#define NARAE_LIB_DRIVER_HOSTRUN_H

#include "lib/driver/Session.h"

#include "narae/runtime.h"

namespace narae::driver {

/// The options of a compilation for the host, whose result only this process
/// sees; the target is the host's.
CompileOptions hostOptions(CompileOptions options);

/// A module that was compiled for the host, loaded into this process.
class HostRun {
public:
  explicit HostRun(mlir::MLIRContext *context) : context(context) {}
  ~HostRun();
  HostRun(const HostRun &) = delete;
  HostRun &operator=(const HostRun &) = delete;

  /// Compiles the module that `session` holds from the phase `first` on, with
  /// `weights`; false after a diagnostic.
  bool prepare(Session &session, WeightStore &weights, Phase first,
               int threads);
  /// Runs an entry on tensors of static shapes; false after a diagnostic.
  bool run(size_t entry, llvm::ArrayRef<narae_tensor> inputs,
           llvm::MutableArrayRef<narae_tensor> outputs);

private:
  bool failed(narae_status *status);
  bool load(llvm::StringRef path, int threads);
  mlir::MLIRContext *context;
  narae_artifact *artifact = nullptr;
  narae_session *session = nullptr;
};

/// A tensor of the C API for a value of static shape.
narae_tensor tensorOf(mlir::Value value, const void *data);

} // namespace narae::driver

#endif // NARAE_LIB_DRIVER_HOSTRUN_H
