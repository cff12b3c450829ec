//===- OpenClDatapath.cpp - Operations on an OpenCL device ----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/opencl/OpenClDatapath.h"
#include "backends/npu/opencl/Internal.h"
#include "backends/npu/simulator/Layout.h"

#include <cstring>

using namespace narae;
using namespace narae::npu;
using namespace narae::npu::opencl;

OpenClDatapath::~OpenClDatapath() {
  device->finish();
  for (auto &[id, buffer] : memories)
    device->release(buffer);
  for (Slot &slot : slots)
    device->release(slot.buffer);
}

cl_mem OpenClDatapath::memory(Space space, int32_t unit) {
  cl_mem &buffer = memories[{space, unit}];
  if (!buffer) {
    std::vector<uint8_t> zeros(size_t(bytesOf(machine, space)));
    buffer = device->allocate(zeros.size());
    device->write(buffer, 0, zeros.data(), zeros.size());
  }
  return buffer;
}

Outcome OpenClDatapath::write(Space space, int32_t unit, int64_t address,
                              const void *data, size_t bytes) {
  if (!isOnDevice(space))
    return host.write(space, unit, address, data, bytes);
  device->write(memory(space, unit), size_t(address), data, bytes);
  return outcome();
}

Outcome OpenClDatapath::read(Space space, int32_t unit, int64_t address,
                             void *data, size_t bytes) {
  if (!isOnDevice(space))
    return host.read(space, unit, address, data, bytes);
  device->read(memory(space, unit), size_t(address), data, bytes);
  return outcome();
}

cl_mem OpenClDatapath::take(size_t slot, int64_t count) {
  Slot &memory = slots[slot];
  if (memory.count < count || !memory.buffer) {
    device->release(memory.buffer);
    memory.count = count + count / 2;
    memory.buffer = device->allocate(size_t(memory.count) * 4);
  }
  return memory.buffer;
}

cl_mem OpenClDatapath::load(size_t slot, const View &view, bool integers) {
  int64_t count = view.elements();
  cl_mem values = take(slot, count);
  device->run(integers ? "load_ints" : "load_floats", count, memory(view),
              KernelView(view), values, cl_long(count));
  return values;
}

/// Elements of 4 bits share bytes: one work-item for all of them.
static int64_t eachOf(const View &view) {
  return bitsOf(view.type) == 4 ? view.elements() : 1;
}

void OpenClDatapath::store(const View &view, cl_mem values, bool integers) {
  int64_t count = view.elements(), each = eachOf(view);
  if (count)
    device->run(integers ? "store_ints" : "store_floats", count / each,
                memory(view), KernelView(view), values, cl_long(count),
                cl_long(each));
}

cl_mem OpenClDatapath::operand(const Operation &operation, size_t i,
                               bool integers) {
  const View *views[] = {&operation.a, &operation.b, &operation.c};
  if (present(*views[i]))
    return load(i, *views[i], integers);
  int64_t count = operation.dst.elements();
  cl_mem values = take(i, count);
  uint32_t bits = uint32_t(operation.integerScalars[i]);
  if (!integers)
    std::memcpy(&bits, &operation.scalars[i], sizeof bits);
  set(values, bits, count);
  return values;
}

Outcome OpenClDatapath::readIntegers(const View &view,
                                     std::vector<int32_t> &values) {
  if (!isOnDevice(view.space))
    return host.readIntegers(view, values);
  values.resize(size_t(view.elements()));
  device->read(load(0, view, /*integers=*/true), 0, values.data(),
               values.size() * 4);
  return outcome();
}

void OpenClDatapath::copy(const Operation &operation) {
  const View &dst = operation.dst, &a = operation.a;
  int64_t count = dst.elements(), each = eachOf(dst);
  if (count == 0)
    return;
  if (!isOnDevice(dst.space) && !isOnDevice(a.space)) {
    host.execute(operation);
    return;
  }
  std::vector<uint8_t> elements;
  KernelView dense = KernelView::dense(a);
  if (isOnDevice(dst.space) && isOnDevice(a.space)) {
    device->run("copy", count / each, memory(dst), KernelView(dst), memory(a),
                KernelView(a), cl_long(count), cl_long(each));
  } else if (isOnDevice(dst.space)) {
    host.load(a, elements);
    cl_mem staging = take(0, count);
    device->write(staging, 0, elements.data(), elements.size());
    device->run("copy", count / each, memory(dst), KernelView(dst), staging,
                dense, cl_long(count), cl_long(each));
  } else {
    cl_mem staging = take(0, count);
    device->run("copy", count, staging, dense, memory(a), KernelView(a),
                cl_long(count), cl_long(1));
    elements.resize(size_t(count) * elementBytes(a.type));
    device->read(staging, 0, elements.data(), elements.size());
    host.store(dst, elements);
  }
}

void OpenClDatapath::fill(const Operation &operation) {
  const View &dst = operation.dst;
  if (!isOnDevice(dst.space)) {
    host.execute(operation);
    return;
  }
  int64_t count = dst.elements(), each = eachOf(dst);
  uint32_t bits = bitsOf(dst.type) == 4 ? operation.bits & 15 : operation.bits;
  if (count)
    device->run("fill", count / each, memory(dst), KernelView(dst),
                cl_uint(bits), cl_long(count), cl_long(each));
}

void OpenClDatapath::loadAccumulators(const Operation &operation) {
  store(operation.acc, load(0, operation.a, operation.integers),
        operation.integers);
}

Expected<std::unique_ptr<Datapath>>
narae::npu::makeOpenClDatapath(const Machine &machine) {
  Expected<std::unique_ptr<Device>> device = Device::open();
  if (!device.ok())
    return device.status();
  return std::unique_ptr<Datapath>(
      std::make_unique<OpenClDatapath>(machine, std::move(*device)));
}

Expected<std::string> narae::npu::findOpenClDevice() {
  std::string problem;
  const Loader *loader = openLoader(problem);
  if (!loader)
    return Status::error(problem);
  Expected<Choice> choice = chooseDevice(*loader);
  if (!choice.ok())
    return choice.status();
  return choice->name;
}
