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

namespace {
struct Dimension {
  int64_t size, stride;
};
} // namespace

/// Dimensions that place elements, by stride; strides become positive and
/// `first` the offset of the lowest element.
static std::vector<Dimension> sortedDimensions(const View &view,
                                               int64_t &first) {
  std::vector<Dimension> result;
  first = 0;
  for (int axis = 0; axis < view.rank; ++axis) {
    int64_t size = view.sizes[axis], stride = view.strides[axis];
    if (size == 1 || stride == 0)
      continue;
    if (stride < 0) {
      first += stride * (size - 1);
      stride = -stride;
    }
    result.push_back({size, stride});
  }
  std::sort(result.begin(), result.end(),
            [](const Dimension &a, const Dimension &b) {
              return a.stride < b.stride;
            });
  return result;
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

bool narae::npu::forEachRun(
    const View &view, const std::function<bool(int64_t, int64_t)> &visit) {
  if (view.elements() == 0)
    return true;
  int64_t first, length = 1;
  std::vector<Dimension> dimensions = sortedDimensions(view, first);
  size_t inner = 0;
  while (inner < dimensions.size() && dimensions[inner].stride == length)
    length *= dimensions[inner++].size;
  int64_t bits = bitsOf(view.type);
  std::vector<int64_t> index(dimensions.size());
  int64_t offset = first;
  while (true) {
    int64_t begin = view.base * 8 + offset * bits;
    if (!visit(begin >> 3, (begin + length * bits + 7) >> 3))
      return false;
    size_t axis = inner;
    for (; axis < dimensions.size(); ++axis) {
      offset += dimensions[axis].stride;
      if (++index[axis] < dimensions[axis].size)
        break;
      offset -= dimensions[axis].stride * dimensions[axis].size;
      index[axis] = 0;
    }
    if (axis == dimensions.size())
      return true;
  }
}

bool narae::npu::elementsApart(const View &view) {
  if (view.elements() == 0)
    return true;
  for (int axis = 0; axis < view.rank; ++axis)
    if (view.sizes[axis] > 1 && view.strides[axis] == 0)
      return false;
  int64_t first, reach = 1;
  for (const Dimension &dimension : sortedDimensions(view, first)) {
    if (dimension.stride < reach)
      return false;
    reach += dimension.stride * (dimension.size - 1);
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
  auto runsOf = [](const View &view, int64_t from, int64_t to) {
    std::vector<Run> runs;
    forEachRun(view, [&](int64_t begin, int64_t end) {
      if (begin < to && from < end)
        runs.push_back({begin, end});
      return true;
    });
    std::sort(runs.begin(), runs.end());
    return runs;
  };
  std::vector<Run> left = runsOf(a, bBegin, bEnd);
  std::vector<Run> right = runsOf(b, aBegin, aEnd);
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
