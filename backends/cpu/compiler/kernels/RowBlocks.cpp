//===- RowBlocks.cpp - GGUF's blocks of 16 rows in the lanes --------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/RowBlocks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;
using fm::BlockFormat;

RowBlocks::RowBlocks(KernelContext &k, VectorBuilder &v,
                     const BlockPanelLayout &layout, const PanelRows &rows)
    : k(k), v(v), b8(v), layout(layout), rows(rows) {
  Type i32 = v.b.getI32Type();
  for (int64_t r = 0; r < BlockPanelLayout::rows; ++r) {
    Value row = k.index(r);
    if (rows.last)
      row = k.minI(row, rows.last);
    offsets.push_back(k.mulI(row, rows.rowBytes));
  }
  if (v.lanes != 16) // only the widest vectors gather
    return;
  auto splat = [&](Value index) -> Value {
    Value narrow = v.b.create<arith::IndexCastOp>(v.loc, i32, index);
    return v.b.create<vector::BroadcastOp>(v.loc, b8.i32s, narrow);
  };
  SmallVector<int32_t> numbers;
  for (unsigned i = 0; i < v.lanes; ++i)
    numbers.push_back(int32_t(i));
  Value row = v.b.create<arith::ConstantOp>(
      v.loc, DenseElementsAttr::get(b8.i32s, ArrayRef<int32_t>(numbers)));
  if (rows.last)
    row = v.b.create<arith::MinSIOp>(v.loc, row, splat(rows.last));
  lanes.push_back(v.b.create<arith::MulIOp>(v.loc, row, splat(rows.rowBytes)));
}

void RowBlocks::open(Value offset, int64_t number) {
  here = b8.at(rows.first, offset);
  part = number;
  chunks.clear();
  gathered.clear();
  scales.clear();
}

//===----------------------------------------------------------------------===//
// Words
//===----------------------------------------------------------------------===//

/// Bytes [start, start + 16) of each row's block as four words.
SmallVector<Value, 4> RowBlocks::chunk(int64_t start) {
  SmallVector<Value, 4> &words = chunks[start];
  if (!words.empty())
    return words;
  auto four = VectorType::get({4}, v.b.getI32Type());
  int64_t lanes = v.lanes;
  // Quarter q of vector j is the chunk of row 4 q + j.
  SmallVector<Value, 4> quads;
  for (int64_t j = 0; j < 4; ++j) {
    Value all;
    for (int64_t q = 0; q < lanes / 4; ++q) {
      Value row = b8.at(here, offsets[part * lanes + 4 * q + j]);
      Value piece = b8.load(four, b8.at(row, start));
      if (lanes == 4) {
        all = piece;
        break;
      }
      if (!all)
        all = v.b.create<arith::ConstantOp>(v.loc, v.b.getZeroAttr(b8.i32s));
      all = v.b.create<vector::InsertStridedSliceOp>(
          v.loc, piece, all, ArrayRef<int64_t>{4 * q}, ArrayRef<int64_t>{1});
    }
    quads.push_back(all);
  }
  auto quarters = [&](Value a, Value b, ArrayRef<int64_t> picks) {
    SmallVector<int64_t> all;
    for (int64_t q = 0; q < lanes; q += 4)
      for (int64_t pick : picks)
        all.push_back(q + (pick < 4 ? pick : lanes + pick - 4));
    return v.shuffle(a, b, all);
  };
  for (int64_t h = 0; h < 2; ++h) {
    SmallVector<int64_t, 4> pairs{2 * h, 4 + 2 * h, 2 * h + 1, 5 + 2 * h};
    Value low = quarters(quads[0], quads[1], pairs);
    Value high = quarters(quads[2], quads[3], pairs);
    words.push_back(quarters(low, high, {0, 1, 4, 5}));
    words.push_back(quarters(low, high, {2, 3, 6, 7}));
  }
  return words;
}

Value RowBlocks::word(int64_t base, int64_t i) {
  int64_t start = base + i / 4 * 16;
  if (start + 16 > fm::blockInfo(layout.format).bytes)
    return lone(base + 4 * i);
  return chunk(start)[i % 4];
}

Value RowBlocks::lone(int64_t offset) {
  if (lanes.empty()) {
    // A chunk inside the block.
    int64_t last = fm::blockInfo(layout.format).bytes - 16;
    int64_t start = std::min(offset / 16 * 16 + offset % 4, last);
    if ((offset - start) % 4)
      start = offset - 12;
    return chunk(start)[(offset - start) / 4];
  }
  Value &known = gathered[offset];
  if (known)
    return known;
  auto bits = VectorType::get({int64_t(v.lanes)}, v.b.getI1Type());
  Value all =
      v.b.create<arith::ConstantOp>(v.loc, DenseElementsAttr::get(bits, true));
  Value none = v.b.create<arith::ConstantOp>(v.loc, v.b.getZeroAttr(b8.i32s));
  Value step = k.constantAttr(v.b.getI32IntegerAttr(1));
  known =
      v.b.create<LLVM::CallIntrinsicOp>(
             v.loc, TypeRange{b8.i32s}, "llvm.x86.avx512.mask.gather.dpi.512",
             ValueRange{none, b8.at(here, offset), lanes[part], all, step})
          .getResult(0);
  return known;
}

Value RowBlocks::shr(Value x, int64_t bits) {
  return bits ? Value(v.b.create<arith::ShRUIOp>(v.loc, x, b8.splat32(bits)))
              : x;
}
Value RowBlocks::shl(Value x, int64_t bits) {
  return bits ? Value(v.b.create<arith::ShLIOp>(v.loc, x, b8.splat32(bits)))
              : x;
}
Value RowBlocks::band(Value x, uint32_t mask) {
  return b8.band(x, b8.splat32(int32_t(mask)));
}

Value RowBlocks::narrow(Value words, unsigned bits) {
  auto type = VectorType::get({int64_t(v.lanes)}, v.b.getIntegerType(bits));
  return v.b.create<arith::TruncIOp>(v.loc, type, words);
}

//===----------------------------------------------------------------------===//
// Planes
//===----------------------------------------------------------------------===//

Value RowBlocks::lowWord(int64_t g, int64_t i) {
  constexpr uint32_t nibble = 0x0f0f0f0f, pair = 0x03030303;
  // Numbers 16 ... 31 are the high nibbles of the bytes of 0 ... 15.
  auto halves = [&](int64_t qs) {
    return band(shr(word(qs, i % 4), i / 4 * 4), nibble);
  };
  switch (layout.format) {
  case BlockFormat::Q4_0:
  case BlockFormat::IQ4_NL:
    return halves(2);
  case BlockFormat::Q4_1:
    return halves(4);
  case BlockFormat::Q5_0:
    return halves(6);
  case BlockFormat::Q5_1:
    return halves(8);
  case BlockFormat::Q8_0:
    return v.b.create<arith::XOrIOp>(v.loc, word(2, i),
                                     b8.splat32(int32_t(0x80808080)));
  case BlockFormat::Q2_K:
    return band(shr(word(16 + g / 4 * 32, i), 2 * (g % 4)), pair);
  case BlockFormat::Q3_K:
    return band(shr(word(32 + g / 4 * 32, i), 2 * (g % 4)), pair);
  case BlockFormat::Q4_K:
    return band(shr(word(16 + g / 2 * 32, i), 4 * (g % 2)), nibble);
  case BlockFormat::Q5_K:
    return band(shr(word(48 + g / 2 * 32, i), 4 * (g % 2)), nibble);
  case BlockFormat::Q6_K:
    return band(shr(word(g / 4 * 64 + g % 2 * 32, i), g % 4 / 2 * 4), nibble);
  }
  return {};
}

Value RowBlocks::highPairs(int64_t g, int64_t i) {
  // q6_k alone has pairs above.
  return band(shr(word(128 + g / 4 * 32, i), 2 * (g % 4)), 0x03030303);
}

Value RowBlocks::highSigns(int64_t g, int64_t i) {
  switch (layout.format) {
  case BlockFormat::Q5_0:
  case BlockFormat::Q5_1: {
    // Four bits of a word; the product brings one into each byte.
    Value bits =
        band(shr(lone(layout.format == BlockFormat::Q5_0 ? 2 : 4), 4 * i), 15);
    return v.b.create<arith::MulIOp>(v.loc, bits, b8.splat32(0x10204080));
  }
  case BlockFormat::Q5_K:
    return shl(word(16, i), 7 - g);
  default: // q3_k
    return shl(word(0, i), 7 - g);
  }
}

SmallVector<Value, 8> RowBlocks::codes(int64_t g) {
  SmallVector<Value, 8> u;
  uint32_t bits = 0x01010101u << layout.highShift;
  // Where four bits go, as a table.
  SmallVector<int32_t> spread;
  for (int64_t i = 0; i < 16; ++i)
    spread.push_back(
        int32_t(((i & 1) | (i & 2) << 7 | (i & 4) << 14 | (i & 8) << 21)
                << layout.highShift));
  bool isWord =
      layout.format == BlockFormat::Q5_0 || layout.format == BlockFormat::Q5_1;
  for (int64_t i = 0; i < 8; ++i) {
    Value code = lowWord(g, i);
    if (layout.highBytes == 128) {
      code = b8.bor(code, shl(highPairs(g, i), layout.highShift));
    } else if (layout.highBytes && isWord && v.lanes == 16) {
      // Of an index, four bits count.
      Value index =
          shr(lone(layout.format == BlockFormat::Q5_0 ? 2 : 4), 4 * i);
      Value table = v.b.create<arith::ConstantOp>(
          v.loc, DenseElementsAttr::get(b8.i32s, ArrayRef<int32_t>(spread)));
      Value high =
          v.b.create<LLVM::CallIntrinsicOp>(v.loc, TypeRange{b8.i32s},
                                            "llvm.x86.avx512.permvar.si.512",
                                            ValueRange{table, index})
              .getResult(0);
      code = b8.bor(code, high);
    } else if (layout.highBytes) {
      code =
          b8.bor(code, band(shr(highSigns(g, i), 7 - layout.highShift), bits));
    }
    u.push_back(b8.asBytes(code));
  }
  if (layout.isTable) {
    SmallVector<uint8_t> table;
    for (int8_t value : codegen::kIq4Values)
      table.push_back(uint8_t(value + layout.offset));
    for (Value &code : u)
      code = b8.lookup(table, code);
  }
  return u;
}

//===----------------------------------------------------------------------===//
// Scales
//===----------------------------------------------------------------------===//

std::pair<Value, Value> RowBlocks::scaleWords(int64_t j) {
  constexpr uint32_t nibble = 0x0f0f0f0f;
  switch (layout.format) {
  case BlockFormat::Q2_K: {
    Value both = word(0, j);
    return {band(both, nibble), band(shr(both, 4), nibble)};
  }
  case BlockFormat::Q6_K:
    return {word(192, j), {}};
  case BlockFormat::Q3_K: {
    Value low = band(shr(word(96, j % 2), j / 2 * 4), nibble);
    Value high = band(shr(word(96, 2), 2 * j), 0x03030303);
    Value scales = b8.asBytes(b8.bor(low, shl(high, 4)));
    scales = v.b.create<arith::SubIOp>(v.loc, scales, b8.splat8(32));
    return {v.b.create<LLVM::BitcastOp>(v.loc, b8.i32s, scales), {}};
  }
  default: {
    // q4_k and q5_k: one a group, six bits each in twelve bytes.
    Value a = word(0, 1), b = word(0, 2), c = word(0, 3);
    if (j == 0)
      return {band(a, 0x3f3f3f3f), band(b, 0x3f3f3f3f)};
    return {b8.bor(band(c, nibble), band(shr(a, 2), 0x30303030)),
            b8.bor(band(shr(c, 4), nibble), band(shr(b, 2), 0x30303030))};
  }
  }
}

std::pair<Value, Value> RowBlocks::subScales(int64_t g, int64_t h) {
  int64_t sub = layout.subScales == 2 ? 2 * g + h : g, i = sub % 4;
  auto [known, isNew] = scales.try_emplace(sub / 4);
  if (isNew)
    known->second = scaleWords(sub / 4);
  auto [scale, min] = known->second;
  if (layout.signedScales)
    scale = v.b.create<arith::ShRSIOp>(v.loc, shl(scale, 24 - 8 * i),
                                       b8.splat32(24));
  else
    scale = band(shr(scale, 8 * i), 255);
  return {scale, min ? band(shr(min, 8 * i), 255) : Value()};
}

Value RowBlocks::blockScale() {
  // A half at the end of a block is the upper part of a word.
  switch (layout.format) {
  case BlockFormat::Q2_K:
    return lone(80);
  case BlockFormat::Q3_K:
    return shr(lone(106), 16);
  case BlockFormat::Q6_K:
    return shr(lone(206), 16);
  case BlockFormat::Q4_K:
  case BlockFormat::Q5_K:
    return word(0, 0);
  default:
    return lone(0);
  }
}

/// f16 in the low half of each lane, as f32.
Value RowBlocks::half(Value words) {
  auto halves = VectorType::get({int64_t(v.lanes)}, v.b.getF16Type());
  Value bits = v.b.create<LLVM::BitcastOp>(v.loc, halves, narrow(words, 16));
  return v.b.create<arith::ExtFOp>(v.loc, b8.f32s, bits);
}

GroupScales RowBlocks::blockScales() {
  GroupScales result;
  Value words = blockScale();
  result.scale = half(words);
  if (layout.blockMins)
    result.min = half(shr(words, 16));
  result.subtractsMin = layout.subMins;
  return result;
}

GroupScales RowBlocks::groupScales(const GroupScales &block, int64_t g,
                                   int64_t h) {
  if (!layout.subScales)
    return block;
  auto [scale, min] = subScales(g, h);
  GroupScales result = block;
  result.scale = v.mul(block.scale, b8.toFloat(scale));
  if (layout.subMins)
    result.min = v.mul(block.min, b8.toFloat(min));
  return result;
}
