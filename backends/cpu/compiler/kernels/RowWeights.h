//===- RowWeights.h - Weights as checkpoints store them ---------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A row of weights, in the model's own file: narrow floats, or GGUF's blocks.
// Numbers come out as vectors along the row, and are computed in f32.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_COMPILER_KERNELS_ROWWEIGHTS_H
#define NARAE_BACKENDS_CPU_COMPILER_KERNELS_ROWWEIGHTS_H

#include "backends/cpu/compiler/kernels/ByteVectors.h"
#include "lib/codegen/BlockPanels.h"

namespace narae::cpu {

class RowWeights {
public:
  /// `element` is a float type of at most 16 bits, or !fm.block.
  RowWeights(KernelContext &k, VectorBuilder &v, mlir::Type element);

  /// Numbers that one call of chunks() covers, and their bytes.
  int64_t elements() const { return unit; }
  int64_t bytes() const { return unitBytes; }
  /// `lanes` numbers from k on: scale * code + min, scale and min null where
  /// there is none.
  struct Chunk {
    int64_t k;
    Value code, scale, min;
  };
  /// All numbers of a unit at `from`, in order.
  void chunks(Value from, llvm::function_ref<void(const Chunk &)> use);
  /// The vector of a chunk's numbers, divided by factor().
  Value number(const Chunk &chunk);
  double factor() const {
    return layout ? 1 : ByteVectors::narrowFactor(element);
  }

private:
  void block(Value from, llvm::function_ref<void(const Chunk &)> use);
  /// Bits [shift, shift + width) of `lanes` bytes, as i32.
  Value bits(Value from, int64_t at, int64_t shift, int64_t width);
  Value codes(Value from, int64_t k);
  std::pair<Value, Value> scales(Value from, int64_t k);

  KernelContext &k;
  VectorBuilder &v;
  ByteVectors b8;
  mlir::Type element;
  const codegen::BlockPanelLayout *layout = nullptr;
  int64_t unit, unitBytes;
};

/// Factors of so many numbers of a row: of number i * step on in rows[j], the
/// scalar at(j, i).
struct RowScales {
  int64_t step;
  llvm::function_ref<Value(int64_t j, Value i)> at;
};

/// Rows of f32 at `x`, `ld` floats apart, by `count` rows of weights at
/// `rows[i]`: height * rows.size() sums, of x row i and weights row j at
/// i * rows.size() + j. `scales` may be null; its steps are whole units, or
/// longer than a row.
llvm::SmallVector<Value> rowProduct(KernelContext &k, VectorBuilder &v,
                                    RowWeights &weights,
                                    llvm::ArrayRef<Value> rows, int64_t depth,
                                    Value x, int64_t ld, int64_t height,
                                    const RowScales *scales = nullptr);

} // namespace narae::cpu

#endif // NARAE_BACKENDS_CPU_COMPILER_KERNELS_ROWWEIGHTS_H
