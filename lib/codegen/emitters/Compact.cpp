//===- Compact.cpp - Ops whose results have data-dependent sizes ----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Results are padded to the largest size they could have, and a count says
// how much of them is meant. All of it runs in the first part.
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/emitters/Sequential.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;

/// Stores a count in a result of one element.
static void storeCount(const SequentialOp &s, unsigned result, Value count) {
  s.store(result, fromIndex(s.k, count, s.element(result)), s.k.index(0));
}

LogicalResult codegen::emitNonZero(const SequentialOp &s) {
  KernelContext &k = s.k;
  Value input = s.op->getOperand(0);
  Exprs dims(k.dims(input));
  Arith a(k, elementOf(input));
  Value total = k.numElements(input), zero = k.index(0), one = k.index(1);
  bool failed = false;
  s.onFirstPart([&] {
    Value count = k.forLoop(
        zero, total, one, {zero},
        [&](Value i, ValueRange found) -> SmallVector<Value> {
          Indices at =
              k.isFlat(input) ? k.flatIndices(dims, i) : k.delinear(dims, i);
          Value x = k.element(input, at);
          if (!x) {
            failed = true;
            return {found[0]};
          }
          Value isSet = a.cmp(Compare::Ne, a.widen(x), a.zero());
          k.ifThen(isSet, [&] {
            for (auto [d, index] : llvm::enumerate(k.delinear(dims, i)))
              s.store(0, fromIndex(k, index, s.element(0)),
                      k.addI(k.mulI(k.index(d), total), found[0]));
          });
          return {k.selectV(isSet, k.addI(found[0], one), found[0])};
        })[0];
    storeCount(s, 1, count);
  });
  return failure(failed);
}

LogicalResult codegen::emitUnique(const SequentialOp &s) {
  KernelContext &k = s.k;
  auto op = cast<fm::UniqueOp>(s.op);
  Value input = op.getInput();
  Arith a(k, elementOf(input));
  Type i64 = k.b.getI64Type();
  Value n = k.dim(input, 0), zero = k.index(0), one = k.index(1);
  // Scratch: keys, order (twice n), the first equal element of each, and the
  // numbers of the groups.
  Value keys = k.args.scratch;
  auto piece = [&](int64_t i) {
    Value bytes = k.mulI(n, k.index(8 * i));
    return k.scratchAt(bytes);
  };
  Value order = piece(1), first = piece(3), number = piece(4);
  bool failed = false;
  auto loadIndex = [&](Value pointer, Value at) {
    return toIndex(k, k.load(pointer, i64, at), i64);
  };
  auto storeIndex = [&](Value index, Value pointer, Value at) {
    k.store(fromIndex(k, index, i64), pointer, i64, at);
  };
  s.onFirstPart([&] {
    k.forLoop(zero, n, one, [&](Value i) {
      Value x = k.element(input, Indices{i});
      failed |= !x;
      if (x)
        k.store(a.widen(x), keys, a.type, i);
    });
    Value sorted = emitSort(k, a, keys, order, n, /*descending=*/false);
    // The sort is stable: the first of a run is the first in the input.
    k.forLoop(zero, n, one, {zero},
              [&](Value p, ValueRange start) -> SmallVector<Value> {
                Value i = loadIndex(order, k.addI(sorted, p));
                Value isNew = k.b.create<arith::OrIOp>(
                    k.loc,
                    k.b.create<arith::CmpIOp>(k.loc, arith::CmpIPredicate::eq,
                                              p, zero),
                    a.cmp(Compare::Ne, k.load(keys, a.type, i),
                          k.load(keys, a.type, start[0])));
                Value head = k.selectV(isNew, i, start[0]);
                storeIndex(head, first, i);
                return {head};
              });
    // Numbers groups in the order of the values or of their appearance.
    Value count = k.forLoop(
        zero, n, one, {zero},
        [&](Value p, ValueRange groups) -> SmallVector<Value> {
          Value i = op.getSorted() ? loadIndex(order, k.addI(sorted, p)) : p;
          Value head = loadIndex(first, i);
          Value isNew = k.b.create<arith::CmpIOp>(
              k.loc, arith::CmpIPredicate::eq, head, i);
          k.ifThen(isNew, [&] {
            storeIndex(groups[0], number, i);
            s.store(0, a.narrow(k.load(keys, a.type, i)), groups[0]);
            s.store(1, fromIndex(k, i, s.element(1)), groups[0]);
            s.store(3, k.zero(s.element(3)), groups[0]);
          });
          return {k.selectV(isNew, k.addI(groups[0], one), groups[0])};
        })[0];
    k.forLoop(zero, n, one, [&](Value i) {
      Value group = loadIndex(number, loadIndex(first, i));
      s.store(2, fromIndex(k, group, s.element(2)), i);
      if (s.pointer(3)) {
        Arith c(k, s.element(3));
        s.store(3, c.add(s.load(3, group), c.one()), group);
      }
    });
    storeCount(s, 4, count);
  });
  return failure(failed);
}

//===----------------------------------------------------------------------===//
// Non-maximum suppression
//===----------------------------------------------------------------------===//

namespace {

/// Boxes of one batch, compared in f32 as ONNX's reference does.
struct Suppression {
  const SequentialOp &s;
  KernelContext &k;
  fm::NonMaxSuppressionOp op;
  Arith a;
  bool failed = false;

  explicit Suppression(const SequentialOp &s)
      : s(s), k(s.k), op(cast<fm::NonMaxSuppressionOp>(s.op)),
        a(k, elementOf(op.getBoxes())) {}

  Value read(Value tensor, ValueRange at) {
    Value x = k.element(tensor, at);
    failed |= !x;
    return x ? a.widenFrom(x, elementOf(tensor)) : a.zero();
  }
  /// Low and high ends in both dimensions.
  SmallVector<Value, 4> corners(Value batch, Value box) {
    SmallVector<Value, 4> v;
    for (int64_t i = 0; i < 4; ++i)
      v.push_back(read(op.getBoxes(), Indices{batch, box, k.index(i)}));
    if (op.getCenterPoint()) {
      Value w = a.mul(v[2], a.cst(0.5)), h = a.mul(v[3], a.cst(0.5));
      return {a.sub(v[0], w), a.sub(v[1], h), a.add(v[0], w), a.add(v[1], h)};
    }
    return {a.min(v[0], v[2]), a.min(v[1], v[3]), a.max(v[0], v[2]),
            a.max(v[1], v[3])};
  }
  /// Whether two boxes overlap by more than the threshold.
  Value overlap(ArrayRef<Value> x, ArrayRef<Value> y, Value threshold) {
    auto both = [&](Value p, Value q) -> Value {
      return k.b.create<arith::AndIOp>(k.loc, p, q);
    };
    auto area = [&](ArrayRef<Value> v) {
      return a.mul(a.sub(v[2], v[0]), a.sub(v[3], v[1]));
    };
    SmallVector<Value, 4> common{a.max(x[0], y[0]), a.max(x[1], y[1]),
                                 a.min(x[2], y[2]), a.min(x[3], y[3])};
    Value shared = area(common), first = area(x), second = area(y);
    Value all = a.sub(a.add(first, second), shared);
    Value meets = both(a.gt(common[2], common[0]), a.gt(common[3], common[1]));
    Value proper = both(both(a.gt(shared, a.zero()), a.gt(all, a.zero())),
                        both(a.gt(first, a.zero()), a.gt(second, a.zero())));
    return both(both(meets, proper), a.gt(a.div(shared, all), threshold));
  }
};

} // namespace

LogicalResult codegen::emitNonMaxSuppression(const SequentialOp &s) {
  KernelContext &k = s.k;
  Suppression nms(s);
  Arith &a = nms.a;
  auto op = nms.op;
  Type i64 = k.b.getI64Type();
  Value zero = k.index(0), one = k.index(1);
  Value boxes = k.dim(op.getBoxes(), 1), batches = k.dim(op.getBoxes(), 0);
  Value classes = k.dim(op.getScores(), 1);
  Value keys = k.args.scratch;
  Value order = k.scratchAt(k.mulI(boxes, k.index(8)));
  Value chosen = k.scratchAt(k.mulI(boxes, k.index(24)));
  auto loadIndex = [&](Value pointer, Value at) {
    return toIndex(k, k.load(pointer, i64, at), i64);
  };
  s.onFirstPart([&] {
    Value limit = scalarIndex(k, op.getMaxOutput());
    Value iou = scalarElement(k, op.getIouThreshold());
    Value least = iou ? scalarElement(k, op.getScoreThreshold()) : iou;
    if (!limit || !least) {
      nms.failed = true;
      return;
    }
    iou = a.widenFrom(iou, elementOf(op.getIouThreshold()));
    least = a.widenFrom(least, elementOf(op.getScoreThreshold()));
    Value room = k.dim(op.getSelected(), 0);
    auto candidate = [&](Value batch, Value group, Value at, ValueRange v) {
      // v: rows so far, boxes chosen in this class.
      Value box = loadIndex(order, at), score = k.load(keys, a.type, box);
      auto own = nms.corners(batch, box);
      Value open = k.b.create<arith::AndIOp>(
          k.loc, a.gt(score, least),
          k.b.create<arith::AndIOp>(k.loc, k.lessI(v[1], limit),
                                    k.lessI(v[0], room)));
      return k.ifElse(
          open, {k.b.getIndexType(), k.b.getIndexType()},
          [&]() -> SmallVector<Value> {
            Value keep = k.forLoop(
                zero, v[1], one, {k.constantAttr(k.b.getBoolAttr(true))},
                [&](Value i, ValueRange free) -> SmallVector<Value> {
                  auto other = nms.corners(batch, loadIndex(chosen, i));
                  Value hit = nms.overlap(own, other, iou);
                  Value no = k.constantAttr(k.b.getBoolAttr(false));
                  return {k.selectV(hit, no, free[0])};
                })[0];
            k.ifThen(keep, [&] {
              k.store(fromIndex(k, box, i64), chosen, i64, v[1]);
              Value base = k.mulI(v[0], k.index(3));
              for (auto [i, x] :
                   llvm::enumerate(SmallVector<Value>{batch, group, box}))
                s.store(0, fromIndex(k, x, s.element(0)),
                        k.addI(base, k.index(i)));
            });
            return {k.selectV(keep, k.addI(v[0], one), v[0]),
                    k.selectV(keep, k.addI(v[1], one), v[1])};
          },
          [&]() -> SmallVector<Value> { return {v[0], v[1]}; });
    };
    Value total = reduceLoops(
        k, {batches, classes}, zero,
        [&](ValueRange at, ValueRange rows) -> SmallVector<Value> {
          k.forLoop(zero, boxes, one, [&](Value i) {
            k.store(nms.read(op.getScores(), Indices{at[0], at[1], i}), keys,
                    a.type, i);
          });
          Value sorted =
              emitSort(k, a, keys, order, boxes, /*descending=*/true);
          auto results =
              k.forLoop(zero, boxes, one, {rows[0], zero},
                        [&](Value i, ValueRange v) -> SmallVector<Value> {
                          return candidate(at[0], at[1], k.addI(sorted, i), v);
                        });
          return {results[0]};
        })[0];
    storeCount(s, 1, total);
  });
  return failure(nms.failed);
}
