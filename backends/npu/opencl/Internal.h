//===- Internal.h - The OpenCL datapath ----------------------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each operation loads its views into dense buffers of 32-bit values, computes
// on those and stores them: kernels know nothing of types and strides but at
// both ends.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_OPENCL_INTERNAL_H
#define NARAE_BACKENDS_NPU_OPENCL_INTERNAL_H

#include "backends/npu/opencl/Device.h"
#include "backends/npu/simulator/reference/ReferenceDatapath.h"

namespace narae::npu::opencl {

/// As the kernels see a view: five dimensions, the last the innermost.
struct KernelView {
  cl_long base = 0, sizes[maxRank], strides[maxRank];
  cl_int type = 0, bits = 0;

  explicit KernelView(const View &view)
      : base(view.base), type(cl_int(view.type)), bits(bitsOf(view.type)) {
    for (int i = 0; i < maxRank; ++i) {
      int axis = i - (maxRank - view.rank);
      sizes[i] = axis < 0 ? 1 : view.sizes[size_t(axis)];
      strides[i] = axis < 0 ? 0 : view.strides[size_t(axis)];
    }
  }
  /// Elements one after the other from byte 0 on, 4 bits in a byte each.
  static KernelView dense(const View &view) {
    View flat = view;
    flat.base = 0;
    flat.rank = 1;
    flat.sizes[0] = view.elements();
    flat.strides[0] = 1;
    KernelView result(flat);
    result.bits = std::max(result.bits, 8);
    return result;
  }
};

class OpenClDatapath : public KindDatapath {
public:
  OpenClDatapath(const Machine &machine, std::unique_ptr<Device> device)
      : machine(machine), host(machine), device(std::move(device)) {}
  ~OpenClDatapath() override;

  Outcome write(Space space, int32_t unit, int64_t address, const void *data,
                size_t bytes) override;
  Outcome read(Space space, int32_t unit, int64_t address, void *data,
               size_t bytes) override;
  Outcome readIntegers(const View &view, std::vector<int32_t> &values) override;
  Outcome finish() override {
    device->finish();
    return outcome();
  }
  std::string error() const override { return device->error(); }

private:
  Outcome outcome() const override {
    return device->error().empty() ? Outcome::Done : Outcome::Failed;
  }
  static bool isOnDevice(Space space) {
    return space == Space::Scratchpad || space == Space::Accumulator;
  }
  cl_mem memory(Space space, int32_t unit);
  cl_mem memory(const View &view) { return memory(view.space, view.unit); }
  /// A buffer of 32-bit values for the time of an operation.
  cl_mem take(size_t slot, int64_t count);
  cl_mem load(size_t slot, const View &view, bool integers);
  void store(const View &view, cl_mem values, bool integers);
  /// An operand by element, or the scalar that stands for it.
  cl_mem operand(const Operation &operation, size_t i, bool integers);
  void set(cl_mem to, uint32_t bits, int64_t count) {
    device->run("set", count, to, cl_uint(bits), cl_long(count));
  }

  void copy(const Operation &operation) override;
  void fill(const Operation &operation) override;
  Outcome byElement(const Operation &operation) override;
  void loadAccumulators(const Operation &operation) override;
  Outcome integerBinary(const Operation &operation);
  void series(const Operation &operation) override;
  void reduce(const Operation &operation) override;
  void scan(const Operation &operation) override;
  void topK(const Operation &operation) override;
  void byIndex(const Operation &operation) override;
  void scatterRow(const Operation &operation) override;
  void rotary(const Operation &operation) override;
  void drain(const Operation &operation) override;
  void matmul(const Operation &operation) override;
  void convolution(const Operation &operation) override;
  void products(bool integers, cl_mem sums, cl_mem a, cl_mem b, int64_t rows,
                int64_t depth, int64_t width, int64_t begin, int64_t end);

  const Machine machine;
  ReferenceDatapath host;
  std::unique_ptr<Device> device;
  std::map<std::pair<Space, int32_t>, cl_mem> memories;
  struct Slot {
    cl_mem buffer = nullptr;
    int64_t count = 0;
  };
  std::array<Slot, 8> slots;
};

} // namespace narae::npu::opencl

#endif // NARAE_BACKENDS_NPU_OPENCL_INTERNAL_H
