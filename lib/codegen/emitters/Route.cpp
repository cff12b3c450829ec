//===- Route.cpp - Experts of tokens --------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A token at a time: its scores, then those by which experts are chosen, then
// the largest of them again and again. Experts are few; sorting them all would
// not be faster.
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/emitters/Sequential.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;

namespace {

class Router {
public:
  explicit Router(const SequentialOp &s)
      : s(s), k(s.k), op(cast<fm::RouteOp>(s.op)), a(k, k.b.getF32Type()),
        experts(k.dim(op.getLogits(), 1)), scores(k.scratchAt(zero)) {
    Value bytes = k.mulI(experts, k.index(4));
    choices = k.scratchAt(bytes);
    groups = k.scratchAt(k.mulI(bytes, k.index(2)));
    perGroup = k.divI(experts, k.index(op.getGroups()));
  }
  LogicalResult emit();

private:
  const SequentialOp &s;
  KernelContext &k;
  fm::RouteOp op;
  Arith a;
  Value zero = k.index(0), one = k.index(1);
  Value experts, perGroup;
  /// Scratch: scores, what the choice is by, and groups' scores.
  Value scores, choices, groups;
  bool failed = false;

  Value get(Value from, Value i) { return k.load(from, a.type, i); }
  void put(Value x, Value to, Value i) { k.store(x, to, a.type, i); }
  void score(Value token);
  void dropGroups();
  Value takeLargest(Value from, Value count);
  void choose(Value token);
};

} // namespace

void Router::score(Value token) {
  auto logit = [&](Value e) {
    Value x = k.element(op.getLogits(), {token, e});
    failed |= !x;
    return x ? x : a.zero();
  };
  if (op.getScoring() == "sigmoid") {
    k.forLoop(zero, experts, one, [&](Value e) {
      Value x = a.exp(a.neg(logit(e)));
      put(a.div(a.one(), a.add(a.one(), x)), scores, e);
    });
  } else {
    Value most = k.forLoop(zero, experts, one, {a.lowest()},
                           [&](Value e, ValueRange acc) -> SmallVector<Value> {
                             Value x = logit(e);
                             return {a.select(a.gt(x, acc[0]), x, acc[0])};
                           })[0];
    Value sum = k.forLoop(zero, experts, one, {a.zero()},
                          [&](Value e, ValueRange acc) -> SmallVector<Value> {
                            Value x = a.exp(a.sub(logit(e), most));
                            put(x, scores, e);
                            return {a.add(acc[0], x)};
                          })[0];
    k.forLoop(zero, experts, one,
              [&](Value e) { put(a.div(get(scores, e), sum), scores, e); });
  }
  k.forLoop(zero, experts, one, [&](Value e) {
    Value x = get(scores, e);
    if (op.getBias()) {
      Value bias = k.element(op.getBias(), e);
      failed |= !bias;
      x = bias ? a.add(x, bias) : x;
    }
    put(x, choices, e);
  });
}

/// The first index of the largest of `count` numbers, which becomes -inf.
Value Router::takeLargest(Value from, Value count) {
  auto found = k.forLoop(zero, count, one, {a.lowest(), zero},
                         [&](Value i, ValueRange acc) -> SmallVector<Value> {
                           Value x = get(from, i);
                           Value isMore = a.gt(x, acc[0]);
                           return {k.selectV(isMore, x, acc[0]),
                                   k.selectV(isMore, i, acc[1])};
                         });
  put(a.lowest(), from, found[1]);
  return found[1];
}

/// Choices of all but the best groups become -inf, or 0.
void Router::dropGroups() {
  Value count = k.index(op.getGroups());
  k.forLoop(zero, count, one, [&](Value g) {
    Value first = k.mulI(g, perGroup);
    auto two = k.forLoop(zero, perGroup, one, {a.lowest(), a.lowest()},
                         [&](Value i, ValueRange acc) -> SmallVector<Value> {
                           Value x = get(choices, k.addI(first, i));
                           Value isFirst = a.gt(x, acc[0]),
                                 isSecond = a.gt(x, acc[1]);
                           Value second = a.select(isSecond, x, acc[1]);
                           return {a.select(isFirst, x, acc[0]),
                                   a.select(isFirst, acc[0], second)};
                         });
    // A group of one expert has no second.
    Value hasTwo = k.lessI(one, perGroup);
    Value second = a.select(hasTwo, two[1], a.zero());
    put(a.add(two[0], second), groups, g);
  });
  k.forLoop(zero, k.index(op.getChosenGroups()), one, [&](Value) {
    // Marked by NaN, which no comparison finds again.
    Value g = takeLargest(groups, count);
    put(a.cst(std::numeric_limits<double>::quiet_NaN()), groups, g);
  });
  Value dropped = op.getDroppedZero() ? a.zero() : a.lowest();
  k.forLoop(zero, count, one, [&](Value g) {
    Value x = get(groups, g);
    Value isKept =
        k.b.create<arith::CmpFOp>(k.loc, arith::CmpFPredicate::UNO, x, x);
    Value first = k.mulI(g, perGroup);
    k.forLoop(zero, perGroup, one, [&](Value i) {
      Value at = k.addI(first, i);
      put(a.select(isKept, get(choices, at), dropped), choices, at);
    });
  });
}

void Router::choose(Value token) {
  Value chosen = k.index(op.getChosen());
  Value first = k.mulI(token, chosen);
  // The scores of the chosen ones, behind those of the groups.
  Value weights = k.scratchAt(k.mulI(experts, k.index(12)));
  Value sum = k.forLoop(zero, chosen, one, {a.zero()},
                        [&](Value j, ValueRange acc) -> SmallVector<Value> {
                          Value e = takeLargest(choices, experts);
                          Value index = fromIndex(k, e, k.b.getI32Type());
                          s.store(1, index, k.addI(first, j));
                          Value x = get(scores, e);
                          put(x, weights, j);
                          return {a.add(acc[0], x)};
                        })[0];
  k.forLoop(zero, chosen, one, [&](Value j) {
    Value x = get(weights, j);
    if (op.getNormalise())
      x = a.div(x, a.add(sum, a.cst(1e-20)));
    double scaling = op.getScaling().convertToDouble();
    s.store(0, scaling == 1 ? x : a.mul(x, a.cst(scaling)), k.addI(first, j));
  });
}

LogicalResult Router::emit() {
  auto [begin, end] = k.share(k.dim(op.getLogits(), 0));
  k.forLoop(begin, end, one, [&](Value token) {
    score(token);
    if (op.getGroups() > 1 && op.getChosenGroups() < op.getGroups())
      dropGroups();
    choose(token);
  });
  return failure(failed);
}

LogicalResult codegen::emitRoute(const SequentialOp &s) {
  return Router(s).emit();
}
