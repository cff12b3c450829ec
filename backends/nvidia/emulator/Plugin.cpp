//===- Plugin.cpp - The emulator for programs without the compiler -------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/nvidia/emulator/Emulator.h"

extern "C" __attribute__((visibility("default"))) const NaraeBackend *
narae_backend_register(void) {
  static const NaraeBackend backend = {
      sizeof(NaraeBackend), NARAE_BACKEND_API_VERSION,
      NARAE_BACKEND_SCHEMA_HASH, nullptr, narae_nvidia_emulator_runtime()};
  return &backend;
}
