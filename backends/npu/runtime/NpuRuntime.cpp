//===- NpuRuntime.cpp - The NPU's device driver ---------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The table of backend.h. Queues run a command before the call returns, so
// events are always past and there is nothing to wait for.
//
//===----------------------------------------------------------------------===//

#include "backends/npu/runtime/NpuRuntime.h"
#include "backends/npu/runtime/NpuDevice.h"
#include "backends/targets/TargetFiles.h"

#include <cstdio>
#include <exception>
#include <nlohmann/json.hpp>

using namespace narae;
using namespace narae::npu;

struct NaraeDevice {
  std::unique_ptr<NpuDevice> npu;
};
struct NaraeObject {
  NpuDevice::Kernels kernels;
};
struct NaraeQueue {};

/// Runs `body`, which returns a Status; exceptions (there is no memory, as a
/// rule) become errors.
template <typename Fn>
static int guarded(char *error, size_t size, Fn body) {
  try {
    Status status = body();
    if (status.failed() && size)
      std::snprintf(error, size, "%s", status.message().c_str());
    return status.failed();
  } catch (const std::exception &failure) {
    if (size)
      std::snprintf(error, size, "%s", failure.what());
    return 1;
  }
}

static int openNpu(const NaraeDeviceOptions *options, NaraeDevice **device,
                   char *error, size_t errorSize) {
  return guarded(error, errorSize, [&] {
    std::string name(options->device.data ? options->device.data : "npu",
                     options->device.data ? options->device.size : 3);
    Expected<std::unique_ptr<NpuDevice>> opened = NpuDevice::open(name);
    if (opened.failed())
      return opened.status();
    *device = new NaraeDevice{std::move(*opened)};
    return Status::success();
  });
}

static void closeNpu(NaraeDevice *device) { delete device; }

static int checkNpu(NaraeDevice *device, NaraeStringRef json, char *error,
                    size_t errorSize) {
  return guarded(error, errorSize, [&] {
    return device->npu->checkTarget(std::string(json.data, json.size));
  });
}

static int allocate(NaraeDevice *device, uint64_t bytes, void **address,
                    char *error, size_t errorSize) {
  *address = nullptr;
  return guarded(error, errorSize,
                 [&] { return device->npu->allocate(bytes, address); });
}

static void release(NaraeDevice *device, void *address) {
  device->npu->release(address);
}

static int hasHostMemory(NaraeDevice *) { return 0; }

static int loadKernels(NaraeDevice *device, const void *data, size_t size,
                       NaraeObject **object, char *error, size_t errorSize) {
  return guarded(error, errorSize, [&] {
    Expected<NpuDevice::Kernels> kernels = device->npu->load(data, size);
    if (kernels.failed())
      return kernels.status();
    *object = new NaraeObject{std::move(*kernels)};
    return Status::success();
  });
}

static void unload(NaraeDevice *device, NaraeObject *object) {
  if (object)
    device->npu->unload(object->kernels);
  delete object;
}

static int findKernel(NaraeDevice *, NaraeObject *object, const char *name,
                      NaraeKernel **result, char *error, size_t errorSize) {
  return guarded(error, errorSize, [&] {
    for (const std::unique_ptr<LoadedKernel> &kernel : object->kernels)
      if (kernel->kernel.name == name) {
        *result = reinterpret_cast<NaraeKernel *>(kernel.get());
        return Status::success();
      }
    return Status::error("the object has no kernel '" + std::string(name) +
                         "'");
  });
}

static int makeQueue(NaraeDevice *, NaraeQueue **queue, char *error,
                     size_t errorSize) {
  return guarded(error, errorSize, [&] {
    *queue = new NaraeQueue();
    return Status::success();
  });
}

static void dropQueue(NaraeDevice *, NaraeQueue *queue) { delete queue; }

static int copyBytes(NaraeDevice *device, NaraeQueue *, void *to,
                     const void *from, uint64_t bytes, NaraeCopyKind,
                     char *error, size_t errorSize) {
  return guarded(error, errorSize,
                 [&] { return device->npu->copy(to, from, bytes); });
}

static int launch(NaraeDevice *device, NaraeQueue *, const NaraeLaunch *launch,
                  char *error, size_t errorSize) {
  return guarded(error, errorSize,
                 [&] { return device->npu->launch(*launch); });
}

static int recordEvent(NaraeDevice *, NaraeQueue *, NaraeEvent **event, char *,
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
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const std::string &name : targets::names()) {
      std::string text, problem;
      if (name.rfind("npu:", 0) != 0 || !targets::read(name, text, problem))
        continue;
      Expected<Machine> machine = machineOf(text, name);
      if (machine.failed())
        return machine.status();
      list.push_back(
          {{"name", name},
           {"kind", "simulator"},
           {"description", machine->description},
           {"chiplets", machine->chiplets},
           {"cores", machine->allCores()},
           {"memory_bytes", machine->dram.pools * machine->dram.capacity},
           {"reserved_bytes", machine->dram.pools * machine->dram.reserve},
           {"version", "ISA " + std::to_string(programMajor) + "." +
                           std::to_string(programMinor)}});
    }
    std::string text = list.dump();
    json(context, text.data(), text.size());
    return Status::success();
  });
}

static void annotate(NaraeDevice *, NaraeKernel *kernel, NaraeStringRef nodes) {
  reinterpret_cast<LoadedKernel *>(kernel)->nodes.assign(nodes.data,
                                                         nodes.size);
}

static int isTimingOnly(NaraeDevice *device) {
  return device->npu->isTimingOnly();
}

static int report(NaraeDevice *device, NaraeQueue *, const char *kind,
                  NaraeSink sink, void *context, char *error,
                  size_t errorSize) {
  return guarded(error, errorSize, [&] {
    Expected<std::string> text = device->npu->report(kind);
    if (text.ok() && !text->empty())
      sink(context, text->data(), text->size());
    return text.ok() ? Status::success() : text.status();
  });
}

static int disassembleText(const void *object, size_t size, NaraeSink sink,
                           void *context, char *error, size_t errorSize) {
  return guarded(error, errorSize, [&] {
    Expected<std::string> text = disassembleObject(object, size);
    if (text.ok())
      sink(context, text->data(), text->size());
    return text.ok() ? Status::success() : text.status();
  });
}

const NaraeBackendRuntime *narae_npu_runtime(void) {
  static const NaraeBackendRuntime runtime = {
      sizeof(NaraeBackendRuntime),
      NARAE_BACKEND_API_VERSION,
      "npu",
      openNpu,
      closeNpu,
      checkNpu,
      allocate,
      release,
      hasHostMemory,
      loadKernels,
      unload,
      findKernel,
      makeQueue,
      dropQueue,
      copyBytes,
      launch,
      recordEvent,
      wait,
      listDevices,
      annotate,
      isTimingOnly,
      report,
      disassembleText,
      /*queue_wait=*/nullptr,
      /*memory=*/nullptr,
  };
  return &runtime;
}
