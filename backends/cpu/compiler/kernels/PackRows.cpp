//===- PackRows.cpp - Rows of GGUF's blocks into panel blocks -------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/PackRows.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;
using codegen::BlockPanelLayout;

//===----------------------------------------------------------------------===//
// Words
//===----------------------------------------------------------------------===//

Value RowPacker::word(int64_t offset) {
  // Chunks of 16 bytes, inside the block, shared by neighbouring words.
  int64_t last = fm::blockInfo(layout.format).bytes - 16;
  int64_t start = std::min(offset / 16 * 16 + offset % 4, last);
  if ((offset - start) % 4)
    start = offset - 12;
  auto &words = chunks[start];
  if (words.empty()) {
    auto four = VectorType::get({4}, v.b.getI32Type());
    int64_t lanes = v.lanes;
    // Quarter q of vector j is the chunk of row 4 q + j.
    SmallVector<Value, 4> rows;
    for (int64_t j = 0; j < 4; ++j) {
      Value all;
      for (int64_t q = 0; q < lanes / 4; ++q) {
        Value piece = b8.load(four, b8.at(current[4 * q + j], start));
        if (lanes == 4) {
          all = piece;
          break;
        }
        if (!all)
          all = v.b.create<arith::ConstantOp>(v.loc, v.b.getZeroAttr(b8.i32s));
        all = v.b.create<vector::InsertStridedSliceOp>(
            v.loc, piece, all, ArrayRef<int64_t>{4 * q}, ArrayRef<int64_t>{1});
      }
      rows.push_back(all);
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
      Value low = quarters(rows[0], rows[1], pairs);
      Value high = quarters(rows[2], rows[3], pairs);
      words.push_back(quarters(low, high, {0, 1, 4, 5}));
      words.push_back(quarters(low, high, {2, 3, 6, 7}));
    }
  }
  return words[(offset - start) / 4];
}

Value RowPacker::shr(Value x, int64_t bits) {
  return bits ? Value(v.b.create<arith::ShRUIOp>(v.loc, x, b8.splat32(bits)))
              : x;
}
Value RowPacker::shl(Value x, int64_t bits) {
  return bits ? Value(v.b.create<arith::ShLIOp>(v.loc, x, b8.splat32(bits)))
              : x;
}
Value RowPacker::band(Value x, uint32_t mask) {
  return b8.band(x, b8.splat32(int32_t(mask)));
}

/// Byte `i` behind `from`, in the low bits of each lane.
Value RowPacker::scaleByte(int64_t from, int64_t i) {
  return band(shr(word(from + i / 4 * 4), 8 * (i % 4)), 255);
}

/// The low bits of each lane, one number a row, to `offset` of the target.
void RowPacker::storeNarrow(Value words, unsigned bits, int64_t offset) {
  auto type = VectorType::get({int64_t(v.lanes)}, v.b.getIntegerType(bits));
  b8.store(v.b.create<arith::TruncIOp>(v.loc, type, words),
           b8.at(target, offset + part * v.lanes * bits / 8));
}

//===----------------------------------------------------------------------===//
// Planes
//===----------------------------------------------------------------------===//

Value RowPacker::lowWord(int64_t g, int64_t i) {
  constexpr uint32_t nibble = 0x0f0f0f0f, pair = 0x03030303;
  // Numbers 16 ... 31 are the high nibbles of the bytes of 0 ... 15.
  auto halves = [&](int64_t qs) {
    return band(shr(word(qs + 4 * (i % 4)), i / 4 * 4), nibble);
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
    return v.b.create<arith::XOrIOp>(v.loc, word(2 + 4 * i),
                                     b8.splat32(int32_t(0x80808080)));
  case BlockFormat::Q2_K:
    return band(shr(word(16 + g / 4 * 32 + 4 * i), 2 * (g % 4)), pair);
  case BlockFormat::Q3_K:
    return band(shr(word(32 + g / 4 * 32 + 4 * i), 2 * (g % 4)), pair);
  case BlockFormat::Q4_K:
    return band(shr(word(16 + g / 2 * 32 + 4 * i), 4 * (g % 2)), nibble);
  case BlockFormat::Q5_K:
    return band(shr(word(48 + g / 2 * 32 + 4 * i), 4 * (g % 2)), nibble);
  case BlockFormat::Q6_K:
    return band(shr(word(g / 4 * 64 + g % 2 * 32 + 4 * i), g % 4 / 2 * 4),
                nibble);
  }
  return {};
}

Value RowPacker::highPairs(int64_t g, int64_t i) {
  // q6_k alone has pairs above.
  return band(shr(word(128 + g / 4 * 32 + 4 * i), 2 * (g % 4)), 0x03030303);
}

Value RowPacker::highSigns(int64_t g, int64_t i) {
  switch (layout.format) {
  case BlockFormat::Q5_0:
  case BlockFormat::Q5_1: {
    // Four bits of a word; the product brings one into each byte.
    Value bits =
        band(shr(word(layout.format == BlockFormat::Q5_0 ? 2 : 4), 4 * i), 15);
    return v.b.create<arith::MulIOp>(v.loc, bits, b8.splat32(0x10204080));
  }
  case BlockFormat::Q5_K:
    return shl(word(16 + 4 * i), 7 - g);
  default: // q3_k
    return shl(word(4 * i), 7 - g);
  }
}

void RowPacker::lowPlane(int64_t g, Value to) {
  auto line = [&](int64_t i) { return b8.at(to, 64 * i + part * b8.bytes); };
  if (layout.low == BlockPanelLayout::Nibbles) {
    for (int64_t l = 0; l < 4; ++l)
      b8.store(b8.bor(lowWord(g, l), shl(lowWord(g, 4 + l), 4)), line(l));
  } else if (layout.low == BlockPanelLayout::Bytes) {
    for (int64_t i = 0; i < 8; ++i)
      b8.store(lowWord(g, i), line(i));
  } else {
    for (int64_t h = 0; h < 2; ++h) {
      Value all = lowWord(g, 4 * h);
      for (int64_t l = 1; l < 4; ++l)
        all = b8.bor(all, shl(lowWord(g, 4 * h + l), 2 * l));
      b8.store(all, line(h));
    }
  }
}

void RowPacker::highPlane(int64_t g, Value to) {
  Value high = b8.at(to, layout.lowBytes);
  if (layout.highBytes == 128) {
    for (int64_t h = 0; h < 2; ++h) {
      Value all = highPairs(g, 4 * h);
      for (int64_t l = 1; l < 4; ++l)
        all = b8.bor(all, shl(highPairs(g, 4 * h + l), 2 * l));
      b8.store(all, b8.at(high, 64 * h + part * b8.bytes));
    }
  } else if (layout.highBytes == 64) {
    for (int64_t i = 0; i < 8; ++i) {
      Value isSet =
          v.b.create<arith::CmpIOp>(v.loc, arith::CmpIPredicate::slt,
                                    b8.asBytes(highSigns(g, i)), b8.splat8(0));
      Value bits = v.b.create<LLVM::BitcastOp>(
          v.loc, v.b.getIntegerType(unsigned(b8.bytes)), isSet);
      b8.store(bits, b8.at(high, 8 * i + part * b8.bytes / 8));
    }
  }
}

//===----------------------------------------------------------------------===//
// Scales
//===----------------------------------------------------------------------===//

std::pair<Value, Value> RowPacker::subScales(int64_t g, int64_t h) {
  int64_t sub = 2 * g + h;
  switch (layout.format) {
  case BlockFormat::Q2_K: {
    Value both = scaleByte(0, sub);
    return {band(both, 15), shr(both, 4)};
  }
  case BlockFormat::Q6_K:
    return {scaleByte(192, sub), {}};
  case BlockFormat::Q3_K: {
    Value low = band(shr(scaleByte(96, sub % 8), sub / 8 * 4), 15);
    Value high = band(shr(scaleByte(104, sub % 4), sub / 4 * 2), 3);
    Value scale = b8.bor(low, shl(high, 4));
    return {v.b.create<arith::SubIOp>(v.loc, scale, b8.splat32(32)), {}};
  }
  default: {
    // q4_k and q5_k: one a group, six bits each in twelve bytes.
    Value a = scaleByte(4, g % 4), b = scaleByte(8, g % 4);
    if (g < 4)
      return {band(a, 63), band(b, 63)};
    Value c = scaleByte(12, g % 4);
    return {b8.bor(band(c, 15), shl(shr(a, 6), 4)),
            b8.bor(shr(c, 4), shl(shr(b, 6), 4))};
  }
  }
}

void RowPacker::groupScales(int64_t g, Value to) {
  int64_t base = g * layout.groupBytes();
  for (int64_t h = 0; h < layout.subScales; ++h) {
    auto [scale, min] = subScales(g, h);
    storeNarrow(scale, 8, base + layout.scalesAt() + 16 * h);
    if (layout.subMins)
      storeNarrow(min, 8, base + layout.minsAt() + 16 * h);
  }
}

void RowPacker::blockScales() {
  // A half at the end of a block is the upper part of a word.
  Value scale;
  switch (layout.format) {
  case BlockFormat::Q2_K:
    scale = word(80);
    break;
  case BlockFormat::Q3_K:
    scale = shr(word(106), 16);
    break;
  case BlockFormat::Q6_K:
    scale = shr(word(206), 16);
    break;
  default:
    scale = word(0);
  }
  storeNarrow(scale, 16, layout.blockScalesAt());
  if (layout.blockMins)
    storeNarrow(shr(scale, 16), 16, layout.blockMinsAt());
}

//===----------------------------------------------------------------------===//
// Blocks and panels
//===----------------------------------------------------------------------===//

void RowPacker::block(ArrayRef<Value> rows, Value to, int64_t number) {
  current.assign(rows.begin(), rows.end());
  target = to, part = number;
  chunks.clear();
  for (int64_t g = 0; g < layout.groups(); ++g) {
    Value group = b8.at(to, g * layout.groupBytes());
    lowPlane(g, group);
    highPlane(g, group);
    groupScales(g, group);
  }
  blockScales();
}

void RowPacker::panel(Value from, ArrayRef<Value> rows, Value blocks,
                      Value to) {
  int64_t bytes = fm::blockInfo(layout.format).bytes;
  k.forLoop(k.index(0), blocks, k.index(1), [&](Value i) {
    Value here = b8.at(from, k.mulI(i, k.index(bytes)));
    Value there = b8.at(to, k.mulI(i, k.index(layout.bytes())));
    for (int64_t first = 0; first < BlockPanelLayout::rows; first += v.lanes) {
      SmallVector<Value> part;
      for (int64_t r = 0; r < v.lanes; ++r)
        part.push_back(b8.at(here, rows[first + r]));
      block(part, there, first / v.lanes);
    }
  });
}
