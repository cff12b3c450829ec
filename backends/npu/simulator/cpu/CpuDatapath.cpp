//===- CpuDatapath.cpp - Operations in vectors ----------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/simulator/cpu/CpuDatapath.h"

#include <algorithm>
#include <cstring>

using namespace narae::npu;
using namespace narae::npu::cpu;

bool CpuDatapath::fastDrain(const Operation &operation) {
  const View &dst = operation.dst, &acc = operation.acc;
  // Exact integers.
  if (acc.type == ElementType::I32)
    return false;
  int64_t count = dst.elements();
  float *values = take(0, count);
  loadFloats(acc, values);
  auto apply = [&](Opcode opcode, const View &view) {
    if (!present(view))
      return;
    float *right = take(1, count);
    loadFloats(view, right);
    kernels.binary(opcode, values, right, count);
  };
  apply(Opcode::VMul, operation.scale);
  apply(Opcode::VMul, operation.scale2);
  apply(Opcode::VAdd, operation.bias);
  kernels.activate(Activation(operation.number(OperandName::Activation)),
                   values, count);
  auto combine = Combine(operation.number(OperandName::Combine));
  if (combine != Combine::None)
    apply(combine == Combine::Add ? Opcode::VAdd : Opcode::VMul,
          operation.other);
  storeFloats(dst, values);
  return true;
}

bool CpuDatapath::fastElements(const Operation &operation) {
  if (operation.integers)
    return false;
  const View *views[] = {&operation.a, &operation.b, &operation.c};
  int64_t count = operation.dst.elements();
  float *values[3];
  auto load = [&](size_t i) {
    values[i] = take(i, count);
    if (present(*views[i]))
      loadFloats(*views[i], values[i]);
    else
      std::fill(values[i], values[i] + count, operation.scalars[i]);
  };
  Opcode opcode = operation.opcode;
  load(0);
  if (opcode >= Opcode::VConvert && opcode <= Opcode::VRelu) {
    kernels.unary(opcode, values[0], count);
  } else {
    load(1);
    if (opcode == Opcode::VFma || opcode == Opcode::VSelect) {
      load(2);
      (opcode == Opcode::VFma ? kernels.fma : kernels.select)(
          values[0], values[1], values[2], count);
    } else {
      kernels.binary(opcode, values[0], values[1], count);
    }
  }
  storeFloats(operation.dst, values[0]);
  return true;
}

bool CpuDatapath::fastReduce(const Operation &operation) {
  const View &dst = operation.dst, &a = operation.a;
  Opcode opcode = operation.opcode;
  bool isSum = opcode == Opcode::VSum || opcode == Opcode::VSumSq;
  bool isIndex = opcode == Opcode::VArgMax || opcode == Opcode::VArgMin;
  int64_t row = a.sizes[a.rank - 1], count = dst.elements();
  if (operation.integers || (isIndex && dst.type != ElementType::I32) ||
      (row == 0 && !isSum))
    return false;
  float *values = take(0, a.elements()), *results = take(1, count);
  loadFloats(a, values);
  bool isLeast = opcode == Opcode::VRowMin || opcode == Opcode::VArgMin;
  if (isLeast)
    kernels.unary(Opcode::VNeg, values, a.elements());
  else if (opcode == Opcode::VAbsMax)
    kernels.unary(Opcode::VAbs, values, a.elements());
  std::vector<int32_t> places;
  for (int64_t i = 0; i < count; ++i, values += row) {
    if (isSum) {
      results[i] = opcode == Opcode::VSum ? kernels.sum(values, row)
                                          : kernels.sumOfSquares(values, row);
      continue;
    }
    int64_t best = kernels.largest(values, row);
    if (isIndex)
      places.push_back(int32_t(best));
    else
      results[i] = isLeast ? -values[best] : values[best];
  }
  if (isIndex)
    store(dst, places);
  else
    storeFloats(dst, results);
  return true;
}

bool CpuDatapath::fastRotary(const Operation &operation) {
  const View &a = operation.a;
  auto rotation = Rotation(operation.number(OperandName::Rotation));
  int64_t size = a.sizes[a.rank - 1], half = size / 2, count = a.elements();
  if (rotation != Rotation::Halves || count == 0)
    return false;
  float *values = take(0, count), *c = take(1, count / 2),
        *s = take(2, count / 2);
  loadFloats(a, values);
  loadFloats(operation.cos, c);
  loadFloats(operation.sin, s);
  for (int64_t row = 0; row < count / size; ++row)
    kernels.rotate(values + row * size, values + row * size + half,
                   c + row * half, s + row * half, half);
  storeFloats(operation.dst, values);
  return true;
}

bool CpuDatapath::fastGather(const Operation &operation) {
  const View &a = operation.a;
  int64_t rowBits = a.strides[0] * bitsOf(a.type);
  if (operation.integers || operation.opcode != Opcode::VGather || rowBits % 8)
    return false;
  View row = a;
  row.sizes[0] = 1;
  int64_t each = row.elements();
  float *values = take(0, operation.dst.elements());
  for (size_t i = 0; i < operation.indices.size(); ++i) {
    row.base = a.base + operation.indices[i] * rowBits / 8;
    loadFloats(row, values + int64_t(i) * each);
  }
  storeFloats(operation.dst, values);
  return true;
}

bool CpuDatapath::fastFill(const Operation &operation) {
  const View &dst = operation.dst;
  if (operation.integers)
    return false;
  int64_t count = dst.elements();
  float *values = take(0, count);
  std::fill(values, values + count, operation.scalars[0]);
  storeFloats(dst, values);
  return true;
}

Outcome CpuDatapath::execute(const Operation &operation) {
  bool done = false;
  switch (operation.opcode) {
  case Opcode::Matmul:
    done = isInteger(operation.a.type) ? integerMatmul(operation)
                                       : fastMatmul(operation);
    break;
  case Opcode::Conv:
    done = fastConvolution(operation);
    break;
  case Opcode::Drain:
    done = fastDrain(operation);
    break;
  case Opcode::AccLoad:
    if (operation.integers)
      break;
    loadFloats(operation.a, take(0, operation.a.elements()));
    storeFloats(operation.acc, take(0, 0));
    done = true;
    break;
  case Opcode::DCopy:
    done = fastCopy(operation.dst, operation.a);
    break;
  case Opcode::VFill:
    done = fastFill(operation);
    break;
  case Opcode::VGather:
    done = fastGather(operation);
    break;
  case Opcode::VRotary:
    done = fastRotary(operation);
    break;
  case Opcode::VSum:
  case Opcode::VSumSq:
  case Opcode::VRowMax:
  case Opcode::VRowMin:
  case Opcode::VAbsMax:
  case Opcode::VArgMax:
  case Opcode::VArgMin:
    done = fastReduce(operation);
    break;
  case Opcode::VIota:
  case Opcode::VScan:
  case Opcode::VTopK:
  case Opcode::VPick:
  case Opcode::VScatter:
  case Opcode::DFill:
    break;
  default:
    done = fastElements(operation);
  }
  return done ? Outcome::Done : ReferenceDatapath::execute(operation);
}

std::unique_ptr<Datapath> narae::npu::makeCpuDatapath(const Machine &machine) {
  return std::make_unique<CpuDatapath>(machine, bestKernels());
}

std::unique_ptr<Datapath>
narae::npu::makeCpuDatapath(const Machine &machine,
                            const std::string &instructions) {
  const Kernels *kernels = findKernels(instructions);
  if (!kernels)
    return nullptr;
  return std::make_unique<CpuDatapath>(machine, *kernels);
}
