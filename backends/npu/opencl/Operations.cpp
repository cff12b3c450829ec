//===- Operations.cpp - Operations on dense values ------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/opencl/Internal.h"

#include <cstring>

using namespace narae;
using namespace narae::npu;
using namespace narae::npu::opencl;

Outcome OpenClDatapath::integerBinary(const Operation &operation) {
  int64_t count = operation.dst.elements();
  cl_mem a = operand(operation, 0, true), b = operand(operation, 1, true);
  cl_mem zero = take(3, 1);
  set(zero, 0, 1);
  device->run("binary_int", count, cl_int(operation.opcode), a, b, zero,
              cl_long(count));
  bool divides =
      operation.opcode == Opcode::VDiv || operation.opcode == Opcode::VRem;
  if (divides) {
    int32_t isZero = 0;
    device->read(zero, 0, &isZero, sizeof isZero);
    if (isZero)
      return Outcome::DivisionByZero;
  }
  bool toIntegers = isInteger(operation.dst.type);
  if (!toIntegers) {
    device->run("to_floats", count, a, b, cl_long(count));
    std::swap(a, b);
  }
  store(operation.dst, a, toIntegers);
  return outcome();
}

Outcome OpenClDatapath::byElement(const Operation &operation) {
  Opcode opcode = operation.opcode;
  bool integers = operation.integers;
  int64_t count = operation.dst.elements();
  bool isBinary = opcode >= Opcode::VAdd && opcode <= Opcode::VRem;
  if (isBinary && integers)
    return integerBinary(operation);
  if (opcode == Opcode::VSelect) {
    cl_mem b = operand(operation, 1, integers);
    cl_mem c = operand(operation, 2, integers);
    device->run("choose", count, operand(operation, 0, false), b, c,
                cl_long(count));
    store(operation.dst, b, integers);
    return outcome();
  }
  cl_mem a = operand(operation, 0, integers);
  if (opcode == Opcode::VFma) {
    cl_mem b = operand(operation, 1, integers);
    device->run(integers ? "fused_int" : "fused", count, a, b,
                operand(operation, 2, integers), cl_long(count));
  } else if (isBinary) {
    device->run("binary", count, cl_int(opcode), a,
                operand(operation, 1, false), cl_long(count));
  } else {
    device->run(integers ? "unary_int" : "unary", count, cl_int(opcode), a,
                cl_long(count));
  }
  store(operation.dst, a, integers);
  return outcome();
}

void OpenClDatapath::series(const Operation &operation) {
  const View &dst = operation.dst;
  int64_t count = dst.elements(), row = dst.sizes[size_t(dst.rank - 1)];
  cl_mem values = take(0, count);
  // Not by fma where there is no step: 0 + start may have another sign.
  uint32_t start = uint32_t(operation.integerScalars[0]);
  if (!operation.integers)
    std::memcpy(&start, &operation.scalars[0], sizeof start);
  if (operation.opcode == Opcode::VFill)
    set(values, start, count);
  else if (operation.integers)
    device->run("series_int", count, values, cl_uint(start),
                cl_uint(operation.integerScalars[1]), cl_long(row),
                cl_long(count));
  else
    device->run("series", count, values, operation.scalars[0],
                operation.scalars[1], cl_long(row), cl_long(count));
  store(dst, values, operation.integers);
}

void OpenClDatapath::reduce(const Operation &operation) {
  const View &dst = operation.dst, &a = operation.a;
  int64_t row = a.sizes[size_t(a.rank - 1)], count = dst.elements();
  cl_mem values = load(0, a, operation.integers), results = take(1, count);
  device->run(operation.integers ? "reduce_int" : "reduce", count,
              cl_int(operation.opcode), values, cl_long(row), results,
              cl_long(count));
  bool isIndex = operation.opcode == Opcode::VArgMax ||
                 operation.opcode == Opcode::VArgMin;
  store(dst, results, operation.integers || isIndex);
}

void OpenClDatapath::scan(const Operation &operation) {
  const View &a = operation.a;
  int64_t row = a.sizes[size_t(a.rank - 1)];
  cl_mem values = load(0, a, operation.integers);
  int64_t count = row ? a.elements() / row : 0;
  device->run(operation.integers ? "scan_int" : "scan", count, values,
              cl_long(row), cl_long(count));
  store(operation.dst, values, operation.integers);
}

void OpenClDatapath::topK(const Operation &operation) {
  const View &dst = operation.dst, &a = operation.a;
  int64_t row = a.sizes[size_t(a.rank - 1)];
  int64_t most = dst.sizes[size_t(dst.rank - 1)];
  int64_t count = row ? a.elements() / row : 0;
  cl_mem values = load(0, a, operation.integers);
  cl_mem best = take(1, dst.elements()), places = take(2, dst.elements());
  device->run(operation.integers ? "top_int" : "top", count, values,
              cl_long(row), best, places, cl_long(most), cl_long(count));
  store(dst, best, operation.integers);
  store(operation.dst2, places, true);
}

void OpenClDatapath::byIndex(const Operation &operation) {
  const View &dst = operation.dst, &a = operation.a;
  const std::vector<int32_t> &indices = operation.indices;
  int64_t count = dst.elements();
  if (count == 0)
    return;
  cl_mem values = load(0, a, operation.integers), results = take(1, count);
  cl_mem index = take(2, int64_t(indices.size()));
  device->write(index, 0, indices.data(), indices.size() * 4);
  if (operation.opcode == Opcode::VPick)
    device->run("pick", count, values, index, results,
                cl_long(dst.sizes[size_t(dst.rank - 1)]),
                cl_long(a.sizes[size_t(a.rank - 1)]), cl_long(count));
  else
    device->run("gather", count, values, index, results,
                cl_long(count / int64_t(indices.size())), cl_long(count));
  store(dst, results, operation.integers);
}

void OpenClDatapath::scatterRow(const Operation &operation) {
  int64_t count = operation.a.elements();
  bool integers = operation.integers;
  cl_mem next = load(0, operation.a, integers);
  if (operation.flag(OperandName::Accumulate)) {
    cl_mem old = load(1, operation.dst, integers), zero = take(2, 1);
    std::swap(old, next);
    if (integers)
      device->run("binary_int", count, cl_int(Opcode::VAdd), next, old, zero,
                  cl_long(count));
    else
      device->run("binary", count, cl_int(Opcode::VAdd), next, old,
                  cl_long(count));
  }
  store(operation.dst, next, integers);
}

void OpenClDatapath::rotary(const Operation &operation) {
  const View &a = operation.a;
  int64_t size = a.sizes[size_t(a.rank - 1)], count = a.elements() / 2;
  cl_mem values = load(0, a, false), c = load(1, operation.cos, false);
  cl_mem s = load(2, operation.sin, false);
  auto rotation = Rotation(operation.number(OperandName::Rotation));
  device->run("rotate_pairs", count, values, c, s, cl_long(size),
              cl_int(rotation == Rotation::Halves), cl_long(count));
  store(operation.dst, values, false);
}

/// The instruction of the vector engine that is an activation.
static Opcode opcodeOf(Activation activation) {
  switch (activation) {
  case Activation::None:
    return Opcode::VConvert;
  case Activation::Relu:
    return Opcode::VRelu;
  case Activation::Gelu:
    return Opcode::VGelu;
  case Activation::GeluTanh:
    return Opcode::VGeluTanh;
  case Activation::Silu:
    return Opcode::VSilu;
  case Activation::Sigmoid:
    return Opcode::VSigmoid;
  case Activation::Tanh:
    return Opcode::VTanh;
  }
  return Opcode::VConvert;
}

void OpenClDatapath::drain(const Operation &operation) {
  const View &dst = operation.dst, &acc = operation.acc;
  int64_t count = dst.elements();
  Opcode activation =
      opcodeOf(Activation(operation.number(OperandName::Activation)));
  auto combine = Combine(operation.number(OperandName::Combine));
  bool changes = present(operation.scale) || present(operation.scale2) ||
                 present(operation.bias) || present(operation.other) ||
                 activation != Opcode::VConvert;
  bool exact = !changes && acc.type == ElementType::I32 && isInteger(dst.type);
  cl_mem values = load(0, acc, exact);
  auto apply = [&](Opcode opcode, const View &view) {
    if (present(view))
      device->run("binary", count, cl_int(opcode), values, load(1, view, false),
                  cl_long(count));
  };
  apply(Opcode::VMul, operation.scale);
  apply(Opcode::VMul, operation.scale2);
  apply(Opcode::VAdd, operation.bias);
  if (activation != Opcode::VConvert)
    device->run("unary", count, cl_int(activation), values, cl_long(count));
  if (combine != Combine::None)
    apply(combine == Combine::Add ? Opcode::VAdd : Opcode::VMul,
          operation.other);
  store(dst, values, exact);
}

void OpenClDatapath::products(bool integers, cl_mem sums, cl_mem a, cl_mem b,
                              int64_t rows, int64_t depth, int64_t width,
                              int64_t begin, int64_t end) {
  device->run(integers ? "products_int" : "products", rows * width, sums, a, b,
              cl_long(depth), cl_long(width), cl_long(begin), cl_long(end),
              cl_long(rows * width));
}

void OpenClDatapath::matmul(const Operation &operation) {
  const View &acc = operation.acc, &a = operation.a, &b = operation.b;
  int64_t rows = a.sizes[0], depth = a.sizes[1], width = b.sizes[1];
  int64_t count = rows * width;
  if (count == 0)
    return;
  auto mode = MatmulMode(operation.number(OperandName::Mode));
  int64_t group = operation.number(OperandName::Group);
  bool integers = isInteger(a.type), toI32 = acc.type == ElementType::I32;
  cl_mem left = load(0, a, integers), right = load(1, b, integers);
  cl_mem sums = take(2, count);
  if (operation.flag(OperandName::Accumulate))
    sums = load(2, acc, toI32);
  else
    set(sums, 0, count);
  if (mode == MatmulMode::Dequant) {
    cl_mem scales = load(3, operation.scale, false), offsets = scales;
    if (present(operation.offset))
      offsets = load(4, operation.offset, false);
    device->run("dequantize", depth * width, right, scales, offsets,
                cl_int(present(operation.offset)), cl_int(a.type),
                cl_long(group), cl_long(width), cl_long(depth * width));
  }
  if (mode != MatmulMode::Grouped) {
    products(integers, sums, left, right, rows, depth, width, 0, depth);
    return store(acc, sums, toI32);
  }
  cl_mem factors = load(3, operation.scale, false), partial = take(4, count);
  for (int64_t begin = 0; begin < depth; begin += group) {
    set(partial, 0, count);
    products(integers, partial, left, right, rows, depth, width, begin,
             std::min(depth, begin + group));
    cl_mem floats = partial;
    if (integers) {
      floats = take(5, count);
      device->run("to_floats", count, partial, floats, cl_long(count));
    }
    device->run("add_group", count, sums, floats, factors,
                cl_long(begin / group * width), cl_long(width), cl_long(count));
  }
  store(acc, sums, false);
}

void OpenClDatapath::convolution(const Operation &operation) {
  const View &acc = operation.acc, &a = operation.a, &b = operation.b;
  int64_t depth = b.sizes[0] * b.sizes[1] * b.sizes[2];
  int64_t rows = acc.sizes[0] * acc.sizes[1], width = b.sizes[3];
  if (rows * width == 0)
    return;
  bool integers = isInteger(a.type);
  cl_mem image = load(0, a, integers), weights = load(1, b, integers);
  cl_mem sums = take(2, rows * width), matrix = take(3, rows * depth);
  if (operation.flag(OperandName::Accumulate))
    sums = load(2, acc, integers);
  else
    set(sums, 0, rows * width);
  auto number = [&](OperandName name) {
    return cl_long(operation.number(name));
  };
  cl_long16 sizes = {
      {a.sizes[0], a.sizes[1], a.sizes[2], acc.sizes[1], b.sizes[0], b.sizes[1],
       number(OperandName::StrideY), number(OperandName::StrideX),
       number(OperandName::DilationY), number(OperandName::DilationX),
       number(OperandName::PadTop), number(OperandName::PadLeft)}};
  device->run("windows", rows * depth, image, matrix, sizes,
              cl_long(rows * depth));
  products(integers, sums, matrix, weights, rows, depth, width, 0, depth);
  store(acc, sums, integers);
}
