//===- QuantizedRows.cpp - Products of bytes ------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// With weights D u + M and activations x = e q (e a scale, q in [-127, 127]) a
// group's part of the sum is
//
//   D e sum(u q) + M e sum(q).
//
// Where M is -offset * D it is D e (sum(u q) - offset * sum(q)), all of the
// bracket in integers; else e sum(q) is kept as a float.
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/PanelBlock.h"
#include "backends/cpu/compiler/kernels/Stream.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;

/// Adding it to a float below 2^22 leaves the nearest integer, ties to even,
/// in the low bits.
static constexpr int64_t kMagic = 0x4b400000;

/// Bytes between what is read and what is asked for.
static constexpr int64_t kAhead = 4096;

void QuantizedRows::quantize(KernelContext &k, VectorBuilder &v, Value from,
                             Value ld, Value rows, Value to) const {
  ByteVectors bytes(v);
  OpBuilder &b = k.b;
  Location loc = k.loc;
  Type f32 = b.getF32Type(), i32 = b.getI32Type();
  Value magic = b.create<arith::ConstantOp>(
      loc, DenseElementsAttr::get(v.type, APFloat(12582912.0f)));
  auto words = VectorType::get({int64_t(v.lanes)}, i32);
  auto lanes8 = VectorType::get({int64_t(v.lanes)}, b.getI8Type());
  unsigned vectors = 32 / v.lanes;
  auto group = [&](Value source, Value target) {
    SmallVector<Value> x;
    Value largest = v.zero();
    for (unsigned j = 0; j < vectors; ++j) {
      x.push_back(v.load(v.at(source, int64_t(j * v.lanes))));
      Value size = v.max(x[j], b.create<arith::NegFOp>(loc, x[j]));
      largest = v.max(size, largest);
    }
    Value peak = v.maximum(largest), zero = k.constant(f32, 0);
    Value scale =
        b.create<arith::MulFOp>(loc, peak, k.constant(f32, 1.0 / 127));
    Value some =
        b.create<arith::CmpFOp>(loc, arith::CmpFPredicate::OGT, peak, zero);
    Value inverse = b.create<arith::SelectOp>(
        loc, some, b.create<arith::DivFOp>(loc, k.constant(f32, 127), peak),
        zero);
    Value factor = v.broadcast(inverse);
    SmallVector<Value> halves(2);
    for (unsigned j = 0; j < vectors; ++j) {
      Value moved = v.add(v.mul(x[j], factor), magic);
      Value q = b.create<arith::SubIOp>(
          loc, b.create<LLVM::BitcastOp>(loc, words, moved),
          bytes.splat32(kMagic));
      bytes.store(b.create<arith::TruncIOp>(loc, lanes8, q),
                  bytes.at(target, int64_t(j * v.lanes)));
      Value &sum = halves[j * v.lanes / 16];
      sum = sum ? bytes.addI(sum, q) : q;
    }
    bytes.store(scale, bytes.at(target, 32));
    if (sums() == 1)
      halves = {bytes.addI(halves[0], halves[1])};
    for (auto [h, half] : llvm::enumerate(halves)) {
      Value sum =
          b.create<vector::ReductionOp>(loc, vector::CombiningKind::ADD, half);
      if (layout.blockMins) {
        Value wide = b.create<arith::SIToFPOp>(loc, f32, sum);
        if (layout.subMins)
          wide = b.create<arith::NegFOp>(loc, wide);
        sum = b.create<arith::MulFOp>(loc, wide, scale);
      } else {
        sum = b.create<arith::MulIOp>(
            loc, sum, k.constantAttr(b.getI32IntegerAttr(-layout.offset)));
      }
      bytes.store(sum, bytes.at(target, 36 + 4 * int64_t(h)));
    }
  };
  Value zero = k.index(0), one = k.index(1);
  k.forLoop(zero, rows, one, [&](Value row) {
    Value source = v.at(from, k.mulI(row, ld));
    Value target = bytes.at(to, k.mulI(row, k.index(rowBytes())));
    k.forLoop(zero, k.index(depth / 32), one, [&](Value g) {
      group(v.at(source, k.mulI(g, k.index(32))),
            bytes.at(target, k.mulI(g, k.index(groupBytes()))));
    });
  });
}

/// Adds the products of 16 rows of weights in a group, `part` of them, with the
/// activations at `a`.
void QuantizedRows::addGroup(ByteVectors &bytes, ArrayRef<Value> codes,
                             ArrayRef<GroupScales> scales, Value a,
                             int64_t height, int64_t part,
                             MutableArrayRef<Value> acc) const {
  VectorBuilder &v = bytes.v;
  Type f32 = v.b.getF32Type(), i32 = v.b.getI32Type();
  int64_t parts = acc.size() / height, halves = scales.size();
  for (int64_t i = 0; i < height; ++i) {
    Value row = bytes.at(a, i * rowBytes());
    Value e = bytes.broadcast32(f32, bytes.at(row, 32));
    Value &sum = acc[i * parts + part];
    for (int64_t h = 0; h < halves; ++h) {
      Value sumPlace = bytes.at(row, 36 + 4 * h);
      Value dot =
          layout.offset ? bytes.broadcast32(i32, sumPlace) : bytes.splat32(0);
      for (int64_t j = h * 8 / halves; j < (h + 1) * 8 / halves; ++j)
        dot = bytes.dot(dot, codes[j],
                        bytes.broadcast32(i32, bytes.at(row, 4 * j)));
      sum = v.fma(bytes.toFloat(dot), v.mul(scales[h].scale, e), sum);
      if (scales[h].min)
        sum = v.fma(scales[h].min, bytes.broadcast32(f32, sumPlace), sum);
    }
  }
}

SmallVector<Value> QuantizedRows::product(KernelContext &k, VectorBuilder &v,
                                          Value panel, Value rows,
                                          int64_t height) const {
  ByteVectors bytes(v);
  PanelBlock block(bytes, layout);
  unsigned parts = block.parts();
  SmallVector<Value> acc(height * parts, v.zero());

  /// Adds a group of the panel times one of the rows.
  auto add = [&](ArrayRef<GroupScales> blockScales, Value group, Value a,
                 ValueRange carried) {
    SmallVector<Value> next(carried);
    for (int64_t line = 0; asksAhead && line < layout.groupBytes(); line += 64)
      bytes.prefetch(bytes.at(group, kAhead + line));
    for (unsigned part = 0; part < parts; ++part) {
      auto codes = block.codes(group, part);
      SmallVector<GroupScales, 2> scales;
      for (unsigned h = 0; h < sums(); ++h)
        scales.push_back(block.groupScales(blockScales[part], group, h, part));
      addGroup(bytes, codes, scales, a, height, part, next);
    }
    return next;
  };
  int64_t groups = layout.groups(), elements = 32 * groups;
  return k.forLoop(
      k.index(0), k.index(depth / elements), k.index(1), acc,
      [&](Value kb, ValueRange carried) -> SmallVector<Value> {
        Value here = bytes.at(panel, k.mulI(kb, k.index(layout.bytes())));
        Value a = bytes.at(rows, k.mulI(kb, k.index(groups * groupBytes())));
        SmallVector<GroupScales, 2> blockScales;
        for (unsigned part = 0; part < parts; ++part)
          blockScales.push_back(block.blockScales(here, part));
        if (groups == 1)
          return add(blockScales, here, a, carried);
        return k.forLoop(
            k.index(0), k.index(groups), k.index(1), carried,
            [&](Value g, ValueRange inner) {
              return add(
                  blockScales,
                  bytes.at(here, k.mulI(g, k.index(layout.groupBytes()))),
                  bytes.at(a, k.mulI(g, k.index(groupBytes()))), inner);
            });
      });
}

SmallVector<Value> QuantizedRows::product(KernelContext &k, VectorBuilder &v,
                                          const PanelRows &weights, Value rows,
                                          int64_t height) const {
  ByteVectors bytes(v);
  RowBlocks blocks(k, v, layout, weights);
  int64_t parts = blocks.parts(), groups = layout.groups();
  int64_t elements = 32 * groups;
  int64_t blockBytes = fm::blockInfo(layout.format).bytes;
  // Rows are too short for the hardware to see that they follow each other:
  // what the next panel has at the same place, in the order of memory.
  constexpr int64_t lanes = BlockPanelLayout::rows;
  int64_t panel = lanes * (depth / elements) * blockBytes;
  int64_t ahead = llvm::divideCeil(kAhead, panel) * panel;
  SmallVector<Value> acc(height * parts, v.zero());
  return k.forLoop(
      k.index(0), k.index(depth / elements), k.index(1), acc,
      [&](Value kb, ValueRange carried) {
        SmallVector<Value> next(carried);
        Value next16 =
            bytes.at(weights.first, k.mulI(kb, k.index(lanes * blockBytes)));
        for (int64_t line = 0; line < lanes * blockBytes; line += 64)
          bytes.prefetch(bytes.at(next16, ahead + line));
        Value a = bytes.at(rows, k.mulI(kb, k.index(groups * groupBytes())));
        for (int64_t part = 0; part < parts; ++part) {
          blocks.open(k.mulI(kb, k.index(blockBytes)), part);
          GroupScales blockScales = blocks.blockScales();
          for (int64_t g = 0; g < groups; ++g) {
            SmallVector<GroupScales, 2> scales;
            for (unsigned h = 0; h < sums(); ++h)
              scales.push_back(blocks.groupScales(blockScales, g, h));
            addGroup(bytes, blocks.codes(g), scales,
                     bytes.at(a, g * groupBytes()), height, part, next);
          }
        }
        return next;
      });
}
