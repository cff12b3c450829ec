//===- Rows.cpp - Operations of the vector engine, by row -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/simulator/reference/ReferenceDatapath.h"

#include <algorithm>
#include <cmath>

using namespace narae::npu;

/// Whether a is before b among falling values: NaN first.
static bool isAbove(float a, float b) {
  if (std::isnan(a) || std::isnan(b))
    return std::isnan(a) && !std::isnan(b);
  return a > b;
}
static bool isAbove(int32_t a, int32_t b) { return a > b; }
/// Among rising values, NaN first.
static bool isBelow(float a, float b) {
  if (std::isnan(a) || std::isnan(b))
    return std::isnan(a) && !std::isnan(b);
  return a < b;
}
static bool isBelow(int32_t a, int32_t b) { return a < b; }

static float magnitude(float a) { return std::fabs(a); }
static int32_t magnitude(int32_t a) {
  return a < 0 ? int32_t(0 - uint32_t(a)) : a;
}

/// The sixteen sums of the definition.
static float sum(const float *row, size_t count, bool squares) {
  float sums[16] = {};
  for (size_t i = 0; i < count; ++i) {
    float &target = sums[i % 16];
    target = squares ? std::fma(row[i], row[i], target) : target + row[i];
  }
  for (int step = 8; step; step /= 2)
    for (int j = 0; j < step; ++j)
      sums[j] = sums[j] + sums[j + step];
  return sums[0];
}
static int32_t sum(const int32_t *row, size_t count, bool squares) {
  uint32_t total = 0;
  for (size_t i = 0; i < count; ++i)
    total += uint32_t(row[i]) * (squares ? uint32_t(row[i]) : 1);
  return int32_t(total);
}

template <typename T>
static T reduce(Opcode opcode, const T *row, size_t count) {
  switch (opcode) {
  case Opcode::VSum:
    return sum(row, count, false);
  case Opcode::VSumSq:
    return sum(row, count, true);
  default:
    break;
  }
  // The rest chooses one of the elements.
  bool isMinimum = opcode == Opcode::VRowMin || opcode == Opcode::VArgMin;
  bool isAbsolute = opcode == Opcode::VAbsMax;
  size_t best = 0;
  auto at = [&](size_t i) { return isAbsolute ? magnitude(row[i]) : row[i]; };
  for (size_t i = 1; i < count; ++i)
    if (isMinimum ? isBelow(at(i), at(best)) : isAbove(at(i), at(best)))
      best = i;
  if (opcode == Opcode::VArgMax || opcode == Opcode::VArgMin)
    return T(best);
  return at(best);
}

template <typename T, typename Result>
static void reduceRows(ReferenceDatapath &path, const Operation &operation) {
  const View &dst = operation.dst, &a = operation.a;
  std::vector<T> values;
  path.load(a, values);
  size_t row = size_t(a.sizes[a.rank - 1]);
  std::vector<Result> results(size_t(dst.elements()));
  for (size_t i = 0; i < results.size(); ++i) {
    if constexpr (std::is_same_v<T, Result>) {
      results[i] = reduce(operation.opcode, values.data() + i * row, row);
    } else {
      // Indices of floats: beyond 2^24 a float would not hold them.
      size_t best = 0;
      bool isMinimum = operation.opcode == Opcode::VArgMin;
      const T *at = values.data() + i * row;
      for (size_t j = 1; j < row; ++j)
        if (isMinimum ? isBelow(at[j], at[best]) : isAbove(at[j], at[best]))
          best = j;
      results[i] = Result(best);
    }
  }
  path.store(dst, results);
}

void ReferenceDatapath::reduce(const Operation &operation) {
  bool isIndex = operation.opcode == Opcode::VArgMax ||
                 operation.opcode == Opcode::VArgMin;
  if (operation.integers)
    reduceRows<int32_t, int32_t>(*this, operation);
  else if (isIndex)
    reduceRows<float, int32_t>(*this, operation);
  else
    reduceRows<float, float>(*this, operation);
}

template <typename T>
static void scanRows(ReferenceDatapath &path, const Operation &operation) {
  const View &dst = operation.dst, &a = operation.a;
  std::vector<T> values;
  path.load(a, values);
  size_t row = size_t(a.sizes[a.rank - 1]);
  for (size_t i = 0; i < values.size(); ++i) {
    if (i % row == 0)
      continue;
    if constexpr (std::is_same_v<T, float>)
      values[i] = values[i - 1] + values[i];
    else
      values[i] = T(uint32_t(values[i - 1]) + uint32_t(values[i]));
  }
  path.store(dst, values);
}

void ReferenceDatapath::scan(const Operation &operation) {
  if (operation.integers)
    scanRows<int32_t>(*this, operation);
  else
    scanRows<float>(*this, operation);
}

template <typename T>
static void topRows(ReferenceDatapath &path, const Operation &operation) {
  const View &dst = operation.dst, &a = operation.a;
  std::vector<T> values, best;
  path.load(a, values);
  size_t row = size_t(a.sizes[a.rank - 1]);
  size_t count = size_t(dst.sizes[dst.rank - 1]);
  std::vector<int32_t> order(row), chosen;
  for (size_t begin = 0; begin < values.size(); begin += row) {
    for (size_t i = 0; i < row; ++i)
      order[i] = int32_t(i);
    const T *at = values.data() + begin;
    std::partial_sort(order.begin(), order.begin() + ptrdiff_t(count),
                      order.end(), [&](int32_t i, int32_t j) {
                        if (isAbove(at[i], at[j]))
                          return true;
                        return !isAbove(at[j], at[i]) && i < j;
                      });
    for (size_t i = 0; i < count; ++i) {
      best.push_back(at[order[i]]);
      chosen.push_back(order[i]);
    }
  }
  path.store(dst, best);
  path.store(operation.dst2, chosen);
}

void ReferenceDatapath::topK(const Operation &operation) {
  if (operation.integers)
    topRows<int32_t>(*this, operation);
  else
    topRows<float>(*this, operation);
}

template <typename T>
static void gather(ReferenceDatapath &path, const Operation &operation) {
  const View &dst = operation.dst, &a = operation.a;
  const std::vector<int32_t> &indices = operation.indices;
  std::vector<T> values, results(size_t(dst.elements()));
  path.load(a, values);
  if (operation.opcode == Opcode::VPick) {
    size_t row = size_t(dst.sizes[dst.rank - 1]);
    size_t from = size_t(a.sizes[a.rank - 1]);
    for (size_t i = 0; i < results.size(); ++i)
      results[i] = values[i / row * from + size_t(indices[i])];
    return path.store(dst, results);
  }
  size_t row = indices.empty() ? 0 : results.size() / indices.size();
  for (size_t i = 0; i < indices.size(); ++i)
    std::copy_n(values.begin() + ptrdiff_t(size_t(indices[i]) * row), row,
                results.begin() + ptrdiff_t(i * row));
  path.store(dst, results);
}

void ReferenceDatapath::byIndex(const Operation &operation) {
  if (operation.integers)
    gather<int32_t>(*this, operation);
  else
    gather<float>(*this, operation);
}

template <typename T>
static void scatter(ReferenceDatapath &path, const Operation &operation) {
  std::vector<T> old, next;
  path.load(operation.a, next);
  if (operation.flag(OperandName::Accumulate)) {
    path.load(operation.dst, old);
    for (size_t j = 0; j < next.size(); ++j) {
      if constexpr (std::is_same_v<T, float>)
        next[j] = old[j] + next[j];
      else
        next[j] = T(uint32_t(old[j]) + uint32_t(next[j]));
    }
  }
  path.store(operation.dst, next);
}

void ReferenceDatapath::scatterRow(const Operation &operation) {
  if (operation.integers)
    scatter<int32_t>(*this, operation);
  else
    scatter<float>(*this, operation);
}

void ReferenceDatapath::rotary(const Operation &operation) {
  const View &a = operation.a;
  int64_t size = a.sizes[a.rank - 1], half = size / 2;
  std::vector<float> values, c, s;
  load(a, values);
  load(operation.cos, c);
  load(operation.sin, s);
  bool halves =
      Rotation(operation.number(OperandName::Rotation)) == Rotation::Halves;
  for (size_t i = 0; i < c.size(); ++i) {
    size_t row = i / size_t(half) * size_t(size), j = i % size_t(half);
    float &p = values[row + (halves ? j : 2 * j)];
    float &q = values[row + (halves ? j + size_t(half) : 2 * j + 1)];
    float turnedP = std::fma(p, c[i], -(q * s[i]));
    float turnedQ = std::fma(q, c[i], p * s[i]);
    p = turnedP, q = turnedQ;
  }
  store(operation.dst, values);
}
