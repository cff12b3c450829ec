//===- PanelBlock.cpp - Panel blocks in vector registers ------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/PanelBlock.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;
using Layout = BlockPanelLayout;

GroupScales PanelBlock::blockScales(Value block, unsigned part) {
  Type f16 = v.b.getF16Type();
  int64_t shift = 2 * part * v.v.lanes;
  GroupScales result;
  result.scale = v.loadWide(f16, v.at(block, layout.blockScalesAt() + shift));
  if (layout.blockMins)
    result.min = v.loadWide(f16, v.at(block, layout.blockMinsAt() + shift));
  result.subtractsMin = layout.subMins;
  return result;
}

GroupScales PanelBlock::groupScales(const GroupScales &block, Value group,
                                    unsigned h, unsigned part) {
  if (!layout.subScales)
    return block;
  int64_t shift = part * v.v.lanes + (layout.subScales == 2 ? 16 * h : 0);
  GroupScales result = block;
  result.scale = v.v.mul(
      block.scale, v.loadByteFloats(v.at(group, layout.scalesAt() + shift),
                                    layout.signedScales));
  if (layout.subMins)
    result.min =
        v.v.mul(block.min,
                v.loadByteFloats(v.at(group, layout.minsAt() + shift), false));
  return result;
}

SmallVector<Value, 8> PanelBlock::codes(Value group, unsigned part) {
  int64_t shift = part * v.bytes;
  auto line = [&](int64_t from, int64_t i) {
    return v.loadBytes(v.at(group, from + 64 * i + shift));
  };
  SmallVector<Value, 8> u(8);
  auto pairsOf = [&](int64_t from, function_ref<void(unsigned, Value)> use) {
    for (unsigned h = 0; h < 2; ++h) {
      Value pairs = line(from, h);
      for (unsigned l = 0; l < 4; ++l)
        use(4 * h + l, v.band(v.shr(pairs, 2 * l), v.splat8(3)));
    }
  };
  if (layout.low == Layout::Nibbles) {
    for (unsigned l = 0; l < 4; ++l) {
      Value both = line(0, l);
      u[l] = v.band(both, v.splat8(15));
      u[4 + l] = v.band(v.shr(both, 4), v.splat8(15));
    }
  } else if (layout.low == Layout::Bytes) {
    for (unsigned i = 0; i < 8; ++i)
      u[i] = line(0, i);
  } else {
    pairsOf(0, [&](unsigned i, Value pair) { u[i] = pair; });
  }
  if (layout.highBytes == 128) {
    Value up = v.splat8(1 << layout.highShift);
    pairsOf(layout.lowBytes, [&](unsigned i, Value pair) {
      u[i] = v.bor(u[i], v.b.create<arith::MulIOp>(v.loc, pair, up));
    });
  } else if (layout.highBytes == 64) {
    for (unsigned i = 0; i < 8; ++i) {
      Value word = v.at(group, layout.lowBytes + 8 * i + shift / 8);
      u[i] = v.bor(u[i], v.spreadBits(word, 1 << layout.highShift));
    }
  }
  if (layout.isTable) {
    SmallVector<uint8_t> table;
    for (int8_t value : codegen::kIq4Values)
      table.push_back(uint8_t(value + layout.offset));
    for (Value &code : u)
      code = v.lookup(table, code);
  }
  return u;
}

void cpu::decodeGroup(PanelBlock &block, ArrayRef<GroupScales> scales,
                      Value group, Value to, int64_t ld, bool exact) {
  ByteVectors &v = block.v;
  for (unsigned part = 0; part < block.parts(); ++part) {
    auto codes = block.codes(group, part);
    for (unsigned h = 0; h < 2; ++h) {
      GroupScales s = block.groupScales(scales[part], group, h, part);
      Value min = s.min;
      if (min && s.subtractsMin)
        min = v.b.create<arith::NegFOp>(v.loc, min);
      for (unsigned l = 0; l < 4; ++l)
        for (unsigned i = 0; i < 4; ++i) {
          Value u = v.byteAsFloat(codes[4 * h + l], i, block.offset());
          Value x = !min    ? v.v.mul(u, s.scale)
                    : exact ? v.v.add(v.v.mul(u, s.scale), min)
                            : v.v.fma(u, s.scale, min);
          int64_t k = 16 * h + 4 * l + i;
          v.store(x, v.v.at(to, k * ld + part * v.v.lanes));
        }
    }
  }
}
