//===- PanelBlock.h - Panel blocks in vector registers ----------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Reads the layout of lib/codegen/BlockPanels.h. The 16 rows of a panel are
// one vector of lanes, or two: `part` says which.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_COMPILER_KERNELS_PANELBLOCK_H
#define NARAE_BACKENDS_CPU_COMPILER_KERNELS_PANELBLOCK_H

#include "backends/cpu/compiler/kernels/ByteVectors.h"
#include "lib/codegen/BlockPanels.h"

namespace narae::cpu {

using codegen::BlockPanelLayout;

/// Scales [lanes] f32 of a group or of a half of one. `min` is null where
/// there are no minima; it is then to be subtracted or added as they say.
struct GroupScales {
  Value scale, min;
  bool subtractsMin = false;
};

class PanelBlock {
public:
  PanelBlock(ByteVectors &bytes, const BlockPanelLayout &layout)
      : v(bytes), layout(layout) {}

  unsigned parts() const { return BlockPanelLayout::rows / v.v.lanes; }
  /// What the rows have once for a block: scale and, where there are, minima.
  GroupScales blockScales(Value block, unsigned part);
  /// The same for half h of a group.
  GroupScales groupScales(const GroupScales &block, Value group, unsigned h,
                          unsigned part);
  /// The bytes u of vector (l, h), for l = 0 .. 3 and h = 0, 1 at 4 h + l.
  llvm::SmallVector<Value, 8> codes(Value group, unsigned part);
  /// What u is too large by.
  int64_t offset() const { return layout.offset; }

  ByteVectors &v;
  const BlockPanelLayout &layout;
};

/// Writes the numbers of rows [0, 16) and k [32 g, 32 g + 32) of a panel block
/// as f32: k by k, at a distance of `ld` floats.
void decodeGroup(PanelBlock &block, llvm::ArrayRef<GroupScales> scales,
                 Value group, Value to, int64_t ld, bool exact);

} // namespace narae::cpu

#endif // NARAE_BACKENDS_CPU_COMPILER_KERNELS_PANELBLOCK_H
