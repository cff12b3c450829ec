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

#include <functional>

namespace narae::npu {

/// The view's first byte and the one after its last; false where that leaves
/// 64 bits. Both are the base of a view without elements.
bool extent(const View &view, int64_t &begin, int64_t &end);

/// Calls `visit(begin, end)` for bytes that lie together, in no particular
/// order, until it returns false. Repeated elements are visited once.
bool forEachRun(const View &view,
                const std::function<bool(int64_t, int64_t)> &visit);

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
