//===- AttentionSteps.cpp - Steps of an attention kernel ------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/AttentionSteps.h"
#include "backends/cpu/compiler/kernels/Gemm.h"
#include "backends/cpu/compiler/kernels/Packing.h"
#include "lib/codegen/Scalar.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <limits>

using namespace mlir;
using namespace narae;
using namespace narae::cpu;
using codegen::Indices;

static constexpr double kMinusInfinity =
    -std::numeric_limits<double>::infinity();

AttentionSteps::AttentionSteps(KernelContext &k, const MachineModel &machine,
                               const Attention &a, const AttentionPlan &plan)
    : sums(k.scratchAt(k.index(plan.sumsAt()))),
      out(k.scratchAt(k.expr(plan.outputAt(k.scope, a)))),
      outputRow(k.expr(plan.outputRow(k.scope, a))), k(k), machine(machine),
      v(k.b, k.loc, machine), a(a), plan(plan),
      panel(k.scratchAt(k.index(plan.panelAt()))),
      scoresTile(k.scratchAt(k.index(plan.scoresAt()))),
      maxima(k.scratchAt(k.index(plan.maximaAt()))),
      queries(k.scratchAt(k.index(plan.queriesAt()))), lda(k.index(plan.lda)) {}

Value AttentionSteps::causalShift() {
  if (!a.op.getCausalEnd())
    return k.index(0);
  return k.subI(k.expr(a.keys), k.expr(a.queries));
}

Value AttentionSteps::exp(Value x) { return k.b.create<math::ExpOp>(k.loc, x); }

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

std::pair<Value, Value>
AttentionSteps::rowsOf(Value tensor, const AttentionBlock &block, Value key) {
  Value pointer = k.pointerOf(tensor);
  if (!pointer || !k.elementType(tensor).isF32())
    return {};
  bool swaps = a.op.getKvBshd();
  Indices at{block.batch, block.group, key, k.index(0)};
  if (swaps)
    std::swap(at[1], at[2]);
  Value distance = k.dim(tensor, 3);
  if (swaps)
    distance = k.mulI(distance, k.expr(a.groups));
  return {v.at(pointer, k.linear(k.dims(tensor), at)), distance};
}

/// An element of the block's queries, or of its group's keys or values.
Value AttentionSteps::element(Value tensor, const AttentionBlock &block,
                              Value row, Value col, bool isQuery) {
  Indices at{block.batch, isQuery ? block.head : block.group, row, col};
  if (isQuery ? a.op.getQBshd() : a.op.getKvBshd())
    std::swap(at[1], at[2]);
  Value value = k.element(tensor, at);
  return value ? codegen::convert(k, value, k.elementType(tensor),
                                  k.b.getF32Type())
               : value;
}

void AttentionSteps::start(const AttentionBlock &block) {
  Value zero = k.index(0), one = k.index(1), size = k.index(plan.depth);
  Value depth = k.expr(a.depth);
  Value blocks = k.ceilDivI(depth, size);
  k.forLoop(zero, blocks, one, [&](Value i) {
    Value d0 = k.mulI(i, size);
    Value offset = k.mulI(i, k.index(plan.rows * plan.lda));
    k.forLoop(zero, block.rows, one, [&](Value r) {
      Value start = k.addI(offset, k.mulI(r, lda));
      k.forLoop(zero, k.minI(k.subI(depth, d0), size), one, [&](Value d) {
        if (Value q = element(a.op.getQuery(), block, k.addI(block.row, r),
                              k.addI(d0, d), true))
          k.store(q, queries, k.b.getF32Type(), k.addI(start, d));
      });
    });
  });
  fillFloats(k, v, out, k.mulI(block.rows, outputRow), 0);
  fillFloats(k, v, sums, block.rows, 0);
  fillFloats(k, v, maxima, block.rows, kMinusInfinity);
}

//===----------------------------------------------------------------------===//
// Products by the micro-kernel
//===----------------------------------------------------------------------===//

void AttentionSteps::scores(const AttentionBlock &block) {
  Value zero = k.index(0), nr = k.index(plan.tile.nr);
  Value size = k.index(plan.depth), depth = k.expr(a.depth);
  Value keyTensor = a.op.getKey();
  k.forLoop(zero, block.keys, nr, [&](Value col) {
    PanelCall call;
    call.rows = block.rows;
    call.cols = k.minI(k.subI(block.keys, col), nr);
    call.c = v.at(scoresTile, col);
    call.ldc = lda;
    call.b = panel;
    Value key = k.addI(block.key, col);
    // At least once: without depth all scores are 0.
    Value end = k.maxI(depth, k.index(1));
    k.forLoop(zero, end, size, [&](Value d0) {
      call.depth = k.minI(k.subI(depth, d0), size);
      call.accumulate = k.lessI(zero, d0);
      call.a = v.at(queries,
                    k.mulI(k.divI(d0, size), k.index(plan.rows * plan.lda)));
      auto [pointer, distance] = rowsOf(keyTensor, block, key);
      if (pointer)
        packTransposed(k, v, v.at(pointer, d0), distance, call.cols, call.depth,
                       panel, nr);
      else
        packElements(
            k,
            [&](Value d, Value t) {
              return element(keyTensor, block, k.addI(key, t), k.addI(d0, d),
                             false);
            },
            call.depth, call.cols, panel, nr);
      callPanelKernel(k, machine, plan.lda, Start::Zero, call);
    });
  });
}

void AttentionSteps::output(const AttentionBlock &block) {
  Value nr = k.index(plan.tile.nr), width = k.expr(a.width);
  Value values = a.op.getValue();
  k.forLoop(k.index(0), width, nr, [&](Value col) {
    PanelCall call;
    call.a = scoresTile;
    call.rows = block.rows;
    call.b = panel;
    call.depth = block.keys;
    call.c = v.at(out, col);
    call.ldc = outputRow;
    call.cols = k.minI(k.subI(width, col), nr);
    call.accumulate = k.constantAttr(k.b.getBoolAttr(true));
    auto [pointer, distance] = rowsOf(values, block, block.key);
    if (pointer)
      packRows(k, v, v.at(pointer, col), distance, block.keys, call.cols, panel,
               nr);
    else
      packElements(
          k,
          [&](Value t, Value e) {
            return element(values, block, k.addI(block.key, t), k.addI(col, e),
                           false);
          },
          block.keys, call.cols, panel, nr);
    callPanelKernel(k, machine, plan.lda, Start::Zero, call);
  });
}

//===----------------------------------------------------------------------===//
// Softmax
//===----------------------------------------------------------------------===//

void AttentionSteps::softmax(const AttentionBlock &block) {
  k.forLoop(k.index(0), block.rows, k.index(1),
            [&](Value row) { softmaxRow(block, row); });
}

/// What vectors cannot do: softcap, and masks that are computed.
void AttentionSteps::finishByElement(const AttentionBlock &block, Value row) {
  Type f32 = k.b.getF32Type();
  OpBuilder &b = k.b;
  double scale = a.op.getScale().convertToDouble();
  double cap = a.op.getSoftcap().convertToDouble();
  Value mask = a.op.getMask(), start = k.mulI(row, lda);
  fm::Exprs dims{a.batch, a.heads, a.queries, a.keys};
  k.forLoop(k.index(0), block.keys, k.index(1), [&](Value t) {
    Value at = k.addI(start, t);
    Value x = k.load(scoresTile, f32, at);
    x = b.create<arith::MulFOp>(k.loc, x, k.constant(f32, scale));
    if (cap != 0) {
      x = b.create<arith::MulFOp>(k.loc, x, k.constant(f32, 1 / cap));
      x = b.create<math::TanhOp>(k.loc, x);
      x = b.create<arith::MulFOp>(k.loc, x, k.constant(f32, cap));
    }
    if (mask) {
      Indices indices{block.batch, block.head, k.addI(block.row, row),
                      k.addI(block.key, t)};
      if (Value m = k.broadcastElement(mask, dims, indices))
        x = b.create<arith::AddFOp>(
            k.loc, x, codegen::convert(k, m, k.elementType(mask), f32));
    }
    k.store(x, scoresTile, f32, at);
  });
}

Value AttentionSteps::maskRow(const AttentionBlock &block, Value row) {
  Value mask = a.op.getMask();
  Value pointer = k.pointerOf(mask);
  ArrayRef<fm::Expr> own = k.dims(mask);
  if (!v.masks || !pointer || !k.elementType(mask).isF32() || own.empty() ||
      own.back() != a.keys)
    return {};
  fm::Exprs dims{a.batch, a.heads, a.queries, a.keys};
  Indices indices{block.batch, block.head, k.addI(block.row, row), block.key};
  return v.at(pointer, k.linear(own, broadcastIndices(k, own, dims, indices)));
}

/// Keys of the block that a query sees.
Value AttentionSteps::visibleKeys(const AttentionBlock &block, Value row) {
  if (!a.op.getCausal())
    return block.keys;
  Value last = k.addI(k.addI(block.row, row), causalShift());
  Value count = k.subI(k.addI(last, k.index(1)), block.key);
  return k.minI(k.maxI(count, k.index(0)), block.keys);
}

Value AttentionSteps::finishScores(const AttentionBlock &block, Value row) {
  bool hasMask = bool(a.op.getMask());
  Value maskFrom = hasMask ? maskRow(block, row) : Value();
  bool byElement =
      a.op.getSoftcap().convertToDouble() != 0 || (hasMask && !maskFrom);
  if (byElement)
    finishByElement(block, row);
  Value visible = visibleKeys(block, row), lowest = v.splat(kMinusInfinity);
  Value scale = v.splat(a.op.getScale().convertToDouble());
  Value scoresRow = v.at(scoresTile, k.mulI(row, lda));
  Value largest = k.forLoop(k.index(0), block.keys, k.index(v.lanes), lowest,
                            [&](Value t, ValueRange max) -> SmallVector<Value> {
                              Value at = v.at(scoresRow, t), x = v.load(at);
                              Value isSeen = v.maskBelow(k.subI(visible, t));
                              if (!byElement)
                                x = v.mul(x, scale);
                              if (!byElement && maskFrom)
                                x = v.add(x, v.load(v.at(maskFrom, t), isSeen));
                              x = k.selectV(isSeen, x, lowest);
                              v.store(x, at);
                              return {v.max(x, max[0])};
                            })[0];
  return v.maximum(largest);
}

void AttentionSteps::softmaxRow(const AttentionBlock &block, Value row) {
  Value zero = k.index(0), lanes = k.index(v.lanes);
  Type f32 = k.b.getF32Type();
  OpBuilder &b = k.b;
  Value scoresRow = v.at(scoresTile, k.mulI(row, lda));
  Value largest = finishScores(block, row);
  Value before = k.load(maxima, f32, row);
  auto greater = [&](Value x, Value y) -> Value {
    return b.create<arith::CmpFOp>(k.loc, arith::CmpFPredicate::OGT, x, y);
  };
  Value after = k.selectV(greater(before, largest), before, largest);
  k.store(after, maxima, f32, row);
  // Where no key was seen yet, exp(-inf - -inf) would be NaN.
  Value base = k.selectV(greater(after, k.constant(f32, kMinusInfinity)), after,
                         k.constant(f32, 0));
  Value scale = exp(b.create<arith::SubFOp>(k.loc, before, base));
  Value shift = v.broadcast(b.create<arith::NegFOp>(k.loc, base));
  Value sum =
      v.sum(k.forLoop(zero, block.keys, lanes, v.zero(),
                      [&](Value t, ValueRange sums) -> SmallVector<Value> {
                        Value at = v.at(scoresRow, t);
                        Value p = exp(v.add(v.load(at), shift));
                        v.store(p, at);
                        return {v.add(sums[0], p)};
                      })[0]);
  Value total = b.create<arith::MulFOp>(k.loc, k.load(sums, f32, row), scale);
  k.store(b.create<arith::AddFOp>(k.loc, total, sum), sums, f32, row);
  Value outRow = v.at(out, k.mulI(row, outputRow)), factor = v.broadcast(scale);
  k.ifThen(k.lessI(zero, block.key), [&] {
    k.forLoop(zero, outputRow, lanes, [&](Value e) {
      Value at = v.at(outRow, e);
      v.store(v.mul(v.load(at), factor), at);
    });
  });
}
