//===- Driver.h - What the runtime needs of a GPU driver -------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The part of the CUDA driver that the runtime uses, as an interface with two
// implementations: the driver itself, opened at run time, and the emulator.
// Both see the same calls, so that what runs on one runs on the other.
// Calls may come from any thread; those of one stream come one at a time.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NVIDIA_DRIVER_DRIVER_H
#define NARAE_BACKENDS_NVIDIA_DRIVER_DRIVER_H

#include "backends/nvidia/object/Object.h"
#include "narae/backend.h"

#include <memory>

namespace narae::nvidia {

using DevicePointer = uint64_t;
struct ModuleHandle;
struct FunctionHandle;
struct StreamHandle;
struct EventHandle;

struct DeviceInfo {
  std::string name;
  int major = 0, minor = 0; ///< compute capability
  int multiprocessors = 1;
  uint64_t memoryBytes = 0;
};

/// Blocks along x of threads along x: all that kernels here ask for.
struct LaunchShape {
  uint32_t blocks = 1, threads = 1;
  uint32_t sharedBytes = 0; ///< dynamic
};

/// One device. Errors name the driver's call and what it said.
class Driver {
public:
  virtual ~Driver() = default;
  virtual const DeviceInfo &info() const = 0;

  virtual Expected<DevicePointer> allocate(uint64_t bytes) = 0;
  virtual void release(DevicePointer pointer) = 0;
  /// Bytes of the device's memory, and those that are free.
  virtual Status memory(uint64_t &total, uint64_t &free) = 0;

  /// Loads a module; fails where the image has no form that this driver runs.
  virtual Expected<ModuleHandle *> load(const KernelObject &object,
                                        const ModuleImage &image) = 0;
  virtual void unload(ModuleHandle *module) = 0;
  virtual Expected<FunctionHandle *> function(ModuleHandle *module,
                                              const std::string &name) = 0;

  virtual Expected<StreamHandle *> createStream() = 0;
  virtual void destroyStream(StreamHandle *stream) = 0;
  virtual Status copy(StreamHandle *stream, uint64_t to, uint64_t from,
                      uint64_t bytes, NaraeCopyKind kind) = 0;
  /// `arguments` are the addresses of the values of `count` parameters of 8
  /// bytes each.
  virtual Status launch(StreamHandle *stream, FunctionHandle *function,
                        const LaunchShape &shape, void **arguments,
                        size_t count) = 0;
  virtual Status wait(StreamHandle *stream) = 0;

  virtual Expected<EventHandle *> record(StreamHandle *stream) = 0;
  /// Waits for an event and frees it.
  virtual Status wait(EventHandle *event) = 0;
};

/// The CUDA driver's device `ordinal`: libcuda.so.1 is opened on first use.
/// The error says what is missing where there is no driver or no GPU.
Expected<std::shared_ptr<Driver>> openCuda(int ordinal);

} // namespace narae::nvidia

#endif // NARAE_BACKENDS_NVIDIA_DRIVER_DRIVER_H
