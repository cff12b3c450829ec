//===- PackRows.cpp - Rows of GGUF's blocks into panel blocks -------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/PackRows.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;

/// The low bits of each lane, one number a row, to `offset` of the target.
void RowPacker::storeNarrow(Value words, unsigned bits, int64_t offset) {
  b8.store(in.narrow(words, bits),
           b8.at(target, offset + part * v.lanes * bits / 8));
}

void RowPacker::lowPlane(int64_t g, Value to) {
  auto line = [&](int64_t i) { return b8.at(to, 64 * i + part * b8.bytes); };
  if (layout.low == BlockPanelLayout::Nibbles) {
    for (int64_t l = 0; l < 4; ++l)
      b8.store(b8.bor(in.lowWord(g, l), in.shl(in.lowWord(g, 4 + l), 4)),
               line(l));
  } else if (layout.low == BlockPanelLayout::Bytes) {
    for (int64_t i = 0; i < 8; ++i)
      b8.store(in.lowWord(g, i), line(i));
  } else {
    for (int64_t h = 0; h < 2; ++h) {
      Value all = in.lowWord(g, 4 * h);
      for (int64_t l = 1; l < 4; ++l)
        all = b8.bor(all, in.shl(in.lowWord(g, 4 * h + l), 2 * l));
      b8.store(all, line(h));
    }
  }
}

void RowPacker::highPlane(int64_t g, Value to) {
  Value high = b8.at(to, layout.lowBytes);
  if (layout.highBytes == 128) {
    for (int64_t h = 0; h < 2; ++h) {
      Value all = in.highPairs(g, 4 * h);
      for (int64_t l = 1; l < 4; ++l)
        all = b8.bor(all, in.shl(in.highPairs(g, 4 * h + l), 2 * l));
      b8.store(all, b8.at(high, 64 * h + part * b8.bytes));
    }
  } else if (layout.highBytes == 64) {
    for (int64_t i = 0; i < 8; ++i) {
      Value isSet = v.b.create<arith::CmpIOp>(v.loc, arith::CmpIPredicate::slt,
                                              b8.asBytes(in.highSigns(g, i)),
                                              b8.splat8(0));
      Value bits = v.b.create<LLVM::BitcastOp>(
          v.loc, v.b.getIntegerType(unsigned(b8.bytes)), isSet);
      b8.store(bits, b8.at(high, 8 * i + part * b8.bytes / 8));
    }
  }
}

void RowPacker::groupScales(int64_t g) {
  int64_t base = g * layout.groupBytes();
  for (int64_t h = 0; h < layout.subScales; ++h) {
    auto [scale, min] = in.subScales(g, h);
    storeNarrow(scale, 8, base + layout.scalesAt() + 16 * h);
    if (layout.subMins)
      storeNarrow(min, 8, base + layout.minsAt() + 16 * h);
  }
}

void RowPacker::blockScales() {
  Value scale = in.blockScale();
  storeNarrow(scale, 16, layout.blockScalesAt());
  if (layout.blockMins)
    storeNarrow(in.shr(scale, 16), 16, layout.blockMinsAt());
}

void RowPacker::block(Value offset, Value to, int64_t number) {
  in.open(offset, number);
  target = to, part = number;
  for (int64_t g = 0; g < layout.groups(); ++g) {
    Value group = b8.at(to, g * layout.groupBytes());
    lowPlane(g, group);
    highPlane(g, group);
    groupScales(g);
  }
  blockScales();
}

void RowPacker::panel(Value blocks, Value to) {
  int64_t bytes = fm::blockInfo(layout.format).bytes;
  k.forLoop(k.index(0), blocks, k.index(1), [&](Value i) {
    Value there = b8.at(to, k.mulI(i, k.index(layout.bytes())));
    for (int64_t part = 0; part < in.parts(); ++part)
      block(k.mulI(i, k.index(bytes)), there, part);
  });
}
