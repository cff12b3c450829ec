//===- Device.h - A backend's device, queue and memory ---------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_RUNTIME_DEVICE_H
#define NARAE_RUNTIME_DEVICE_H

#include "lib/artifact/Status.h"
#include "narae/backend.h"

#include <cstdint>
#include <memory>
#include <string>

namespace narae::runtime {

/// One open device with one queue: the backend's C table with statuses.
class Device {
public:
  static Expected<std::unique_ptr<Device>> open(const std::string &name,
                                                int32_t threads);
  ~Device();
  Device(const Device &) = delete;
  Device &operator=(const Device &) = delete;

  /// Whether kernels and the host see the same memory.
  bool isHost() const { return host; }
  Status checkTarget(const std::string &json);
  Status allocate(uint64_t bytes, void **address);
  void release(void *address) { table->release(device, address); }
  Status load(const void *data, size_t size, NaraeObject **object);
  void unload(NaraeObject *object) { table->unload(device, object); }
  Status find(NaraeObject *object, const char *name, NaraeKernel **kernel);
  /// From the host's memory, which stays until `wait`.
  Status upload(void *to, const void *from, uint64_t bytes) {
    return copy(to, from, bytes, NARAE_COPY_TO_DEVICE);
  }
  /// To the host's memory; it is there after `wait`.
  Status download(void *to, const void *from, uint64_t bytes) {
    return copy(to, from, bytes, NARAE_COPY_TO_HOST);
  }
  /// Between two places of the device.
  Status move(void *to, const void *from, uint64_t bytes) {
    return copy(to, from, bytes, NARAE_COPY_ON_DEVICE);
  }
  Status launch(const NaraeLaunch &launch);
  /// Waits until everything in the queue is done.
  Status wait();

  // Optional functions of a backend; without them nothing happens.
  void annotate(NaraeKernel *kernel, const std::string &nodes);
  /// Whether the device computes nothing: it only tells times.
  bool isTimingOnly() const { return timingOnly; }
  /// \param kind "text", "json" or "trace", see narae/backend.h.
  Status report(const char *kind, NaraeSink sink, void *context);

private:
  Device() = default;
  Status result(int code, const char *error) const;
  Status copy(void *to, const void *from, uint64_t bytes, NaraeCopyKind kind);

  const NaraeBackendRuntime *table = nullptr;
  NaraeDevice *device = nullptr;
  NaraeQueue *queue = nullptr;
  bool host = false, timingOnly = false;
};

/// Memory of a device that grows and never shrinks. Growing loses what was
/// in it.
class DeviceMemory {
public:
  DeviceMemory() = default;
  DeviceMemory(DeviceMemory &&other) noexcept { swap(other); }
  DeviceMemory &operator=(DeviceMemory &&other) noexcept {
    swap(other);
    return *this;
  }
  ~DeviceMemory() {
    if (address)
      device->release(address);
  }
  void swap(DeviceMemory &other) noexcept {
    std::swap(device, other.device);
    std::swap(address, other.address);
    std::swap(bytes, other.bytes);
  }

  /// Makes room for `size` bytes. Even for none there is an address after.
  Status reserve(Device &device, uint64_t size);
  void *data() const { return address; }
  uint64_t size() const { return bytes; }

private:
  Device *device = nullptr;
  void *address = nullptr;
  uint64_t bytes = 0;
};

} // namespace narae::runtime

#endif // NARAE_RUNTIME_DEVICE_H
