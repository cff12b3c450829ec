//===- Plugin.cpp - The NPU backend as a plugin ---------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/compiler/NpuCompiler.h"
#include "backends/npu/runtime/NpuRuntime.h"

extern "C" __attribute__((visibility("default"))) const NaraeBackend *
narae_backend_register() {
  static const NaraeBackend backend = {
      sizeof(NaraeBackend), NARAE_BACKEND_API_VERSION,
      NARAE_BACKEND_SCHEMA_HASH, narae_npu_compiler(), narae_npu_runtime()};
  return &backend;
}
