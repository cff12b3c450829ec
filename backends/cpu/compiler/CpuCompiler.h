//===- CpuCompiler.h - The CPU backend's compiler side -------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_COMPILER_CPUCOMPILER_H
#define NARAE_BACKENDS_CPU_COMPILER_CPUCOMPILER_H

#include "narae/backend.h"

/// The table of functions that turns kernels into x86-64 code.
const NaraeBackendCompiler *narae_cpu_compiler(void);

#endif // NARAE_BACKENDS_CPU_COMPILER_CPUCOMPILER_H
