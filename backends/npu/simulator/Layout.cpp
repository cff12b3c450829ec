//===- Layout.cpp - Bytes of views ----------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/simulator/Layout.h"

#include <algorithm>
#include <vector>

using namespace narae::npu;

/// Dimensions that place elements, by stride in elements; strides become
/// positive. Returns the offset of the lowest element.
static int64_t sortDimensions(const View &view, Runs &runs) {
  int64_t first = 0;
  for (int axis = 0; axis < view.rank; ++axis) {
    int64_t size = view.sizes[axis], stride = view.strides[axis];
    if (size == 1 || stride == 0)
      continue;
    if (stride < 0) {
      first += stride * (size - 1);
      stride = -stride;
    }
    int at = runs.rank++;
    for (; at > 0 && runs.dimensions[size_t(at - 1)].stride > stride; --at)
      runs.dimensions[size_t(at)] = runs.dimensions[size_t(at - 1)];
    runs.dimensions[size_t(at)] = {size, stride};
  }
  return first;
}

Runs narae::npu::runsOf(const View &view) {
  Runs runs;
  if (view.elements() == 0)
    return runs;
  int64_t bits = bitsOf(view.type), length = 1;
  runs.first = view.base * 8 + sortDimensions(view, runs) * bits;
  int inner = 0;
  while (inner < runs.rank && runs.dimensions[size_t(inner)].stride == length)
    length *= runs.dimensions[size_t(inner++)].size;
  runs.rank -= inner;
  for (int axis = 0; axis < runs.rank; ++axis) {
    runs.dimensions[size_t(axis)] = runs.dimensions[size_t(axis + inner)];
    runs.dimensions[size_t(axis)].stride *= bits;
  }
  runs.length = length * bits;
  return runs;
}

/// The first bit of [begin, end) that runs of the lowest `rank` dimensions
/// from `first` on hold, else -1.
static int64_t firstBit(const Runs &runs, int rank, int64_t first,
                        int64_t begin, int64_t end) {
  int64_t reach = runs.length;
  for (int axis = 0; axis < rank; ++axis) {
    const Runs::Dimension &dimension = runs.dimensions[size_t(axis)];
    reach += dimension.stride * (dimension.size - 1);
  }
  if (first >= end || first + reach <= begin)
    return -1;
  if (rank == 0)
    return std::max(first, begin);
  auto [size, stride] = runs.dimensions[size_t(rank - 1)];
  // Repetitions that reach into the range.
  reach -= stride * (size - 1);
  int64_t low = std::max<int64_t>(0, (begin - first - reach) / stride);
  int64_t best = -1;
  for (int64_t i = low; i < size && first + i * stride < end; ++i) {
    int64_t found = firstBit(runs, rank - 1, first + i * stride, begin, end);
    if (found >= 0 && (best < 0 || found < best))
      best = found;
  }
  return best;
}

int64_t Runs::firstShared(int64_t begin, int64_t end) const {
  int64_t bit = length ? firstBit(*this, rank, first, begin * 8, end * 8) : -1;
  return bit < 0 ? -1 : bit >> 3;
}

bool narae::npu::extent(const View &view, int64_t &begin, int64_t &end) {
  begin = end = view.base;
  if (view.elements() == 0)
    return true;
  __int128 low = 0, high = 0;
  for (int axis = 0; axis < view.rank; ++axis) {
    __int128 reach = __int128(view.strides[axis]) * (view.sizes[axis] - 1);
    (reach < 0 ? low : high) += reach;
  }
  __int128 bits = bitsOf(view.type), base = __int128(view.base) * 8;
  low = (base + low * bits) >> 3;
  high = (base + (high + 1) * bits + 7) >> 3;
  if (low < INT64_MIN || high > INT64_MAX)
    return false;
  begin = int64_t(low), end = int64_t(high);
  return true;
}

bool narae::npu::elementsApart(const View &view) {
  if (view.elements() == 0)
    return true;
  for (int axis = 0; axis < view.rank; ++axis)
    if (view.sizes[axis] > 1 && view.strides[axis] == 0)
      return false;
  Runs runs;
  int64_t reach = 1;
  sortDimensions(view, runs);
  for (int axis = 0; axis < runs.rank; ++axis) {
    auto [size, stride] = runs.dimensions[size_t(axis)];
    if (stride < reach)
      return false;
    reach += stride * (size - 1);
  }
  return true;
}

bool narae::npu::overlap(const View &a, const View &b) {
  if (a.space != b.space || a.unit != b.unit)
    return false;
  int64_t aBegin, aEnd, bBegin, bEnd;
  extent(a, aBegin, aEnd);
  extent(b, bBegin, bEnd);
  if (aBegin >= bEnd || bBegin >= aEnd)
    return false;
  using Run = std::pair<int64_t, int64_t>;
  auto within = [](const View &view, int64_t from, int64_t to) {
    std::vector<Run> runs;
    forEachRun(runsOf(view), [&](int64_t begin, int64_t end) {
      if (begin < to && from < end)
        runs.push_back({begin, end});
      return true;
    });
    std::sort(runs.begin(), runs.end());
    return runs;
  };
  std::vector<Run> left = within(a, bBegin, bEnd);
  std::vector<Run> right = within(b, aBegin, aEnd);
  for (size_t i = 0, j = 0; i < left.size() && j < right.size();) {
    if (left[i].second <= right[j].first)
      ++i;
    else if (right[j].second <= left[i].first)
      ++j;
    else
      return true;
  }
  return false;
}
