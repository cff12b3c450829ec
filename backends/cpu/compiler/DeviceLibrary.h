//===- DeviceLibrary.h - The embedded bitcode of device/ ------ -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_COMPILER_DEVICELIBRARY_H
#define NARAE_BACKENDS_CPU_COMPILER_DEVICELIBRARY_H

#include "llvm/ADT/StringRef.h"

namespace narae::cpu {

/// Functions of floats, linked into kernels as needed (device/Vector.h).
llvm::StringRef mathBitcode();
/// memcpy and its kin, for calls that code generation makes.
llvm::StringRef memoryBitcode();

} // namespace narae::cpu

#endif // NARAE_BACKENDS_CPU_COMPILER_DEVICELIBRARY_H
