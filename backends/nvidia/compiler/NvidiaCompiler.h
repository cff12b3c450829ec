//===- NvidiaCompiler.h - The compiler side of the backend -----*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NVIDIA_COMPILER_NVIDIACOMPILER_H
#define NARAE_BACKENDS_NVIDIA_COMPILER_NVIDIACOMPILER_H

#include "narae/backend.h"

/// Targets `nvidia:sm_80`, `nvidia:sm_90a` and chips by name.
extern "C" const NaraeBackendCompiler *narae_nvidia_compiler(void);

#endif // NARAE_BACKENDS_NVIDIA_COMPILER_NVIDIACOMPILER_H
