//===- NvidiaRuntime.h - The runtime side of the backend -------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NVIDIA_RUNTIME_NVIDIARUNTIME_H
#define NARAE_BACKENDS_NVIDIA_RUNTIME_NVIDIARUNTIME_H

#include "narae/backend.h"

/// Devices `nvidia` and `nvidia:ORDINAL`.
extern "C" const NaraeBackendRuntime *narae_nvidia_runtime(void);

#endif // NARAE_BACKENDS_NVIDIA_RUNTIME_NVIDIARUNTIME_H
