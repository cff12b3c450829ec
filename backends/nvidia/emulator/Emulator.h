//===- Emulator.h - A GPU that is this CPU ---------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The device `nvidia-emulator` runs the optimised IR of kernels, thread by
// thread, on the CPU: for tests and for machines without a GPU. Options follow
// a colon: `nvidia-emulator:check` finds accesses beyond allocations and races
// between threads, at a fraction of the speed.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NVIDIA_EMULATOR_EMULATOR_H
#define NARAE_BACKENDS_NVIDIA_EMULATOR_EMULATOR_H

#include "narae/backend.h"

/// The device `nvidia-emulator[:check]`.
extern "C" const NaraeBackendRuntime *narae_nvidia_emulator_runtime(void);

#endif // NARAE_BACKENDS_NVIDIA_EMULATOR_EMULATOR_H
