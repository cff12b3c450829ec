//===- Device.cpp - A backend's device, queue and memory -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/Device.h"
#include "runtime/Registry.h"

using namespace narae;
using namespace narae::runtime;

/// Some errors list all that is wrong.
static constexpr size_t errorSize = 4096;

Status Device::result(int code, const char *error) const {
  if (code == 0)
    return Status::success();
  return Status::error(std::string(table->name) + ": " + error);
}

Expected<std::unique_ptr<Device>> Device::open(const std::string &name,
                                               int32_t threads) {
  Expected<const NaraeBackendRuntime *> backend = findBackend(name);
  if (backend.failed())
    return backend.status();
  std::unique_ptr<Device> device(new Device());
  device->table = *backend;
  NaraeDeviceOptions options = {
      sizeof(NaraeDeviceOptions), {name.data(), name.size()}, threads};
  char error[errorSize] = "";
  if (Status status = device->result(
          device->table->open(&options, &device->device, error, errorSize),
          error);
      status.failed())
    return status;
  if (Status status =
          device->result(device->table->create_queue(
                             device->device, &device->queue, error, errorSize),
                         error);
      status.failed())
    return status;
  device->host = device->table->is_host_memory(device->device) != 0;
  device->timingOnly = NARAE_RUNTIME_HAS(device->table, is_timing_only) &&
                       device->table->is_timing_only(device->device) != 0;
  return device;
}

Device::~Device() {
  if (queue)
    table->destroy_queue(device, queue);
  if (device)
    table->close(device);
}

Status Device::checkTarget(const std::string &json) {
  char error[errorSize] = "";
  return result(
      table->check_target(device, {json.data(), json.size()}, error, errorSize),
      error);
}

Status Device::allocate(uint64_t bytes, void **address) {
  char error[errorSize] = "";
  return result(table->allocate(device, bytes, address, error, errorSize),
                error);
}

Status Device::load(const void *data, size_t size, NaraeObject **object) {
  char error[errorSize] = "";
  return result(table->load(device, data, size, object, error, errorSize),
                error);
}

Status Device::find(NaraeObject *object, const char *name,
                    NaraeKernel **kernel) {
  char error[errorSize] = "";
  return result(table->find(device, object, name, kernel, error, errorSize),
                error);
}

Status Device::copy(void *to, const void *from, uint64_t bytes,
                    NaraeCopyKind kind) {
  if (bytes == 0)
    return Status::success();
  char error[errorSize];
  error[0] = '\0';
  Status status = result(
      table->copy(device, queue, to, from, bytes, kind, error, errorSize),
      error);
  // The caller's memory may go now; earlier copies may still use it.
  if (status.failed())
    (void)wait();
  return status;
}

Status Device::launch(const NaraeLaunch &launch) {
  char error[errorSize];
  error[0] = '\0';
  return result(table->launch(device, queue, &launch, error, errorSize), error);
}

Status Device::wait() {
  char error[errorSize];
  error[0] = '\0';
  return result(table->wait(device, queue, nullptr, error, errorSize), error);
}

void Device::annotate(NaraeKernel *kernel, const std::string &nodes) {
  if (NARAE_RUNTIME_HAS(table, annotate))
    table->annotate(device, kernel, {nodes.data(), nodes.size()});
}

Status Device::report(const char *kind, NaraeSink sink, void *context) {
  if (!NARAE_RUNTIME_HAS(table, report))
    return Status::success();
  char error[errorSize] = "";
  return result(
      table->report(device, queue, kind, sink, context, error, errorSize),
      error);
}

Status DeviceMemory::reserve(Device &owner, uint64_t size) {
  constexpr uint64_t smallest = 64;
  if (size < smallest)
    size = smallest;
  if (size <= bytes)
    return Status::success();
  device = &owner;
  if (address) {
    // Commands in the queue may still use the memory. It goes before its
    // successor comes, so that the two never exist at once.
    if (Status status = owner.wait(); status.failed())
      return status;
    owner.release(address);
    address = nullptr;
    bytes = 0;
  }
  if (Status status = owner.allocate(size, &address); status.failed()) {
    address = nullptr;
    return status;
  }
  bytes = size;
  return Status::success();
}
