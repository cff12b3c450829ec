//===- Scatter.cpp - Scatters and scans -----------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A scatter copies its input and then applies the updates in the order of
// their indices. Parts own disjoint pieces of the result, so that the order
// within a piece is kept. Where the result's memory is the input's, there is
// nothing to copy.
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/emitters/Sequential.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;

/// Runs `copy` unless input and result are the same memory.
static void unlessInPlace(const SequentialOp &s,
                          llvm::function_ref<void()> copy) {
  KernelContext &k = s.k;
  Value from = k.pointerOf(s.op->getOperand(0));
  if (!from)
    return copy();
  Value differ = k.b.create<LLVM::ICmpOp>(k.loc, LLVM::ICmpPredicate::ne, from,
                                          s.pointer(0));
  k.ifThen(differ, copy);
}

/// result[offset] = update, or combined with it.
static void applyUpdate(const SequentialOp &s, StringRef reduction,
                        Value offset, Value update) {
  if (reduction != "none") {
    Arith a(s.k, s.element(0));
    Value old = a.widen(s.load(0, offset)), x = a.widen(update);
    Value combined = reduction == "add"   ? a.add(old, x)
                     : reduction == "mul" ? a.mul(old, x)
                     : reduction == "max" ? a.max(old, x)
                                          : a.min(old, x);
    update = a.narrow(combined);
  }
  s.store(0, update, offset);
}

/// An index of the model's data: negative ones count from the end. It may
/// still lie outside.
static Value fromEnd(KernelContext &k, Value index, Value size) {
  return k.selectV(k.lessI(index, k.index(0)), k.addI(index, size), index);
}

LogicalResult codegen::emitScatterElements(const SequentialOp &s) {
  KernelContext &k = s.k;
  auto op = cast<fm::ScatterElementsOp>(s.op);
  Value input = op.getInput(), updates = op.getUpdates();
  int64_t axis = op.getAxis();
  Exprs dims(k.dims(input)), updateDims(k.dims(updates));
  Lanes lanes(k, dims, axis);
  Value size = k.expr(dims[axis]), zero = k.index(0), one = k.index(1);
  // Parts take rows before the axis when there are enough, else columns.
  Value byRow = k.b.create<arith::CmpIOp>(k.loc, arith::CmpIPredicate::sge,
                                          lanes.beforeSize, k.args.parts);
  auto [rowBegin, rowEnd] = k.share(lanes.beforeSize);
  auto [columnBegin, columnEnd] = k.share(lanes.afterSize);
  rowBegin = k.selectV(byRow, rowBegin, zero);
  rowEnd = k.selectV(byRow, rowEnd, lanes.beforeSize);
  columnBegin = k.selectV(byRow, zero, columnBegin);
  columnEnd = k.selectV(byRow, lanes.afterSize, columnEnd);

  bool failed = false;
  k.forLoop(
      rowBegin, rowEnd, one, [&, cb = columnBegin, ce = columnEnd](Value row) {
        Indices before = k.delinear(lanes.before, row);
        auto forLanes = [&](Value count,
                            llvm::function_ref<void(Indices)> body) {
          k.forLoop(zero, count, one, [&](Value i) {
            k.forLoop(cb, ce, one, [&](Value column) {
              Indices at(before);
              at.push_back(i);
              llvm::append_range(at, k.delinear(lanes.after, column));
              body(at);
            });
          });
        };
        unlessInPlace(s, [&] {
          forLanes(size, [&](Indices at) {
            Value x = k.element(input, at);
            failed |= !x;
            if (x)
              s.storeAt(0, x, at);
          });
        });
        forLanes(k.expr(updateDims[axis]), [&](Indices at) {
          // Updates may cover less than the input.
          Value covered = k.constantAttr(k.b.getBoolAttr(true));
          for (size_t d = 0; d < dims.size(); ++d)
            if (int64_t(d) != axis && dims[d] != updateDims[d])
              covered = k.b.create<arith::AndIOp>(
                  k.loc, covered, k.lessI(at[d], k.expr(updateDims[d])));
          k.ifThen(covered, [&] {
            Value index = k.element(op.getIndices(), at);
            Value x = index ? k.element(updates, at) : index;
            failed |= !x;
            if (!x)
              return;
            Value to =
                fromEnd(k, toIndex(k, index, elementOf(op.getIndices())), size);
            k.ifThen(inBounds(k, to, size), [&] {
              Indices target(at);
              target[axis] = to;
              applyUpdate(s, op.getReduction(), k.linear(dims, target), x);
            });
          });
        });
      });
  return failure(failed);
}

LogicalResult codegen::emitScatterNd(const SequentialOp &s) {
  KernelContext &k = s.k;
  auto op = cast<fm::ScatterNdOp>(s.op);
  Value input = op.getInput(), indices = op.getIndices();
  Exprs dims(k.dims(input)), tupleDims(k.dims(indices));
  auto length = fm::constantOf(tupleDims.back());
  if (!length) {
    k.error(op) << "the length of the index tuples is not static";
    return failure();
  }
  Exprs rowDims(ArrayRef(dims).take_front(*length));
  Exprs sliceDims(ArrayRef(dims).drop_front(*length));
  Exprs listDims(ArrayRef(tupleDims).drop_back());
  Value zero = k.index(0), one = k.index(1);
  Value sliceSize = k.expr(k.scope.product(sliceDims));
  // A part owns rows; it reads all tuples and applies those to its rows.
  auto [rowBegin, rowEnd] = k.share(k.expr(k.scope.product(rowDims)));
  bool failed = false;
  unlessInPlace(s, [&, begin = rowBegin, end = rowEnd] {
    k.forLoop(begin, end, one, [&](Value row) {
      Indices at = k.delinear(rowDims, row);
      Value base = k.mulI(row, sliceSize);
      k.forLoop(zero, sliceSize, one, [&](Value i) {
        Indices from(at);
        llvm::append_range(from, k.delinear(sliceDims, i));
        Value x = k.element(input, from);
        failed |= !x;
        if (x)
          s.store(0, x, k.addI(base, i));
      });
    });
  });
  Value count = k.expr(k.scope.product(listDims));
  k.forLoop(zero, count, one, [&, begin = rowBegin, end = rowEnd](Value n) {
    Indices list = k.delinear(listDims, n), target;
    Value valid = k.constantAttr(k.b.getBoolAttr(true));
    for (int64_t i = 0; i < *length; ++i) {
      Indices at(list);
      at.push_back(k.index(i));
      Value index = k.element(indices, at);
      if (!index) {
        failed = true;
        return;
      }
      Value size = k.expr(dims[i]);
      Value to = fromEnd(k, toIndex(k, index, elementOf(indices)), size);
      valid = k.b.create<arith::AndIOp>(k.loc, valid, inBounds(k, to, size));
      target.push_back(to);
    }
    Value row = k.linear(rowDims, target);
    auto both = [&](Value x, Value y) -> Value {
      return k.b.create<arith::AndIOp>(k.loc, x, y);
    };
    auto ge =
        k.b.create<arith::CmpIOp>(k.loc, arith::CmpIPredicate::sge, row, begin);
    k.ifThen(both(valid, both(ge, k.lessI(row, end))), [&] {
      Value base = k.mulI(row, sliceSize);
      k.forLoop(zero, sliceSize, one, [&](Value i) {
        Indices from(list);
        llvm::append_range(from, k.delinear(sliceDims, i));
        Value x = k.element(op.getUpdates(), from);
        failed |= !x;
        if (x)
          applyUpdate(s, op.getReduction(), k.addI(base, i), x);
      });
    });
  });
  return failure(failed);
}

LogicalResult codegen::emitCumulative(const SequentialOp &s) {
  KernelContext &k = s.k;
  auto op = cast<fm::CumulativeOp>(s.op);
  Value input = op.getInput();
  Arith a(k, elementOf(input));
  bool product = op.getKind() == "prod", failed = false;
  Lanes lanes(k, k.dims(input), op.getAxis());
  Value size = k.dim(input, op.getAxis());
  auto [begin, end] = k.share(lanes.count());
  k.forLoop(begin, end, k.index(1), [&](Value lane) {
    Indices at = lanes.of(lane);
    k.forLoop(k.index(0), size, k.index(1), {product ? a.one() : a.zero()},
              [&](Value i, ValueRange acc) -> SmallVector<Value> {
                at[op.getAxis()] =
                    op.getReverse() ? k.subI(k.subI(size, k.index(1)), i) : i;
                Value x = k.element(input, at);
                failed |= !x;
                if (!x)
                  return {acc[0]};
                Value wide = a.widen(x);
                Value next =
                    product ? a.mul(acc[0], wide) : a.add(acc[0], wide);
                s.storeAt(0, a.narrow(op.getExclusive() ? acc[0] : next), at);
                return {next};
              });
  });
  return failure(failed);
}
