//===- Tensor.cpp - The tensor engine -------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/isa/Numbers.h"
#include "backends/npu/simulator/Execution.h"
#include "backends/npu/simulator/Functions.h"
#include "backends/npu/simulator/Layout.h"
#include "backends/npu/simulator/Products.h"

#include <cmath>

using namespace narae::npu;

double narae::npu::macRate(const TensorUnit &unit, ElementType a,
                           ElementType b) {
  if (isFloat8(a) && isFloat8(b))
    return unit.fp8;
  if (a == ElementType::I8 && b == ElementType::I4)
    return unit.int8;
  if (a != b)
    return -1;
  switch (a) {
  case ElementType::F32:
    return unit.f32;
  case ElementType::F16:
    return unit.f16;
  case ElementType::BF16:
    return unit.bf16;
  case ElementType::I8:
    return unit.int8;
  case ElementType::I4:
    return unit.int4;
  default:
    return -1;
  }
}

/// Operand types of products, and that of their sums.
static bool checkTypes(Execution &execution, ElementType a, ElementType b,
                       ElementType sum, bool grouped) {
  double rate = macRate(execution.state.machine.tensor, a, b);
  bool integers = isInteger(a);
  bool fits = rate >= 0 && (!grouped || integers || isFloat8(a));
  ElementType expected =
      integers && !grouped ? ElementType::I32 : ElementType::F32;
  std::string pair = std::string(typeText(a)) + " times " + typeText(b);
  if (!fits)
    return execution.fail(FaultKind::Type, "the array does not multiply " +
                                               pair +
                                               (grouped ? " in groups" : ""));
  if (rate == 0)
    return execution.fail(FaultKind::Type, "the array of this machine does "
                                           "not compute " +
                                               pair);
  if (sum != expected)
    return execution.fail(FaultKind::Type, "sums of " + pair + " are " +
                                               typeText(expected) + ", not " +
                                               typeText(sum));
  return true;
}

static bool accumulator(Execution &execution, View &acc) {
  if (!execution.view(OperandName::Acc, acc) ||
      !execution.result(acc, OperandName::Acc))
    return false;
  if (acc.space != Space::Accumulator)
    return execution.fail(FaultKind::Reach, "acc is not in the accumulators");
  return true;
}

static bool inScratchpad(Execution &execution, const View &view,
                         OperandName name) {
  if (view.space == Space::Scratchpad)
    return true;
  return execution.fail(FaultKind::Reach, std::string(operandText(name)) +
                                              " is not in the scratchpad");
}

/// b * scale + offset in the type of a, as the array sees it.
static bool dequantize(Execution &execution, const View &a, const View &b,
                       const View &scale, int64_t group,
                       std::vector<float> &weights) {
  std::vector<float> scales, offsets;
  if (!execution.load(scale, scales))
    return false;
  if (execution.has(OperandName::Offset)) {
    View offset;
    if (!execution.view(OperandName::Offset, offset) ||
        !inScratchpad(execution, offset, OperandName::Offset) ||
        !execution.sameShape(offset, OperandName::Offset, scale,
                             OperandName::Scale) ||
        !execution.load(offset, offsets))
      return false;
  }
  int64_t depth = b.sizes[0], width = b.sizes[1];
  for (int64_t k = 0; k < depth; ++k)
    for (int64_t n = 0; n < width; ++n) {
      float &weight = weights[size_t(k * width + n)];
      size_t at = size_t(k / group * width + n);
      float sum = offsets.empty() ? weight * scales[at]
                                  : std::fma(weight, scales[at], offsets[at]);
      weight = toFloat(a.type, fromFloat(a.type, sum));
    }
  return true;
}

static bool scales(Execution &execution, const View &b, int64_t group,
                   View &scale) {
  if (!execution.view(OperandName::Scale, scale) ||
      !execution.rank(scale, OperandName::Scale, 2) ||
      !inScratchpad(execution, scale, OperandName::Scale))
    return false;
  if (isInteger(scale.type))
    return execution.fail(FaultKind::Type,
                          std::string("scales are floats, not ") +
                              typeText(scale.type));
  if (scale.sizes[0] != (b.sizes[0] + group - 1) / group ||
      scale.sizes[1] != b.sizes[1])
    return execution.fail(FaultKind::Shape,
                          "scale is " + describeView(scale) + ", but b is " +
                              describeView(b) + " in groups of " +
                              std::to_string(group));
  return true;
}

static bool matmul(Execution &execution) {
  View acc, a, b, scale;
  if (!accumulator(execution, acc) || !execution.view(OperandName::A, a) ||
      !execution.view(OperandName::B, b) ||
      !execution.rank(acc, OperandName::Acc, 2) ||
      !execution.rank(a, OperandName::A, 2) ||
      !execution.rank(b, OperandName::B, 2) ||
      !inScratchpad(execution, a, OperandName::A) ||
      !inScratchpad(execution, b, OperandName::B))
    return false;
  int64_t rows = a.sizes[0], depth = a.sizes[1], width = b.sizes[1];
  if (b.sizes[0] != depth || acc.sizes[0] != rows || acc.sizes[1] != width)
    return execution.fail(FaultKind::Shape, "acc " + describeView(acc) +
                                                " from a " + describeView(a) +
                                                " and b " + describeView(b));
  auto mode = MatmulMode(execution.number(OperandName::Mode));
  int64_t group = execution.number(OperandName::Group);
  bool dequant = mode == MatmulMode::Dequant;
  if (dequant) {
    if (a.type != ElementType::F16 && a.type != ElementType::BF16)
      return execution.fail(FaultKind::Type,
                            std::string("dequantised weights meet f16 or "
                                        "bf16, not ") +
                                typeText(a.type));
    if (bitsOf(b.type) > 8 || b.type == ElementType::E8M0)
      return execution.fail(FaultKind::Type, std::string("weights of ") +
                                                 typeText(b.type) +
                                                 " are not dequantised");
  }
  bool grouped = mode == MatmulMode::Grouped;
  if (!checkTypes(execution, a.type, dequant ? a.type : b.type, acc.type,
                  grouped))
    return false;
  if (mode != MatmulMode::Plain && !scales(execution, b, group, scale))
    return false;
  if (!execution.data())
    return true;

  bool accumulate = execution.flag(OperandName::Accumulate);
  bool integers = isInteger(a.type);
  std::vector<float> sums(size_t(rows * width)), left, right;
  std::vector<int32_t> integerSums(size_t(integers ? rows * width : 0));
  if (accumulate &&
      !(acc.type == ElementType::I32 ? execution.load(acc, integerSums)
                                     : execution.load(acc, sums)))
    return false;
  if (integers) {
    std::vector<int32_t> left, right;
    if (!execution.load(a, left) || !execution.load(b, right))
      return false;
    if (!grouped) {
      addProducts(integerSums.data(), left.data(), right.data(), rows, depth,
                  width, 0, depth);
      return execution.store(acc, integerSums);
    }
    std::vector<float> factors;
    if (!execution.load(scale, factors))
      return false;
    for (int64_t begin = 0; begin < depth; begin += group) {
      std::fill(integerSums.begin(), integerSums.end(), 0);
      addProducts(integerSums.data(), left.data(), right.data(), rows, depth,
                  width, begin, std::min(depth, begin + group));
      for (int64_t i = 0; i < rows * width; ++i)
        sums[size_t(i)] =
            std::fma(float(integerSums[size_t(i)]),
                     factors[size_t(begin / group * width + i % width)],
                     sums[size_t(i)]);
    }
    return execution.store(acc, sums);
  }
  if (!execution.load(a, left) || !execution.load(b, right))
    return false;
  if (dequant && !dequantize(execution, a, b, scale, group, right))
    return false;
  if (!grouped) {
    addProducts(sums.data(), left.data(), right.data(), rows, depth, width, 0,
                depth);
    return execution.store(acc, sums);
  }
  std::vector<float> factors, partial(sums.size());
  if (!execution.load(scale, factors))
    return false;
  for (int64_t begin = 0; begin < depth; begin += group) {
    std::fill(partial.begin(), partial.end(), 0.0f);
    addProducts(partial.data(), left.data(), right.data(), rows, depth, width,
                begin, std::min(depth, begin + group));
    for (int64_t i = 0; i < rows * width; ++i)
      sums[size_t(i)] = std::fma(
          partial[size_t(i)],
          factors[size_t(begin / group * width + i % width)], sums[size_t(i)]);
  }
  return execution.store(acc, sums);
}

/// Rows of a convolution's windows as a matrix [Y*X, I*J*C], zeros outside.
template <typename T>
static std::vector<T> windows(const Execution &execution, const View &acc,
                              const View &a, const View &b,
                              const std::vector<T> &image) {
  auto number = [&](OperandName name) { return execution.number(name); };
  int64_t strideY = number(OperandName::StrideY);
  int64_t strideX = number(OperandName::StrideX);
  int64_t stepY = number(OperandName::DilationY);
  int64_t stepX = number(OperandName::DilationX);
  int64_t top = number(OperandName::PadTop);
  int64_t left = number(OperandName::PadLeft);
  int64_t height = a.sizes[0], width = a.sizes[1], channels = a.sizes[2];
  std::vector<T> matrix(
      size_t(acc.sizes[0] * acc.sizes[1] * b.sizes[0] * b.sizes[1] * channels));
  size_t at = 0;
  for (int64_t y = 0; y < acc.sizes[0]; ++y)
    for (int64_t x = 0; x < acc.sizes[1]; ++x)
      for (int64_t i = 0; i < b.sizes[0]; ++i)
        for (int64_t j = 0; j < b.sizes[1]; ++j, at += size_t(channels)) {
          int64_t row = y * strideY + i * stepY - top;
          int64_t column = x * strideX + j * stepX - left;
          if (row < 0 || row >= height || column < 0 || column >= width)
            continue;
          auto from = image.begin() + (row * width + column) * channels;
          std::copy(from, from + channels, matrix.begin() + int64_t(at));
        }
  return matrix;
}

template <typename T>
static bool convolve(Execution &execution, const View &acc, const View &a,
                     const View &b) {
  std::vector<T> image, weights, sums(size_t(acc.elements()));
  if ((execution.flag(OperandName::Accumulate) && !execution.load(acc, sums)) ||
      !execution.load(a, image) || !execution.load(b, weights))
    return false;
  int64_t depth = b.sizes[0] * b.sizes[1] * b.sizes[2];
  std::vector<T> matrix = windows(execution, acc, a, b, image);
  addProducts(sums.data(), matrix.data(), weights.data(),
              acc.sizes[0] * acc.sizes[1], depth, b.sizes[3], 0, depth);
  return execution.store(acc, sums);
}

static bool convolution(Execution &execution) {
  View acc, a, b;
  if (!accumulator(execution, acc) || !execution.view(OperandName::A, a) ||
      !execution.view(OperandName::B, b) ||
      !execution.rank(acc, OperandName::Acc, 3) ||
      !execution.rank(a, OperandName::A, 3) ||
      !execution.rank(b, OperandName::B, 4) ||
      !inScratchpad(execution, a, OperandName::A) ||
      !inScratchpad(execution, b, OperandName::B))
    return false;
  if (a.sizes[2] != b.sizes[2] || acc.sizes[2] != b.sizes[3])
    return execution.fail(FaultKind::Shape, "acc " + describeView(acc) +
                                                " from a " + describeView(a) +
                                                " and b " + describeView(b));
  if (!checkTypes(execution, a.type, b.type, acc.type, false))
    return false;
  if (!execution.data())
    return true;
  return isInteger(a.type) ? convolve<int32_t>(execution, acc, a, b)
                           : convolve<float>(execution, acc, a, b);
}

/// An operand of a drain's epilogue; empty where it is left out.
static bool epilogue(Execution &execution, OperandName name, const View &dst,
                     std::vector<float> &values) {
  if (!execution.has(name))
    return true;
  View view;
  if (!execution.view(name, view) ||
      !execution.sameShape(dst, OperandName::Dst, view, name) ||
      !inScratchpad(execution, view, name) || !execution.apart(dst, view, name))
    return false;
  return !execution.data() || execution.load(view, values);
}

static bool drain(Execution &execution) {
  View dst, acc;
  if (!execution.view(OperandName::Dst, dst) ||
      !execution.view(OperandName::Acc, acc) ||
      !execution.result(dst, OperandName::Dst) ||
      !execution.sameShape(dst, OperandName::Dst, acc, OperandName::Acc) ||
      !inScratchpad(execution, dst, OperandName::Dst))
    return false;
  if (acc.space != Space::Accumulator)
    return execution.fail(FaultKind::Reach, "acc is not in the accumulators");
  std::vector<float> scale, scale2, bias, other;
  if (!epilogue(execution, OperandName::Scale, dst, scale) ||
      !epilogue(execution, OperandName::Scale2, dst, scale2) ||
      !epilogue(execution, OperandName::Bias, dst, bias) ||
      !epilogue(execution, OperandName::Other, dst, other))
    return false;
  if (!execution.data())
    return true;
  auto activation = Activation(execution.number(OperandName::Activation));
  auto combine = Combine(execution.number(OperandName::Combine));
  bool exact = acc.type == ElementType::I32 && isInteger(dst.type) &&
               scale.empty() && scale2.empty() && bias.empty() &&
               other.empty() && activation == Activation::None;
  if (exact) {
    std::vector<int32_t> integers;
    return execution.load(acc, integers) && execution.store(dst, integers);
  }
  std::vector<float> values;
  if (!execution.load(acc, values))
    return false;
  for (size_t i = 0; i < values.size(); ++i) {
    float value = values[i];
    if (!scale.empty())
      value = value * scale[i];
    if (!scale2.empty())
      value = value * scale2[i];
    if (!bias.empty())
      value = value + bias[i];
    value = activate(activation, value);
    if (combine == Combine::Add)
      value = value + other[i];
    else if (combine == Combine::Mul)
      value = value * other[i];
    values[i] = value;
  }
  return execution.store(dst, values);
}

static bool loadAccumulators(Execution &execution) {
  View acc, a;
  if (!accumulator(execution, acc) || !execution.view(OperandName::A, a) ||
      !execution.sameShape(acc, OperandName::Acc, a, OperandName::A) ||
      !inScratchpad(execution, a, OperandName::A))
    return false;
  if (!execution.data())
    return true;
  if (isInteger(a.type) && isInteger(acc.type)) {
    std::vector<int32_t> values;
    return execution.load(a, values) && execution.store(acc, values);
  }
  std::vector<float> values;
  return execution.load(a, values) && execution.store(acc, values);
}

bool narae::npu::executeTensor(Execution &execution) {
  switch (execution.instruction.opcode) {
  case Opcode::Matmul:
    return matmul(execution);
  case Opcode::Conv:
    return convolution(execution);
  case Opcode::Drain:
    return drain(execution);
  default:
    return loadAccumulators(execution);
  }
}
