//===- BlockPanels.h - Quantised rows as kernels stream them ----*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The layout of fm.pack_blocks. A panel block holds the blocks of 16 rows at
// one place of K. It is a run of groups of 32 k, then what the rows' blocks
// have once: f16 scales [16] and, in some formats, f16 minima [16].
//
// In a group, number k = 16 h + 4 l + i of row r (h < 2, l < 4, i < 4) belongs
// to vector (l, h), at byte 4 r + i of 64: a vector of bytes is what one dot
// product of 16 rows with four k takes. Its bits are in planes:
//
//   nibbles  256 bytes: line l, low half h = 0, high half h = 1
//   bytes    512 bytes: line 4 h + l
//   pairs    128 bytes: line h, bits [2 l, 2 l + 2)
//   bits      64 bytes: word 4 h + l of 64 bits, bit 4 r + i
//
// and are put together to u, an unsigned byte: nibbles or pairs, then
// `highShift` bits up the pairs or bits. Behind the planes of a group come
// scales of its own, bytes [subScales][16] (one a group, or one a half), and
// minima as many. A number is
//
//   D u + M,  D = d or d * scale,  M = m, -dmin * min or -offset * D.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_CODEGEN_BLOCKPANELS_H
#define NARAE_LIB_CODEGEN_BLOCKPANELS_H

#include "dialects/fm/FmDialect.h"

namespace narae::codegen {

/// One format's panel blocks. Offsets and sizes are bytes.
struct BlockPanelLayout {
  enum Low { Nibbles, Bytes, Pairs };

  fm::BlockFormat format;
  Low low;
  int64_t lowBytes;     ///< of a group
  int64_t highBytes;    ///< 0, 64 for bits, 128 for pairs
  int64_t highShift;    ///< where the high plane goes in u
  int64_t subScales;    ///< of a group: 0, 1 or 2
  bool subMins;         ///< minima beside them
  bool blockMins;       ///< f16 m or dmin of a block
  int64_t offset;       ///< without minima: what u is too large by
  bool signedScales;    ///< subScales are signed bytes
  bool isTable = false; ///< u is a place in the table of iq4_nl

  static const BlockPanelLayout &of(fm::BlockFormat format);
  static constexpr int64_t rows = 16, groupElements = 32;

  int64_t groups() const {
    return fm::blockInfo(format).elements / groupElements;
  }
  int64_t scalesAt() const { return lowBytes + highBytes; }
  int64_t minsAt() const { return scalesAt() + subScales * rows; }
  int64_t groupBytes() const {
    return minsAt() + (subMins ? subScales * rows : 0);
  }
  int64_t blockScalesAt() const { return groups() * groupBytes(); }
  int64_t blockMinsAt() const { return blockScalesAt() + 2 * rows; }
  int64_t bytes() const {
    return blockScalesAt() + 2 * rows * (blockMins ? 2 : 1);
  }
  /// The largest u.
  int64_t maxByte() const;
};

/// The numbers of iq4_nl by nibble.
extern const int8_t kIq4Values[16];

} // namespace narae::codegen

#endif // NARAE_LIB_CODEGEN_BLOCKPANELS_H
