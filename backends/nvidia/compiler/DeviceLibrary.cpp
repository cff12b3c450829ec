//===- DeviceLibrary.cpp - The embedded bitcode of math functions --------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/nvidia/compiler/DeviceLibrary.h"
#include "lib/codegen/Embed.h"

NARAE_EMBED("narae_nvidia_math_bitcode", NARAE_MATH_BITCODE)

extern "C" const char narae_nvidia_math_bitcode_begin[],
    narae_nvidia_math_bitcode_end[];

llvm::StringRef narae::nvidia::mathBitcode() {
  return llvm::StringRef(narae_nvidia_math_bitcode_begin,
                         narae_nvidia_math_bitcode_end -
                             narae_nvidia_math_bitcode_begin);
}
