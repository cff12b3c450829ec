//===- Runtime.cpp - The toy accelerator itself ---------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The device is an interpreter. Its memory counts as memory of its own, so
// that the runtime copies inputs there and outputs back.
//
//===----------------------------------------------------------------------===//

#include "Toy.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace {
struct Tensor {
  enum Kind { Input, Output, Local, Constant } kind = Local;
  std::vector<int64_t> dims;
  std::vector<float> values; ///< of constants and locals
  float *data = nullptr;     ///< of the launch that runs

  int64_t size() const {
    int64_t product = 1;
    for (int64_t dim : dims)
      product *= dim;
    return product;
  }
};
struct Instruction {
  std::string op;
  std::vector<size_t> tensors; ///< the result, then the operands
};
} // namespace

struct NaraeDevice {};
struct NaraeQueue {};
struct NaraeKernel {
  std::vector<Tensor> tensors;
  std::vector<Instruction> code;
  size_t buffers = 0;
};
struct NaraeObject {
  std::map<std::string, std::unique_ptr<NaraeKernel>> kernels;
};

static int fail(char *error, size_t size, const std::string &message) {
  std::snprintf(error, size, "%s", message.c_str());
  return 1;
}

//===----------------------------------------------------------------------===//
// Reading objects
//===----------------------------------------------------------------------===//

static bool readTensor(std::istream &line, NaraeKernel &kernel) {
  Tensor tensor;
  size_t rank = 0;
  std::string kind, number;
  line >> rank;
  tensor.dims.resize(std::min<size_t>(rank, 64));
  for (int64_t &dim : tensor.dims)
    line >> dim;
  line >> kind;
  tensor.kind = kind == "input"      ? Tensor::Input
                : kind == "output"   ? Tensor::Output
                : kind == "constant" ? Tensor::Constant
                                     : Tensor::Local;
  if (tensor.kind == Tensor::Constant)
    while (line >> number)
      tensor.values.push_back(std::strtof(number.c_str(), nullptr));
  else if (tensor.kind == Tensor::Local)
    tensor.values.resize(size_t(tensor.size()));
  else
    ++kernel.buffers;
  kernel.tensors.push_back(std::move(tensor));
  return !kind.empty();
}

static int load(NaraeDevice *, const void *data, size_t size,
                NaraeObject **result, char *error, size_t errorSize) {
  std::istringstream text(std::string(static_cast<const char *>(data), size));
  auto object = std::make_unique<NaraeObject>();
  NaraeKernel *kernel = nullptr;
  for (std::string row, word; std::getline(text, row);) {
    std::istringstream line(row);
    line >> word;
    if (word == "kernel") {
      line >> word;
      kernel = (object->kernels[word] = std::make_unique<NaraeKernel>()).get();
    } else if (!kernel || (word == "tensor" && !readTensor(line, *kernel))) {
      return fail(error, errorSize, "cannot read '" + row + "'");
    } else if (word != "tensor") {
      Instruction instruction = {word, {}};
      for (size_t at; line >> at;) {
        if (at >= kernel->tensors.size())
          return fail(error, errorSize, "no such tensor: '" + row + "'");
        instruction.tensors.push_back(at);
      }
      kernel->code.push_back(std::move(instruction));
    }
  }
  *result = object.release();
  return 0;
}

static void unload(NaraeDevice *, NaraeObject *object) { delete object; }

static int find(NaraeDevice *, NaraeObject *object, const char *name,
                NaraeKernel **kernel, char *error, size_t errorSize) {
  auto it = object->kernels.find(name);
  if (it == object->kernels.end())
    return fail(error, errorSize, std::string("no kernel ") + name);
  *kernel = it->second.get();
  return 0;
}

//===----------------------------------------------------------------------===//
// Computing
//===----------------------------------------------------------------------===//

/// The element of `from` that belongs to element `index` of `to`, where
/// dimensions of `from` may be 1 or missing in front.
static float element(const Tensor &from, const Tensor &to, int64_t index) {
  int64_t at = 0, stride = 1;
  for (size_t i = 0; i < to.dims.size(); ++i) {
    int64_t size = to.dims[to.dims.size() - 1 - i], position = index % size;
    index /= size;
    if (i >= from.dims.size())
      continue;
    int64_t dim = from.dims[from.dims.size() - 1 - i];
    at += dim == 1 ? 0 : position * stride;
    stride *= dim;
  }
  return from.data[at];
}

static float compute(const std::string &op, float x, float y) {
  return op == "add"       ? x + y
         : op == "sub"     ? x - y
         : op == "mul"     ? x * y
         : op == "div"     ? x / y
         : op == "max"     ? (x > y || std::isnan(x) ? x : y)
         : op == "min"     ? (x < y || std::isnan(x) ? x : y)
         : op == "neg"     ? -x
         : op == "exp"     ? std::exp(x)
         : op == "tanh"    ? std::tanh(x)
         : op == "relu"    ? (x < 0 ? 0 : x)
         : op == "sigmoid" ? 1 / (1 + std::exp(-x))
                           : x; // copy
}

static void multiply(const Tensor &a, const Tensor &b, bool transposed,
                     Tensor &result) {
  int64_t columns = result.dims[1], depth = a.dims[1];
  for (int64_t i = 0; i < result.size(); ++i) {
    int64_t row = i / columns, column = i % columns;
    double sum = 0;
    for (int64_t k = 0; k < depth; ++k)
      sum += double(a.data[row * depth + k]) *
             b.data[transposed ? column * depth + k : k * columns + column];
    result.data[i] = float(sum);
  }
}

static int launch(NaraeDevice *, NaraeQueue *, const NaraeLaunch *launch,
                  char *error, size_t errorSize) {
  NaraeKernel &kernel = *launch->kernel;
  if (launch->buffer_count != kernel.buffers)
    return fail(error, errorSize, "a launch with other buffers");
  size_t next = 0;
  for (Tensor &tensor : kernel.tensors)
    tensor.data = tensor.kind == Tensor::Input || tensor.kind == Tensor::Output
                      ? static_cast<float *>(launch->buffers[next++])
                      : tensor.values.data();
  for (const Instruction &code : kernel.code) {
    Tensor &to = kernel.tensors[code.tensors[0]];
    const Tensor &x = kernel.tensors[code.tensors[1]];
    const Tensor *y =
        code.tensors.size() > 2 ? &kernel.tensors[code.tensors[2]] : nullptr;
    if (code.op.compare(0, 6, "matmul") == 0) {
      multiply(x, *y, code.op == "matmul_nt", to);
      if (code.tensors.size() > 3) // a bias
        for (int64_t i = 0; i < to.size(); ++i)
          to.data[i] += element(kernel.tensors[code.tensors[3]], to, i);
      continue;
    }
    for (int64_t i = 0; i < to.size(); ++i)
      to.data[i] = code.op == "copy" ? x.data[i]
                                     : compute(code.op, element(x, to, i),
                                               y ? element(*y, to, i) : 0);
  }
  return 0;
}

//===----------------------------------------------------------------------===//
// The rest of the table
//===----------------------------------------------------------------------===//

static int open(const NaraeDeviceOptions *, NaraeDevice **device, char *,
                size_t) {
  *device = new NaraeDevice();
  return 0;
}
static void close(NaraeDevice *device) { delete device; }
static int checkTarget(NaraeDevice *, NaraeStringRef, char *, size_t) {
  return 0; // there is one toy
}
static int allocate(NaraeDevice *, uint64_t bytes, void **address, char *error,
                    size_t errorSize) {
  *address = std::malloc(bytes);
  return *address ? 0 : fail(error, errorSize, "out of memory");
}
static void release(NaraeDevice *, void *address) { std::free(address); }
static int isHostMemory(NaraeDevice *) { return 0; }
static int createQueue(NaraeDevice *, NaraeQueue **queue, char *, size_t) {
  *queue = new NaraeQueue();
  return 0;
}
static void destroyQueue(NaraeDevice *, NaraeQueue *queue) { delete queue; }
static int copy(NaraeDevice *, NaraeQueue *, void *to, const void *from,
                uint64_t bytes, char *, size_t) {
  std::memmove(to, from, bytes);
  return 0;
}
static int record(NaraeDevice *, NaraeQueue *, NaraeEvent **event, char *,
                  size_t) {
  *event = nullptr; // everything is done when a call returns
  return 0;
}
static int wait(NaraeDevice *, NaraeQueue *, NaraeEvent *, char *, size_t) {
  return 0;
}

const NaraeBackendRuntime toyRuntime = {sizeof(NaraeBackendRuntime),
                                        NARAE_BACKEND_API_VERSION,
                                        "toy",
                                        open,
                                        close,
                                        checkTarget,
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
                                        wait};

extern "C" __attribute__((visibility("default"))) const NaraeBackend *
narae_backend_register(void) {
  static const NaraeBackend backend = {sizeof(NaraeBackend),
                                       NARAE_BACKEND_API_VERSION, &toyCompiler,
                                       &toyRuntime};
  return &backend;
}
