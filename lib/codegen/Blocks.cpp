//===- Blocks.cpp - Single numbers out of quantised blocks ----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The layouts are those of ggml's block_q4_0 ... block_iq4_nl.
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/Blocks.h"
#include "lib/codegen/BlockPanels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;
using fm::BlockFormat;

//===----------------------------------------------------------------------===//
// ByteReader
//===----------------------------------------------------------------------===//

Value ByteReader::cst(int64_t value) const {
  return k.constantAttr(k.b.getI32IntegerAttr(int32_t(value)));
}

Value ByteReader::byte(Value at, bool isSigned) const {
  Value value = k.load(pointer, k.b.getI8Type(), k.addI(base, at));
  Type i32 = k.b.getI32Type();
  if (isSigned)
    return k.b.create<arith::ExtSIOp>(k.loc, i32, value);
  return k.b.create<arith::ExtUIOp>(k.loc, i32, value);
}

Value ByteReader::half(Value at) const {
  // Blocks have even sizes, and so even addresses.
  Value bits = bor(u8(at), shl(u8(k.addI(at, k.index(1))), 8));
  Value narrow = k.b.create<arith::TruncIOp>(k.loc, k.b.getI16Type(), bits);
  Value f16 = k.b.create<arith::BitcastOp>(k.loc, k.b.getF16Type(), narrow);
  return k.b.create<arith::ExtFOp>(k.loc, k.b.getF32Type(), f16);
}

Value ByteReader::toInt(Value index) const {
  return k.b.create<arith::IndexCastOp>(k.loc, k.b.getI32Type(), index);
}
Value ByteReader::add(Value x, Value y) const {
  return k.b.create<arith::AddIOp>(k.loc, x, y);
}
Value ByteReader::sub(Value x, int64_t y) const {
  return k.b.create<arith::SubIOp>(k.loc, x, cst(y));
}
Value ByteReader::band(Value x, int64_t mask) const {
  return k.b.create<arith::AndIOp>(k.loc, x, cst(mask));
}
Value ByteReader::bor(Value x, Value y) const {
  return k.b.create<arith::OrIOp>(k.loc, x, y);
}
Value ByteReader::shl(Value x, Value n) const {
  return k.b.create<arith::ShLIOp>(k.loc, x, n);
}
Value ByteReader::shr(Value x, Value n) const {
  return k.b.create<arith::ShRUIOp>(k.loc, x, n);
}
Value ByteReader::below(Value x, int64_t n, Value a, Value b) const {
  Value less =
      k.b.create<arith::CmpIOp>(k.loc, arith::CmpIPredicate::slt, x, cst(n));
  return k.selectV(less, a, b);
}
Value ByteReader::toFloat(Value x) const {
  return k.b.create<arith::SIToFPOp>(k.loc, k.b.getF32Type(), x);
}
Value ByteReader::mul(Value x, Value y) const {
  return k.b.create<arith::MulFOp>(k.loc, x, y);
}
Value ByteReader::addF(Value x, Value y) const {
  return k.b.create<arith::AddFOp>(k.loc, x, y);
}
Value ByteReader::subF(Value x, Value y) const {
  return k.b.create<arith::SubFOp>(k.loc, x, y);
}

Value ByteReader::iq4(Value nibble) const {
  // Sixteen bytes in two words: a shift finds one without memory.
  auto word = [&](unsigned from) {
    uint64_t bits = 0;
    for (unsigned i = 0; i < 8; ++i)
      bits |= uint64_t(uint8_t(kIq4Values[from + i])) << (8 * i);
    return k.constantAttr(k.b.getI64IntegerAttr(int64_t(bits)));
  };
  Value table = below(nibble, 8, word(0), word(8));
  Value shift = k.b.create<arith::ExtUIOp>(k.loc, k.b.getI64Type(),
                                           shl(band(nibble, 7), 3));
  Value moved = k.b.create<arith::ShRUIOp>(k.loc, table, shift);
  Value byte = k.b.create<arith::TruncIOp>(k.loc, k.b.getI8Type(), moved);
  return k.b.create<arith::ExtSIOp>(k.loc, k.b.getI32Type(), byte);
}

//===----------------------------------------------------------------------===//
// Formats
//===----------------------------------------------------------------------===//

namespace {

/// The number at index `at` of a block; `i` is the same as i32.
struct Decoder {
  const ByteReader &r;
  Value at, i;

  KernelContext &k() const { return r.k; }
  Value plus(Value index, int64_t n) const {
    return k().addI(index, k().index(n));
  }
  Value div(int64_t n) const { return k().divI(at, k().index(n)); }
  Value rem(int64_t n) const { return k().remI(at, k().index(n)); }
  Value times(Value index, int64_t n) const {
    return k().mulI(index, k().index(n));
  }

  /// Nibble i of 32, whose bytes begin at `from`: low halves come first.
  Value nibble(int64_t from) const {
    Value byte = r.u8(plus(rem(16), from));
    return r.band(r.shr(byte, r.shl(r.shr(i, 4), 2)), 15);
  }
  /// Bit i of the 32-bit word at `from`.
  Value wordBit(int64_t from) const {
    Value byte = r.u8(plus(div(8), from));
    return r.band(r.shr(byte, r.band(i, 7)), 1);
  }
  /// Two bits of a k-block: 32 numbers share bytes four times over.
  Value pair(int64_t from) const {
    Value byte = k().addI(times(div(128), 32), rem(32));
    Value shift = r.shl(r.band(r.shr(i, 5), 3), 1);
    return r.band(r.shr(r.u8(plus(byte, from)), shift), 3);
  }
  /// Nibble of q4_k and q5_k: 64 numbers share 32 bytes.
  Value nibbleK(int64_t from) const {
    Value byte = k().addI(times(div(64), 32), rem(32));
    Value shift = r.shl(r.band(r.shr(i, 5), 1), 2);
    return r.band(r.shr(r.u8(plus(byte, from)), shift), 15);
  }
  /// Scale and minimum of sub-block i / 32 in the 12 bytes at `from`.
  std::pair<Value, Value> scaleMin(int64_t from) const {
    Value sub = div(32), four = k().index(4);
    Value isLow = k().lessI(sub, four);
    // Addresses stay in the block on the side that is not chosen.
    Value low = plus(k().remI(sub, four), from);
    Value a = r.u8(low), b = r.u8(plus(low, 4)), c = r.u8(plus(low, 8));
    Value scale = k().selectV(isLow, r.band(a, 63),
                              r.bor(r.band(c, 15), r.shl(r.shr(a, 6), 4)));
    Value min = k().selectV(isLow, r.band(b, 63),
                            r.bor(r.shr(c, 4), r.shl(r.shr(b, 6), 4)));
    return {scale, min};
  }
  /// d * u + m or d * (u - offset) with the f16 d and m of a small block.
  Value simple(Value u, int64_t offset, bool hasMin) const {
    Value d = r.half(int64_t(0));
    if (offset)
      u = r.sub(u, offset);
    Value product = r.mul(r.toFloat(u), d);
    return hasMin ? r.addF(product, r.half(2)) : product;
  }

  Value q2k() const {
    Value scales = r.u8(div(16));
    Value d = r.mul(r.half(80), r.toFloat(r.band(scales, 15)));
    Value m = r.mul(r.half(82), r.toFloat(r.shr(scales, 4)));
    return r.subF(r.mul(d, r.toFloat(pair(16))), m);
  }
  Value q3k() const {
    Value sub = div(16), s = r.toInt(sub);
    Value low = r.shr(r.u8(plus(k().remI(sub, k().index(8)), 96)),
                      r.shl(r.shr(s, 3), 2));
    Value high = r.shr(r.u8(plus(k().remI(sub, k().index(4)), 104)),
                       r.shl(r.shr(s, 2), 1));
    Value scale = r.sub(r.bor(r.band(low, 15), r.shl(r.band(high, 3), 4)), 32);
    Value bit = r.band(r.shr(r.u8(rem(32)), r.shr(i, 5)), 1);
    Value u = r.sub(r.bor(pair(32), r.shl(bit, 2)), 4);
    return r.mul(r.mul(r.half(108), r.toFloat(scale)), r.toFloat(u));
  }
  Value q45k(bool isFive) const {
    auto [scale, min] = scaleMin(4);
    Value d = r.mul(r.half(int64_t(0)), r.toFloat(scale));
    Value m = r.mul(r.half(2), r.toFloat(min));
    Value u = nibbleK(isFive ? 48 : 16);
    if (isFive) {
      Value bit = r.band(r.shr(r.u8(plus(rem(32), 16)), r.shr(i, 5)), 1);
      u = r.bor(u, r.shl(bit, 4));
    }
    return r.subF(r.mul(d, r.toFloat(u)), m);
  }
  Value q6k() const {
    Value half = times(div(128), 64);
    Value j = r.band(r.shr(i, 5), 3);
    Value byte = k().addI(half, rem(64));
    Value low = r.band(r.shr(r.u8(byte), r.shl(r.shr(j, 1), 2)), 15);
    Value u = r.sub(r.bor(low, r.shl(pair(128), 4)), 32);
    Value scale = r.s8(plus(div(16), 192));
    return r.mul(r.mul(r.half(208), r.toFloat(scale)), r.toFloat(u));
  }
};

} // namespace

Value codegen::decodeBlock(KernelContext &k, BlockFormat format, Value pointer,
                           Value block, Value at) {
  ByteReader r(k, pointer, block);
  Decoder d{r, at, r.toInt(at)};
  switch (format) {
  case BlockFormat::Q4_0:
    return d.simple(d.nibble(2), 8, false);
  case BlockFormat::Q4_1:
    return d.simple(d.nibble(4), 0, true);
  case BlockFormat::Q5_0:
    return d.simple(r.bor(d.nibble(6), r.shl(d.wordBit(2), 4)), 16, false);
  case BlockFormat::Q5_1:
    return d.simple(r.bor(d.nibble(8), r.shl(d.wordBit(4), 4)), 0, true);
  case BlockFormat::Q8_0:
    return d.simple(r.s8(d.plus(at, 2)), 0, false);
  case BlockFormat::Q2_K:
    return d.q2k();
  case BlockFormat::Q3_K:
    return d.q3k();
  case BlockFormat::Q4_K:
    return d.q45k(false);
  case BlockFormat::Q5_K:
    return d.q45k(true);
  case BlockFormat::Q6_K:
    return d.q6k();
  case BlockFormat::IQ4_NL:
    return d.simple(r.iq4(d.nibble(2)), 0, false);
  }
  return {};
}

Value codegen::loadBlockElement(KernelContext &k, BlockFormat format,
                                Value pointer, ArrayRef<fm::Expr> dims,
                                ValueRange indices) {
  const fm::BlockInfo &info = fm::blockInfo(format);
  Value elements = k.index(info.elements), bytes = k.index(info.bytes);
  fm::Expr last = dims.empty() ? k.scope.cst(1) : dims.back();
  auto length = fm::constantOf(last);
  // A row is a whole number of blocks nearly always: then the offset says all,
  // also for the indices of flat tensors.
  Value offset = k.linear(dims, indices), block, at;
  if (length && *length % info.elements == 0) {
    block = k.divI(offset, elements), at = k.remI(offset, elements);
  } else {
    Value size = k.maxI(k.expr(last), k.index(1));
    Value row = k.divI(offset, size), column = k.remI(offset, size);
    block = k.addI(k.mulI(row, k.ceilDivI(size, elements)),
                   k.divI(column, elements));
    at = k.remI(column, elements);
  }
  return decodeBlock(k, format, pointer, k.mulI(block, bytes), at);
}
