//===- DeviceLibrary.h - The embedded bitcode of math functions *- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NVIDIA_COMPILER_DEVICELIBRARY_H
#define NARAE_BACKENDS_NVIDIA_COMPILER_DEVICELIBRARY_H

#include "llvm/ADT/StringRef.h"

namespace narae::nvidia {

/// Functions of floats, linked into kernels as needed (lib/codegen/device).
llvm::StringRef mathBitcode();

} // namespace narae::nvidia

#endif // NARAE_BACKENDS_NVIDIA_COMPILER_DEVICELIBRARY_H
