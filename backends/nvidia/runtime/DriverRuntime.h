//===- DriverRuntime.h - The runtime table over any driver -----*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// DriverRuntime<open>::table(name) is the runtime side of a backend whose
// devices are opened by `open`: the CUDA driver's, or the emulator's. Both run
// the code below and nothing else.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NVIDIA_RUNTIME_DRIVERRUNTIME_H
#define NARAE_BACKENDS_NVIDIA_RUNTIME_DRIVERRUNTIME_H

#include "backends/nvidia/driver/Driver.h"
#include "narae/backend.h"

#include <string_view>

namespace narae::nvidia {

/// Opens the device of a name ("nvidia:0").
using OpenDriver = Expected<std::shared_ptr<Driver>> (*)(std::string_view);

int openDevice(OpenDriver open, const NaraeDeviceOptions *options,
               NaraeDevice **device, char *error, size_t errorSize);
/// The entry of a device in the list of devices: a JSON object.
std::string describeDevice(const std::string &device, const char *kind,
                           const DeviceInfo &info);
/// All of the table but `name`, `open` and `list_devices`.
NaraeBackendRuntime commonTable();

template <OpenDriver open>
struct DriverRuntime {
  static int openThis(const NaraeDeviceOptions *options, NaraeDevice **device,
                      char *error, size_t errorSize) {
    return openDevice(open, options, device, error, errorSize);
  }
  static NaraeBackendRuntime table(const char *name) {
    NaraeBackendRuntime runtime = commonTable();
    runtime.name = name;
    runtime.open = openThis;
    return runtime;
  }
};

} // namespace narae::nvidia

#endif // NARAE_BACKENDS_NVIDIA_RUNTIME_DRIVERRUNTIME_H
