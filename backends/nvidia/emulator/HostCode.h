//===- HostCode.h - Kernels of NVPTX as code of this CPU -------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NVIDIA_EMULATOR_HOSTCODE_H
#define NARAE_BACKENDS_NVIDIA_EMULATOR_HOSTCODE_H

#include "backends/nvidia/emulator/Threads.h"

#include <memory>
#include <string>
#include <vector>

namespace narae::nvidia {

/// The kernels of one module, compiled for this CPU. They stay while it lives.
class HostCode {
public:
  virtual ~HostCode() = default;
  /// The function of an entry point; null when there is none.
  virtual ThreadFunction find(const std::string &name) const = 0;
};

/// Compiles optimised NVPTX bitcode. What the emulator does not know, an
/// intrinsic or inline assembly, is an error that names all of it. `checked`:
/// loads and stores call the checker.
Expected<std::unique_ptr<HostCode>> compileForHost(std::string_view bitcode,
                                                   bool checked);

} // namespace narae::nvidia

#endif // NARAE_BACKENDS_NVIDIA_EMULATOR_HOSTCODE_H
