//===- Tensor.cpp - Products in vectors -----------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/simulator/cpu/CpuDatapath.h"

#include <algorithm>
#include <cmath>

using namespace narae::npu;
using namespace narae::npu::cpu;

// Slots of intermediate values, see `take`.
static constexpr size_t sumSlot = 3, leftSlot = 4, rightSlot = 5, rowSlot = 6,
                        partialSlot = 7;

/// Rows `begin` to `end` of a view of rank 2.
static View rowsOf(const View &view, int64_t begin, int64_t end) {
  View rows = view;
  rows.sizes[0] = end - begin;
  rows.base += begin * view.strides[0] * bitsOf(view.type) / 8;
  return rows;
}

/// Whether rows of b can be taken as they are.
static bool isDirect(const View &b) {
  return (b.strides[1] == 1 || b.sizes[1] == 1) &&
         (b.type == ElementType::F32 || b.type == ElementType::F16 ||
          b.type == ElementType::BF16);
}

static Weights weightsOf(ElementType type) {
  if (type == ElementType::F16)
    return Weights::F16;
  return type == ElementType::BF16 ? Weights::BF16 : Weights::F32;
}

/// Adds products of k from `begin` to `end`; a, sums and sizes are those of
/// all of k.
void CpuDatapath::addWeights(const Operation &operation, Products all,
                             int64_t begin, int64_t end) {
  const View &b = operation.b;
  auto mode = MatmulMode(operation.number(OperandName::Mode));
  int64_t group = std::max<int64_t>(operation.number(OperandName::Group), 1);
  all.a += begin;
  if (mode != MatmulMode::Dequant && isDirect(b)) {
    if (uint8_t *base = this->begin(b)) {
      int64_t width = bitsOf(b.type) / 8;
      all.b = base + begin * b.strides[0] * width;
      all.bStride = b.strides[0] * width;
      all.depth = end - begin;
      return kernels.products[size_t(weightsOf(b.type))](all);
    }
  }
  // In blocks that stay in the cache; those of 4 bits begin at whole bytes.
  constexpr int64_t block = 128;
  int64_t width = all.width;
  float *right = take(rightSlot, block * width);
  for (int64_t from = begin; from < end; from += block) {
    int64_t to = std::min(end, from + block), rows = to - from;
    bool contiguous = b.strides[1] == 1 || width == 1;
    if (contiguous || b.strides[0] != 1 || bitsOf(b.type) < 8) {
      loadFloats(rowsOf(b, from, to), right);
    } else {
      // Along the columns, where elements lie together, then turned.
      View turned = rowsOf(b, from, to);
      std::swap(turned.sizes[0], turned.sizes[1]);
      std::swap(turned.strides[0], turned.strides[1]);
      float *columns = take(partialSlot, rows * width);
      loadFloats(turned, columns);
      for (int64_t n = 0; n < width; n += 16)
        for (int64_t k = 0; k < rows; ++k)
          for (int64_t j = n; j < std::min(width, n + 16); ++j)
            right[k * width + j] = columns[j * rows + k];
    }
    if (mode == MatmulMode::Dequant) {
      bool half = operation.a.type == ElementType::F16;
      float *scales = take(rowSlot, 2 * width), *offsets = scales + width;
      int64_t last = -1;
      for (int64_t k = from; k < to; ++k) {
        if (k / group != last) {
          last = k / group;
          loadFloats(rowsOf(operation.scale, last, last + 1), scales);
          if (present(operation.offset))
            loadFloats(rowsOf(operation.offset, last, last + 1), offsets);
        }
        kernels.dequantize(right + (k - from) * width, scales,
                           present(operation.offset) ? offsets : nullptr, half,
                           width);
      }
    }
    Products part = all;
    part.b = reinterpret_cast<const uint8_t *>(right);
    part.bStride = width * int64_t(sizeof(float));
    part.depth = rows;
    kernels.products[size_t(Weights::F32)](part);
    all.a += rows;
  }
}

void CpuDatapath::addProducts(const Operation &operation, float *sums,
                              int64_t stride) {
  const View &a = operation.a;
  Products products;
  products.rows = a.sizes[0];
  products.depth = a.sizes[1];
  products.width = operation.b.sizes[1];
  products.aStride = products.depth;
  float *left = take(leftSlot, products.rows * products.depth);
  loadFloats(a, left);
  products.a = left;
  products.sums = sums;
  products.sumStride = stride;
  if (MatmulMode(operation.number(OperandName::Mode)) != MatmulMode::Grouped)
    return addWeights(operation, products, 0, products.depth);
  int64_t group = operation.number(OperandName::Group);
  int64_t width = products.width;
  std::vector<float> partial(size_t(products.rows * width)),
      factors((size_t(width)));
  products.sums = partial.data();
  products.sumStride = width;
  for (int64_t begin = 0; begin < products.depth; begin += group) {
    std::fill(partial.begin(), partial.end(), 0.0f);
    addWeights(operation, products, begin,
               std::min(products.depth, begin + group));
    loadFloats(rowsOf(operation.scale, begin / group, begin / group + 1),
               factors.data());
    for (int64_t m = 0; m < products.rows; ++m) {
      float *values = partial.data() + m * width;
      kernels.fma(values, factors.data(), sums + m * stride, width);
      std::copy(values, values + width, sums + m * stride);
    }
  }
}

/// Whether rows of a view of 4 bits begin at whole bytes, for `rowsOf`.
static bool wholeRows(const View &view) {
  return bitsOf(view.type) >= 8 || view.strides[0] % 2 == 0;
}

bool CpuDatapath::fastMatmul(const Operation &operation) {
  const View &acc = operation.acc;
  if (!wholeRows(operation.b))
    return false;
  bool accumulate = operation.flag(OperandName::Accumulate);
  int64_t rows = acc.sizes[0], width = acc.sizes[1];
  if (rows == 0 || width == 0)
    return true;
  // The accumulators themselves where they lie in rows.
  uint8_t *base = begin(acc);
  bool inPlace = base && acc.strides[1] == 1 && acc.strides[0] >= 0;
  int64_t stride = inPlace ? acc.strides[0] : width;
  float *sums =
      inPlace ? reinterpret_cast<float *>(base) : take(sumSlot, rows * width);
  if (!accumulate)
    for (int64_t m = 0; m < rows; ++m)
      std::fill(sums + m * stride, sums + m * stride + width, 0.0f);
  else if (!inPlace)
    loadFloats(acc, sums);
  addProducts(operation, sums, stride);
  if (!inPlace) {
    storeFloats(acc, sums);
    return true;
  }
  for (int64_t m = 0; m < rows; ++m)
    kernels.canonical(sums + m * stride, width);
  return true;
}

bool CpuDatapath::integerMatmul(const Operation &operation) {
  const View &acc = operation.acc, &a = operation.a, &b = operation.b;
  if (MatmulMode(operation.number(OperandName::Mode)) != MatmulMode::Plain)
    return false;
  int64_t rows = a.sizes[0], depth = a.sizes[1], width = b.sizes[1];
  std::vector<int32_t> sums(size_t(rows * width));
  if (operation.flag(OperandName::Accumulate))
    load(acc, sums);
  // Elements of at most 8 bits are exact in f32.
  float *left = take(leftSlot, rows * depth);
  float *right = take(rightSlot, depth * width);
  loadFloats(a, left);
  loadFloats(b, right);
  std::vector<int32_t> wholes(size_t((rows + width) * depth));
  std::copy(left, left + rows * depth, wholes.begin());
  std::copy(right, right + depth * width, wholes.begin() + rows * depth);
  kernels.integerProducts(sums.data(), wholes.data(),
                          wholes.data() + rows * depth, rows, depth, width);
  store(acc, sums);
  return true;
}

bool CpuDatapath::fastConvolution(const Operation &operation) {
  const View &acc = operation.acc, &a = operation.a, &b = operation.b;
  if (isInteger(a.type) || acc.elements() == 0)
    return false;
  auto number = [&](OperandName name) { return operation.number(name); };
  int64_t height = a.sizes[0], width = a.sizes[1], channels = a.sizes[2];
  int64_t columns = acc.sizes[1], outputs = b.sizes[3];
  int64_t depth = b.sizes[0] * b.sizes[1] * channels;
  float *sums = take(sumSlot, acc.elements());
  if (operation.flag(OperandName::Accumulate))
    loadFloats(acc, sums);
  else
    std::fill(sums, sums + acc.elements(), 0.0f);
  float *image = take(leftSlot, a.elements());
  float *weights = take(rightSlot, b.elements());
  float *windows = take(rowSlot, columns * depth);
  loadFloats(a, image);
  loadFloats(b, weights);
  Products products;
  products.a = windows;
  products.b = reinterpret_cast<const uint8_t *>(weights);
  products.aStride = products.depth = depth;
  products.bStride = outputs * int64_t(sizeof(float));
  products.sumStride = products.width = outputs;
  products.rows = columns;
  for (int64_t y = 0; y < acc.sizes[0]; ++y) {
    // The windows of a row of results, zeros outside of the image.
    float *at = windows;
    for (int64_t x = 0; x < columns; ++x)
      for (int64_t i = 0; i < b.sizes[0]; ++i)
        for (int64_t j = 0; j < b.sizes[1]; ++j, at += channels) {
          int64_t row = y * number(OperandName::StrideY) +
                        i * number(OperandName::DilationY) -
                        number(OperandName::PadTop);
          int64_t column = x * number(OperandName::StrideX) +
                           j * number(OperandName::DilationX) -
                           number(OperandName::PadLeft);
          bool inside =
              row >= 0 && row < height && column >= 0 && column < width;
          const float *from = image + (row * width + column) * channels;
          if (inside)
            std::copy(from, from + channels, at);
          else
            std::fill(at, at + channels, 0.0f);
        }
    products.sums = sums + y * columns * outputs;
    kernels.products[size_t(Weights::F32)](products);
  }
  storeFloats(acc, sums);
  return true;
}
