//===- DeviceName.h - What a device's name asks for ----------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// "npu:rebel-quad,timing": a chip or a target file, then options. "npu" alone
// becomes whatever machine the artifact was compiled for.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_RUNTIME_DEVICENAME_H
#define NARAE_BACKENDS_NPU_RUNTIME_DEVICENAME_H

#include "backends/npu/machine/Machine.h"
#include "lib/artifact/Status.h"

#include <optional>

namespace narae::npu {

struct DeviceName {
  std::string chip; ///< "npu:atom", "npu:my-npu.json"; "npu" for any
  /// None for "npu".
  std::optional<Machine> machine;
  bool timing = false;     ///< tells cycles beside results
  bool timingOnly = false; ///< tells cycles, computes nothing
  bool opencl = false;     ///< computes on an OpenCL device
  bool unchecked = false;  ///< looks for no races and unwritten bytes
};

/// Reads a name with its target file. Errors list what is wrong with either.
Expected<DeviceName> parseDeviceName(const std::string &name);

/// What is wrong with a file's or an artifact's machine, in one message.
Expected<Machine> machineOf(const std::string &json, const std::string &what);

/// The fields in which machines differ: "npu.chiplets (1, 4), ..."; the first
/// of each pair is of `a`.
std::string differences(Machine a, Machine b);

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_RUNTIME_DEVICENAME_H
