//===- CudaDriver.cpp - The CUDA driver, opened at run time --------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// No CUDA header is needed to build this: the few types and functions are
// declared here as the driver API documents them (their ABI is stable, with
// the suffix _v2 where a function once changed).
//
//===----------------------------------------------------------------------===//

#include "backends/nvidia/driver/Driver.h"

#include <dlfcn.h>
#include <mutex>

using namespace narae;
using namespace narae::nvidia;

namespace {

using Result = int;
using Device = int;
struct ContextHandle;

/// CUdevice_attribute.
enum Attribute {
  kMultiprocessorCount = 16,
  kCapabilityMajor = 75,
  kCapabilityMinor = 76
};
/// CUjit_option.
enum JitOption { kJitErrorLogBuffer = 5, kJitErrorLogBytes = 6 };

/// The oldest driver whose PTX version the code generator may use: CUDA 11.4.
constexpr int kOldestDriver = 11040;

#define NARAE_CUDA_FUNCTIONS(F)                                                \
  F(init, cuInit, (unsigned))                                                  \
  F(driverVersion, cuDriverGetVersion, (int *))                                \
  F(deviceCount, cuDeviceGetCount, (int *))                                    \
  F(deviceGet, cuDeviceGet, (Device *, int))                                   \
  F(deviceName, cuDeviceGetName, (char *, int, Device))                        \
  F(deviceAttribute, cuDeviceGetAttribute, (int *, int, Device))               \
  F(deviceMemory, cuDeviceTotalMem_v2, (size_t *, Device))                     \
  F(contextRetain, cuDevicePrimaryCtxRetain, (ContextHandle **, Device))       \
  F(contextRelease, cuDevicePrimaryCtxRelease_v2, (Device))                    \
  F(contextSet, cuCtxSetCurrent, (ContextHandle *))                            \
  F(memAlloc, cuMemAlloc_v2, (DevicePointer *, size_t))                        \
  F(memFree, cuMemFree_v2, (DevicePointer))                                    \
  F(memInfo, cuMemGetInfo_v2, (size_t *, size_t *))                            \
  F(copyToDevice, cuMemcpyHtoDAsync_v2,                                        \
    (DevicePointer, const void *, size_t, StreamHandle *))                     \
  F(copyToHost, cuMemcpyDtoHAsync_v2,                                          \
    (void *, DevicePointer, size_t, StreamHandle *))                           \
  F(copyOnDevice, cuMemcpyDtoDAsync_v2,                                        \
    (DevicePointer, DevicePointer, size_t, StreamHandle *))                    \
  F(moduleLoad, cuModuleLoadDataEx,                                            \
    (ModuleHandle **, const void *, unsigned, int *, void **))                 \
  F(moduleUnload, cuModuleUnload, (ModuleHandle *))                            \
  F(moduleFunction, cuModuleGetFunction,                                       \
    (FunctionHandle **, ModuleHandle *, const char *))                         \
  F(streamCreate, cuStreamCreate, (StreamHandle **, unsigned))                 \
  F(streamDestroy, cuStreamDestroy_v2, (StreamHandle *))                       \
  F(streamWait, cuStreamSynchronize, (StreamHandle *))                         \
  F(eventCreate, cuEventCreate, (EventHandle **, unsigned))                    \
  F(eventRecord, cuEventRecord, (EventHandle *, StreamHandle *))               \
  F(eventWait, cuEventSynchronize, (EventHandle *))                            \
  F(eventDestroy, cuEventDestroy_v2, (EventHandle *))                          \
  F(launchKernel, cuLaunchKernel,                                              \
    (FunctionHandle *, unsigned, unsigned, unsigned, unsigned, unsigned,       \
     unsigned, unsigned, StreamHandle *, void **, void **))                    \
  F(errorName, cuGetErrorName, (Result, const char **))                        \
  F(errorString, cuGetErrorString, (Result, const char **))

/// The driver's functions.
struct Library {
#define NARAE_DECLARE(field, symbol, parameters)                               \
  Result(*field) parameters = nullptr;
  NARAE_CUDA_FUNCTIONS(NARAE_DECLARE)
#undef NARAE_DECLARE

  Status open();
  /// Success, or "cuMemAlloc_v2: out of memory (CUDA_ERROR_OUT_OF_MEMORY)".
  Status check(Result result, const char *call) const;
};

Status Library::open() {
  void *handle = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    return Status::error(
        "there is no NVIDIA driver on this machine (libcuda.so.1 was not "
        "found); install it, or use --device=nvidia-emulator");
#define NARAE_LOAD(field, symbol, parameters)                                  \
  field = reinterpret_cast<Result(*) parameters>(dlsym(handle, #symbol));      \
  if (!field)                                                                  \
    return Status::error("the NVIDIA driver is too old: it has no " #symbol    \
                         "; CUDA 11.4 or later is needed");
  NARAE_CUDA_FUNCTIONS(NARAE_LOAD)
#undef NARAE_LOAD
  if (Status status = check(init(0), "cuInit"); status.failed())
    return status;
  int version = 0;
  if (Status status = check(driverVersion(&version), "cuDriverGetVersion");
      status.failed())
    return status;
  if (version < kOldestDriver)
    return Status::error("the NVIDIA driver is too old: it is for CUDA " +
                         std::to_string(version / 1000) + "." +
                         std::to_string(version % 1000 / 10) +
                         "; 11.4 or later is needed");
  return Status::success();
}

Status Library::check(Result result, const char *call) const {
  if (result == 0)
    return Status::success();
  const char *name = nullptr, *text = nullptr;
  errorName(result, &name);
  errorString(result, &text);
  return Status::error(std::string(call) + ": " +
                       (text ? text : "unknown error") + " (" +
                       (name ? name : std::to_string(result).c_str()) + ")");
}

/// The library, opened once; the error of the first attempt stays.
Expected<const Library *> library() {
  static Library instance;
  static const Status status = instance.open();
  if (status.failed())
    return status;
  return &instance;
}

class CudaDriver : public Driver {
public:
  CudaDriver(const Library &cuda) : cuda(cuda) {}
  ~CudaDriver() override {
    if (context)
      cuda.contextRelease(device);
  }
  Status open(int ordinal);

  const DeviceInfo &info() const override { return deviceInfo; }
  Expected<DevicePointer> allocate(uint64_t bytes) override;
  void release(DevicePointer pointer) override;
  Expected<ModuleHandle *> load(const KernelObject &object,
                                const ModuleImage &image) override;
  void unload(ModuleHandle *module) override;
  Expected<FunctionHandle *> function(ModuleHandle *module,
                                      const std::string &name) override;
  Expected<StreamHandle *> createStream() override;
  void destroyStream(StreamHandle *stream) override;
  Status memory(uint64_t &total, uint64_t &free) override;
  Status copy(StreamHandle *stream, uint64_t to, uint64_t from, uint64_t bytes,
              NaraeCopyKind kind) override;
  Status launch(StreamHandle *stream, FunctionHandle *function,
                const LaunchShape &shape, void **arguments,
                size_t count) override;
  Status wait(StreamHandle *stream) override;
  Expected<EventHandle *> record(StreamHandle *stream) override;
  Status wait(EventHandle *event) override;

private:
  /// Makes the device's context this thread's, which every call needs.
  Status enter() {
    return cuda.check(cuda.contextSet(context), "cuCtxSetCurrent");
  }

  const Library &cuda;
  Device device = 0;
  ContextHandle *context = nullptr;
  DeviceInfo deviceInfo;
};

/// Returns the status of a call of the driver where it failed.
#define NARAE_CUDA(field, ...)                                                 \
  if (Status status = cuda.check(cuda.field(__VA_ARGS__), #field);             \
      status.failed())                                                         \
    return status;
#define NARAE_ENTER                                                            \
  if (Status status = enter(); status.failed())                                \
    return status;

Status CudaDriver::open(int ordinal) {
  int count = 0;
  NARAE_CUDA(deviceCount, &count)
  if (ordinal >= count)
    return Status::error("there is no GPU " + std::to_string(ordinal) +
                         "; this machine has " + std::to_string(count));
  NARAE_CUDA(deviceGet, &device, ordinal)
  char name[256] = "";
  NARAE_CUDA(deviceName, name, sizeof(name), device)
  deviceInfo.name = name;
  NARAE_CUDA(deviceAttribute, &deviceInfo.major, kCapabilityMajor, device)
  NARAE_CUDA(deviceAttribute, &deviceInfo.minor, kCapabilityMinor, device)
  NARAE_CUDA(deviceAttribute, &deviceInfo.multiprocessors, kMultiprocessorCount,
             device)
  size_t bytes = 0;
  NARAE_CUDA(deviceMemory, &bytes, device)
  deviceInfo.memoryBytes = bytes;
  NARAE_CUDA(contextRetain, &context, device)
  return enter();
}

Expected<DevicePointer> CudaDriver::allocate(uint64_t bytes) {
  NARAE_ENTER
  DevicePointer pointer = 0;
  if (Status status = cuda.check(cuda.memAlloc(&pointer, bytes), "cuMemAlloc");
      status.failed()) {
    size_t free = 0, total = 0;
    cuda.memInfo(&free, &total);
    return Status::error("no memory for " + std::to_string(bytes) +
                         " bytes on " + deviceInfo.name + ": " +
                         std::to_string(free) + " of " + std::to_string(total) +
                         " are free; " + status.message());
  }
  return pointer;
}

void CudaDriver::release(DevicePointer pointer) {
  if (enter().ok())
    cuda.memFree(pointer);
}

Expected<ModuleHandle *> CudaDriver::load(const KernelObject &object,
                                          const ModuleImage &image) {
  NARAE_ENTER
  ModuleHandle *module = nullptr;
  char log[4096] = "";
  int options[] = {kJitErrorLogBuffer, kJitErrorLogBytes};
  void *values[] = {log, reinterpret_cast<void *>(sizeof(log))};
  // Machine code runs on its own generation alone; PTX on all later ones.
  if (!image.cubin.empty() &&
      cuda.moduleLoad(&module, image.cubin.data(), 2, options, values) == 0)
    return module;
  values[1] = reinterpret_cast<void *>(sizeof(log));
  Status status = cuda.check(
      cuda.moduleLoad(&module, image.ptx.c_str(), 2, options, values),
      "cuModuleLoadDataEx");
  if (status.failed())
    return Status::error("the driver does not take code for " + object.chip +
                         " on " + deviceInfo.name + ": " + status.message() +
                         (log[0] ? std::string("\n") + log : ""));
  return module;
}

void CudaDriver::unload(ModuleHandle *module) {
  if (enter().ok())
    cuda.moduleUnload(module);
}

Expected<FunctionHandle *> CudaDriver::function(ModuleHandle *module,
                                                const std::string &name) {
  NARAE_ENTER
  FunctionHandle *result = nullptr;
  NARAE_CUDA(moduleFunction, &result, module, name.c_str())
  return result;
}

Expected<StreamHandle *> CudaDriver::createStream() {
  NARAE_ENTER
  constexpr unsigned nonBlocking = 1;
  StreamHandle *stream = nullptr;
  NARAE_CUDA(streamCreate, &stream, nonBlocking)
  return stream;
}

void CudaDriver::destroyStream(StreamHandle *stream) {
  if (enter().ok())
    cuda.streamDestroy(stream);
}

Status CudaDriver::memory(uint64_t &total, uint64_t &free) {
  NARAE_ENTER
  size_t freeBytes = 0, totalBytes = 0;
  NARAE_CUDA(memInfo, &freeBytes, &totalBytes)
  free = freeBytes;
  total = totalBytes;
  return Status::success();
}

Status CudaDriver::copy(StreamHandle *stream, uint64_t to, uint64_t from,
                        uint64_t bytes, NaraeCopyKind kind) {
  NARAE_ENTER
  switch (kind) {
  case NARAE_COPY_TO_DEVICE:
    NARAE_CUDA(copyToDevice, to, reinterpret_cast<const void *>(from), bytes,
               stream)
    break;
  case NARAE_COPY_TO_HOST:
    NARAE_CUDA(copyToHost, reinterpret_cast<void *>(to), from, bytes, stream)
    break;
  default:
    NARAE_CUDA(copyOnDevice, to, from, bytes, stream)
    break;
  }
  return Status::success();
}

Status CudaDriver::launch(StreamHandle *stream, FunctionHandle *function,
                          const LaunchShape &shape, void **arguments, size_t) {
  NARAE_ENTER
  NARAE_CUDA(launchKernel, function, shape.blocks, 1, 1, shape.threads, 1, 1,
             shape.sharedBytes, stream, arguments, nullptr)
  return Status::success();
}

Status CudaDriver::wait(StreamHandle *stream) {
  NARAE_ENTER
  NARAE_CUDA(streamWait, stream)
  return Status::success();
}

Expected<EventHandle *> CudaDriver::record(StreamHandle *stream) {
  NARAE_ENTER
  constexpr unsigned withoutTiming = 2;
  EventHandle *event = nullptr;
  NARAE_CUDA(eventCreate, &event, withoutTiming)
  Status status = cuda.check(cuda.eventRecord(event, stream), "cuEventRecord");
  if (status.failed()) {
    cuda.eventDestroy(event);
    return status;
  }
  return event;
}

Status CudaDriver::wait(EventHandle *event) {
  NARAE_ENTER
  Status status = cuda.check(cuda.eventWait(event), "cuEventSynchronize");
  cuda.eventDestroy(event);
  return status;
}

} // namespace

Expected<std::shared_ptr<Driver>> nvidia::openCuda(int ordinal) {
  Expected<const Library *> cuda = library();
  if (cuda.failed())
    return cuda.status();
  auto driver = std::make_shared<CudaDriver>(**cuda);
  if (Status status = driver->open(ordinal); status.failed())
    return status;
  return std::shared_ptr<Driver>(std::move(driver));
}
