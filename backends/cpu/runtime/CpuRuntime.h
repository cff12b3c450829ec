//===- CpuRuntime.h - The CPU's device driver ------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_RUNTIME_CPURUNTIME_H
#define NARAE_BACKENDS_CPU_RUNTIME_CPURUNTIME_H

#include "narae/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

/// The runtime side of backend "cpu", for `narae_register_backend`.
const NaraeBackendRuntime *narae_cpu_runtime(void);

#ifdef __cplusplus
}
#endif

#endif // NARAE_BACKENDS_CPU_RUNTIME_CPURUNTIME_H
