//===- Language.cpp - Elements of the ops of language models --------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Attention and experts walk what they sum for each element: right, and slow.
// Backends have kernels of their own for them.
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/elemental/Cache.h"
#include "lib/codegen/elemental/Helpers.h"
#include "lib/codegen/elemental/Values.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;

//===----------------------------------------------------------------------===//
// Rotary positions
//===----------------------------------------------------------------------===//

static Value ropeTable(KernelContext &k, Operation *op, unsigned,
                       ValueRange indices) {
  auto table = cast<fm::RopeTableOp>(op);
  Arith a(k, k.b.getF32Type());
  SmallVector<float> frequencies(table.getInverseFrequencies());
  Value pairs = k.index(frequencies.size()), i = indices[2];
  Value isCos = k.lessI(i, pairs);
  Value pair = k.selectV(isCos, i, k.subI(i, pairs));
  Value position = k.element(table.getPositions(), indices.drop_back());
  Value frequency = constantFloat(k, op, frequencies, pair);
  if (!position || !frequency)
    return {};
  Value angle =
      a.mul(k.b.create<arith::SIToFPOp>(k.loc, a.type, position), frequency);
  Value turn =
      a.select(isCos, a.unary<math::CosOp>(angle), a.unary<math::SinOp>(angle));
  double factor = table.getFactor().convertToDouble();
  return factor == 1 ? turn : a.mul(turn, a.cst(factor));
}

static Value rope(KernelContext &k, Operation *op, unsigned,
                  ValueRange indices) {
  auto rope = cast<fm::RopeOp>(op);
  Value input = rope.getInput(), table = rope.getTable();
  Arith a(k, elementOf(input));
  Arith f(k, k.b.getF32Type());
  Expr rotated = k.scope.dim(table, 2);
  Value pairs = k.expr(k.scope.floorDiv(rotated, k.scope.cst(2)));
  Value d = indices[3], zero = k.index(0);
  Value place = k.subI(d, k.index(rope.getOffset()));
  bool isWhole = rope.getOffset() == 0 && rotated == k.scope.dim(input, 3);
  Value isRotated;
  if (!isWhole)
    isRotated = inBounds(k, place, k.expr(rotated));
  // Which pair this is of, whether its first part, and where the other is.
  Value isFirst, pair, other;
  if (rope.getPairs()) {
    Value odd = k.remI(place, k.index(2));
    isFirst =
        k.b.create<arith::CmpIOp>(k.loc, arith::CmpIPredicate::eq, odd, zero);
    pair = k.divI(place, k.index(2));
    other = k.selectV(isFirst, k.addI(d, k.index(1)), k.subI(d, k.index(1)));
  } else {
    isFirst = k.lessI(place, pairs);
    pair = k.selectV(isFirst, place, k.subI(place, pairs));
    other = k.selectV(isFirst, k.addI(d, pairs), k.subI(d, pairs));
  }
  if (!isWhole) {
    pair = k.selectV(isRotated, pair, zero);
    other = k.selectV(isRotated, other, d);
  }
  Indices at(indices.begin(), indices.end());
  Value own = k.element(input, at);
  at[3] = other;
  Value partner = own ? k.element(input, at) : own;
  Value cos = partner ? k.element(table, {at[0], at[1], pair}) : partner;
  Value sin = cos ? k.element(table, {at[0], at[1], k.addI(pairs, pair)}) : cos;
  if (!sin)
    return {};
  Value x = a.widen(own), y = a.widen(partner);
  if (a.type.isF64()) {
    cos = a.widenFrom(cos, f.type);
    sin = a.widenFrom(sin, f.type);
  }
  Value turn = a.mul(y, sin);
  Value sum = a.add(a.mul(x, cos), a.select(isFirst, a.neg(turn), turn));
  return a.narrow(isWhole ? sum : a.select(isRotated, sum, x));
}

//===----------------------------------------------------------------------===//
// Experts
//===----------------------------------------------------------------------===//

static Value expertMatmul(KernelContext &k, Operation *op, unsigned,
                          ValueRange indices) {
  auto matmul = cast<fm::ExpertMatmulOp>(op);
  Value input = matmul.getInput(), experts = matmul.getExperts();
  Arith a(k, elementOf(input));
  a.flags = arith::FastMathFlags::reassoc | arith::FastMathFlags::contract;
  Value index = k.element(matmul.getIndices(), indices.drop_back());
  if (!index)
    return {};
  Value last = k.subI(k.dim(experts, 0), k.index(1));
  Value expert = k.minI(toIndex(k, index, k.b.getI32Type()), last);
  expert = k.maxI(expert, k.index(0));
  bool isShared = k.dims(input).size() == 2;
  bool failed = false;
  auto sum = k.forLoop(
      k.index(0), k.dim(experts, 2), k.index(1), {a.zero()},
      [&](Value i, ValueRange acc) -> SmallVector<Value> {
        Indices at{indices[0], i};
        if (!isShared)
          at.insert(at.begin() + 1, indices[1]);
        Value x = k.element(input, at);
        Value w = x ? k.element(experts, {expert, indices[2], i}) : x;
        failed |= !w;
        return {w ? a.add(acc[0], a.mul(a.widen(x), a.widen(w))) : acc[0]};
      });
  return failed ? Value() : a.narrow(sum[0]);
}

//===----------------------------------------------------------------------===//
// Attention over a cache
//===----------------------------------------------------------------------===//

/// One pass over the keys that a query sees, with the largest score so far,
/// the sum of probabilities and the output relative to it.
static Value cachedAttention(KernelContext &k, Operation *op, unsigned,
                             ValueRange indices) {
  auto attention = cast<fm::CachedAttentionOp>(op);
  Value query = attention.getQuery(), key = attention.getKey();
  Value value = attention.getValue() ? attention.getValue() : key;
  Arith a(k, k.b.getF32Type());
  Value batch = indices[0], token = indices[1], head = indices[2];
  Expr perGroup = k.scope.floorDiv(k.scope.dim(query, 2), k.scope.dim(key, 1));
  Value group = k.divI(head, k.maxI(k.expr(perGroup), k.index(1)));
  CacheRange range = visibleRange(k, attention, batch, token, token);
  bool failed = false;
  auto score = [&](Value slot) {
    return k.forLoop(k.index(0), k.dim(query, 3), k.index(1), {a.zero()},
                     [&](Value d, ValueRange acc) -> SmallVector<Value> {
                       Value q = k.element(query, {batch, token, head, d});
                       failed |= !q;
                       Value x = cacheElement(k, key, {batch, group, slot, d});
                       return {q ? a.add(acc[0], a.mul(a.widen(q), x))
                                 : acc[0]};
                     })[0];
  };
  auto results = k.forLoop(
      range.begin, range.end, k.index(1), {a.lowest(), a.zero(), a.zero()},
      [&](Value position, ValueRange acc) -> SmallVector<Value> {
        Value slot = range.slot(k, position);
        Value scale = a.cst(attention.getScale().convertToDouble());
        Value x = a.mul(score(slot), scale);
        Value most = a.max(acc[0], x);
        Value before = a.exp(a.sub(acc[0], most));
        Value p = a.exp(a.sub(x, most));
        Value v = cacheElement(k, value, {batch, group, slot, indices[3]});
        return {most, a.add(a.mul(acc[1], before), p),
                a.add(a.mul(acc[2], before), a.mul(p, v))};
      });
  if (failed)
    return {};
  Value isNone = a.cmp(Compare::Eq, results[1], a.zero());
  Value sum = a.select(isNone, a.one(), results[1]);
  return a.div(results[2], sum);
}

void codegen::registerLanguageElements(ElementTable &t) {
  t["fm.rope_table"] = {ropeTable, ElementCost::Once};
  t["fm.rope"] = {rope, ElementCost::Cheap};
  t["fm.expert_matmul"] = {expertMatmul, ElementCost::Loop};
  t["fm.cached_attention"] = {cachedAttention, ElementCost::Loop};
}
