//===- Tensor.cpp - Operations of the tensor engine -----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/isa/Numbers.h"
#include "backends/npu/simulator/reference/Functions.h"
#include "backends/npu/simulator/reference/ReferenceDatapath.h"

#include <cmath>

using namespace narae::npu;

/// sums[m, n] += sum over k in [begin, end) of a[m, k] * b[k, n], k ascending,
/// each step one fused multiply-add in f32.
static void addProducts(float *sums, const float *a, const float *b,
                        int64_t rows, int64_t depth, int64_t width,
                        int64_t begin, int64_t end) {
  for (int64_t m = 0; m < rows; ++m)
    for (int64_t n = 0; n < width; ++n)
      for (int64_t k = begin; k < end; ++k)
        sums[m * width + n] =
            std::fma(a[m * depth + k], b[k * width + n], sums[m * width + n]);
}

/// The same in i32 modulo 2^32.
static void addProducts(int32_t *sums, const int32_t *a, const int32_t *b,
                        int64_t rows, int64_t depth, int64_t width,
                        int64_t begin, int64_t end) {
  for (int64_t m = 0; m < rows; ++m)
    for (int64_t k = begin; k < end; ++k) {
      uint32_t factor = uint32_t(a[m * depth + k]);
      for (int64_t n = 0; n < width; ++n) {
        int32_t &sum = sums[m * width + n];
        sum = int32_t(uint32_t(sum) + factor * uint32_t(b[k * width + n]));
      }
    }
}

/// b * scale + offset in the type of a, as the array sees it.
static void dequantize(ReferenceDatapath &path, const Operation &operation,
                       std::vector<float> &weights) {
  std::vector<float> scales, offsets;
  path.load(operation.scale, scales);
  if (present(operation.offset))
    path.load(operation.offset, offsets);
  ElementType type = operation.a.type;
  int64_t depth = operation.b.sizes[0], width = operation.b.sizes[1];
  int64_t group = operation.number(OperandName::Group);
  for (int64_t k = 0; k < depth; ++k)
    for (int64_t n = 0; n < width; ++n) {
      float &weight = weights[size_t(k * width + n)];
      size_t at = size_t(k / group * width + n);
      float sum = offsets.empty() ? weight * scales[at]
                                  : std::fma(weight, scales[at], offsets[at]);
      weight = toFloat(type, fromFloat(type, sum));
    }
}

void ReferenceDatapath::matmul(const Operation &operation) {
  const View &acc = operation.acc, &a = operation.a, &b = operation.b;
  int64_t rows = a.sizes[0], depth = a.sizes[1], width = b.sizes[1];
  auto mode = MatmulMode(operation.number(OperandName::Mode));
  bool accumulate = operation.flag(OperandName::Accumulate);
  int64_t group = operation.number(OperandName::Group);
  bool integers = isInteger(a.type), grouped = mode == MatmulMode::Grouped;
  std::vector<float> sums(size_t(rows * width)), left, right;
  std::vector<int32_t> integerSums(size_t(integers ? rows * width : 0));
  if (accumulate && acc.type == ElementType::I32)
    load(acc, integerSums);
  else if (accumulate)
    load(acc, sums);
  if (integers) {
    std::vector<int32_t> left, right;
    load(a, left);
    load(b, right);
    if (!grouped) {
      addProducts(integerSums.data(), left.data(), right.data(), rows, depth,
                  width, 0, depth);
      return store(acc, integerSums);
    }
    std::vector<float> factors;
    load(operation.scale, factors);
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
    return store(acc, sums);
  }
  load(a, left);
  load(b, right);
  if (mode == MatmulMode::Dequant)
    dequantize(*this, operation, right);
  if (!grouped) {
    addProducts(sums.data(), left.data(), right.data(), rows, depth, width, 0,
                depth);
    return store(acc, sums);
  }
  std::vector<float> factors, partial(sums.size());
  load(operation.scale, factors);
  for (int64_t begin = 0; begin < depth; begin += group) {
    std::fill(partial.begin(), partial.end(), 0.0f);
    addProducts(partial.data(), left.data(), right.data(), rows, depth, width,
                begin, std::min(depth, begin + group));
    for (int64_t i = 0; i < rows * width; ++i)
      sums[size_t(i)] = std::fma(
          partial[size_t(i)],
          factors[size_t(begin / group * width + i % width)], sums[size_t(i)]);
  }
  return store(acc, sums);
}

/// Rows of a convolution's windows as a matrix [Y*X, I*J*C], zeros outside.
template <typename T>
static std::vector<T> windows(const Operation &operation,
                              const std::vector<T> &image) {
  const View &acc = operation.acc, &a = operation.a, &b = operation.b;
  auto number = [&](OperandName name) { return operation.number(name); };
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
static void convolve(ReferenceDatapath &path, const Operation &operation) {
  const View &acc = operation.acc, &b = operation.b;
  std::vector<T> image, weights, sums(size_t(acc.elements()));
  if (operation.flag(OperandName::Accumulate))
    path.load(acc, sums);
  path.load(operation.a, image);
  path.load(b, weights);
  int64_t depth = b.sizes[0] * b.sizes[1] * b.sizes[2];
  std::vector<T> matrix = windows(operation, image);
  addProducts(sums.data(), matrix.data(), weights.data(),
              acc.sizes[0] * acc.sizes[1], depth, b.sizes[3], 0, depth);
  path.store(acc, sums);
}

void ReferenceDatapath::convolution(const Operation &operation) {
  if (isInteger(operation.a.type))
    convolve<int32_t>(*this, operation);
  else
    convolve<float>(*this, operation);
}

void ReferenceDatapath::drain(const Operation &operation) {
  const View &dst = operation.dst, &acc = operation.acc;
  auto activation = Activation(operation.number(OperandName::Activation));
  auto combine = Combine(operation.number(OperandName::Combine));
  std::vector<float> values, scale, scale2, bias, other;
  auto factors = [&](const View &view, std::vector<float> &values) {
    if (present(view))
      load(view, values);
    return present(view);
  };
  // No lazy `or`: all of them are loaded.
  bool changes = factors(operation.scale, scale);
  changes |= factors(operation.scale2, scale2);
  changes |= factors(operation.bias, bias);
  changes |= factors(operation.other, other);
  changes |= activation != Activation::None;
  if (!changes && acc.type == ElementType::I32 && isInteger(dst.type)) {
    std::vector<int32_t> integers;
    load(acc, integers);
    return store(dst, integers);
  }
  load(acc, values);
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
  store(dst, values);
}

void ReferenceDatapath::loadAccumulators(const Operation &operation) {
  if (operation.integers) {
    std::vector<int32_t> values;
    load(operation.a, values);
    return store(operation.acc, values);
  }
  std::vector<float> values;
  load(operation.a, values);
  store(operation.acc, values);
}
