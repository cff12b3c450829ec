//===- Sort.cpp - Sorting, top_k ------------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/emitters/Sequential.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;

/// Lists up to this length are kept sorted while elements come in.
constexpr int64_t kInsertionLimit = 64;

/// Bottom-up merge sort: runs of doubling width, from one half of `order`
/// into the other.
Value codegen::emitSort(KernelContext &k, const Arith &a, Value keys,
                        Value order, Value n, bool descending) {
  Type i64 = k.b.getI64Type(), index = k.b.getIndexType();
  Value zero = k.index(0), one = k.index(1);
  k.forLoop(zero, n, one,
            [&](Value i) { k.store(fromIndex(k, i, i64), order, i64, i); });
  auto merge = [&](Value from, Value to, Value begin, Value middle, Value end) {
    k.forLoop(begin, end, one, {begin, middle},
              [&](Value out, ValueRange at) -> SmallVector<Value> {
                Value hasLeft = k.lessI(at[0], middle);
                Value hasRight = k.lessI(at[1], end);
                // Reads stay inside; what is read beyond is not used.
                Value last = k.subI(n, one);
                Value left =
                    k.load(order, i64, k.addI(from, k.minI(at[0], last)));
                Value right =
                    k.load(order, i64, k.addI(from, k.minI(at[1], last)));
                Value x = k.load(keys, a.type, toIndex(k, left, i64));
                Value y = k.load(keys, a.type, toIndex(k, right, i64));
                Value before = descending ? a.gt(y, x) : a.lt(y, x);
                // Equal keys come from the left: the sort is stable.
                Value no = k.constantAttr(k.b.getBoolAttr(false));
                Value yes = k.constantAttr(k.b.getBoolAttr(true));
                Value takeRight =
                    k.selectV(hasRight, k.selectV(hasLeft, before, yes), no);
                k.store(k.selectV(takeRight, right, left), order, i64,
                        k.addI(to, out));
                return {k.selectV(takeRight, at[0], k.addI(at[0], one)),
                        k.selectV(takeRight, k.addI(at[1], one), at[1])};
              });
  };
  auto loop = k.b.create<scf::WhileOp>(
      k.loc, TypeRange{index, index}, ValueRange{one, zero},
      [&](OpBuilder &, Location loc, ValueRange v) {
        k.b.create<scf::ConditionOp>(loc, k.lessI(v[0], n), v);
      },
      [&](OpBuilder &, Location loc, ValueRange v) {
        Value width = v[0], from = v[1], to = k.subI(n, from);
        Value twice = k.addI(width, width);
        k.forLoop(zero, n, twice, [&](Value begin) {
          Value middle = k.minI(k.addI(begin, width), n);
          Value end = k.minI(k.addI(begin, twice), n);
          merge(from, to, begin, middle, end);
        });
        k.b.create<scf::YieldOp>(loc, ValueRange{twice, to});
      });
  return loop.getResult(1);
}

namespace {

/// The k best of one lane.
struct TopK {
  const SequentialOp &s;
  KernelContext &k;
  fm::TopKOp op;
  Arith a;
  Value size, wanted, keys, order;
  bool failed = false;

  explicit TopK(const SequentialOp &s)
      : s(s), k(s.k), op(cast<fm::TopKOp>(s.op)),
        a(k, elementOf(op.getInput())),
        size(k.dim(op.getInput(), op.getAxis())),
        wanted(k.dim(op.getValues(), op.getAxis())) {
    // 8 bytes a key, then indices.
    keys = k.args.scratch;
    Value bytes = k.mulI(k.addI(size, wanted), k.index(8));
    Value aligned = k.mulI(k.ceilDivI(bytes, k.index(64)), k.index(64));
    order = k.scratchAt(aligned);
  }

  Value better(Value x, Value y) {
    return op.getLargest() ? a.gt(x, y) : a.lt(x, y);
  }
  Value read(Indices at, Value i) {
    at[op.getAxis()] = i;
    Value x = k.element(op.getInput(), at);
    failed |= !x;
    return x ? a.widen(x) : a.zero();
  }
  void write(Indices at, Value i, Value key, Value index) {
    at[op.getAxis()] = i;
    s.storeAt(0, a.narrow(key), at);
    s.storeAt(1, convert(k, index, k.b.getI64Type(), s.element(1)), at);
  }
  void bySort(const Indices &at);
  void byInsertion(const Indices &at);
};

} // namespace

void TopK::bySort(const Indices &at) {
  Type i64 = k.b.getI64Type();
  Value zero = k.index(0), one = k.index(1);
  k.forLoop(zero, size, one,
            [&](Value i) { k.store(read(at, i), keys, a.type, i); });
  Value sorted = emitSort(k, a, keys, order, size, op.getLargest());
  k.forLoop(zero, k.minI(wanted, size), one, [&](Value i) {
    Value index = k.load(order, i64, k.addI(sorted, i));
    write(at, i, k.load(keys, a.type, toIndex(k, index, i64)), index);
  });
}

void TopK::byInsertion(const Indices &at) {
  Type i64 = k.b.getI64Type();
  Value zero = k.index(0), one = k.index(1), last = k.subI(wanted, one);
  k.ifThen(k.lessI(zero, wanted), [&] {
    k.forLoop(zero, size, one, [&](Value i) {
      Value x = read(at, i);
      Value isFree = k.lessI(i, wanted);
      Value worst =
          k.load(keys, a.type, k.minI(last, k.maxI(k.subI(i, one), zero)));
      Value enters = k.b.create<arith::OrIOp>(k.loc, isFree, better(x, worst));
      k.ifThen(enters, [&] {
        // Behind all that are at least as good.
        Value count = k.minI(i, wanted);
        Value place =
            k.forLoop(zero, count, one, {zero},
                      [&](Value j, ValueRange p) -> SmallVector<Value> {
                        Value ahead = better(x, k.load(keys, a.type, j));
                        return {k.selectV(ahead, p[0], k.addI(p[0], one))};
                      })[0];
        Value moved = k.minI(count, last);
        k.forLoop(place, moved, one, [&](Value j) {
          // From the back: entries [place, moved) move up by one.
          Value to = k.subI(moved, k.subI(j, place)), from = k.subI(to, one);
          k.store(k.load(keys, a.type, from), keys, a.type, to);
          k.store(k.load(order, i64, from), order, i64, to);
        });
        k.store(x, keys, a.type, place);
        k.store(fromIndex(k, i, i64), order, i64, place);
      });
    });
    k.forLoop(zero, k.minI(wanted, size), one, [&](Value i) {
      write(at, i, k.load(keys, a.type, i), k.load(order, i64, i));
    });
  });
}

LogicalResult codegen::emitTopK(const SequentialOp &s) {
  KernelContext &k = s.k;
  TopK top(s);
  Lanes lanes(k, k.dims(top.op.getInput()), top.op.getAxis());
  auto [begin, end] = k.share(lanes.count());
  k.forLoop(begin, end, k.index(1), [&](Value lane) {
    Indices at = lanes.of(lane);
    auto count = getConstantIntValue(top.wanted);
    if (count && *count <= kInsertionLimit)
      return top.byInsertion(at);
    if (count)
      return top.bySort(at);
    Value isShort = k.lessI(top.wanted, k.index(kInsertionLimit + 1));
    k.ifElse(
        isShort, {},
        [&]() -> SmallVector<Value> {
          top.byInsertion(at);
          return {};
        },
        [&]() -> SmallVector<Value> {
          top.bySort(at);
          return {};
        });
  });
  return failure(top.failed);
}
