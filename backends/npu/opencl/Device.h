//===- Device.h - An OpenCL device and its queue -------------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// As much of OpenCL 1.2 as the datapath needs: a device, a queue in order,
// buffers and kernels by name. The first error is kept and ends all that
// follows.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_OPENCL_DEVICE_H
#define NARAE_BACKENDS_NPU_OPENCL_DEVICE_H

#include "lib/artifact/Status.h"

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace narae::npu::opencl {

// Every function that is taken from the loader.
#define NARAE_OPENCL_FUNCTIONS(F)                                              \
  F(clGetPlatformIDs)                                                          \
  F(clGetDeviceIDs)                                                            \
  F(clGetDeviceInfo)                                                           \
  F(clCreateContext)                                                           \
  F(clReleaseContext)                                                          \
  F(clCreateCommandQueue)                                                      \
  F(clReleaseCommandQueue)                                                     \
  F(clCreateProgramWithSource)                                                 \
  F(clBuildProgram)                                                            \
  F(clGetProgramBuildInfo)                                                     \
  F(clReleaseProgram)                                                          \
  F(clCreateKernel)                                                            \
  F(clReleaseKernel)                                                           \
  F(clSetKernelArg)                                                            \
  F(clEnqueueNDRangeKernel)                                                    \
  F(clCreateBuffer)                                                            \
  F(clReleaseMemObject)                                                        \
  F(clEnqueueReadBuffer)                                                       \
  F(clEnqueueWriteBuffer)                                                      \
  F(clFinish)

/// The loader's functions; the library stays open.
struct Loader {
#define NARAE_OPENCL_MEMBER(name) decltype(&::name) name = nullptr;
  NARAE_OPENCL_FUNCTIONS(NARAE_OPENCL_MEMBER)
#undef NARAE_OPENCL_MEMBER
};
/// Opens the ICD loader once; null, and why, where it is not there.
const Loader *openLoader(std::string &problem);

/// A device whose arithmetic is that of the instruction set.
struct Choice {
  cl_device_id id = nullptr;
  std::string name;
  bool divideInDouble = false;
};
Expected<Choice> chooseDevice(const Loader &loader);

class Device {
public:
  static Expected<std::unique_ptr<Device>> open();
  ~Device();
  Device(const Device &) = delete;
  Device &operator=(const Device &) = delete;

  /// A buffer of at least so many bytes; empty ones have one.
  cl_mem allocate(size_t bytes);
  void release(cl_mem buffer);
  void write(cl_mem buffer, size_t at, const void *data, size_t bytes);
  /// Waits for the data.
  void read(cl_mem buffer, size_t at, void *data, size_t bytes);
  /// Runs `items` work-items of a kernel with the arguments.
  template <typename... Args>
  void run(const char *kernel, int64_t items, const Args &...args) {
    cl_kernel found = find(kernel);
    cl_uint index = 0;
    (setArgument(found, index++, sizeof(args), &args), ...);
    launch(found, kernel, items);
  }
  void finish();
  /// The first error; "" while there is none.
  const std::string &error() const { return problem; }

private:
  Device(const Loader &loader, const Choice &choice);
  Status build(const Choice &choice);
  cl_kernel find(const char *name);
  void setArgument(cl_kernel kernel, cl_uint index, size_t bytes,
                   const void *value);
  void launch(cl_kernel kernel, const char *name, int64_t items);
  void check(cl_int code, const std::string &what);

  const Loader &cl;
  cl_context context = nullptr;
  cl_command_queue queue = nullptr;
  cl_program program = nullptr;
  std::map<std::string, cl_kernel> kernels;
  std::string problem;
};

} // namespace narae::npu::opencl

#endif // NARAE_BACKENDS_NPU_OPENCL_DEVICE_H
