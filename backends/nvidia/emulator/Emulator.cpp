//===- Emulator.cpp - A GPU that is this CPU -----------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/nvidia/emulator/Emulator.h"
#include "backends/nvidia/emulator/HostCode.h"
#include "backends/nvidia/runtime/DriverRuntime.h"

#include <cstring>
#include <limits>
#include <unistd.h>

using namespace narae;
using namespace narae::nvidia;

namespace narae::nvidia {
struct ModuleHandle {
  std::unique_ptr<HostCode> code;
};
struct FunctionHandle {}; // a ThreadFunction under another name
struct StreamHandle {
  Status failure = Status::success(); ///< the first, for all that comes after
};
struct EventHandle {};
} // namespace narae::nvidia

namespace {
/// Streams run a command before the call returns, so events are always past.
class EmulatedDriver : public Driver {
public:
  explicit EmulatedDriver(bool checked)
      : checked(checked), deviceMemory(checked) {
    deviceInfo.name = "the emulated GPU";
    // Code for sm_80 runs on it, and code for sm_90a.
    deviceInfo.major = 9;
    deviceInfo.minor = 0;
    deviceInfo.multiprocessors = 4;
  }

  const DeviceInfo &info() const override { return deviceInfo; }
  Expected<DevicePointer> allocate(uint64_t bytes) override {
    return deviceMemory.allocate(bytes);
  }
  void release(DevicePointer pointer) override {
    deviceMemory.release(pointer);
  }
  Expected<ModuleHandle *> load(const KernelObject &object,
                                const ModuleImage &image) override;
  void unload(ModuleHandle *module) override { delete module; }
  Expected<FunctionHandle *> function(ModuleHandle *module,
                                      const std::string &name) override;
  Expected<StreamHandle *> createStream() override {
    return new StreamHandle();
  }
  void destroyStream(StreamHandle *stream) override { delete stream; }
  Status memory(uint64_t &total, uint64_t &free) override;
  Status copy(StreamHandle *stream, uint64_t to, uint64_t from, uint64_t bytes,
              NaraeCopyKind kind) override;
  Status launch(StreamHandle *stream, FunctionHandle *function,
                const LaunchShape &shape, void **arguments,
                size_t count) override;
  Status wait(StreamHandle *stream) override { return stream->failure; }
  Expected<EventHandle *> record(StreamHandle *) override {
    return new EventHandle();
  }
  Status wait(EventHandle *event) override {
    delete event;
    return Status::success();
  }

private:
  bool checked;
  Memory deviceMemory;
  DeviceInfo deviceInfo;
  std::mutex mutex;
  uint64_t nextId = 1; ///< of the checker
};
} // namespace

Expected<ModuleHandle *> EmulatedDriver::load(const KernelObject &object,
                                              const ModuleImage &image) {
  if (image.bitcode.empty())
    return Status::error("the artifact was compiled for a GPU alone; compile "
                         "it with --emulatable to run it on the emulator");
  auto code = compileForHost(image.bitcode, checked);
  if (code.failed())
    return code.status();
  return new ModuleHandle{std::move(*code)};
}

Expected<FunctionHandle *> EmulatedDriver::function(ModuleHandle *module,
                                                    const std::string &name) {
  if (ThreadFunction function = module->code->find(name))
    return reinterpret_cast<FunctionHandle *>(function);
  return Status::error("the module has no entry point '" + name + "'");
}

Status EmulatedDriver::memory(uint64_t &total, uint64_t &free) {
  // What the host's processes may still take.
  total =
      sysconf(_SC_PHYS_PAGES) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  free =
      sysconf(_SC_AVPHYS_PAGES) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  return Status::success();
}

Status EmulatedDriver::copy(StreamHandle *stream, uint64_t to, uint64_t from,
                            uint64_t bytes, NaraeCopyKind kind) {
  // Unlike a GPU, it would not fault where the direction is wrong.
  bool ends[] = {kind != NARAE_COPY_TO_HOST, kind != NARAE_COPY_TO_DEVICE};
  for (auto [address, onDevice] : {std::pair{to, ends[0]}, {from, ends[1]}})
    if (onDevice)
      if (Status status = deviceMemory.checkRange(address, bytes);
          status.failed())
        return stream->failure = status;
  std::memmove(reinterpret_cast<void *>(to),
               reinterpret_cast<const void *>(from), bytes);
  return Status::success();
}

Status EmulatedDriver::launch(StreamHandle *stream, FunctionHandle *function,
                              const LaunchShape &shape, void **arguments,
                              size_t) {
  Launch launch;
  launch.shape = shape;
  if (checked) {
    launch.memory = &deviceMemory;
    uint64_t ids = uint64_t(shape.blocks) * shape.threads + 1;
    std::lock_guard lock(mutex);
    if (nextId + ids > std::numeric_limits<uint32_t>::max())
      return Status::error("too many threads for the checker; run fewer steps "
                           "in one session");
    launch.firstId = static_cast<uint32_t>(nextId);
    nextId += ids;
  }
  Status status =
      runLaunch(launch, reinterpret_cast<ThreadFunction>(function), arguments);
  if (status.failed())
    stream->failure = status;
  return status;
}

/// "nvidia-emulator", "nvidia-emulator:check".
static Expected<std::shared_ptr<Driver>> openEmulator(std::string_view device) {
  size_t colon = device.find(':');
  std::string_view option =
      colon == std::string_view::npos ? "" : device.substr(colon + 1);
  if (!option.empty() && option != "check" && option != "0")
    return Status::error("the emulator has no option '" + std::string(option) +
                         "'; it has: check");
  return std::shared_ptr<Driver>(
      std::make_shared<EmulatedDriver>(option == "check"));
}

static int listDevices(NaraeSink json, void *context, char *, size_t) {
  std::string list = "[" +
                     describeDevice("nvidia-emulator", "emulator",
                                    EmulatedDriver(false).info()) +
                     "]";
  json(context, list.data(), list.size());
  return 0;
}

const NaraeBackendRuntime *narae_nvidia_emulator_runtime(void) {
  static const NaraeBackendRuntime runtime = [] {
    NaraeBackendRuntime table =
        DriverRuntime<openEmulator>::table("nvidia-emulator");
    table.list_devices = listDevices;
    return table;
  }();
  return &runtime;
}
