//===- NpuDevice.cpp - A simulated NPU as a device ------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/runtime/NpuDevice.h"
#include "backends/npu/runtime/Engines.h"
#include "lib/artifact/Hash.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

using namespace narae;
using namespace narae::npu;

/// Set in addresses of the device. Hosts have at most 57 bits.
static constexpr uint64_t deviceMark = uint64_t(1) << 62;
/// Bytes that a copy within the device moves at a time.
static constexpr uint64_t copyBytes = 1 << 20;

static uint64_t bitsOf(const void *address) {
  return uint64_t(reinterpret_cast<uintptr_t>(address));
}
static bool isDevice(const void *address) {
  return (bitsOf(address) & deviceMark) != 0;
}
static uint64_t flat(const void *address) {
  return bitsOf(address) & ~deviceMark;
}

Expected<std::unique_ptr<NpuDevice>> NpuDevice::open(const std::string &name) {
  Expected<DeviceName> parsed = parseDeviceName(name);
  if (parsed.failed())
    return parsed.status();
  std::unique_ptr<NpuDevice> device(new NpuDevice(*parsed));
  if (device->name.machine)
    if (Status status = device->start(*device->name.machine); status.failed())
      return status;
  return device;
}

Status NpuDevice::start(const Machine &described) {
  Expected<std::unique_ptr<Simulator>> made = makeSimulator(described, name);
  if (made.failed())
    return made.status();
  machine = described;
  simulator = std::move(*made);
  pools = std::make_unique<DevicePools>(described);
  if (name.timing || name.timingOnly)
    times = std::make_unique<LaunchTimes>(described);
  return Status::success();
}

Status NpuDevice::needMachine() const {
  return machine ? Status::success()
                 : Status::error("device 'npu' becomes the machine of an "
                                 "artifact; to use it without one, name a chip "
                                 "as in npu:rebel-quad");
}

Status NpuDevice::checkTarget(const std::string &text) {
  nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  std::string backend;
  if (json.is_object() && json.contains("backend") &&
      json["backend"].is_string())
    backend = json["backend"].get<std::string>();
  if (!backend.empty() && backend != "npu")
    return Status::error("the artifact was compiled for '" + backend +
                         "', not for '" + name.chip +
                         "'; compile it with --target=" + name.chip);
  Expected<Machine> wanted =
      machineOf(text, "the artifact's target description");
  if (wanted.failed())
    return wanted.status();
  if (!machine)
    return start(*wanted);
  if (wanted->hash() == machine->hash())
    return Status::success();
  return Status::error(
      "the artifact was compiled for '" + wanted->name + "', this device is '" +
      machine->name + "': they differ in " + differences(*wanted, *machine) +
      ". Compile with --target=" + name.chip +
      ", or run with --device=npu, which is what the artifact was made for");
}

Status NpuDevice::allocate(uint64_t bytes, void **address) {
  if (Status status = needMachine(); status.failed())
    return status;
  Expected<uint64_t> allocated = pools->allocate(bytes);
  if (allocated.failed())
    return allocated.status();
  *address = reinterpret_cast<void *>(uintptr_t(*allocated | deviceMark));
  return Status::success();
}

void NpuDevice::release(void *address) {
  if (address && pools)
    pools->release(flat(address));
}

Status NpuDevice::read(uint64_t address, void *data, uint64_t bytes) {
  return simulator->read(Space::Dram, int32_t(poolOf(address)),
                         int64_t(offsetOf(address)), data, bytes);
}

Status NpuDevice::write(uint64_t address, const void *data, uint64_t bytes) {
  return simulator->write(Space::Dram, int32_t(poolOf(address)),
                          int64_t(offsetOf(address)), data, bytes);
}

Status NpuDevice::copy(void *to, const void *from, uint64_t bytes) {
  bool toDevice = isDevice(to), fromDevice = isDevice(from);
  if (!toDevice && !fromDevice) {
    std::memmove(to, from, bytes);
    return Status::success();
  }
  if (Status status = needMachine(); status.failed())
    return status;
  if (toDevice != fromDevice) {
    if (times)
      times->addTransfer(bytes, toDevice);
    return toDevice ? write(flat(to), from, bytes)
                    : read(flat(from), to, bytes);
  }
  std::vector<char> part(size_t(std::min(bytes, copyBytes)));
  for (uint64_t at = 0; at < bytes; at += copyBytes) {
    uint64_t size = std::min(copyBytes, bytes - at);
    if (Status status = read(flat(from) + at, part.data(), size);
        status.failed())
      return status;
    if (Status status = write(flat(to) + at, part.data(), size);
        status.failed())
      return status;
  }
  return Status::success();
}

Expected<NpuDevice::Kernels> NpuDevice::load(const void *data, size_t size) {
  if (Status status = needMachine(); status.failed())
    return status;
  std::vector<std::vector<uint8_t>> constants;
  Expected<Kernels> kernels = loadObject(data, size, *machine, constants);
  if (kernels.failed())
    return kernels.status();
  for (size_t i = 0; i < kernels->size(); ++i) {
    if (constants[i].empty())
      continue;
    LoadedKernel &kernel = *(*kernels)[i];
    Expected<uint64_t> address = pools->allocate(constants[i].size());
    Status status = address.status();
    if (address.ok()) {
      kernel.constants = *address;
      kernel.hasConstants = true;
      status = write(*address, constants[i].data(), constants[i].size());
    }
    if (status.failed()) {
      status = Status::error("constants of kernel '" + kernel.kernel.name +
                             "': " + status.message());
      unload(*kernels);
      return status;
    }
  }
  return kernels;
}

void NpuDevice::unload(Kernels &kernels) {
  for (const std::unique_ptr<LoadedKernel> &kernel : kernels)
    if (kernel->hasConstants)
      pools->release(kernel->constants);
  kernels.clear();
}

Status NpuDevice::reserveScratch(uint64_t bytes) {
  if (bytes <= scratchBytes)
    return Status::success();
  if (scratchBytes)
    pools->release(scratch);
  scratchBytes = 0;
  Expected<uint64_t> address = pools->allocate(bytes);
  if (address.failed())
    return Status::error("scratch memory: " + address.message());
  scratch = *address;
  scratchBytes = bytes;
  return Status::success();
}

std::optional<uint64_t> NpuDevice::hashOfNumbers(const LoadedKernel &kernel) {
  if (!name.timingOnly)
    return std::nullopt;
  artifact::Hasher hasher;
  std::array<uint8_t, 4096> bytes;
  for (size_t i = 0; !kernel.isStatic && i < kernel.kernel.buffers; ++i) {
    uint64_t end = uint64_t(machine->usableDram());
    size_t size =
        size_t(std::min<uint64_t>(bytes.size(), end - offsetOf(buffers[i])));
    if (read(buffers[i], bytes.data(), size).ok())
      hasher.add(bytes.data(), size);
  }
  return hasher.finish();
}

Status NpuDevice::launch(const NaraeLaunch &launch) {
  const LoadedKernel &kernel =
      *reinterpret_cast<const LoadedKernel *>(launch.kernel);
  if (Status status = reserveScratch(launch.scratch_bytes); status.failed())
    return status;
  buffers.clear();
  for (size_t i = 0; i < launch.buffer_count; ++i) {
    if (!isDevice(launch.buffers[i]))
      return Status::error("buffer " + std::to_string(i) +
                           " is not in the device's memory");
    buffers.push_back(flat(launch.buffers[i]));
  }
  buffers.push_back(scratch);
  buffers.push_back(kernel.constants);
  if (Status status =
          bindLaunch(kernel.kernel, buffers.data(), buffers.size(),
                     launch.params, launch.param_count, values, parameters);
      status.failed())
    return status;
  std::optional<uint64_t> data = hashOfNumbers(kernel);
  bool isKnown = times && times->addKnown(kernel, parameters, data);
  if (isKnown && name.timingOnly)
    return Status::success();
  simulator->select(kernel.program);
  if (!name.timingOnly)
    for (const Constant &constant : kernel.program->program.constants)
      if (Status status = simulator->write(
              constant.space, constant.unit, int64_t(constant.address),
              constant.bytes.data(), constant.bytes.size());
          status.failed())
        return status;
  if (Status status = simulator->launch(parameters); status.failed())
    return status;
  if (!times || isKnown) {
    std::optional<Fault> fault = simulator->run();
    return fault ? Status::error(fault->message) : Status::success();
  }
  TimingReport report = timeProgram(*simulator);
  if (report.fault)
    return Status::error(report.fault->message);
  times->add(kernel, parameters, data, report);
  return Status::success();
}

Expected<std::string> NpuDevice::report(const std::string &kind) const {
  if (!times)
    return std::string();
  if (kind == "text")
    return times->text();
  if (kind == "json")
    return times->json();
  if (kind == "trace")
    return times->trace();
  return Status::error("there is no report '" + kind +
                       "'; there are text, json and trace");
}
