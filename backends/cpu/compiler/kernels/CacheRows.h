//===- CacheRows.h - Rows of caches as vectors of f32 -----------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Keys and values lie in caches as f32, f16, bf16 or q8_0, a row for each slot
// of a sequence and a group. They are widened in registers where few queries
// meet them, and into scratch memory, a block of keys at a time, where many do.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_COMPILER_KERNELS_CACHEROWS_H
#define NARAE_BACKENDS_CPU_COMPILER_KERNELS_CACHEROWS_H

#include "backends/cpu/compiler/kernels/VectorBuilder.h"

namespace narae::cpu {

/// `lanes` numbers of type f32, f16 or bf16 at a pointer, as f32.
Value loadWide(VectorBuilder &v, mlir::Type type, Value pointer);

class CacheRows {
public:
  /// Rows of `cache`, a block argument whose last dimension is static; only
  /// the first `width` elements of each are read.
  CacheRows(KernelContext &k, VectorBuilder &v, Value cache, int64_t width);

  const int64_t width;
  /// The address of the row of a slot.
  Value row(Value batch, Value group, Value slot) const;
  /// The address `rows` rows further.
  Value after(Value row, Value rows) const;
  /// Elements [i * lanes, (i + 1) * lanes) of a row, which has them.
  Value vector(Value row, int64_t i) const;
  bool isF32() const;
  /// Writes `rows` rows from `row` on as f32, at a distance of `distance`.
  void widen(Value row, Value rows, Value to, int64_t distance) const;

private:
  Value scalar(Value row, int64_t i) const;
  Value blockScale(Value row, int64_t i) const;

  KernelContext &k;
  VectorBuilder &v;
  Value cache;
  mlir::Type type;
  int64_t rowBytes;
};

} // namespace narae::cpu

#endif // NARAE_BACKENDS_CPU_COMPILER_KERNELS_CACHEROWS_H
