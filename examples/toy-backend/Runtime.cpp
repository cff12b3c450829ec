//===- Runtime.cpp - The toy accelerator itself ---------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A device with memory of its own, whose addresses are offsets: the host
// cannot read through them. Each queue is a thread that runs its commands in
// order, after the calls that append them have returned.
//
//===----------------------------------------------------------------------===//

#include "Toy.h"

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {
struct Instruction {
  int64_t op;
  std::vector<int64_t> operands, dims;
  std::vector<float> elements; ///< of a constant
};
/// A value while a kernel runs.
struct Tensor {
  std::vector<int64_t> dims;
  const float *data = nullptr;
  std::vector<float> own = {}; ///< of what the kernel computes
  int64_t size() const {
    int64_t product = 1;
    for (int64_t dim : dims)
      product *= dim;
    return product;
  }
};
} // namespace

// [snippet: handles]
struct NaraeKernel {
  int64_t params;
  std::vector<std::vector<int64_t>> inputs; ///< dimensions
  std::vector<Instruction> code;
  std::vector<int64_t> outputs;
};
struct NaraeObject {
  std::map<std::string, NaraeKernel> kernels;
};
struct NaraeEvent {
  bool done = false;
};
struct NaraeDevice {
  std::mutex mutex; ///< of the allocations, all queues and all events
  std::condition_variable changed;
  std::map<uint64_t, uint64_t> allocations; ///< address and bytes
  std::unique_ptr<char[]> memory{new char[toy::kMemoryBytes]};
};
// [end]

static int fail(char *error, size_t size, const std::string &message) {
  if (size)
    std::snprintf(error, size, "%s", message.c_str());
  return 1;
}

//===----------------------------------------------------------------------===//
// The device and its memory
//===----------------------------------------------------------------------===//

static int open(const NaraeDeviceOptions *options, NaraeDevice **device,
                char *error, size_t size) {
  std::string name(options->device.data, options->device.size);
  if (name != "toy" && name != "toy:0")
    return fail(error, size, "there is no device '" + name + "', only toy:0");
  *device = new NaraeDevice();
  return 0;
}
static void close(NaraeDevice *device) { delete device; }

static int checkTarget(NaraeDevice *, NaraeStringRef json, char *error,
                       size_t size) {
  if (std::string(json.data, json.size) == toy::kTarget)
    return 0;
  return fail(error, size, "the artifact is not for this toy");
}

// [snippet: allocate]
/// Address 0 is nobody's, so that null stays null.
static constexpr uint64_t kFirstAddress = 64;

static int allocate(NaraeDevice *device, uint64_t bytes, void **address,
                    char *error, size_t size) {
  std::lock_guard<std::mutex> lock(device->mutex);
  if (bytes > toy::kMemoryBytes)
    return fail(error, size,
                std::to_string(bytes) + " bytes are more than the "
                                        "toy's memory has");
  uint64_t room = std::max<uint64_t>((bytes + 63) / 64 * 64, 64);
  uint64_t at = kFirstAddress; // the first gap that is large enough
  for (auto [begin, length] : device->allocations) {
    if (begin - at >= room)
      break;
    at = begin + length;
  }
  if (at + room > toy::kMemoryBytes)
    return fail(error, size,
                "no gap of " + std::to_string(room) +
                    " bytes in the toy's memory");
  device->allocations[at] = room;
  *address = reinterpret_cast<void *>(at);
  return 0;
}
// [end]

static void release(NaraeDevice *device, void *address) {
  std::lock_guard<std::mutex> lock(device->mutex);
  device->allocations.erase(reinterpret_cast<uint64_t>(address));
}
static int isHostMemory(NaraeDevice *) { return 0; }

static int memory(NaraeDevice *device, uint64_t *total, uint64_t *free, char *,
                  size_t) {
  std::lock_guard<std::mutex> lock(device->mutex);
  *total = *free = toy::kMemoryBytes - kFirstAddress;
  for (auto [begin, length] : device->allocations)
    *free -= length;
  return 0;
}

/// The host's view of device memory; null where there is none.
static char *inMemory(NaraeDevice *device, const void *address, uint64_t size) {
  uint64_t at = reinterpret_cast<uint64_t>(address);
  bool inside = at >= kFirstAddress && at <= toy::kMemoryBytes &&
                size <= toy::kMemoryBytes - at;
  return inside ? device->memory.get() + at : nullptr;
}

//===----------------------------------------------------------------------===//
// Objects
//===----------------------------------------------------------------------===//

namespace {
/// Reads the words of an object; `ok` is false after one that cannot be.
struct Reader {
  const int64_t *at, *end;
  bool ok = true;

  int64_t next(int64_t low, int64_t high) {
    ok = ok && at < end && *at >= low && *at <= high;
    return ok ? *at++ : low;
  }
  /// A number of numbers, then these.
  std::vector<int64_t> list(int64_t most, int64_t low, int64_t high) {
    std::vector<int64_t> result(next(0, most));
    for (int64_t &word : result)
      word = next(low, high);
    return result;
  }
};
} // namespace

static NaraeKernel readKernel(Reader &in) {
  NaraeKernel kernel;
  kernel.params = in.next(0, 64);
  kernel.inputs.resize(in.next(0, 64));
  for (auto &dims : kernel.inputs)
    dims = in.list(toy::kMaxRank, -kernel.params, toy::kMaxSize);
  int64_t values = kernel.inputs.size();
  kernel.code.resize(in.next(0, 4096));
  for (Instruction &code : kernel.code) {
    code.op = in.next(0, toy::OpCount - 1);
    code.operands = in.list(3, 0, values++ - 1);
    code.dims = in.list(toy::kMaxRank, 0, toy::kMaxSize);
    for (int64_t bits : in.list(toy::kMaxSize, 0, UINT32_MAX))
      std::memcpy(&code.elements.emplace_back(), &bits, sizeof(float));
    size_t operands = code.operands.size(), least = toy::operandCount(code.op);
    in.ok &= operands == least || (operands == 3 && code.op >= toy::Matmul);
    Tensor shape{code.dims};
    in.ok &= code.op != toy::Constant ||
             shape.size() == int64_t(code.elements.size());
  }
  kernel.outputs = in.list(64, 0, values - 1);
  return kernel;
}

// [snippet: load]
static int load(NaraeDevice *, const void *data, size_t size,
                NaraeObject **result, char *error, size_t errorSize) {
  std::vector<int64_t> words(size / sizeof(int64_t));
  std::copy_n(static_cast<const char *>(data), words.size() * sizeof(int64_t),
              reinterpret_cast<char *>(words.data()));
  if (words.size() < 2 || words[0] != toy::kMagic)
    return fail(error, errorSize, "this is no object of the toy");
  if (size % sizeof(int64_t) || words[1] != toy::checksum(words))
    return fail(error, errorSize, "the object is damaged");
  auto object = std::make_unique<NaraeObject>();
  Reader in{words.data() + 2, words.data() + words.size()};
  while (in.ok && in.at < in.end) {
    std::string name;
    for (int64_t letter : in.list(4096, 1, 255))
      name += char(letter);
    object->kernels[name] = readKernel(in);
  }
  if (!in.ok)
    return fail(error, errorSize, "the object has a wrong instruction");
  *result = object.release();
  return 0;
}
// [end]

static void unload(NaraeDevice *, NaraeObject *object) { delete object; }

static int find(NaraeDevice *, NaraeObject *object, const char *name,
                NaraeKernel **kernel, char *error, size_t errorSize) {
  auto it = object->kernels.find(name);
  if (it == object->kernels.end())
    return fail(error, errorSize, std::string("no kernel '") + name + "'");
  *kernel = &it->second;
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
         : op == "abs"     ? std::fabs(x)
         : op == "sqrt"    ? std::sqrt(x)
         : op == "exp"     ? std::exp(x)
         : op == "tanh"    ? std::tanh(x)
         : op == "relu"    ? (x < 0 ? 0 : x)
         : op == "sigmoid" ? 1 / (1 + std::exp(-x))
                           : x; // a view
}

/// Sizes of a shape from the last on, with 1 in front of it.
static int64_t sizeFromEnd(const Tensor &tensor, size_t i) {
  return i < tensor.dims.size() ? tensor.dims[tensor.dims.size() - 1 - i] : 1;
}

/// Makes the result of one instruction; false for shapes that do not fit.
static bool execute(const Instruction &code, const std::vector<Tensor *> &in,
                    Tensor &to) {
  bool fits = true, product = code.op >= toy::Matmul;
  bool transposed = code.op == toy::MatmulNT;
  if (product) {
    fits = in[0]->dims.size() == 2 && in[1]->dims.size() == 2 &&
           in[0]->dims[1] == in[1]->dims[!transposed ? 0 : 1];
    to.dims = {in[0]->dims[0], in[1]->dims[transposed ? 0 : 1]};
  } else if (code.op == toy::Constant || code.op == toy::View) {
    to.dims = code.dims;
    fits = in.empty() || to.size() == in[0]->size();
  } else { // the operands' shapes broadcast
    const Tensor &x = *in.front(), &y = *in.back();
    to.dims.resize(std::max(x.dims.size(), y.dims.size()));
    for (size_t i = 0; i < to.dims.size(); ++i) {
      int64_t left = sizeFromEnd(x, i), right = sizeFromEnd(y, i);
      fits &= left == right || left == 1 || right == 1;
      to.dims[to.dims.size() - 1 - i] = left == 1 ? right : left;
    }
  }
  if (!fits)
    return false;
  to.own = code.elements;
  to.own.resize(to.size());
  for (int64_t i = 0; i < to.size() && !in.empty(); ++i) {
    if (!product) {
      to.own[i] = code.op == toy::View
                      ? in[0]->data[i]
                      : compute(toy::kOpNames[code.op], element(*in[0], to, i),
                                element(*in.back(), to, i));
      continue;
    }
    int64_t columns = to.dims[1], depth = in[0]->dims[1];
    double sum = in.size() > 2 ? element(*in[2], to, i) : 0;
    for (int64_t k = 0; k < depth; ++k)
      sum += double(in[0]->data[i / columns * depth + k]) *
             in[1]->data[transposed ? i % columns * depth + k
                                    : k * columns + i % columns];
    to.own[i] = float(sum);
  }
  return true;
}

// [snippet: run]
/// Runs a kernel; the message of what went wrong, or "".
static std::string run(NaraeDevice *device, const NaraeKernel &kernel,
                       const std::vector<void *> &buffers,
                       const std::vector<int64_t> &params) {
  std::vector<Tensor> values(kernel.inputs.size() + kernel.code.size());
  for (size_t i = 0; i < kernel.inputs.size(); ++i) {
    for (int64_t dim : kernel.inputs[i])
      values[i].dims.push_back(dim < 0 ? params[-1 - dim] : dim);
    values[i].data = reinterpret_cast<float *>(
        inMemory(device, buffers[i], values[i].size() * sizeof(float)));
    if (!values[i].data)
      return "an input is outside of the toy's memory";
  }
  for (size_t i = 0; i < kernel.code.size(); ++i) {
    Tensor &to = values[kernel.inputs.size() + i];
    std::vector<Tensor *> operands;
    for (int64_t operand : kernel.code[i].operands)
      operands.push_back(&values[operand]);
    if (!execute(kernel.code[i], operands, to))
      return "operands of shapes that do not fit";
    to.data = to.own.data();
  }
  for (size_t i = 0; i < kernel.outputs.size(); ++i) {
    const Tensor &value = values[kernel.outputs[i]];
    size_t bytes = value.size() * sizeof(float);
    char *to = inMemory(device, buffers[kernel.inputs.size() + i], bytes);
    if (!to)
      return "an output is outside of the toy's memory";
    std::memcpy(to, value.data, bytes);
  }
  return "";
}
// [end]

//===----------------------------------------------------------------------===//
// Queues
//===----------------------------------------------------------------------===//

// [snippet: queue]
struct NaraeQueue {
  NaraeDevice *device;
  std::deque<std::function<std::string()>> commands; ///< the first one runs
  std::string error; ///< the first since the last wait
  bool closing = false;
  std::thread thread{&NaraeQueue::work, this};

  explicit NaraeQueue(NaraeDevice *device) : device(device) {}
  ~NaraeQueue() {
    append([this] { return closing = true, std::string(); });
    thread.join();
  }
  void append(std::function<std::string()> command) {
    std::lock_guard<std::mutex> lock(device->mutex);
    commands.push_back(std::move(command));
    device->changed.notify_all();
  }
  /// What the thread does, with the lock held between commands.
  void work() {
    std::unique_lock<std::mutex> lock(device->mutex);
    while (!closing) {
      device->changed.wait(lock, [this] { return !commands.empty(); });
      std::function<std::string()> command = commands.front();
      lock.unlock();
      std::string message = command();
      lock.lock();
      if (error.empty())
        error = message;
      commands.pop_front();
      device->changed.notify_all();
    }
  }
};
// [end]

static int createQueue(NaraeDevice *device, NaraeQueue **queue, char *,
                       size_t) {
  *queue = new NaraeQueue(device);
  return 0;
}
static void destroyQueue(NaraeDevice *, NaraeQueue *queue) { delete queue; }

// [snippet: copy]
static int copy(NaraeDevice *device, NaraeQueue *queue, void *to,
                const void *from, uint64_t bytes, NaraeCopyKind kind, char *,
                size_t) {
  if (bytes == 0)
    return 0;
  queue->append([=]() -> std::string {
    void *target =
        kind == NARAE_COPY_TO_HOST ? to : inMemory(device, to, bytes);
    const void *source =
        kind == NARAE_COPY_TO_DEVICE ? from : inMemory(device, from, bytes);
    if (!target || !source)
      return "a copy leaves the toy's memory";
    std::memmove(target, source, bytes);
    return "";
  });
  return 0;
}
// [end]

// [snippet: launch]
static int launch(NaraeDevice *device, NaraeQueue *queue,
                  const NaraeLaunch *launch, char *error, size_t size) {
  const NaraeKernel *kernel = launch->kernel;
  if (launch->buffer_count != kernel->inputs.size() + kernel->outputs.size() ||
      launch->param_count != size_t(kernel->params))
    return fail(error, size, "a launch with other buffers or parameters");
  std::vector<void *> buffers(launch->buffers,
                              launch->buffers + launch->buffer_count);
  std::vector<int64_t> params(launch->params,
                              launch->params + launch->param_count);
  queue->append([=] { return run(device, *kernel, buffers, params); });
  return 0;
}
// [end]

// [snippet: events]
static int record(NaraeDevice *device, NaraeQueue *queue, NaraeEvent **event,
                  char *, size_t) {
  NaraeEvent *point = *event = new NaraeEvent();
  queue->append([=]() -> std::string {
    std::lock_guard<std::mutex> lock(device->mutex);
    point->done = true;
    return "";
  });
  return 0;
}

static int queueWait(NaraeDevice *device, NaraeQueue *queue, NaraeEvent *event,
                     char *, size_t) {
  queue->append([=]() -> std::string {
    std::unique_lock<std::mutex> lock(device->mutex);
    device->changed.wait(lock, [=] { return event->done; });
    return "";
  });
  return 0;
}

static int wait(NaraeDevice *device, NaraeQueue *queue, NaraeEvent *event,
                char *error, size_t size) {
  std::unique_lock<std::mutex> lock(device->mutex);
  device->changed.wait(
      lock, [=] { return event ? event->done : queue->commands.empty(); });
  delete event;
  std::string message;
  std::swap(message, queue->error);
  return message.empty() ? 0 : fail(error, size, message);
}
// [end]

// [snippet: register]
static NaraeBackendRuntime makeTable() {
  NaraeBackendRuntime table = {}; // what is optional may stay null
  table.struct_size = sizeof(table);
  table.api_version = NARAE_BACKEND_API_VERSION;
  table.name = "toy";
  table.open = open;
  table.close = close;
  table.check_target = checkTarget;
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
  table.queue_wait = queueWait;
  table.memory = memory;
  return table;
}

extern "C" __attribute__((visibility("default"))) const NaraeBackend *
narae_backend_register(void) {
  static const NaraeBackendRuntime runtime = makeTable();
  static const NaraeBackend backend = {
      sizeof(NaraeBackend), NARAE_BACKEND_API_VERSION,
      NARAE_BACKEND_SCHEMA_HASH, &toyCompiler, &runtime};
  return &backend;
}
// [end]
