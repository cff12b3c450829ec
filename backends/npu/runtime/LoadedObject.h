//===- LoadedObject.h - Kernels that a device can launch -------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_RUNTIME_LOADEDOBJECT_H
#define NARAE_BACKENDS_NPU_RUNTIME_LOADEDOBJECT_H

#include "backends/npu/object/Object.h"
#include "backends/npu/simulator/Simulator.h"

namespace narae::npu {

/// A kernel whose program is verified and decoded.
struct LoadedKernel {
  Kernel kernel; ///< without program and constants
  std::shared_ptr<const LoadedProgram> program;
  /// Flat address of its constants, where the device holds any.
  uint64_t constants = 0;
  bool hasConstants = false;
  std::string nodes; ///< the model's
  /// For each parameter whether it only moves an address: a sum with the offset
  /// of a buffer. Such parameters do not change the time of a launch.
  std::vector<bool> isAddress;
  /// Whether what it does follows from its parameters alone: it reads no
  /// numbers from memory.
  bool isStatic = true;
};

/// Reads an untrusted object for a machine. Everything that is wrong is in one
/// message, by kernel. \param constants receives those of each kernel.
Expected<std::vector<std::unique_ptr<LoadedKernel>>>
loadObject(const void *data, size_t size, const Machine &machine,
           std::vector<std::vector<uint8_t>> &constants);

/// The programs of an object as text, each under "KERNEL:".
Expected<std::string> disassembleObject(const void *data, size_t size);

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_RUNTIME_LOADEDOBJECT_H
