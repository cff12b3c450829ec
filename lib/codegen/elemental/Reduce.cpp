//===- Reduce.cpp - Elements of reductions --------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/elemental/Reduction.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;

//===----------------------------------------------------------------------===//
// fm.reduce
//===----------------------------------------------------------------------===//

/// The type that elements are summed in, before widening.
static Type sumType(fm::ReduceOp op) {
  Type element = elementOf(op.getInput());
  auto integer = dyn_cast<IntegerType>(element);
  if (integer && op.getKind() == "mean")
    return IntegerType::get(op.getContext(), 64, integer.getSignedness());
  return element;
}

Reduction::Reduction(KernelContext &k, fm::ReduceOp op)
    : k(k), op(op), kind(op.getKind()), input(elementOf(op.getInput())),
      result(elementOf(op.getResult())), sum(k, sumType(op)) {
  // Any order of a sum is as good as another; vectors need the freedom.
  sum.flags = arith::FastMathFlags::reassoc;
}

Value Reduction::init() const {
  if (kind == "max")
    return sum.lowest();
  if (kind == "min")
    return sum.highest();
  if (kind == "prod" || kind == "all")
    return sum.one();
  return sum.zero();
}

Value Reduction::combine(Value acc, Value x) const {
  if (kind == "any" || kind == "all") {
    Value truth = convert(k, x, input, k.b.getI1Type());
    Value wide =
        sum.isBool ? truth : convert(k, truth, k.b.getI1Type(), sum.type);
    return kind == "any" ? sum.max(acc, wide) : sum.min(acc, wide);
  }
  Value wide = sum.widenFrom(x, input);
  if (kind == "max")
    return sum.max(acc, wide);
  if (kind == "min")
    return sum.min(acc, wide);
  if (kind == "prod")
    return sum.mul(acc, wide);
  if (kind == "sum_square")
    return sum.add(acc, sum.mul(wide, wide));
  return sum.add(acc, wide);
}

SmallVector<Value> Reduction::start() const {
  return isExtremum() ? sum.startExtremum(kind == "max")
                      : SmallVector<Value>{init()};
}

SmallVector<Value> Reduction::step(ValueRange carried, Value x) const {
  if (!isExtremum())
    return {combine(carried[0], x)};
  return sum.stepExtremum(kind == "max", carried, sum.widenFrom(x, input));
}

Value Reduction::end(ValueRange carried) const {
  return finish(isExtremum() ? sum.endExtremum(carried) : carried[0]);
}

Value Reduction::finish(Value acc) const {
  if (kind == "mean") {
    Expr count = k.scope.cst(1);
    for (int64_t axis : op.getAxes())
      count = k.scope.mul(count, k.scope.dim(op.getInput(), axis));
    acc = sum.div(acc, fromIndex(k, k.expr(count), sum.type));
  }
  Type from = sum.isFloat ? sum.type : sum.element;
  return convert(k, acc, from, result, {/*saturate=*/false});
}

/// Puts indices of the result and of the reduced axes in the operand's order.
static Indices mergeIndices(KernelContext &k, fm::ReduceOp op, ValueRange kept,
                            ValueRange reduced) {
  Indices operand;
  unsigned i = 0, j = 0;
  for (size_t d = 0; d < k.dims(op.getInput()).size(); ++d) {
    bool isReduced = llvm::is_contained(op.getAxes(), int64_t(d));
    if (isReduced) {
      operand.push_back(reduced[j++]);
      i += op.getKeepDims();
    } else {
      operand.push_back(kept[i++]);
    }
  }
  return operand;
}

static Value reduceElement(KernelContext &k, Operation *op, unsigned,
                           ValueRange indices) {
  auto reduce = cast<fm::ReduceOp>(op);
  Reduction r(k, reduce);
  SmallVector<Value> sizes;
  for (int64_t axis : reduce.getAxes())
    sizes.push_back(k.dim(reduce.getInput(), axis));
  bool failed = false;
  auto results = reduceLoops(
      k, sizes, r.init(),
      [&](ValueRange reduced, ValueRange carried) -> SmallVector<Value> {
        Value x = k.element(reduce.getInput(),
                            mergeIndices(k, reduce, indices, reduced));
        failed |= !x;
        return {x ? r.combine(carried[0], x) : carried[0]};
      });
  return failed ? Value() : r.finish(results[0]);
}

//===----------------------------------------------------------------------===//
// arg_reduce, cumulative
//===----------------------------------------------------------------------===//

static Value argReduceElement(KernelContext &k, Operation *op, unsigned,
                              ValueRange indices) {
  auto arg = cast<fm::ArgReduceOp>(op);
  Arith a(k, elementOf(arg.getInput()));
  int64_t axis = arg.getAxis();
  Indices operand(indices.begin(), indices.end());
  if (arg.getKeepDims())
    operand[axis] = k.index(0);
  else
    operand.insert(operand.begin() + axis, k.index(0));
  bool failed = false, isMax = arg.getKind() == "max";
  auto results = k.forLoop(
      k.index(0), k.dim(arg.getInput(), axis), k.index(1),
      {isMax ? a.lowest() : a.highest(), k.index(0)},
      [&](Value i, ValueRange best) -> SmallVector<Value> {
        Indices at = operand;
        at[axis] = i;
        Value x = k.element(arg.getInput(), at);
        if (!x) {
          failed = true;
          return SmallVector<Value>(best);
        }
        x = a.widen(x);
        Compare better = isMax ? (arg.getLast() ? Compare::Ge : Compare::Gt)
                               : (arg.getLast() ? Compare::Le : Compare::Lt);
        Value wins = a.cmp(better, x, best[0]);
        // The first NaN wins over all numbers, as in NumPy.
        if (a.isFloat) {
          auto isNan = [&](Value v) -> Value {
            return k.b.create<arith::CmpFOp>(k.loc, arith::CmpFPredicate::UNO,
                                             v, v);
          };
          Value fresh = k.b.create<arith::AndIOp>(
              k.loc, isNan(x),
              k.b.create<arith::CmpFOp>(k.loc, arith::CmpFPredicate::ORD,
                                        best[0], best[0]));
          wins = k.b.create<arith::OrIOp>(k.loc, wins, fresh);
        }
        return {k.selectV(wins, x, best[0]), k.selectV(wins, i, best[1])};
      });
  if (failed)
    return {};
  return fromIndex(k, results[1], elementOf(arg.getResult()));
}

/// From the beginning for every element; the sequential emitter does better.
static Value cumulativeElement(KernelContext &k, Operation *op, unsigned,
                               ValueRange indices) {
  auto scan = cast<fm::CumulativeOp>(op);
  Arith a(k, elementOf(scan.getInput()));
  int64_t axis = scan.getAxis();
  bool product = scan.getKind() == "prod", failed = false;
  Value n = k.dim(scan.getInput(), axis), i = indices[axis];
  Value begin = scan.getReverse() ? i : k.index(0);
  Value end = scan.getReverse() ? n : k.addI(i, k.index(1));
  if (scan.getExclusive()) {
    if (scan.getReverse())
      begin = k.addI(i, k.index(1));
    else
      end = i;
  }
  auto results =
      k.forLoop(begin, end, k.index(1), {product ? a.one() : a.zero()},
                [&](Value j, ValueRange acc) -> SmallVector<Value> {
                  Indices at(indices.begin(), indices.end());
                  at[axis] = j;
                  Value x = k.element(scan.getInput(), at);
                  failed |= !x;
                  if (!x)
                    return {acc[0]};
                  return {product ? a.mul(acc[0], a.widen(x))
                                  : a.add(acc[0], a.widen(x))};
                });
  return failed ? Value() : a.narrow(results[0]);
}

void codegen::registerReduceElements(ElementTable &t) {
  t["fm.reduce"] = {reduceElement, ElementCost::Loop};
  t["fm.arg_reduce"] = {argReduceElement, ElementCost::Loop};
  t["fm.cumulative"] = {cumulativeElement, ElementCost::Loop};
}
