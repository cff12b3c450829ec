//===- Threads.h - The threads of a launch ---------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NVIDIA_EMULATOR_THREADS_H
#define NARAE_BACKENDS_NVIDIA_EMULATOR_THREADS_H

#include "backends/nvidia/driver/Driver.h"
#include "backends/nvidia/emulator/Memory.h"

#include <atomic>

namespace narae::nvidia {

/// A kernel as host code: reads its arguments from where `arguments` point.
using ThreadFunction = void (*)(void **arguments);

/// What a launch has in common for its threads.
struct Launch {
  LaunchShape shape;
  Memory *memory = nullptr; ///< where accesses are checked, else null
  /// Of the checker: the first thread's number; the one after the last stands
  /// for several threads.
  uint32_t firstId = 0;
  /// The first fault, set once.
  std::atomic<bool> faulted{false};
  std::mutex mutex;
  std::string fault;
};

/// Runs all threads of all blocks. Blocks run side by side, unless accesses
/// are checked.
Status runLaunch(Launch &launch, ThreadFunction function, void **arguments);

/// Address of the host function that stands for an intrinsic of NVPTX
/// ("llvm.nvvm.read.ptx.sreg.tid.x"), or null where the emulator has none.
void *hostFunctionOf(std::string_view intrinsic);
/// Address of the checker that loads and stores call: (address, bytes, write).
void *accessChecker();

} // namespace narae::nvidia

#endif // NARAE_BACKENDS_NVIDIA_EMULATOR_THREADS_H
