//===- CopyChecks.cpp - What copies, queues and events keep ---------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/conformance/DeviceChecks.h"
#include "lib/conformance/RawDevice.h"

#include <cstring>
#include <thread>

using namespace narae;
using namespace narae::conformance;

using Bytes = std::vector<char>;

/// Bytes that differ from place to place and from seed to seed.
static Bytes pattern(uint64_t size, unsigned seed) {
  Bytes bytes(size);
  uint32_t state = seed * 2654435761u + 12345;
  for (char &byte : bytes) {
    state = state * 1664525u + 1013904223u;
    byte = static_cast<char>(state >> 24);
  }
  return bytes;
}

/// Host to device, from there to another place, and back.
static void roundTrip(RawDevice &device, NaraeQueue *queue, uint64_t size,
                      uint64_t offset) {
  Bytes sent = pattern(size, unsigned(size + offset));
  Bytes guard = pattern(size + 2 * offset + 64, 99), back = guard;
  Memory first(device, size + offset + 64), second(device, back.size());
  device.copy(queue, second.address, guard.data(), guard.size(),
              NARAE_COPY_TO_DEVICE);
  device.copy(queue, first.address + offset, sent.data(), size,
              NARAE_COPY_TO_DEVICE);
  device.copy(queue, second.address + 2 * offset, first.address + offset, size,
              NARAE_COPY_ON_DEVICE);
  device.copy(queue, back.data(), second.address, back.size(),
              NARAE_COPY_TO_HOST);
  device.wait(queue);
  std::memcpy(guard.data() + 2 * offset, sent.data(), size);
  for (size_t i = 0; i < back.size(); ++i)
    require(back[i] == guard[i], "after copies of " + std::to_string(size) +
                                     " bytes at offset " +
                                     std::to_string(offset) + ", byte " +
                                     std::to_string(i) + " is wrong");
}

static void copySizes(RawDevice &device) {
  Queue queue(device);
  for (uint64_t size :
       {0, 1, 2, 3, 5, 63, 64, 65, 255, 4096, 4097, 65537, 1048577, 12582917})
    roundTrip(device, queue.queue, size, 0);
}

static void copyUnaligned(RawDevice &device) {
  Queue queue(device);
  for (uint64_t offset : {1, 3, 7, 8, 31})
    for (uint64_t size : {1, 7, 64, 1001, 70001})
      roundTrip(device, queue.queue, size, offset);
}

/// Copies within one allocation leave its other bytes alone.
static void copyWithin(RawDevice &device) {
  Queue queue(device);
  Bytes bytes = pattern(8192, 5), back(8192);
  Memory memory(device, 8192);
  device.copy(queue.queue, memory.address, bytes.data(), 8192,
              NARAE_COPY_TO_DEVICE);
  device.copy(queue.queue, memory.address + 4096, memory.address + 100, 1000,
              NARAE_COPY_ON_DEVICE);
  device.copy(queue.queue, back.data(), memory.address, 8192,
              NARAE_COPY_TO_HOST);
  device.wait(queue.queue);
  std::memcpy(bytes.data() + 4096, bytes.data() + 100, 1000);
  require(back == bytes, "a copy within an allocation is wrong");
}

/// A chain in which each copy needs the one before it.
static void queueOrder(RawDevice &device) {
  Queue queue(device);
  constexpr uint64_t size = 1 << 20;
  Memory a(device, size), b(device, size);
  Bytes first = pattern(size, 1), second = pattern(size, 2);
  for (int round = 0; round < 8; ++round) {
    Bytes one(size), two(size);
    device.copy(queue.queue, a.address, first.data(), size,
                NARAE_COPY_TO_DEVICE);
    device.copy(queue.queue, b.address, a.address, size, NARAE_COPY_ON_DEVICE);
    device.copy(queue.queue, a.address, second.data(), size,
                NARAE_COPY_TO_DEVICE);
    device.copy(queue.queue, one.data(), b.address, size, NARAE_COPY_TO_HOST);
    device.copy(queue.queue, two.data(), a.address, size, NARAE_COPY_TO_HOST);
    device.wait(queue.queue);
    require(one == first && two == second,
            "commands of a queue did not run in their order");
    std::swap(first, second);
  }
}

/// After an event the commands before it are done, though others follow.
static void eventOrder(RawDevice &device) {
  Queue queue(device);
  constexpr uint64_t size = 4 << 20;
  Memory a(device, size), b(device, size);
  for (unsigned round = 0; round < 6; ++round) {
    Bytes sent = pattern(size, round), back(size), later(size);
    device.copy(queue.queue, a.address, sent.data(), size,
                NARAE_COPY_TO_DEVICE);
    for (int i = 0; i < 8; ++i) {
      device.copy(queue.queue, b.address, a.address, size,
                  NARAE_COPY_ON_DEVICE);
      device.copy(queue.queue, a.address, b.address, size,
                  NARAE_COPY_ON_DEVICE);
    }
    device.copy(queue.queue, back.data(), a.address, size, NARAE_COPY_TO_HOST);
    NaraeEvent *event = device.record(queue.queue);
    device.copy(queue.queue, later.data(), b.address, size, NARAE_COPY_TO_HOST);
    device.wait(queue.queue, event);
    bool there = back == sent;
    device.wait(queue.queue);
    require(there, "an event was past before the commands before it were done");
    require(later == sent, "commands behind an event did not run");
  }
}

/// Many events at a time, waited for in another order.
static void eventMany(RawDevice &device) {
  Queue queue(device);
  Memory memory(device, 64);
  std::vector<NaraeEvent *> events;
  std::vector<Bytes> sent;
  for (unsigned i = 0; i < 100; ++i) {
    sent.push_back(pattern(64, i));
    device.copy(queue.queue, memory.address, sent.back().data(), 64,
                NARAE_COPY_TO_DEVICE);
    events.push_back(device.record(queue.queue));
  }
  for (size_t i = events.size(); i-- > 0;)
    device.wait(queue.queue, events[i]);
  Bytes back(64);
  device.copy(queue.queue, back.data(), memory.address, 64, NARAE_COPY_TO_HOST);
  device.wait(queue.queue);
  require(back == sent.back(), "the last of many commands did not count");
}

/// One queue uses what another makes.
static void betweenQueues(RawDevice &device) {
  const NaraeBackendRuntime &table = device.table();
  bool onDevice = NARAE_HAS(NaraeBackendRuntime, &table, queue_wait);
  Queue maker(device), user(device);
  constexpr uint64_t size = 4 << 20;
  Memory a(device, size), b(device, size), result(device, size);
  for (unsigned round = 0; round < 6; ++round) {
    Bytes sent = pattern(size, 50 + round), back(size);
    device.copy(maker.queue, a.address, sent.data(), size,
                NARAE_COPY_TO_DEVICE);
    for (int i = 0; i < 8; ++i) {
      device.copy(maker.queue, b.address, a.address, size,
                  NARAE_COPY_ON_DEVICE);
      device.copy(maker.queue, a.address, b.address, size,
                  NARAE_COPY_ON_DEVICE);
    }
    device.copy(maker.queue, result.address, a.address, size,
                NARAE_COPY_ON_DEVICE);
    NaraeEvent *event = device.record(maker.queue);
    if (onDevice) {
      ErrorText error;
      int status = table.queue_wait(device.get(), user.queue, event,
                                    error.data(), error.size());
      require(status == 0, "queue_wait failed: " + error.text());
    } else {
      device.wait(maker.queue, event);
    }
    device.copy(user.queue, back.data(), result.address, size,
                NARAE_COPY_TO_HOST);
    device.wait(user.queue);
    bool there = back == sent;
    if (onDevice)
      device.wait(maker.queue, event);
    device.wait(maker.queue);
    require(there, "a queue did not wait for another queue's event");
  }
}

/// Several threads, each with a queue and memory of its own.
static void threads(RawDevice &device) {
  std::vector<std::string> messages(4);
  std::vector<std::thread> team;
  for (size_t i = 0; i < messages.size(); ++i)
    team.emplace_back([&device, &message = messages[i], i] {
      try {
        for (uint64_t round = 0; round < 20; ++round) {
          Queue queue(device);
          roundTrip(device, queue.queue, 1000 * (i + 1) + round, round % 3);
          device.wait(queue.queue, device.record(queue.queue));
        }
      } catch (const std::exception &failure) {
        message = failure.what();
      }
    });
  for (std::thread &thread : team)
    thread.join();
  for (const std::string &message : messages)
    require(message.empty(), "with four threads: " + message);
}

/// A check on an open device. `copies`: of a device that computes.
static Check onDevice(const Options &options, const char *group,
                      const char *name, void (*body)(RawDevice &)) {
  std::string which = options.device;
  return {group, name, [which, body]() -> Verdict {
            RawDevice device(which);
            if (!device.computes())
              return unsupported("the device only tells times");
            body(device);
            return passed();
          }};
}

void conformance::addCopyChecks(const Options &options,
                                std::vector<Check> &checks) {
  if (options.device.empty())
    return;
  checks.push_back(
      onDevice(options, "copy", "sizes from 0 to 12 MB", copySizes));
  checks.push_back(onDevice(options, "copy", "unaligned", copyUnaligned));
  checks.push_back(onDevice(options, "copy", "within memory", copyWithin));
}

void conformance::addQueueChecks(const Options &options,
                                 std::vector<Check> &checks) {
  if (options.device.empty())
    return;
  checks.push_back(onDevice(options, "queue", "order of commands", queueOrder));
  checks.push_back(onDevice(options, "queue", "events", eventOrder));
  checks.push_back(onDevice(options, "queue", "many events", eventMany));
  checks.push_back(onDevice(options, "queue", "between queues", betweenQueues));
  checks.push_back(onDevice(options, "queue", "four threads", threads));
}
