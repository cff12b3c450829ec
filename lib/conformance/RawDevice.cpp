//===- RawDevice.cpp - A backend's runtime table, held to its promises ----===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/conformance/RawDevice.h"
#include "runtime/Registry.h"

#include <cstring>

using namespace narae;
using namespace narae::conformance;

static constexpr char kGuard = 0x5a;

void conformance::require(bool condition, const std::string &what) {
  if (!condition)
    throw Broken(what);
}

ErrorText::ErrorText(size_t size) : room(size) {
  memory.fill(kGuard);
  if (room)
    memory[0] = '\0';
}

std::string ErrorText::text() const {
  for (size_t i = room; i < memory.size(); ++i)
    require(memory[i] == kGuard, "a message of more than error_size (" +
                                     std::to_string(room) +
                                     ") bytes was written");
  if (!room)
    return "";
  const void *end = std::memchr(memory.data(), '\0', room);
  require(end, "a message was not ended by a zero");
  return memory.data();
}

/// Runs a call that has to succeed.
template <typename Call>
static void succeed(const char *what, Call call) {
  ErrorText error;
  int status = call(error.data(), error.size());
  std::string text = error.text();
  require(status == 0, std::string(what) + " failed: " +
                           (text.empty() ? "no message says why" : text));
}

RawDevice::RawDevice(const std::string &name) {
  Expected<const NaraeBackendRuntime *> found = runtime::findBackend(name);
  require(found.ok(), found.message());
  backend = *found;
  NaraeDeviceOptions options = {sizeof(options), {name.data(), name.size()}, 0};
  succeed("open", [&](char *error, size_t size) {
    return backend->open(&options, &device, error, size);
  });
  require(device, "open gave no device");
}

RawDevice::~RawDevice() { backend->close(device); }

bool RawDevice::computes() const {
  return !NARAE_HAS(NaraeBackendRuntime, backend, is_timing_only) ||
         !backend->is_timing_only(device);
}

void *RawDevice::tryAllocate(uint64_t bytes) {
  ErrorText error;
  void *address = nullptr;
  int status =
      backend->allocate(device, bytes, &address, error.data(), error.size());
  std::string text = error.text();
  if (status == 0) {
    require(address, "allocate succeeded without an address");
    return address;
  }
  require(!text.empty(), "allocate refused without a message");
  return nullptr;
}

void *RawDevice::allocate(uint64_t bytes) {
  void *address = tryAllocate(bytes);
  require(address, "allocate refused " + std::to_string(bytes) + " bytes");
  return address;
}

NaraeQueue *RawDevice::createQueue() {
  NaraeQueue *queue = nullptr;
  succeed("create_queue", [&](char *error, size_t size) {
    return backend->create_queue(device, &queue, error, size);
  });
  return queue;
}

void RawDevice::copy(NaraeQueue *queue, void *to, const void *from,
                     uint64_t bytes, NaraeCopyKind kind) {
  succeed("copy", [&](char *error, size_t size) {
    return backend->copy(device, queue, to, from, bytes, kind, error, size);
  });
}

NaraeEvent *RawDevice::record(NaraeQueue *queue) {
  NaraeEvent *event = nullptr;
  succeed("record", [&](char *error, size_t size) {
    return backend->record(device, queue, &event, error, size);
  });
  return event;
}

void RawDevice::wait(NaraeQueue *queue, NaraeEvent *event) {
  succeed("wait", [&](char *error, size_t size) {
    return backend->wait(device, queue, event, error, size);
  });
}

void conformance::requireError(const std::string &what,
                               const std::function<int(char *, size_t)> &call) {
  for (size_t size : {512, 8, 1, 0}) {
    ErrorText error(size);
    int status = call(error.data(), error.size());
    require(status != 0, what + " was accepted");
    std::string text = error.text();
    require(size < 512 || !text.empty(), what + " failed without a message");
  }
}
