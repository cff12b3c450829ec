//===- NpuDevice.h - A simulated NPU as a device --------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One open device: a machine of its own with its memory, its programs and its
// clock. Two sessions that open the same name share nothing, so each may be
// used by a thread of its own.
//
// Addresses of the device that leave it carry a mark in a bit that no address
// of the host has, so that copies know which side is which.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_RUNTIME_NPUDEVICE_H
#define NARAE_BACKENDS_NPU_RUNTIME_NPUDEVICE_H

#include "backends/npu/runtime/DeviceName.h"
#include "backends/npu/runtime/DevicePools.h"
#include "backends/npu/runtime/LaunchTimes.h"
#include "narae/backend.h"

namespace narae::npu {

class NpuDevice {
public:
  static Expected<std::unique_ptr<NpuDevice>> open(const std::string &name);

  bool isTimingOnly() const { return name.timingOnly; }
  /// Refuses a target description of another machine. The device "npu" becomes
  /// the machine that is described.
  Status checkTarget(const std::string &json);

  Status allocate(uint64_t bytes, void **address);
  void release(void *address);
  /// Between host and device, or on one side; ranges do not overlap.
  Status copy(void *to, const void *from, uint64_t bytes);

  using Kernels = std::vector<std::unique_ptr<LoadedKernel>>;
  Expected<Kernels> load(const void *data, size_t size);
  void unload(Kernels &kernels);
  Status launch(const NaraeLaunch &launch);
  /// \param kind "text", "json" or "trace". "" without `timing`.
  Expected<std::string> report(const std::string &kind) const;

private:
  explicit NpuDevice(DeviceName name) : name(std::move(name)) {}
  /// Builds the machine.
  Status start(const Machine &machine);
  Status needMachine() const;
  Status read(uint64_t address, void *data, uint64_t bytes);
  Status write(uint64_t address, const void *data, uint64_t bytes);
  Status reserveScratch(uint64_t bytes);
  /// A hash of the first bytes of the buffers of a launch, where programs that
  /// are only timed find the numbers that they read; none where all data is
  /// computed.
  std::optional<uint64_t> hashOfNumbers(const LoadedKernel &kernel);

  DeviceName name;
  std::optional<Machine> machine;
  std::unique_ptr<Simulator> simulator;
  std::unique_ptr<DevicePools> pools;
  std::unique_ptr<LaunchTimes> times; ///< with `timing` or `timing-only`
  uint64_t scratch = 0, scratchBytes = 0;
  // Of a launch; kept, so that the next one allocates nothing.
  std::vector<uint64_t> buffers;
  std::vector<int64_t> values, parameters;
};

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_RUNTIME_NPUDEVICE_H
