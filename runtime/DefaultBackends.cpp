//===- DefaultBackends.cpp - Backends that come with the runtime ---------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/DefaultBackends.h"
#include "backends/cpu/runtime/CpuRuntime.h"
#include "backends/npu/runtime/NpuRuntime.h"
#include "backends/nvidia/runtime/NvidiaRuntime.h"
#include "narae/runtime.h"

void narae::registerDefaultBackends() {
  // Registering one again changes nothing; no other error is possible here.
  narae_status_free(narae_register_backend(narae_cpu_runtime()));
  narae_status_free(narae_register_backend(narae_npu_runtime()));
  narae_status_free(narae_register_backend(narae_nvidia_runtime()));
}
