//===- Dequantize.cpp - Elements of packed and quantised weights ----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/BlockPanels.h"
#include "lib/codegen/Blocks.h"
#include "lib/codegen/elemental/Helpers.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;

/// Elements of blocks are numbers as soon as they are in registers.
static Value dequantize(KernelContext &k, Operation *op, unsigned,
                        ValueRange indices) {
  auto dequantize = cast<fm::DequantizeOp>(op);
  Value x = k.element(dequantize.getInput(), indices);
  if (!x || !dequantize.getScale())
    return x;
  Indices at(indices.begin(), indices.end());
  size_t rank = at.size();
  at[rank - 2] =
      k.divI(at[rank - 2], k.index(int64_t(dequantize.getScaleRows())));
  at[rank - 1] =
      k.divI(at[rank - 1], k.index(int64_t(dequantize.getScaleColumns())));
  Value scale = k.element(dequantize.getScale(), at);
  if (!scale)
    return {};
  Value wide = convert(k, x, elementOf(dequantize.getInput()),
                       elementOf(dequantize.getResult()));
  return k.b.create<arith::MulFOp>(k.loc, wide, scale);
}

static Value unpackPanels(KernelContext &k, Operation *op, unsigned,
                          ValueRange indices) {
  auto unpack = cast<fm::UnpackPanelsOp>(op);
  size_t rank = indices.size();
  Value column = indices[rank - (unpack.getTransposed() ? 2 : 1)];
  Value row = indices[rank - (unpack.getTransposed() ? 1 : 2)];
  Value width = k.expr(k.dims(unpack.getInput()).back());
  Indices at = llvm::to_vector<6>(indices.drop_back(2));
  at.append({k.divI(column, width), row, k.remI(column, width)});
  return k.element(unpack.getInput(), at);
}

/// A number of a panel block, as BlockPanels.h describes them.
static Value panelNumber(KernelContext &k, const BlockPanelLayout &layout,
                         const ByteReader &r, Value row, Value at) {
  Value thirtyTwo = k.index(32), sixteen = k.index(16);
  Value group = k.mulI(k.divI(at, thirtyTwo), k.index(layout.groupBytes()));
  Value inGroup = k.remI(at, thirtyTwo);
  Value half = k.divI(inGroup, sixteen), h = r.toInt(half);
  Value line = k.divI(k.remI(at, sixteen), k.index(4));
  Value l = r.toInt(line);
  Value byte = k.addI(k.mulI(row, k.index(4)), k.remI(at, k.index(4)));
  auto place = [&](Value which, int64_t from) {
    Value offset = k.addI(k.mulI(which, k.index(64)), byte);
    return r.u8(k.addI(k.addI(group, k.index(from)), offset));
  };
  auto pair = [&](int64_t from) {
    return r.band(r.shr(place(half, from), r.shl(l, 1)), 3);
  };
  Value u;
  if (layout.low == BlockPanelLayout::Nibbles)
    u = r.band(r.shr(place(line, 0), r.shl(h, 2)), 15);
  else if (layout.low == BlockPanelLayout::Bytes)
    u = place(k.addI(k.mulI(half, k.index(4)), line), 0);
  else
    u = pair(0);
  if (layout.highBytes == 128) {
    u = r.bor(u, r.shl(pair(layout.lowBytes), layout.highShift));
  } else if (layout.highBytes == 64) {
    Value word = k.addI(k.mulI(half, k.index(4)), line);
    Value from = k.addI(k.mulI(word, k.index(8)), k.divI(byte, k.index(8)));
    Value bits = r.u8(k.addI(k.addI(group, k.index(layout.lowBytes)), from));
    Value bit = r.band(r.shr(bits, r.band(r.toInt(byte), 7)), 1);
    u = r.bor(u, r.shl(bit, layout.highShift));
  }
  Value twice = k.mulI(row, k.index(2));
  Value d = r.half(k.addI(twice, k.index(layout.blockScalesAt())));
  Value min;
  if (layout.blockMins)
    min = r.half(k.addI(twice, k.index(layout.blockMinsAt())));
  if (layout.subScales) {
    Value sub = layout.subScales == 2 ? k.mulI(half, sixteen) : k.index(0);
    Value place = k.addI(group, k.addI(sub, row));
    Value at = k.addI(place, k.index(layout.scalesAt()));
    Value scale = layout.signedScales ? r.s8(at) : r.u8(at);
    d = r.mul(d, r.toFloat(scale));
    if (layout.subMins)
      min =
          r.mul(min, r.toFloat(r.u8(k.addI(place, k.index(layout.minsAt())))));
  }
  if (layout.isTable)
    u = r.iq4(u);
  else if (layout.offset)
    u = r.sub(u, layout.offset);
  Value product = r.mul(d, r.toFloat(u));
  if (!min)
    return product;
  return layout.subMins ? r.subF(product, min) : r.addF(product, min);
}

static Value blockPanels(KernelContext &k, Operation *op, unsigned,
                         ValueRange indices) {
  auto panels = cast<fm::BlockPanelsOp>(op);
  Value pointer = k.pointerOf(panels.getInput());
  auto format = fm::findBlockFormat(panels.getFormat());
  if (!pointer || !format) {
    k.error(op) << op->getName() << " needs its panels in memory";
    return {};
  }
  const auto &layout = BlockPanelLayout::of(*format);
  size_t rank = indices.size();
  Value n = indices[rank - 2], column = indices[rank - 1];
  Value elements = k.index(fm::blockInfo(*format).elements);
  Value rows = k.index(BlockPanelLayout::rows);
  Indices at = llvm::to_vector<6>(indices.drop_back(2));
  at.append({k.divI(n, rows), k.divI(column, elements), k.index(0)});
  Value base = k.linear(k.dims(panels.getInput()), at);
  return panelNumber(k, layout, ByteReader(k, pointer, base), k.remI(n, rows),
                     k.remI(column, elements));
}

void codegen::registerDequantizeElements(ElementTable &t) {
  t["fm.dequantize"] = {dequantize, ElementCost::Cheap};
  t["fm.unpack_panels"] = {unpackPanels, ElementCost::Free};
  t["fm.block_panels"] = {blockPanels, ElementCost::Cheap};
}
