//===- RawDevice.h - A backend's runtime table, held to its promises ------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_CONFORMANCE_RAWDEVICE_H
#define NARAE_LIB_CONFORMANCE_RAWDEVICE_H

#include "lib/conformance/Kit.h"
#include "narae/backend.h"

#include <array>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace narae::conformance {

/// A call that had to succeed and did not, or broke a promise; the message
/// says which. Only thrown and caught within the kit.
struct Broken : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// Throws Broken unless the condition holds.
void require(bool condition, const std::string &what);

/// Memory for a message with guards behind it.
class ErrorText {
public:
  explicit ErrorText(size_t size = 512);
  char *data() { return memory.data(); }
  size_t size() const { return room; }
  /// The message. Throws where more than `size` bytes were written or the text
  /// has no end.
  std::string text() const;

private:
  size_t room;
  std::array<char, 1024> memory;
};

/// One open device. Calls throw Broken on errors.
class RawDevice {
public:
  explicit RawDevice(const std::string &name);
  ~RawDevice();
  RawDevice(const RawDevice &) = delete;
  RawDevice &operator=(const RawDevice &) = delete;

  const NaraeBackendRuntime &table() const { return *backend; }
  NaraeDevice *get() const { return device; }
  bool computes() const;

  void *allocate(uint64_t bytes);
  /// Null where there is no memory; a refusal has to say so.
  void *tryAllocate(uint64_t bytes);
  void release(void *address) { backend->release(device, address); }
  NaraeQueue *createQueue();
  void destroyQueue(NaraeQueue *queue) {
    backend->destroy_queue(device, queue);
  }
  void copy(NaraeQueue *queue, void *to, const void *from, uint64_t bytes,
            NaraeCopyKind kind);
  NaraeEvent *record(NaraeQueue *queue);
  void wait(NaraeQueue *queue, NaraeEvent *event = nullptr);

private:
  const NaraeBackendRuntime *backend;
  NaraeDevice *device = nullptr;
};

/// Memory of a device that goes with the object.
struct Memory {
  Memory(RawDevice &device, uint64_t bytes)
      : device(device), address(static_cast<char *>(device.allocate(bytes))) {}
  ~Memory() { device.release(address); }
  Memory(const Memory &) = delete;
  Memory &operator=(const Memory &) = delete;
  RawDevice &device;
  char *address;
};
struct Queue {
  explicit Queue(RawDevice &device)
      : device(device), queue(device.createQueue()) {}
  ~Queue() { device.destroyQueue(queue); }
  Queue(const Queue &) = delete;
  Queue &operator=(const Queue &) = delete;
  RawDevice &device;
  NaraeQueue *queue;
};

/// A call that has to fail: it does so for messages of any size, which is
/// never exceeded, and says something. `what` names it.
void requireError(const std::string &what,
                  const std::function<int(char *, size_t)> &call);

} // namespace narae::conformance

#endif // NARAE_LIB_CONFORMANCE_RAWDEVICE_H
