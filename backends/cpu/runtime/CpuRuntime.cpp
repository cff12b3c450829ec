//===- CpuRuntime.cpp - The CPU's device driver --------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Queues run a command before the call returns, so events are always past
// and there is nothing to wait for.
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/runtime/CpuRuntime.h"
#include "backends/cpu/runtime/CpuTarget.h"
#include "backends/cpu/runtime/ElfObject.h"
#include "backends/cpu/runtime/HostMemory.h"
#include "backends/cpu/runtime/Team.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>

using namespace narae::cpu;

/// Below this many scalar operations (20 microseconds or so) waking other
/// threads costs more than they save.
static constexpr uint64_t smallWork = 65536;
/// Least work of a part in launches that are divided.
static constexpr uint64_t workPerPart = smallWork / 2;

struct NaraeDevice {
  std::shared_ptr<Team> team;
};
struct NaraeObject {
  std::unique_ptr<ElfObject> elf;
};
struct NaraeQueue {
  /// Of launches that run on the caller alone, without the team.
  Scratch scratch;
};

static int fail(char *error, size_t size, const std::string &message) {
  if (size)
    std::snprintf(error, size, "%s", message.c_str());
  return 1;
}

/// Runs `body`, which returns a status, and turns exceptions (there is no
/// memory, as a rule) into errors.
template <typename Fn>
static int guarded(char *error, size_t size, Fn body) {
  try {
    return body();
  } catch (const std::exception &failure) {
    return fail(error, size, failure.what());
  }
}

static int openDevice(const NaraeDeviceOptions *options, NaraeDevice **device,
                      char *error, size_t errorSize) {
  return guarded(error, errorSize, [&] {
    std::string name(options->device.data ? options->device.data : "cpu",
                     options->device.data ? options->device.size : 3);
    if (name != "cpu" && name != "cpu:0")
      return fail(error, errorSize, "there is no device '" + name + "'");
    std::string message;
    std::shared_ptr<Team> team = Team::get(options->threads, message);
    if (!team)
      return fail(error, errorSize, message);
    *device = new NaraeDevice{std::move(team)};
    return 0;
  });
}

static void closeDevice(NaraeDevice *device) { delete device; }

static int checkDevice(NaraeDevice *, NaraeStringRef json, char *error,
                       size_t errorSize) {
  return guarded(error, errorSize, [&] {
    std::string message = checkTarget(std::string(json.data, json.size));
    return message.empty() ? 0 : fail(error, errorSize, message);
  });
}

static int allocate(NaraeDevice *, uint64_t bytes, void **address, char *error,
                    size_t errorSize) {
  *address = allocateMemory(bytes);
  if (*address)
    return 0;
  return fail(error, errorSize,
              "no memory for " + std::to_string(bytes) + " bytes");
}

static void release(NaraeDevice *, void *address) { releaseMemory(address); }

static int isHostMemory(NaraeDevice *) { return 1; }

static int load(NaraeDevice *, const void *data, size_t size,
                NaraeObject **object, char *error, size_t errorSize) {
  return guarded(error, errorSize, [&] {
    std::string message;
    std::unique_ptr<ElfObject> elf = ElfObject::load(data, size, message);
    if (!elf)
      return fail(error, errorSize, message);
    *object = new NaraeObject{std::move(elf)};
    return 0;
  });
}

static void unload(NaraeDevice *, NaraeObject *object) { delete object; }

// A kernel's handle is the address of its function.
static int find(NaraeDevice *, NaraeObject *object, const char *name,
                NaraeKernel **kernel, char *error, size_t errorSize) {
  void *address = object->elf->find(name);
  if (!address)
    return fail(error, errorSize,
                "the object has no kernel '" + std::string(name) + "'");
  *kernel = static_cast<NaraeKernel *>(address);
  return 0;
}

static int createQueue(NaraeDevice *, NaraeQueue **queue, char *error,
                       size_t errorSize) {
  return guarded(error, errorSize, [&] {
    *queue = new NaraeQueue();
    return 0;
  });
}

static void destroyQueue(NaraeDevice *, NaraeQueue *queue) { delete queue; }

static int copy(NaraeDevice *, NaraeQueue *, void *to, const void *from,
                uint64_t bytes, NaraeCopyKind, char *, size_t) {
  std::memmove(to, from, bytes);
  return 0;
}

static int launch(NaraeDevice *device, NaraeQueue *queue,
                  const NaraeLaunch *launch, char *error, size_t errorSize) {
  auto kernel = reinterpret_cast<NaraeHostKernelFn>(launch->kernel);
  Team &team = *device->team;
  if (launch->work < smallWork || team.size() == 1) {
    if (queue->scratch.reserve(launch->scratch_bytes)) {
      kernel(launch->buffers, launch->params, 0, 1,
             launch->scratch_bytes ? queue->scratch.data : nullptr);
      return 0;
    }
  } else {
    auto worthwhile = static_cast<int64_t>(
        std::min<uint64_t>(launch->work / workPerPart, 1u << 30));
    if (team.run(kernel, *launch, std::min(team.size(), worthwhile)))
      return 0;
  }
  return fail(error, errorSize,
              "no memory for " + std::to_string(launch->scratch_bytes) +
                  " bytes of scratch");
}

static int record(NaraeDevice *, NaraeQueue *, NaraeEvent **event, char *,
                  size_t) {
  *event = nullptr;
  return 0;
}

static int wait(NaraeDevice *, NaraeQueue *, NaraeEvent *, char *, size_t) {
  return 0;
}

static int listDevices(NaraeSink json, void *context, char *error,
                       size_t errorSize) {
  return guarded(error, errorSize, [&] {
    std::string text = describeDevice();
    json(context, text.data(), text.size());
    return 0;
  });
}

const NaraeBackendRuntime *narae_cpu_runtime(void) {
  static const NaraeBackendRuntime runtime = {
      sizeof(NaraeBackendRuntime),
      NARAE_BACKEND_API_VERSION,
      "cpu",
      openDevice,
      closeDevice,
      checkDevice,
      allocate,
      release,
      isHostMemory,
      load,
      unload,
      find,
      createQueue,
      destroyQueue,
      copy,
      launch,
      record,
      wait,
      listDevices,
      nullptr, // annotate
      nullptr, // is_timing_only
      nullptr, // report
      nullptr, // disassemble: objects are ELF, which tools read
      /*queue_wait=*/nullptr,
      /*memory=*/nullptr,
  };
  return &runtime;
}
