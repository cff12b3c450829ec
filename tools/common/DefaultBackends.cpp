//===- DefaultBackends.cpp - Backends that come with the compiler ---------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/DefaultBackends.h"
#include "backends/cpu/compiler/CpuCompiler.h"
#include "backends/npu/compiler/NpuCompiler.h"
#include "backends/nvidia/compiler/NvidiaCompiler.h"
#include "backends/nvidia/emulator/Emulator.h"
#include "lib/driver/Compiler.h"
#include "narae/runtime.h"
#include "runtime/Registry.h"
#include "tools/common/Passes.h"

#include <mutex>
#include <string>

void narae::driver::registerDefaultBackends() {
  static std::once_flag once;
  std::call_once(once, [] {
    registerAllPasses();
    // Both sides are of this build: their API version fits.
    std::string error;
    registerBackend(narae_cpu_compiler(), error);
    registerBackend(narae_npu_compiler(), error);
    registerBackend(narae_nvidia_compiler(), error);
    sealBuiltInBackends();
    narae::registerDefaultBackends();
    narae_status_free(narae_register_backend(narae_nvidia_emulator_runtime()));
  });
}

bool narae::driver::loadPlugin(const std::string &path, std::string &error) {
  registerDefaultBackends();
  auto backend =
      runtime::loadPlugin(path, [](const NaraeBackend &plugin) -> Status {
        std::string reason;
        if (plugin.compiler && !checkBackend(plugin.compiler, reason))
          return Status::error(reason);
        return Status::success();
      });
  if (backend.failed()) {
    error = backend.message();
    return false;
  }
  return !(*backend)->compiler || registerBackend((*backend)->compiler, error);
}
