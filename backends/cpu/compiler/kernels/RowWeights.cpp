//===- RowWeights.cpp - Weights as checkpoints store them -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/RowWeights.h"
#include "lib/codegen/Blocks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;
using codegen::ByteReader;

/// Bytes between what is read and what is asked for.
static constexpr int64_t kAhead = 4096;

RowWeights::RowWeights(KernelContext &k, VectorBuilder &v, Type element)
    : k(k), v(v), b8(v), element(element) {
  if (auto format = fm::blockFormatOf(element)) {
    layout = &codegen::BlockPanelLayout::of(*format);
    unit = fm::blockInfo(*format).elements;
    unitBytes = fm::blockInfo(*format).bytes;
    return;
  }
  // Whole vectors, two chains of additions.
  unit = 2 * v.lanes;
  unitBytes = unit * element.getIntOrFloatBitWidth() / 8;
}

void RowWeights::chunks(Value from, function_ref<void(const Chunk &)> use) {
  if (layout)
    return block(from, use);
  auto [low, high] = b8.loadNarrow(element, from);
  use({0, low, {}, {}});
  use({v.lanes, high, {}, {}});
}

Value RowWeights::number(const Chunk &chunk) {
  if (!chunk.scale)
    return chunk.code;
  if (!chunk.min)
    return v.mul(chunk.code, chunk.scale);
  if (v.machine.exact)
    return v.add(v.mul(chunk.code, chunk.scale), chunk.min);
  return v.fma(chunk.code, chunk.scale, chunk.min);
}

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

Value RowWeights::bits(Value from, int64_t at, int64_t shift, int64_t width) {
  auto type = VectorType::get({int64_t(v.lanes)}, v.b.getI8Type());
  Value wide = v.b.create<arith::ExtUIOp>(v.loc, b8.i32s,
                                          b8.load(type, b8.at(from, at)));
  if (shift)
    wide = v.b.create<arith::ShRUIOp>(v.loc, wide, b8.splat32(shift));
  if (shift + width < 8)
    wide = v.b.create<arith::AndIOp>(v.loc, wide, b8.splat32((1 << width) - 1));
  return wide;
}

/// The codes of `lanes` numbers from k on, as i32.
Value RowWeights::codes(Value from, int64_t at) {
  int64_t t = at % 32, g = at / 32;
  auto above = [&](Value low, Value high) -> Value {
    high =
        v.b.create<arith::ShLIOp>(v.loc, high, b8.splat32(layout->highShift));
    return v.b.create<arith::OrIOp>(v.loc, low, high);
  };
  auto nibble = [&](int64_t qs) {
    return bits(from, qs + t % 16, t < 16 ? 0 : 4, 4);
  };
  // Bit i of a word is number i's.
  auto wordBit = [&](int64_t qh) -> Value {
    Value word = b8.broadcast32(v.b.getI32Type(), b8.at(from, qh));
    SmallVector<int32_t> places(v.lanes);
    for (unsigned i = 0; i < v.lanes; ++i)
      places[i] = int32_t(t + i);
    Value shifts = v.b.create<arith::ConstantOp>(
        v.loc, DenseElementsAttr::get(b8.i32s, ArrayRef<int32_t>(places)));
    return v.b.create<arith::AndIOp>(
        v.loc, v.b.create<arith::ShRUIOp>(v.loc, word, shifts), b8.splat32(1));
  };
  switch (layout->format) {
  case BlockFormat::Q4_0:
  case BlockFormat::IQ4_NL:
    return nibble(2);
  case BlockFormat::Q4_1:
    return nibble(4);
  case BlockFormat::Q5_0:
    return above(nibble(6), wordBit(2));
  case BlockFormat::Q5_1:
    return above(nibble(8), wordBit(4));
  case BlockFormat::Q8_0:
    return bits(from, 2 + t, 0, 8);
  case BlockFormat::Q2_K:
    return bits(from, 16 + g / 4 * 32 + t, 2 * (g % 4), 2);
  case BlockFormat::Q3_K:
    return above(bits(from, 32 + g / 4 * 32 + t, 2 * (g % 4), 2),
                 bits(from, t, g, 1));
  case BlockFormat::Q4_K:
    return bits(from, 16 + g / 2 * 32 + t, 4 * (g % 2), 4);
  case BlockFormat::Q5_K:
    return above(bits(from, 48 + g / 2 * 32 + t, 4 * (g % 2), 4),
                 bits(from, 16 + t, g, 1));
  case BlockFormat::Q6_K:
    return above(bits(from, g / 4 * 64 + g % 2 * 32 + t, g % 4 / 2 * 4, 4),
                 bits(from, 128 + g / 4 * 32 + t, 2 * (g % 4), 2));
  }
  return {};
}

/// Scale and minimum of the numbers around k, as f32; no minimum: null.
std::pair<Value, Value> RowWeights::scales(Value from, int64_t at) {
  ByteReader r(k, from, k.index(0));
  int64_t g = at / 32, s = at / 16;
  auto negative = [&](Value x) -> Value {
    return v.b.create<arith::NegFOp>(v.loc, x);
  };
  switch (layout->format) {
  case BlockFormat::Q2_K: {
    Value both = r.u8(s);
    return {r.mul(r.half(80), r.toFloat(r.band(both, 15))),
            negative(r.mul(r.half(82), r.toFloat(r.shr(both, 4))))};
  }
  case BlockFormat::Q3_K: {
    Value low = r.band(r.shr(r.u8(96 + s % 8), s / 8 * 4), 15);
    Value high = r.band(r.shr(r.u8(104 + s % 4), s / 4 * 2), 3);
    Value scale = r.sub(r.bor(low, r.shl(high, 4)), 32);
    return {r.mul(r.half(108), r.toFloat(scale)), {}};
  }
  case BlockFormat::Q4_K:
  case BlockFormat::Q5_K: {
    Value scale, min;
    if (g < 4) {
      scale = r.band(r.u8(4 + g), 63), min = r.band(r.u8(8 + g), 63);
    } else {
      Value both = r.u8(8 + g);
      scale = r.bor(r.band(both, 15), r.shl(r.shr(r.u8(g), 6), 4));
      min = r.bor(r.shr(both, 4), r.shl(r.shr(r.u8(4 + g), 6), 4));
    }
    return {r.mul(r.half(int64_t(0)), r.toFloat(scale)),
            negative(r.mul(r.half(2), r.toFloat(min)))};
  }
  case BlockFormat::Q6_K:
    return {r.mul(r.half(208), r.toFloat(r.s8(k.index(192 + s)))), {}};
  default:
    return {r.half(int64_t(0)), layout->blockMins ? r.half(2) : Value()};
  }
}

void RowWeights::block(Value from, function_ref<void(const Chunk &)> use) {
  // Scales that cover several chunks are read once.
  int64_t span = layout->subScales == 2 ? 16 : 32;
  Value scale, min;
  for (int64_t at = 0; at < unit; at += v.lanes) {
    if (at % span == 0) {
      auto [d, m] = scales(from, at);
      scale = v.broadcast(d), min = m ? v.broadcast(m) : Value();
    }
    Value code = codes(from, at);
    if (layout->isTable) {
      SmallVector<uint8_t> table;
      for (int8_t value : codegen::kIq4Values)
        table.push_back(uint8_t(value + layout->offset));
      // The other bytes of each lane are 0, and so become the first entry.
      code =
          b8.byteAsFloat(b8.lookup(table, b8.asBytes(code)), 0, layout->offset);
    } else {
      if (layout->offset && layout->low == codegen::BlockPanelLayout::Bytes) {
        // Signed bytes as they are stored.
        Value up = b8.splat32(24);
        code = v.b.create<arith::ShRSIOp>(
            v.loc, v.b.create<arith::ShLIOp>(v.loc, code, up), up);
      } else if (layout->offset) {
        code =
            v.b.create<arith::SubIOp>(v.loc, code, b8.splat32(layout->offset));
      }
      code = b8.toFloat(code);
    }
    use({at, code, scale, min});
  }
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

SmallVector<Value> cpu::rowProduct(KernelContext &k, VectorBuilder &v,
                                   RowWeights &weights, ArrayRef<Value> rows,
                                   int64_t depth, Value x, int64_t ld,
                                   int64_t height, const RowScales *scales) {
  ByteVectors b8(v);
  int64_t count = rows.size(), unit = weights.elements();
  int64_t results = height * count;
  // Rows are too short for the hardware to see that they follow each other.
  int64_t rowBytes = depth / unit * weights.bytes();
  int64_t ahead = llvm::divideCeil(kAhead, rowBytes * count) * rowBytes * count;
  /// The sums over units [first, end).
  auto part = [&](Value first, Value end) {
    // Two chains of additions for each sum.
    SmallVector<Value> sums(2 * results, v.zero());
    sums = k.forLoop(
        first, end, k.index(1), sums, [&](Value i, ValueRange carried) {
          SmallVector<Value> next(carried);
          Value here = v.at(x, k.mulI(i, k.index(unit)));
          Value place = k.mulI(i, k.index(weights.bytes()));
          for (int64_t j = 0; j < count; ++j) {
            Value from = b8.at(rows[j], place);
            b8.prefetch(b8.at(from, ahead));
            weights.chunks(from, [&](const RowWeights::Chunk &chunk) {
              Value w = weights.number(chunk);
              for (int64_t r = 0; r < height; ++r) {
                Value a = v.load(v.at(here, r * ld + chunk.k));
                int64_t chain = chunk.k / v.lanes % 2;
                Value &sum = next[(chain * height + r) * count + j];
                sum = v.fma(a, w, sum);
              }
            });
          }
          return next;
        });
    for (int64_t i = 0; i < results; ++i)
      sums[i] = v.add(sums[i], sums[results + i]);
    sums.resize(results);
    return sums;
  };
  SmallVector<Value> sums;
  if (!scales) {
    sums = part(k.index(0), k.index(depth / unit));
  } else {
    int64_t step = std::min(scales->step, depth), units = step / unit;
    sums.assign(results, v.zero());
    sums = k.forLoop(k.index(0), k.index(llvm::divideCeil(depth, step)),
                     k.index(1), sums, [&](Value i, ValueRange carried) {
                       Value first = k.mulI(i, k.index(units));
                       Value end = k.minI(k.addI(first, k.index(units)),
                                          k.index(depth / unit));
                       SmallVector<Value> more = part(first, end);
                       for (int64_t j = 0; j < count; ++j) {
                         Value scale = v.broadcast(scales->at(j, i));
                         for (int64_t r = 0; r < height; ++r) {
                           Value &sum = more[r * count + j];
                           sum = v.fma(sum, scale, carried[r * count + j]);
                         }
                       }
                       return more;
                     });
  }
  double factor = weights.factor();
  for (Value &sum : sums)
    sum = v.sum(factor == 1 ? sum : v.mul(sum, v.splat(factor)));
  return sums;
}
