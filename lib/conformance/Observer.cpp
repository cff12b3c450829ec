//===- Observer.cpp - Counts what the runtime asks of a backend -----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/conformance/Observer.h"
#include "lib/conformance/RawDevice.h"
#include "runtime/Registry.h"

#include <atomic>

using namespace narae;
using namespace narae::conformance;

// The tables' functions have no context, so all of this is the process's.
static const NaraeBackendRuntime *real;
static std::string realDevice;
static NaraeBackendRuntime table;
static std::atomic<uint64_t> allocations, releases, loads, unloads, launches,
    copies;

static int open(const NaraeDeviceOptions *options, NaraeDevice **device,
                char *error, size_t size) {
  NaraeDeviceOptions renamed = *options;
  renamed.device = {realDevice.data(), realDevice.size()};
  return real->open(&renamed, device, error, size);
}

static int allocate(NaraeDevice *device, uint64_t bytes, void **address,
                    char *error, size_t size) {
  int status = real->allocate(device, bytes, address, error, size);
  allocations += status == 0;
  return status;
}

static void release(NaraeDevice *device, void *address) {
  releases += address != nullptr;
  real->release(device, address);
}

static int load(NaraeDevice *device, const void *object, size_t bytes,
                NaraeObject **result, char *error, size_t size) {
  int status = real->load(device, object, bytes, result, error, size);
  loads += status == 0;
  return status;
}

static void unload(NaraeDevice *device, NaraeObject *object) {
  ++unloads;
  real->unload(device, object);
}

static int copy(NaraeDevice *device, NaraeQueue *queue, void *to,
                const void *from, uint64_t bytes, NaraeCopyKind kind,
                char *error, size_t size) {
  ++copies;
  return real->copy(device, queue, to, from, bytes, kind, error, size);
}

static int launch(NaraeDevice *device, NaraeQueue *queue,
                  const NaraeLaunch *launch, char *error, size_t size) {
  ++launches;
  return real->launch(device, queue, launch, error, size);
}

std::string conformance::observe(const std::string &device) {
  if (real)
    return table.name;
  Expected<const NaraeBackendRuntime *> found = runtime::findBackend(device);
  require(found.ok(), found.message());
  real = *found;
  realDevice = device;
  table = *real;
  table.struct_size = std::min(real->struct_size, sizeof(table));
  table.name = "conformance-observer";
  table.open = open;
  table.allocate = allocate;
  table.release = release;
  table.load = load;
  table.unload = unload;
  table.copy = copy;
  table.launch = launch;
  Status status = runtime::registerBackend(&table);
  require(status.ok(), status.message());
  return table.name;
}

Counts conformance::observed() {
  return {allocations, releases, loads, unloads, launches, copies};
}
