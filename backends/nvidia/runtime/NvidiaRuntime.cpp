//===- NvidiaRuntime.cpp - The runtime side of the backend ---------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/nvidia/runtime/NvidiaRuntime.h"
#include "backends/nvidia/runtime/DriverRuntime.h"

#include <charconv>

using namespace narae;
using namespace narae::nvidia;

/// "nvidia" or "nvidia:ORDINAL".
static Expected<std::shared_ptr<Driver>> openDriver(std::string_view device) {
  constexpr std::string_view backend = "nvidia";
  int ordinal = 0;
  if (device != backend) {
    std::string_view number = device.substr(backend.size());
    const char *end = number.data() + number.size();
    auto [stop, error] = number.size() < 2
                             ? std::from_chars_result{nullptr, std::errc{}}
                             : std::from_chars(number.data() + 1, end, ordinal);
    if (stop != end || error != std::errc{} || ordinal < 0)
      return Status::error("there is no device '" + std::string(device) +
                           "'; write nvidia or nvidia:0, nvidia:1, ...");
  }
  return openCuda(ordinal);
}

/// The GPUs that the driver has; none where there is no driver.
static int listDevices(NaraeSink json, void *context, char *, size_t) {
  std::string list;
  for (int ordinal = 0;; ++ordinal) {
    auto driver = openCuda(ordinal);
    if (driver.failed())
      break;
    list += list.empty() ? "" : ",";
    list += describeDevice("nvidia:" + std::to_string(ordinal), "gpu",
                           (*driver)->info());
  }
  list = "[" + list + "]";
  json(context, list.data(), list.size());
  return 0;
}

const NaraeBackendRuntime *narae_nvidia_runtime(void) {
  static const NaraeBackendRuntime runtime = [] {
    NaraeBackendRuntime table = DriverRuntime<openDriver>::table("nvidia");
    table.list_devices = listDevices;
    return table;
  }();
  return &runtime;
}
