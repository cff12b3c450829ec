//===- Window.cpp - Elements of pooling -----------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/elemental/Helpers.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;

namespace {

/// The taps of a window that lie inside of the input.
struct Window {
  SmallVector<Value> origin, begin, sizes;
  /// Taps in the input and its padding, for averages that count those.
  Value padded;
};

} // namespace

/// [begin, end) of the taps t with 0 <= origin + t * dilation < limit.
static std::pair<Value, Value> tapsInside(KernelContext &k, Value origin,
                                          Value limit, int64_t taps,
                                          int64_t dilation) {
  Value none = k.index(0), step = k.index(dilation);
  Value begin = k.ceilDivI(k.maxI(k.subI(none, origin), none), step);
  Value end = k.ceilDivI(k.maxI(k.subI(limit, origin), none), step);
  return {begin, k.minI(k.index(taps), end)};
}

template <typename OpTy>
static Window windowAt(KernelContext &k, OpTy op, ValueRange indices) {
  fm::SymbolicScope &s = k.scope;
  Window w;
  w.padded = k.index(1);
  unsigned spatial = indices.size() - 2;
  for (unsigned i = 0; i < spatial; ++i) {
    int64_t stride = op.getStrides()[i], dilation = op.getDilations()[i];
    int64_t taps = op.getKernel()[i];
    Expr dim = s.dim(op.getInput(), i + 2);
    Expr out = s.dim(op.getResult(), i + 2);
    Expr window = s.cst(dilation * (taps - 1) + 1);
    Expr pad = windowPad(k, op.getAutoPad(), op.getPads(), i, spatial, dim, out,
                         stride, window);
    // What lies behind the input counts up to the padding that was asked for.
    Expr after = s.cst(0);
    if (op.getAutoPad().starts_with("same")) {
      Expr covered = s.add(s.mul(s.sub(out, s.cst(1)), s.cst(stride)), window);
      after = s.sub(s.max(s.sub(covered, dim), s.cst(0)), pad);
    } else if (op.getAutoPad() != "valid" &&
               i + spatial < op.getPads().size()) {
      after = s.cst(op.getPads()[i + spatial]);
    }
    Value place = k.mulI(indices[i + 2], k.index(stride));
    Value origin = k.subI(place, k.expr(pad));
    auto [begin, end] = tapsInside(k, origin, k.expr(dim), taps, dilation);
    w.origin.push_back(origin);
    w.begin.push_back(begin);
    w.sizes.push_back(k.maxI(k.subI(end, begin), k.index(0)));
    Value whole = k.expr(s.add(s.add(dim, pad), after));
    auto [first, last] = tapsInside(k, place, whole, taps, dilation);
    w.padded = k.mulI(w.padded, k.subI(last, first));
  }
  return w;
}

/// The input's indices of a tap.
template <typename OpTy>
static Indices tapIndices(KernelContext &k, OpTy op, const Window &w,
                          ValueRange indices, ValueRange at) {
  Indices x{indices[0], indices[1]};
  for (auto [i, tap] : llvm::enumerate(at)) {
    Value shifted = k.addI(tap, w.begin[i]);
    x.push_back(
        k.addI(w.origin[i], k.mulI(shifted, k.index(op.getDilations()[i]))));
  }
  return x;
}

static Value pool(KernelContext &k, Operation *op, unsigned,
                  ValueRange indices) {
  auto pool = cast<fm::PoolOp>(op);
  Type element = elementOf(pool.getInput());
  StringRef kind = pool.getKind();
  Arith a(k, element);
  Window w = windowAt(k, pool, indices);
  bool failed = false;
  Value p = kind == "lp" ? a.cst(pool.getP()) : Value();
  auto results =
      reduceLoops(k, w.sizes, kind == "max" ? a.lowest() : a.zero(),
                  [&](ValueRange at, ValueRange acc) -> SmallVector<Value> {
                    Value x = k.element(pool.getInput(),
                                        tapIndices(k, pool, w, indices, at));
                    if (!x) {
                      failed = true;
                      return {acc[0]};
                    }
                    x = a.widen(x);
                    if (kind == "max")
                      return {a.max(acc[0], x)};
                    if (kind == "lp") {
                      if (pool.getP() == 1)
                        x = a.abs(x);
                      else if (pool.getP() == 2)
                        x = a.mul(x, x);
                      else
                        x = k.b.create<math::PowFOp>(k.loc, a.abs(x), p);
                    }
                    return {a.add(acc[0], x)};
                  });
  if (failed)
    return {};
  Value v = results[0];
  if (kind == "average") {
    Value count = w.padded;
    if (!pool.getCountIncludePad()) {
      count = k.index(1);
      for (Value size : w.sizes)
        count = k.mulI(count, size);
    }
    v = a.div(v, fromIndex(k, count, a.isFloat ? a.type : a.element));
  } else if (kind == "lp" && pool.getP() != 1) {
    v = pool.getP() == 2 ? a.sqrt(v)
                         : Value(k.b.create<math::PowFOp>(
                               k.loc, v, a.cst(1.0 / pool.getP())));
  }
  return a.narrow(v);
}

static Value maxPoolIndices(KernelContext &k, Operation *op, unsigned,
                            ValueRange indices) {
  auto pool = cast<fm::MaxPoolIndicesOp>(op);
  Value input = pool.getInput();
  Arith a(k, elementOf(input));
  Window w = windowAt(k, pool, indices);
  ArrayRef<Expr> dims = k.dims(input);
  // The flat index counts channels first; spatial dimensions follow in their
  // order, or in the opposite one.
  Exprs order(dims.begin(), dims.end());
  if (pool.getColumnMajor())
    std::reverse(order.begin() + 2, order.end());
  bool failed = false;
  auto results =
      reduceLoops(k, w.sizes, ValueRange{a.lowest(), k.index(-1)},
                  [&](ValueRange at, ValueRange best) -> SmallVector<Value> {
                    Indices place = tapIndices(k, pool, w, indices, at);
                    Value x = k.element(input, place);
                    if (!x) {
                      failed = true;
                      return SmallVector<Value>(best);
                    }
                    x = a.widen(x);
                    if (pool.getColumnMajor())
                      std::reverse(place.begin() + 2, place.end());
                    // The first maximum; any value beats none at all.
                    Value wins = k.b.create<arith::OrIOp>(
                        k.loc, a.gt(x, best[0]), k.lessI(best[1], k.index(0)));
                    return {k.selectV(wins, x, best[0]),
                            k.selectV(wins, k.linear(order, place), best[1])};
                  });
  if (failed)
    return {};
  return fromIndex(k, results[1], elementOf(pool.getResult()));
}

void codegen::registerWindowElements(ElementTable &t) {
  t["fm.pool"] = {pool, ElementCost::Loop};
  t["fm.max_pool_indices"] = {maxPoolIndices, ElementCost::Loop};
}
