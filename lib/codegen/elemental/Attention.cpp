//===- Attention.cpp - Elements of attention -----------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every element walks the keys that its query sees: right for all types and
// shapes, and slow. It is where a backend has no kernel of its own.
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/elemental/Helpers.h"
#include "lib/codegen/elemental/Values.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;

namespace {
/// One element of the result: a batch, a head, a query and a column.
class AttentionElement {
public:
  AttentionElement(KernelContext &k, fm::AttentionOp op, ValueRange indices)
      : k(k), op(op), a(k, elementOf(op.getQuery())), batch(indices[0]),
        head(indices[op.getOutBshd() ? 2 : 1]),
        query(indices[op.getOutBshd() ? 1 : 2]), column(indices[3]) {
    ArrayRef<Expr> q = k.dims(op.getQuery()), kv = k.dims(op.getKey());
    heads = q[op.getQBshd() ? 2 : 1];
    queries = q[op.getQBshd() ? 1 : 2];
    keys = kv[op.getKvBshd() ? 1 : 2];
    Expr perGroup = k.scope.floorDiv(heads, kv[op.getKvBshd() ? 2 : 1]);
    group = k.divI(head, k.maxI(k.expr(perGroup), k.index(1)));
  }
  Value emit();

private:
  Value at(Value tensor, bool swapped, Value middle, Value row, Value col) {
    Indices indices{batch, middle, row, col};
    if (swapped)
      std::swap(indices[1], indices[2]);
    Value value = k.element(tensor, indices);
    failed |= !value;
    return value ? a.widenFrom(value, elementOf(tensor)) : a.zero();
  }
  Value visibleKeys();
  Value score(Value key);

  KernelContext &k;
  fm::AttentionOp op;
  Arith a;
  Value batch, head, query, column, group;
  Expr heads, queries, keys;
  bool failed = false;
};
} // namespace

/// How many keys the query sees, from the first on.
Value AttentionElement::visibleKeys() {
  Value all = k.expr(keys);
  if (!op.getCausal())
    return all;
  Value last = query;
  if (op.getCausalEnd())
    last = k.addI(last, k.subI(all, k.expr(queries)));
  return k.minI(k.maxI(k.addI(last, k.index(1)), k.index(0)), all);
}

Value AttentionElement::score(Value key) {
  Value x =
      k.forLoop(k.index(0), k.dim(op.getQuery(), 3), k.index(1), {a.zero()},
                [&](Value d, ValueRange acc) -> SmallVector<Value> {
                  Value q = at(op.getQuery(), op.getQBshd(), head, query, d);
                  Value y = at(op.getKey(), op.getKvBshd(), group, key, d);
                  return {a.add(acc[0], a.mul(q, y))};
                })[0];
  x = a.mul(x, a.cst(op.getScale().convertToDouble()));
  if (double cap = op.getSoftcap().convertToDouble(); cap != 0)
    x = a.mul(a.unary<math::TanhOp>(a.mul(x, a.cst(1 / cap))), a.cst(cap));
  Value mask = op.getMask();
  if (!mask)
    return x;
  Exprs dims{k.dims(op.getQuery())[0], heads, queries, keys};
  Value added = k.broadcastElement(mask, dims, {batch, head, query, key});
  failed |= !added;
  return added ? a.add(x, a.widenFrom(added, elementOf(mask))) : x;
}

/// One pass over the keys, with the largest score so far, the sum of
/// probabilities and the output relative to it.
Value AttentionElement::emit() {
  auto results = k.forLoop(
      k.index(0), visibleKeys(), k.index(1), {a.lowest(), a.zero(), a.zero()},
      [&](Value key, ValueRange acc) -> SmallVector<Value> {
        Value x = score(key);
        Value most = a.select(a.gt(x, acc[0]), x, acc[0]);
        // Where no key was seen yet, exp(-inf - -inf) would be NaN.
        Value base = a.select(a.gt(most, a.lowest()), most, a.zero());
        Value before = a.exp(a.sub(acc[0], base));
        Value p = a.exp(a.sub(x, base));
        Value v = at(op.getValue(), op.getKvBshd(), group, key, column);
        return {most, a.add(a.mul(acc[1], before), p),
                a.add(a.mul(acc[2], before), a.mul(p, v))};
      });
  if (failed)
    return {};
  Value isNone = a.cmp(Compare::Eq, results[1], a.zero());
  Value sum = a.select(isNone, a.one(), results[1]);
  Value result = a.div(results[2], sum);
  Type type = elementOf(op.getResult());
  return type == a.element ? a.narrow(result)
                           : convert(k, result, a.type, type);
}

static Value attention(KernelContext &k, Operation *op, unsigned,
                       ValueRange indices) {
  return AttentionElement(k, cast<fm::AttentionOp>(op), indices).emit();
}

void codegen::registerAttentionElements(ElementTable &t) {
  // No cost: nothing is fused with it, as backends' own kernels want it.
  t["fm.attention"] = {attention, ElementCost::None};
}
