//===- Layout.h - Bytes of views ------------------------------ -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Which bytes the elements of a view are.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_SIMULATOR_LAYOUT_H
#define NARAE_BACKENDS_NPU_SIMULATOR_LAYOUT_H

#include "backends/npu/isa/View.h"

#include <algorithm>

namespace narae::npu {

/// The view's first byte and the one after its last; false where that leaves
/// 64 bits. Both are the base of a view without elements.
bool extent(const View &view, int64_t &begin, int64_t &end);

/// The places of a view's elements, each once: runs of bits that lie together,
/// and how they are repeated. Strides are positive and rise.
struct Runs {
  struct Dimension {
    int64_t size, stride; ///< stride in bits
    bool operator==(const Dimension &o) const {
      return size == o.size && stride == o.stride;
    }
  };
  int64_t first = 0;  ///< bit of the memory
  int64_t length = 0; ///< bits of a run; 0 of a view without elements
  int rank = 0;
  std::array<Dimension, maxRank> dimensions{};

  int64_t count() const {
    int64_t count = length > 0;
    for (int axis = 0; axis < rank; ++axis)
      count *= dimensions[axis].size;
    return count;
  }
  /// The first byte of [begin, end) in which there is an element, else -1.
  int64_t firstShared(int64_t begin, int64_t end) const;
  bool operator==(const Runs &o) const {
    return first == o.first && length == o.length && rank == o.rank &&
           std::equal(dimensions.begin(), dimensions.begin() + rank,
                      o.dimensions.begin());
  }
};
Runs runsOf(const View &view);

/// Calls `visit(begin, end)` for the bytes of each run, along rising addresses
/// where strides nest, until it returns false.
template <typename Visit>
bool forEachRun(const Runs &runs, Visit visit) {
  if (runs.length == 0)
    return true;
  std::array<int64_t, maxRank> index{};
  int64_t begin = runs.first;
  while (true) {
    if (!visit(begin >> 3, (begin + runs.length + 7) >> 3))
      return false;
    int axis = 0;
    for (; axis < runs.rank; ++axis) {
      const Runs::Dimension &dimension = runs.dimensions[size_t(axis)];
      begin += dimension.stride;
      if (++index[size_t(axis)] < dimension.size)
        break;
      begin -= dimension.stride * dimension.size;
      index[size_t(axis)] = 0;
    }
    if (axis == runs.rank)
      return true;
  }
}

/// Bytes of an element that is not packed with others: 4 bits take one.
inline size_t elementBytes(ElementType type) {
  return size_t(std::max(bitsOf(type) / 8, 1));
}

/// Whether no two elements share a place, as far as strides tell: each
/// dimension steps over all of those with smaller strides.
bool elementsApart(const View &view);

/// Whether two views of one memory share bytes.
bool overlap(const View &a, const View &b);

/// Calls `visit(offset, count, stride)` for every row (the last dimension) in
/// row-major order; the offset of its first element, in elements.
template <typename Visit>
void forEachRow(const View &view, Visit visit) {
  if (view.elements() == 0)
    return;
  int last = view.rank - 1;
  std::array<int64_t, maxRank> index{};
  int64_t offset = 0;
  while (true) {
    visit(offset, view.sizes[last], view.strides[last]);
    int axis = last - 1;
    for (; axis >= 0; --axis) {
      offset += view.strides[axis];
      if (++index[axis] < view.sizes[axis])
        break;
      offset -= view.strides[axis] * view.sizes[axis];
      index[axis] = 0;
    }
    if (axis < 0)
      return;
  }
}

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_SIMULATOR_LAYOUT_H
