//===- DriverRuntime.cpp - The runtime table over any driver -------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/nvidia/runtime/DriverRuntime.h"
#include "backends/nvidia/runtime/Target.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>

using namespace narae;
using namespace narae::nvidia;

/// Scalar operations of a thread below which more threads do not pay.
static constexpr uint64_t kWorkPerThread = 8;
/// Blocks a multiprocessor, at most: further work goes round in each thread.
static constexpr uint64_t kBlocksPerMultiprocessor = 16;
/// Scratch memory of all threads of a launch. Kernels that need much a thread
/// run in fewer threads.
static constexpr uint64_t kScratchBytes = 64 << 20;

struct NaraeDevice {
  std::shared_ptr<Driver> driver;
};

struct NaraeKernel {
  const KernelInfo *info;
  FunctionHandle *function;
};

struct NaraeObject {
  KernelObject object; ///< without the images once they are loaded
  std::vector<ModuleHandle *> modules;
  std::vector<NaraeKernel> kernels; ///< as in the object, sorted by name
};

struct NaraeQueue {
  StreamHandle *stream = nullptr;
  DevicePointer scratch = 0;
  uint64_t scratchBytes = 0;
  /// Values of a launch's parameters, and their addresses.
  std::vector<uint64_t> values;
  std::vector<void *> arguments;
};

struct NaraeEvent {}; // an EventHandle under another name

static int finish(const Status &status, char *error, size_t size) {
  if (status.ok())
    return 0;
  if (size)
    std::snprintf(error, size, "%s", status.message().c_str());
  return 1;
}

/// Runs `body`, which returns a Status, and turns exceptions (there is no
/// memory, as a rule) into errors.
template <typename Fn>
static int guarded(char *error, size_t size, Fn body) {
  try {
    return finish(body(), error, size);
  } catch (const std::exception &failure) {
    return finish(Status::error(failure.what()), error, size);
  }
}

int nvidia::openDevice(OpenDriver open, const NaraeDeviceOptions *options,
                       NaraeDevice **device, char *error, size_t errorSize) {
  return guarded(error, errorSize, [&] {
    Expected<std::shared_ptr<Driver>> driver =
        open({options->device.data, options->device.size});
    if (driver.failed())
      return driver.status();
    *device = new NaraeDevice{std::move(*driver)};
    return Status::success();
  });
}

static void closeDevice(NaraeDevice *device) { delete device; }

static int checkDevice(NaraeDevice *device, NaraeStringRef json, char *error,
                       size_t errorSize) {
  return guarded(error, errorSize, [&] {
    return checkTarget({json.data, json.size}, device->driver->info());
  });
}

static int allocate(NaraeDevice *device, uint64_t bytes, void **address,
                    char *error, size_t errorSize) {
  return guarded(error, errorSize, [&] {
    auto pointer = device->driver->allocate(std::max<uint64_t>(bytes, 1));
    if (pointer.failed())
      return pointer.status();
    *address = reinterpret_cast<void *>(*pointer);
    return Status::success();
  });
}

static void release(NaraeDevice *device, void *address) {
  if (address)
    device->driver->release(reinterpret_cast<DevicePointer>(address));
}

static int isHostMemory(NaraeDevice *) { return 0; }

static void unload(NaraeDevice *device, NaraeObject *object) {
  for (ModuleHandle *module : object->modules)
    device->driver->unload(module);
  delete object;
}

static Status loadModules(Driver &driver, NaraeObject &result) {
  for (ModuleImage &image : result.object.modules) {
    auto module = driver.load(result.object, image);
    if (module.failed())
      return module.status();
    result.modules.push_back(*module);
    image = {}; // the driver has its own copy
  }
  for (const KernelInfo &info : result.object.kernels) {
    auto function = driver.function(result.modules[info.module], info.entry);
    if (function.failed())
      return Status::error("kernel '" + info.name + "': " + function.message());
    result.kernels.push_back({&info, *function});
  }
  return Status::success();
}

static int load(NaraeDevice *device, const void *data, size_t size,
                NaraeObject **object, char *error, size_t errorSize) {
  return guarded(error, errorSize, [&] {
    auto read = readObject({static_cast<const char *>(data), size});
    if (read.failed())
      return read.status();
    auto *result = new NaraeObject{std::move(*read), {}, {}};
    Status status = loadModules(*device->driver, *result);
    if (status.failed())
      unload(device, result);
    else
      *object = result;
    return status;
  });
}

static int find(NaraeDevice *, NaraeObject *object, const char *name,
                NaraeKernel **kernel, char *error, size_t errorSize) {
  auto &all = object->kernels;
  auto found = std::lower_bound(
      all.begin(), all.end(), name,
      [](const NaraeKernel &a, const char *b) { return a.info->name < b; });
  if (found == all.end() || found->info->name != name)
    return finish(
        Status::error("the object has no kernel '" + std::string(name) + "'"),
        error, errorSize);
  *kernel = &*found;
  return 0;
}

static int createQueue(NaraeDevice *device, NaraeQueue **queue, char *error,
                       size_t errorSize) {
  return guarded(error, errorSize, [&] {
    auto stream = device->driver->createStream();
    if (stream.failed())
      return stream.status();
    *queue = new NaraeQueue();
    (*queue)->stream = *stream;
    return Status::success();
  });
}

static void destroyQueue(NaraeDevice *device, NaraeQueue *queue) {
  // What is still under way uses the scratch memory.
  (void)device->driver->wait(queue->stream);
  if (queue->scratch)
    device->driver->release(queue->scratch);
  device->driver->destroyStream(queue->stream);
  delete queue;
}

static int copy(NaraeDevice *device, NaraeQueue *queue, void *to,
                const void *from, uint64_t bytes, NaraeCopyKind kind,
                char *error, size_t errorSize) {
  if (bytes == 0)
    return 0;
  return guarded(error, errorSize, [&] {
    return device->driver->copy(queue->stream, reinterpret_cast<uint64_t>(to),
                                reinterpret_cast<uint64_t>(from), bytes, kind);
  });
}

/// Makes the scratch memory of a queue large enough.
static Status reserveScratch(Driver &driver, NaraeQueue &queue,
                             uint64_t bytes) {
  if (bytes <= queue.scratchBytes)
    return Status::success();
  if (Status status = driver.wait(queue.stream); status.failed())
    return status;
  if (queue.scratch)
    driver.release(queue.scratch);
  queue.scratch = queue.scratchBytes = 0;
  auto pointer = driver.allocate(bytes);
  if (pointer.failed())
    return pointer.status();
  queue.scratch = *pointer;
  queue.scratchBytes = bytes;
  return Status::success();
}

/// The grid of a launch: as many threads as its work is worth, but no more
/// than there is room for their scratch memory.
static LaunchShape shapeOf(const NaraeLaunch &launch, const DeviceInfo &device,
                           uint32_t blockThreads) {
  uint64_t threads = std::max<uint64_t>(launch.work / kWorkPerThread, 1);
  if (launch.scratch_bytes)
    threads = std::min(
        threads, std::max<uint64_t>(kScratchBytes / launch.scratch_bytes, 1));
  LaunchShape shape;
  shape.threads =
      static_cast<uint32_t>(std::min<uint64_t>(threads, blockThreads));
  uint64_t most =
      kBlocksPerMultiprocessor * static_cast<uint64_t>(device.multiprocessors);
  uint64_t blocks = threads / shape.threads;
  shape.blocks = static_cast<uint32_t>(std::clamp<uint64_t>(blocks, 1, most));
  return shape;
}

static int launch(NaraeDevice *device, NaraeQueue *queue,
                  const NaraeLaunch *launch, char *error, size_t errorSize) {
  return guarded(error, errorSize, [&] {
    const KernelInfo &info = *launch->kernel->info;
    if (launch->buffer_count != info.buffers ||
        launch->param_count != info.params)
      return Status::error("kernel '" + info.name +
                           "' is launched with other parameters than it has");
    Driver &driver = *device->driver;
    LaunchShape shape = shapeOf(*launch, driver.info(), info.threads);
    // Pieces of 64 bytes, as the planner counts them.
    uint64_t scratch = (launch->scratch_bytes + 63) / 64 * 64;
    Status status =
        reserveScratch(driver, *queue, scratch * shape.blocks * shape.threads);
    if (status.failed())
      return status;
    auto &values = queue->values;
    values.clear();
    for (size_t i = 0; i < launch->buffer_count; ++i)
      values.push_back(reinterpret_cast<uint64_t>(launch->buffers[i]));
    values.insert(values.end(), launch->params,
                  launch->params + launch->param_count);
    values.push_back(queue->scratch);
    values.push_back(scratch);
    queue->arguments.clear();
    for (uint64_t &value : values)
      queue->arguments.push_back(&value);
    status = driver.launch(queue->stream, launch->kernel->function, shape,
                           queue->arguments.data(), values.size());
    if (status.failed())
      return Status::error("kernel '" + info.name + "': " + status.message());
    return status;
  });
}

static int record(NaraeDevice *device, NaraeQueue *queue, NaraeEvent **event,
                  char *error, size_t errorSize) {
  return guarded(error, errorSize, [&] {
    auto handle = device->driver->record(queue->stream);
    if (handle.failed())
      return handle.status();
    *event = reinterpret_cast<NaraeEvent *>(*handle);
    return Status::success();
  });
}

static int wait(NaraeDevice *device, NaraeQueue *queue, NaraeEvent *event,
                char *error, size_t errorSize) {
  return guarded(error, errorSize, [&] {
    return event ? device->driver->wait(reinterpret_cast<EventHandle *>(event))
                 : device->driver->wait(queue->stream);
  });
}

/// A module's PTX with one entry point alone: the others are cut out.
static std::string ptxOf(const KernelObject &object, const KernelInfo &kept) {
  std::string text = object.modules[kept.module].ptx;
  for (const KernelInfo &other : object.kernels) {
    if (other.module != kept.module || other.entry == kept.entry)
      continue;
    size_t name = text.find(".entry " + other.entry + "(");
    size_t end = name == std::string::npos ? name : text.find("\n}", name);
    if (end == std::string::npos)
      continue;
    size_t begin = text.rfind('\n', name);
    text.erase(begin + 1, end + 3 - (begin + 1));
  }
  return text;
}

static int memory(NaraeDevice *device, uint64_t *total, uint64_t *free,
                  char *error, size_t errorSize) {
  return guarded(error, errorSize,
                 [&] { return device->driver->memory(*total, *free); });
}

static int disassemble(const void *data, size_t size, NaraeSink sink,
                       void *context, char *error, size_t errorSize) {
  return guarded(error, errorSize, [&] {
    auto object = readObject({static_cast<const char *>(data), size});
    if (object.failed())
      return object.status();
    for (const KernelInfo &kernel : object->kernels) {
      std::string text = kernel.name + ":\n";
      text += ptxOf(*object, kernel);
      text += '\n';
      sink(context, text.data(), text.size());
    }
    return Status::success();
  });
}

std::string nvidia::describeDevice(const std::string &device, const char *kind,
                                   const DeviceInfo &info) {
  nlohmann::json json = {{"name", device},
                         {"kind", kind},
                         {"description", info.name},
                         {"cores", info.multiprocessors},
                         {"version", "sm_" + std::to_string(info.major) +
                                         std::to_string(info.minor)}};
  if (info.memoryBytes)
    json["memory_bytes"] = info.memoryBytes;
  return json.dump();
}

NaraeBackendRuntime nvidia::commonTable() {
  NaraeBackendRuntime table = {};
  table.struct_size = sizeof(NaraeBackendRuntime);
  table.api_version = NARAE_BACKEND_API_VERSION;
  table.close = closeDevice;
  table.check_target = checkDevice;
  table.allocate = allocate;
  table.release = release;
  table.is_host_memory = isHostMemory;
  table.load = load;
  table.unload = unload;
  table.find = find;
  table.create_queue = createQueue;
  table.destroy_queue = destroyQueue;
  table.copy = copy;
  table.launch = launch;
  table.record = record;
  table.wait = wait;
  table.disassemble = disassemble;
  table.memory = memory;
  return table;
}
