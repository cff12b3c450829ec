//===- DeviceLibrary.cpp - The embedded bitcode of device/ ----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/DeviceLibrary.h"
#include "lib/codegen/Embed.h"

using llvm::StringRef;

NARAE_EMBED("narae_math_bitcode", NARAE_MATH_BITCODE)
NARAE_EMBED("narae_memory_bitcode", NARAE_MEMORY_BITCODE)

extern "C" const char narae_math_bitcode_begin[], narae_math_bitcode_end[];
extern "C" const char narae_memory_bitcode_begin[], narae_memory_bitcode_end[];

StringRef narae::cpu::mathBitcode() {
  return StringRef(narae_math_bitcode_begin,
                   narae_math_bitcode_end - narae_math_bitcode_begin);
}
StringRef narae::cpu::memoryBitcode() {
  return StringRef(narae_memory_bitcode_begin,
                   narae_memory_bitcode_end - narae_memory_bitcode_begin);
}
