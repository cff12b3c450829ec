//===- Vector.cpp - The vector engine, by element -------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/isa/Numbers.h"
#include "backends/npu/simulator/Execution.h"
#include "backends/npu/simulator/Functions.h"

#include <cmath>

using namespace narae::npu;

static bool isUnary(Opcode opcode) {
  return opcode >= Opcode::VConvert && opcode <= Opcode::VRelu;
}
static bool isBinary(Opcode opcode) {
  return opcode >= Opcode::VAdd && opcode <= Opcode::VRem;
}
static bool isComparison(Opcode opcode) {
  return opcode >= Opcode::VLt && opcode <= Opcode::VGe;
}

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

static bool hasIntegerUnary(Opcode opcode) {
  return opcode == Opcode::VConvert || opcode == Opcode::VNeg ||
         opcode == Opcode::VAbs || opcode == Opcode::VRelu;
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

namespace {
/// The operands of an element-wise instruction: views of the shape of dst, or
/// scalars where those are left out.
struct Operands {
  explicit Operands(Execution &execution) : execution(execution) {}
  Execution &execution;
  View dst, views[3];
  bool present[3] = {false, false, false};
  static constexpr OperandName names[3] = {OperandName::A, OperandName::B,
                                           OperandName::C};
  static constexpr OperandName scalars[3] = {
      OperandName::A, OperandName::BValue, OperandName::CValue};

  bool resolve(int count) {
    if (!execution.view(OperandName::Dst, dst) ||
        !execution.result(dst, OperandName::Dst))
      return false;
    for (int i = 0; i < count; ++i) {
      present[i] = execution.has(names[i]);
      if (!present[i])
        continue;
      if (!execution.view(names[i], views[i]) ||
          !execution.sameShape(dst, OperandName::Dst, views[i], names[i]) ||
          !execution.apart(dst, views[i], names[i]))
        return false;
    }
    return true;
  }
  /// Whether the views from `first` on hold integers only.
  bool integers(int first) const {
    for (int i = first; i < 3; ++i)
      if (present[i] && !isInteger(views[i].type))
        return false;
    return true;
  }
  bool load(int i, std::vector<float> &values) {
    if (present[i])
      return execution.load(views[i], values);
    values.assign(size_t(dst.elements()), execution.scalar(scalars[i]));
    return true;
  }
  bool load(int i, std::vector<int32_t> &values) {
    if (present[i])
      return execution.load(views[i], values);
    values.assign(size_t(dst.elements()), execution.integerScalar(scalars[i]));
    return true;
  }
};
} // namespace

static bool executeUnary(Execution &execution) {
  Operands operands(execution);
  Opcode opcode = execution.instruction.opcode;
  if (!operands.resolve(1))
    return false;
  bool integers = isInteger(operands.dst.type) && operands.integers(0);
  if (integers && !hasIntegerUnary(opcode))
    return execution.fail(FaultKind::Type, "needs a float among its operands");
  if (!execution.data())
    return true;
  if (integers) {
    std::vector<int32_t> values;
    if (!operands.load(0, values))
      return false;
    for (int32_t &value : values)
      value = unary(opcode, value);
    return execution.store(operands.dst, values);
  }
  std::vector<float> values;
  if (!operands.load(0, values))
    return false;
  for (float &value : values)
    value = unary(opcode, value);
  return execution.store(operands.dst, values);
}

static bool executeBinary(Execution &execution) {
  Operands operands(execution);
  Opcode opcode = execution.instruction.opcode;
  if (!operands.resolve(2))
    return false;
  // What is compared decides, not the type of the answer.
  bool integers = operands.integers(0) &&
                  (isComparison(opcode) || isInteger(operands.dst.type));
  bool bits = opcode >= Opcode::VAnd;
  if (bits && !integers)
    return execution.fail(FaultKind::Type, "is for integers only");
  if (integers && opcode == Opcode::VExpSub)
    return execution.fail(FaultKind::Type, "needs a float among its operands");
  if (!execution.data())
    return true;
  if (!integers) {
    std::vector<float> a, b;
    if (!operands.load(0, a) || !operands.load(1, b))
      return false;
    for (size_t i = 0; i < a.size(); ++i)
      a[i] = binary(opcode, a[i], b[i]);
    return execution.store(operands.dst, a);
  }
  std::vector<int32_t> a, b;
  if (!operands.load(0, a) || !operands.load(1, b))
    return false;
  bool isZero = false;
  for (size_t i = 0; i < a.size(); ++i)
    a[i] = binary(opcode, a[i], b[i], isZero);
  if (isZero)
    return execution.fail(FaultKind::Arithmetic, "an element of b is 0");
  if (isInteger(operands.dst.type))
    return execution.store(operands.dst, a);
  return execution.store(operands.dst, std::vector<float>(a.begin(), a.end()));
}

template <typename T>
static bool ternary(Execution &execution, Operands &operands) {
  std::vector<T> b, c;
  if (execution.instruction.opcode == Opcode::VFma) {
    std::vector<T> a;
    if (!operands.load(0, a) || !operands.load(1, b) || !operands.load(2, c))
      return false;
    for (size_t i = 0; i < a.size(); ++i) {
      if constexpr (std::is_same_v<T, float>)
        a[i] = std::fma(a[i], b[i], c[i]);
      else
        a[i] = T(uint32_t(a[i]) * uint32_t(b[i]) + uint32_t(c[i]));
    }
    return execution.store(operands.dst, a);
  }
  // The mask has a type of its own; NaN is not zero.
  std::vector<float> mask;
  if (!operands.load(0, mask) || !operands.load(1, b) || !operands.load(2, c))
    return false;
  for (size_t i = 0; i < b.size(); ++i)
    b[i] = mask[i] != 0 ? b[i] : c[i];
  return execution.store(operands.dst, b);
}

static bool executeTernary(Execution &execution) {
  Operands operands(execution);
  bool isFma = execution.instruction.opcode == Opcode::VFma;
  if (!operands.resolve(3))
    return false;
  if (!execution.data())
    return true;
  bool integers =
      isInteger(operands.dst.type) && operands.integers(isFma ? 0 : 1);
  return integers ? ternary<int32_t>(execution, operands)
                  : ternary<float>(execution, operands);
}

/// fill and iota: values from nothing.
static bool executeSeries(Execution &execution) {
  View dst;
  bool isIota = execution.instruction.opcode == Opcode::VIota;
  if (!execution.view(OperandName::Dst, dst) ||
      !execution.result(dst, OperandName::Dst))
    return false;
  if (!execution.data())
    return true;
  size_t row = size_t(dst.sizes[dst.rank - 1]);
  if (isInteger(dst.type)) {
    uint32_t start = uint32_t(execution.integerScalar(OperandName::Start));
    uint32_t step =
        isIota ? uint32_t(execution.integerScalar(OperandName::Step)) : 0;
    std::vector<int32_t> values(size_t(dst.elements()));
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = int32_t(start + uint32_t(i % row) * step);
    return execution.store(dst, values);
  }
  float start = execution.scalar(OperandName::Start);
  float step = isIota ? execution.scalar(OperandName::Step) : 0;
  std::vector<float> values(size_t(dst.elements()), start);
  if (isIota)
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = std::fma(float(i % row), step, start);
  return execution.store(dst, values);
}

bool narae::npu::executeVector(Execution &execution) {
  Opcode opcode = execution.instruction.opcode;
  if (isUnary(opcode))
    return executeUnary(execution);
  if (isBinary(opcode))
    return executeBinary(execution);
  if (opcode == Opcode::VFma || opcode == Opcode::VSelect)
    return executeTernary(execution);
  if (opcode == Opcode::VFill || opcode == Opcode::VIota)
    return executeSeries(execution);
  return executeRows(execution);
}
