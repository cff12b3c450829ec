//===- View.h - Where operands lie ---------------------------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A view register's contents: where the elements of an operand lie.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_ISA_VIEW_H
#define NARAE_BACKENDS_NPU_ISA_VIEW_H

#include "backends/npu/isa/Instruction.h"

namespace narae::npu {

/// Elements of one type at `base` + sum of index * stride, in a memory. Sizes
/// and strides are in elements; dimension 0 is the outermost.
struct View {
  Space space = Space::Scratchpad;
  ElementType type = ElementType::F32;
  uint8_t rank = 0; ///< 0: the register was never set
  /// The core, chiplet or pool; a view that is handed to an engine never has
  /// the -1 of "own".
  int32_t unit = 0;
  int64_t base = 0; ///< bytes
  std::array<int64_t, maxRank> sizes{1, 1, 1, 1, 1};
  std::array<int64_t, maxRank> strides{};

  /// Number of elements, repeated ones counted. Saturates.
  int64_t elements() const {
    int64_t count = 1;
    for (int axis = 0; axis < rank; ++axis)
      if (__builtin_mul_overflow(count, sizes[axis], &count))
        return INT64_MAX;
    return count;
  }
  int64_t size(int axis) const { return sizes[axis]; }
  /// Bytes of the elements, halves rounded up.
  int64_t bytes() const {
    int64_t bits;
    if (__builtin_mul_overflow(elements(), int64_t(bitsOf(type)), &bits))
      return INT64_MAX;
    return bits / 8 + (bits % 8 != 0);
  }
};

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_ISA_VIEW_H
