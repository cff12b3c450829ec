//===- PackRows.h - Rows of GGUF's blocks into panel blocks -----*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// From rows as a GGUF file has them to the planes of lib/codegen/BlockPanels.h.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_COMPILER_KERNELS_PACKROWS_H
#define NARAE_BACKENDS_CPU_COMPILER_KERNELS_PACKROWS_H

#include "backends/cpu/compiler/kernels/RowBlocks.h"

namespace narae::cpu {

/// Packs blocks of the 16 rows of a panel.
class RowPacker {
public:
  RowPacker(KernelContext &k, VectorBuilder &v,
            const codegen::BlockPanelLayout &layout, const PanelRows &rows)
      : k(k), v(v), b8(v), layout(layout), in(k, v, layout, rows) {}

  /// `blocks` (index) blocks of the panel; writes them to `to`, one behind the
  /// other.
  void panel(Value blocks, Value to);

private:
  void block(Value offset, Value to, int64_t part);
  void lowPlane(int64_t g, Value to);
  void highPlane(int64_t g, Value to);
  void groupScales(int64_t g);
  void blockScales();
  void storeNarrow(Value words, unsigned bits, int64_t offset);

  KernelContext &k;
  VectorBuilder &v;
  ByteVectors b8;
  const codegen::BlockPanelLayout &layout;
  RowBlocks in;

  /// Of the block that is being packed.
  Value target;
  int64_t part = 0;
};

} // namespace narae::cpu

#endif // NARAE_BACKENDS_CPU_COMPILER_KERNELS_PACKROWS_H
