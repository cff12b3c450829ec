//===- Device.cpp - An OpenCL device and its queue ------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/opencl/Device.h"

#include "backends/npu/opencl/Kernels.h"

#include <algorithm>
#include <cstdlib>
#include <dlfcn.h>

using namespace narae;
using namespace narae::npu::opencl;

#define STRING(...) #__VA_ARGS__
#define EXPANDED(...) STRING(__VA_ARGS__)

std::string narae::npu::opencl::kernelText() {
  std::string text =
#define COEFFICIENTS(...) {__VA_ARGS__}
#define NPU_POLYNOMIAL(Name, text, use, coefficients)                          \
  "constant float polynomial" #Name "[] = " EXPANDED(coefficients) ";\n"
#include "backends/npu/isa/Polynomials.def"
      "enum {"
#define NPU_INSTRUCTION(Name, mnemonic, code, ...) #Name " = " #code ", "
#include "backends/npu/isa/Instructions.def"
      "};\n";
  return text + numberKernels + loopKernels + rowKernels;
}

/// What gives a device where there is none.
static const char *const advice =
    "; install a driver, for example the package pocl-opencl-icd, which "
    "computes on the CPU (and ocl-icd-libopencl1, the loader)";

const Loader *narae::npu::opencl::openLoader(std::string &problem) {
  static std::string failure;
  static const Loader *const loader = []() -> const Loader * {
    static Loader functions;
    // Another path is for tests and unusual installations.
    const char *path = std::getenv("NARAE_OPENCL_LIBRARY");
    void *library =
        dlopen(path ? path : "libOpenCL.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
      const char *reason = dlerror();
      failure = std::string("cannot open the OpenCL loader: ") +
                (reason ? reason : "unknown error") + advice;
      return nullptr;
    }
    bool isWhole = true;
#define NARAE_OPENCL_LOOKUP(name)                                              \
  functions.name =                                                             \
      reinterpret_cast<decltype(functions.name)>(dlsym(library, #name));       \
  isWhole &= functions.name != nullptr;
    NARAE_OPENCL_FUNCTIONS(NARAE_OPENCL_LOOKUP)
#undef NARAE_OPENCL_LOOKUP
    if (!isWhole)
      failure = std::string("the OpenCL loader lacks functions of OpenCL 1.2") +
                advice;
    return isWhole ? &functions : nullptr;
  }();
  problem = failure;
  return loader;
}

/// What a device lacks; "" when it will do.
static std::string lacks(const Loader &cl, cl_device_id id, Choice &choice) {
  char name[256] = "";
  cl.clGetDeviceInfo(id, CL_DEVICE_NAME, sizeof(name) - 1, name, nullptr);
  choice.id = id;
  choice.name = name;
  cl_device_fp_config single = 0, wide = 0;
  cl_bool available = CL_FALSE, compiler = CL_FALSE, little = CL_FALSE;
  auto get = [&](cl_device_info what, auto &value) {
    cl.clGetDeviceInfo(id, what, sizeof(value), &value, nullptr);
  };
  get(CL_DEVICE_SINGLE_FP_CONFIG, single);
  get(CL_DEVICE_DOUBLE_FP_CONFIG, wide);
  get(CL_DEVICE_AVAILABLE, available);
  get(CL_DEVICE_COMPILER_AVAILABLE, compiler);
  get(CL_DEVICE_ENDIAN_LITTLE, little);
  choice.divideInDouble = !(single & CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT);
  std::string text;
  auto need = [&](bool has, const char *what) {
    if (!has)
      text += (text.empty() ? "" : ", ") + std::string(what);
  };
  need(available, "is not available");
  need(compiler, "has no compiler");
  need(little, "is not little-endian");
  need(single & CL_FP_DENORM, "has no subnormals");
  need(single & CL_FP_INF_NAN, "has no infinities");
  need(single & CL_FP_FMA, "has no fused multiply-add");
  need(!choice.divideInDouble || wide,
       "rounds quotients wrongly and has no binary64");
  return text;
}

Expected<Choice> narae::npu::opencl::chooseDevice(const Loader &cl) {
  cl_uint count = 0;
  if (cl.clGetPlatformIDs(0, nullptr, &count) != CL_SUCCESS)
    count = 0;
  std::vector<cl_platform_id> platforms(count);
  if (count)
    cl.clGetPlatformIDs(count, platforms.data(), nullptr);
  std::string refused;
  for (cl_platform_id platform : platforms) {
    if (cl.clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, nullptr, &count) !=
        CL_SUCCESS)
      continue;
    std::vector<cl_device_id> devices(count);
    cl.clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, count, devices.data(),
                      nullptr);
    for (cl_device_id id : devices) {
      Choice choice;
      std::string text = lacks(cl, id, choice);
      if (text.empty())
        return choice;
      refused += (refused.empty() ? "" : "; ") + choice.name + " " + text;
    }
  }
  if (refused.empty())
    return Status::error(std::string("there is no OpenCL device") + advice);
  return Status::error("no OpenCL device computes as the NPU does: " + refused +
                       advice);
}

Device::Device(const Loader &loader, const Choice &choice) : cl(loader) {
  cl_int code;
  context = cl.clCreateContext(nullptr, 1, &choice.id, nullptr, nullptr, &code);
  check(code, "cannot make a context");
  if (context) {
    queue = cl.clCreateCommandQueue(context, choice.id, 0, &code);
    check(code, "cannot make a queue");
  }
}

Status Device::build(const Choice &choice) {
  std::string text = kernelText();
  const char *start = text.c_str();
  cl_int code = CL_SUCCESS;
  if (problem.empty())
    program = cl.clCreateProgramWithSource(context, 1, &start, nullptr, &code);
  if (!program)
    return Status::error("OpenCL on " + choice.name + ": " + problem);
  const char *options = choice.divideInDouble
                            ? "-DDIVIDE_IN_DOUBLE"
                            : "-cl-fp32-correctly-rounded-divide-sqrt";
  code = cl.clBuildProgram(program, 1, &choice.id, options, nullptr, nullptr);
  if (code == CL_SUCCESS)
    return Status::success();
  std::string log(1 << 16, '\0');
  size_t bytes = 0;
  cl.clGetProgramBuildInfo(program, choice.id, CL_PROGRAM_BUILD_LOG, log.size(),
                           log.data(), &bytes);
  log.resize(std::min(bytes ? bytes - 1 : 0, log.size()));
  return Status::error("OpenCL on " + choice.name +
                       " does not compile the kernels:\n" + log);
}

Expected<std::unique_ptr<Device>> Device::open() {
  std::string problem;
  const Loader *loader = openLoader(problem);
  if (!loader)
    return Status::error(problem);
  Expected<Choice> choice = chooseDevice(*loader);
  if (!choice.ok())
    return choice.status();
  std::unique_ptr<Device> device(new Device(*loader, *choice));
  if (Status status = device->build(*choice); status.failed())
    return status;
  return device;
}

Device::~Device() {
  if (queue)
    cl.clFinish(queue);
  for (auto &[name, kernel] : kernels)
    cl.clReleaseKernel(kernel);
  if (program)
    cl.clReleaseProgram(program);
  if (queue)
    cl.clReleaseCommandQueue(queue);
  if (context)
    cl.clReleaseContext(context);
}

void Device::check(cl_int code, const std::string &what) {
  if (code != CL_SUCCESS && problem.empty())
    problem = "OpenCL: " + what + " (error " + std::to_string(code) + ")";
}

cl_mem Device::allocate(size_t bytes) {
  cl_int code = CL_SUCCESS;
  cl_mem buffer = cl.clCreateBuffer(context, CL_MEM_READ_WRITE,
                                    std::max<size_t>(bytes, 1), nullptr, &code);
  check(code, "no memory for " + std::to_string(bytes) + " bytes");
  return buffer;
}

void Device::release(cl_mem buffer) {
  if (buffer)
    cl.clReleaseMemObject(buffer);
}

void Device::write(cl_mem buffer, size_t at, const void *data, size_t bytes) {
  if (problem.empty() && bytes)
    check(cl.clEnqueueWriteBuffer(queue, buffer, CL_TRUE, at, bytes, data, 0,
                                  nullptr, nullptr),
          "cannot write a buffer");
}

void Device::read(cl_mem buffer, size_t at, void *data, size_t bytes) {
  if (problem.empty() && bytes)
    check(cl.clEnqueueReadBuffer(queue, buffer, CL_TRUE, at, bytes, data, 0,
                                 nullptr, nullptr),
          "cannot read a buffer");
}

cl_kernel Device::find(const char *name) {
  cl_kernel &kernel = kernels[name];
  if (!kernel && problem.empty()) {
    cl_int code = CL_SUCCESS;
    kernel = cl.clCreateKernel(program, name, &code);
    check(code, std::string("no kernel ") + name);
  }
  return kernel;
}

void Device::setArgument(cl_kernel kernel, cl_uint index, size_t bytes,
                         const void *value) {
  if (problem.empty())
    check(cl.clSetKernelArg(kernel, index, bytes, value),
          "cannot set argument " + std::to_string(index));
}

void Device::launch(cl_kernel kernel, const char *name, int64_t items) {
  if (!problem.empty() || items <= 0)
    return;
  // Of one size or another: a driver may compile a kernel for each.
  size_t group = items == 1 ? 1 : 64;
  size_t all = (size_t(items) + group - 1) / group * group;
  check(cl.clEnqueueNDRangeKernel(queue, kernel, 1, nullptr, &all, &group, 0,
                                  nullptr, nullptr),
        std::string("cannot run ") + name);
}

void Device::finish() {
  if (problem.empty())
    check(cl.clFinish(queue), "commands failed");
}
