//===- Vector.cpp - Operations of the vector engine, by element -----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/simulator/reference/Functions.h"
#include "backends/npu/simulator/reference/ReferenceDatapath.h"

#include <cmath>

using namespace narae::npu;

/// NaN if one is; of zeros the second.
static float smaller(float a, float b) {
  if (std::isnan(a) || std::isnan(b))
    return NAN;
  return a < b ? a : b;
}
static float larger(float a, float b) {
  if (std::isnan(a) || std::isnan(b))
    return NAN;
  return a > b ? a : b;
}

static float unary(Opcode opcode, float a) {
  switch (opcode) {
  case Opcode::VNeg:
    return -a;
  case Opcode::VAbs:
    return std::fabs(a);
  case Opcode::VFloor:
    return std::floor(a);
  case Opcode::VCeil:
    return std::ceil(a);
  case Opcode::VRound:
    return std::nearbyint(a);
  case Opcode::VSqrt:
    return std::sqrt(a);
  case Opcode::VRsqrt:
    return 1.0f / std::sqrt(a);
  case Opcode::VRecip:
    return 1.0f / a;
  case Opcode::VExp:
    return npuExp(a);
  case Opcode::VLog:
    return npuLog(a);
  case Opcode::VSin:
    return npuSin(a);
  case Opcode::VCos:
    return npuCos(a);
  case Opcode::VTanh:
    return npuTanh(a);
  case Opcode::VErf:
    return npuErf(a);
  case Opcode::VSigmoid:
    return npuSigmoid(a);
  case Opcode::VSilu:
    return npuSilu(a);
  case Opcode::VGelu:
    return npuGelu(a);
  case Opcode::VGeluTanh:
    return npuGeluTanh(a);
  case Opcode::VSoftplus:
    return npuSoftplus(a);
  case Opcode::VRelu:
    return activate(Activation::Relu, a);
  default:
    return a;
  }
}

static int32_t unary(Opcode opcode, int32_t a) {
  switch (opcode) {
  case Opcode::VNeg:
    return int32_t(0 - uint32_t(a));
  case Opcode::VAbs:
    return a < 0 ? int32_t(0 - uint32_t(a)) : a;
  case Opcode::VRelu:
    return std::max(a, 0);
  default:
    return a;
  }
}

template <typename T>
static bool compare(Opcode opcode, T a, T b) {
  switch (opcode) {
  case Opcode::VLt:
    return a < b;
  case Opcode::VLe:
    return a <= b;
  case Opcode::VEq:
    return a == b;
  case Opcode::VNe:
    return a != b;
  case Opcode::VGt:
    return a > b;
  default:
    return a >= b;
  }
}

static float binary(Opcode opcode, float a, float b) {
  switch (opcode) {
  case Opcode::VAdd:
    return a + b;
  case Opcode::VSub:
    return a - b;
  case Opcode::VRsub:
    return b - a;
  case Opcode::VMul:
    return a * b;
  case Opcode::VDiv:
    return a / b;
  case Opcode::VMin:
    return smaller(a, b);
  case Opcode::VMax:
    return larger(a, b);
  case Opcode::VExpSub:
    return npuExp(a - b);
  default:
    return compare(opcode, a, b) ? 1.0f : 0.0f;
  }
}

/// Integers modulo 2^32; a division by zero gives `isZero`.
static int32_t binary(Opcode opcode, int32_t a, int32_t b, bool &isZero) {
  uint32_t left = uint32_t(a), right = uint32_t(b);
  auto quotient = [&]() -> int64_t {
    isZero |= b == 0;
    if (b == 0)
      return 0;
    int64_t whole = int64_t(a) / b;
    return whole - (int64_t(a) % b != 0 && (a < 0) != (b < 0));
  };
  switch (opcode) {
  case Opcode::VAdd:
    return int32_t(left + right);
  case Opcode::VSub:
    return int32_t(left - right);
  case Opcode::VRsub:
    return int32_t(right - left);
  case Opcode::VMul:
    return int32_t(left * right);
  case Opcode::VDiv:
    return int32_t(quotient());
  case Opcode::VRem:
    return int32_t(int64_t(a) - b * quotient());
  case Opcode::VMin:
    return std::min(a, b);
  case Opcode::VMax:
    return std::max(a, b);
  case Opcode::VAnd:
    return a & b;
  case Opcode::VOr:
    return a | b;
  case Opcode::VXor:
    return a ^ b;
  case Opcode::VShl:
    return int32_t(left << (right & 31));
  case Opcode::VShr:
    return a >> (right & 31);
  default:
    return compare(opcode, a, b);
  }
}

/// The values of operand `i`, a scalar where it is left out.
static void operand(ReferenceDatapath &path, const Operation &operation,
                    size_t i, std::vector<float> &values) {
  const View *views[] = {&operation.a, &operation.b, &operation.c};
  if (present(*views[i]))
    path.load(*views[i], values);
  else
    values.assign(size_t(operation.dst.elements()), operation.scalars[i]);
}
static void operand(ReferenceDatapath &path, const Operation &operation,
                    size_t i, std::vector<int32_t> &values) {
  const View *views[] = {&operation.a, &operation.b, &operation.c};
  if (present(*views[i]))
    path.load(*views[i], values);
  else
    values.assign(size_t(operation.dst.elements()),
                  operation.integerScalars[i]);
}

template <typename T>
static void executeUnary(ReferenceDatapath &path, const Operation &operation) {
  std::vector<T> values;
  operand(path, operation, 0, values);
  for (T &value : values)
    value = unary(operation.opcode, value);
  path.store(operation.dst, values);
}

static Outcome executeBinary(ReferenceDatapath &path,
                             const Operation &operation) {
  if (!operation.integers) {
    std::vector<float> a, b;
    operand(path, operation, 0, a);
    operand(path, operation, 1, b);
    for (size_t i = 0; i < a.size(); ++i)
      a[i] = binary(operation.opcode, a[i], b[i]);
    path.store(operation.dst, a);
    return Outcome::Done;
  }
  std::vector<int32_t> a, b;
  operand(path, operation, 0, a);
  operand(path, operation, 1, b);
  bool isZero = false;
  for (size_t i = 0; i < a.size(); ++i)
    a[i] = binary(operation.opcode, a[i], b[i], isZero);
  if (isZero)
    return Outcome::DivisionByZero;
  if (isInteger(operation.dst.type))
    path.store(operation.dst, a);
  else
    path.store(operation.dst, std::vector<float>(a.begin(), a.end()));
  return Outcome::Done;
}

template <typename T>
static void executeTernary(ReferenceDatapath &path,
                           const Operation &operation) {
  std::vector<T> b, c;
  operand(path, operation, 1, b);
  operand(path, operation, 2, c);
  if (operation.opcode == Opcode::VFma) {
    std::vector<T> a;
    operand(path, operation, 0, a);
    for (size_t i = 0; i < a.size(); ++i) {
      if constexpr (std::is_same_v<T, float>)
        a[i] = std::fma(a[i], b[i], c[i]);
      else
        a[i] = T(uint32_t(a[i]) * uint32_t(b[i]) + uint32_t(c[i]));
    }
    return path.store(operation.dst, a);
  }
  // The mask has a type of its own; NaN is not zero.
  std::vector<float> mask;
  operand(path, operation, 0, mask);
  for (size_t i = 0; i < b.size(); ++i)
    b[i] = mask[i] != 0 ? b[i] : c[i];
  path.store(operation.dst, b);
}

Outcome ReferenceDatapath::byElement(const Operation &operation) {
  Opcode opcode = operation.opcode;
  if (opcode == Opcode::VFma || opcode == Opcode::VSelect)
    operation.integers ? executeTernary<int32_t>(*this, operation)
                       : executeTernary<float>(*this, operation);
  else if (opcode >= Opcode::VAdd && opcode <= Opcode::VRem)
    return executeBinary(*this, operation);
  else
    operation.integers ? executeUnary<int32_t>(*this, operation)
                       : executeUnary<float>(*this, operation);
  return Outcome::Done;
}

/// fill and iota: values from nothing.
void ReferenceDatapath::series(const Operation &operation) {
  const View &dst = operation.dst;
  size_t row = size_t(dst.sizes[dst.rank - 1]);
  if (operation.integers) {
    uint32_t start = uint32_t(operation.integerScalars[0]);
    uint32_t step = uint32_t(operation.integerScalars[1]);
    std::vector<int32_t> values(size_t(dst.elements()));
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = int32_t(start + uint32_t(i % row) * step);
    return store(dst, values);
  }
  std::vector<float> values(size_t(dst.elements()), operation.scalars[0]);
  if (operation.opcode == Opcode::VIota)
    for (size_t i = 0; i < values.size(); ++i)
      values[i] =
          std::fma(float(i % row), operation.scalars[1], operation.scalars[0]);
  store(dst, values);
}
