//===- CachedAttentionSteps.cpp - Steps of attention over caches ----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/CachedAttention.h"
#include "backends/cpu/compiler/kernels/Packing.h"
#include "lib/codegen/Scalar.h"
#include "lib/codegen/emitters/Rows.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <limits>

using namespace mlir;
using namespace narae;
using namespace narae::cpu;

static constexpr double kMinusInfinity =
    -std::numeric_limits<double>::infinity();

CachedAttentionSteps::CachedAttentionSteps(KernelContext &k,
                                           const MachineModel &machine,
                                           const CachedAttention &a,
                                           const CachedAttentionPlan &plan)
    : sums(k.scratchAt(k.index(plan.sumsAt()))),
      out(k.scratchAt(k.index(plan.outputAt()))), k(k), machine(machine),
      v(k.b, k.loc, machine), a(a), plan(plan),
      keyRows(k, v, a.op.getKey(), a.depth),
      valueRows(k, v, a.valueCache(), a.width),
      maxima(k.scratchAt(k.index(plan.maximaAt()))),
      queries(k.scratchAt(k.index(plan.queriesAt()))),
      scoresTile(k.scratchAt(k.index(plan.scoresAt()))),
      wide(k.scratchAt(k.index(plan.wideAt()))),
      panel(k.scratchAt(k.index(plan.panelAt()))), lda(k.index(plan.lda)),
      outputRow(k.index(plan.outputRow)) {}

void CachedAttentionSteps::start(const CachedBlock &block) {
  Value zero = k.index(0), one = k.index(1), query = a.op.getQuery();
  Type f32 = k.b.getF32Type();
  Value scale = k.constant(f32, a.op.getScale().convertToDouble());
  SmallVector<int64_t> pieces = codegen::rowPieces(k, query);
  Value first =
      k.addI(k.mulI(block.group, k.index(a.headsPerGroup())), block.head);
  k.forLoop(zero, block.rows, one, [&](Value r) {
    Value token = k.addI(block.token, k.divI(r, block.heads));
    Value head = k.addI(first, k.remI(r, block.heads));
    Value start = k.mulI(r, lda);
    codegen::overPieces(
        k, pieces, k.index(a.depth), [&](Value begin, Value end) {
          k.forLoop(begin, end, one, [&](Value d) {
            if (Value q = k.element(query, {block.batch, token, head, d}))
              k.store(k.b.create<arith::MulFOp>(k.loc, q, scale), queries, f32,
                      k.addI(start, d));
          });
        });
  });
  Value rows = k.mulI(block.tokens, block.heads);
  fillFloats(k, v, out, k.mulI(rows, outputRow), 0);
  fillFloats(k, v, sums, rows, 0);
  fillFloats(k, v, maxima, rows, kMinusInfinity);
}

//===----------------------------------------------------------------------===//
// Products by the micro-kernel
//===----------------------------------------------------------------------===//

std::pair<Value, Value>
CachedAttentionSteps::wideRows(const CacheRows &cache,
                               const CachedBlock &block) {
  Value row = cache.row(block.batch, block.group, block.slot);
  if (cache.isF32()) {
    bool isKey = &cache == &keyRows || !a.op.getValue();
    return {row, k.index(isKey ? a.depth : a.width)};
  }
  // Values that are parts of the keys are there already.
  if (&cache == &keyRows || a.op.getValue())
    cache.widen(row, block.keys, wide, plan.wideRow);
  return {wide, k.index(plan.wideRow)};
}

void CachedAttentionSteps::scores(const CachedBlock &block) {
  Value nr = k.index(plan.tile.nr);
  auto [rows, distance] = wideRows(keyRows, block);
  k.forLoop(k.index(0), block.keys, nr,
            [&, rows = rows, distance = distance](Value col) {
              PanelCall call;
              call.a = queries;
              call.rows = block.rows;
              call.b = panel;
              call.depth = k.index(a.depth);
              call.c = v.at(scoresTile, col);
              call.ldc = lda;
              call.cols = k.minI(k.subI(block.keys, col), nr);
              call.accumulate = k.constantAttr(k.b.getBoolAttr(false));
              packTransposed(k, v, v.at(rows, k.mulI(col, distance)), distance,
                             call.cols, call.depth, panel, nr);
              callPanelKernel(k, machine, plan.lda, Start::Zero, call);
            });
}

void CachedAttentionSteps::output(const CachedBlock &block) {
  Value nr = k.index(plan.tile.nr), width = k.index(a.width);
  auto [rows, distance] = wideRows(valueRows, block);
  k.forLoop(k.index(0), width, nr,
            [&, rows = rows, distance = distance](Value col) {
              PanelCall call;
              call.a = scoresTile;
              call.rows = block.rows;
              call.b = panel;
              call.depth = block.keys;
              call.c = v.at(out, col);
              call.ldc = outputRow;
              call.cols = k.minI(k.subI(width, col), nr);
              call.accumulate = k.constantAttr(k.b.getBoolAttr(true));
              packRows(k, v, v.at(rows, col), distance, block.keys, call.cols,
                       panel, nr);
              callPanelKernel(k, machine, plan.lda, Start::Zero, call);
            });
}

//===----------------------------------------------------------------------===//
// Softmax
//===----------------------------------------------------------------------===//

void CachedAttentionSteps::softmax(const CachedBlock &block) {
  k.forLoop(k.index(0), block.rows, k.index(1),
            [&](Value row) { softmaxRow(block, row); });
}

Value CachedAttentionSteps::hideKeys(const CachedBlock &block, Value row) {
  Value zero = k.index(0), lowest = v.splat(kMinusInfinity);
  Value own = k.addI(block.position, k.divI(row, block.heads));
  Value end = k.subI(k.addI(own, k.index(1)), block.key), begin = zero;
  end = k.maxI(k.minI(end, block.keys), zero);
  if (int64_t window = a.op.getWindow())
    begin = k.subI(own, k.addI(block.key, k.index(window - 1)));
  Value scoresRow = v.at(scoresTile, k.mulI(row, lda));
  Value largest =
      k.forLoop(zero, block.keys, k.index(v.lanes), lowest,
                [&](Value t, ValueRange most) -> SmallVector<Value> {
                  Value at = v.at(scoresRow, t);
                  Value isSeen =
                      a.op.getWindow()
                          ? v.maskBetween(k.subI(begin, t), k.subI(end, t))
                          : v.maskBelow(k.subI(end, t));
                  Value x = k.selectV(isSeen, v.load(at), lowest);
                  v.store(x, at);
                  return {v.max(x, most[0])};
                })[0];
  return v.maximum(largest);
}

void CachedAttentionSteps::softmaxRow(const CachedBlock &block, Value row) {
  Value zero = k.index(0), lanes = k.index(v.lanes);
  Type f32 = k.b.getF32Type();
  OpBuilder &b = k.b;
  Value scoresRow = v.at(scoresTile, k.mulI(row, lda));
  Value largest = hideKeys(block, row);
  Value before = k.load(maxima, f32, row);
  auto greater = [&](Value x, Value y) -> Value {
    return b.create<arith::CmpFOp>(k.loc, arith::CmpFPredicate::OGT, x, y);
  };
  Value grows = greater(largest, before);
  Value after = k.selectV(grows, largest, before);
  k.store(after, maxima, f32, row);
  // Where no key was seen yet, exp(-inf - -inf) would be NaN.
  Value base = k.selectV(greater(after, k.constant(f32, kMinusInfinity)), after,
                         k.constant(f32, 0));
  Value change = b.create<arith::SubFOp>(k.loc, before, base);
  Value scale = b.create<math::ExpOp>(k.loc, change);
  Value shift = v.broadcast(b.create<arith::NegFOp>(k.loc, base));
  Value sum = v.sum(k.forLoop(
      zero, block.keys, lanes, v.zero(),
      [&](Value t, ValueRange sums) -> SmallVector<Value> {
        Value at = v.at(scoresRow, t);
        Value p = b.create<math::ExpOp>(k.loc, v.add(v.load(at), shift));
        v.store(p, at);
        return {v.add(sums[0], p)};
      })[0]);
  Value total = b.create<arith::MulFOp>(k.loc, k.load(sums, f32, row), scale);
  k.store(b.create<arith::AddFOp>(k.loc, total, sum), sums, f32, row);
  Value outRow = v.at(out, k.mulI(row, outputRow)), factor = v.broadcast(scale);
  k.ifThen(grows, [&] {
    k.forLoop(zero, outputRow, lanes, [&](Value e) {
      Value at = v.at(outRow, e);
      v.store(v.mul(v.load(at), factor), at);
    });
  });
}
