//===- SymbolicArithmetic.cpp - Sums, products and bounds of sizes --------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/fm/FmDialect.h"
#include "dialects/fm/Polynomial.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace narae::fm;

static int64_t saturatingAdd(int64_t a, int64_t b) {
  if (a == kUnbounded || b == kUnbounded)
    return kUnbounded;
  if (a == INT64_MIN || b == INT64_MIN)
    return INT64_MIN;
  int64_t r;
  if (llvm::AddOverflow(a, b, r))
    return a > 0 ? kUnbounded : INT64_MIN;
  return r;
}

static int64_t saturatingMul(int64_t a, int64_t b) {
  if (a == 0 || b == 0)
    return 0;
  int64_t r;
  bool infinite =
      a == kUnbounded || b == kUnbounded || a == INT64_MIN || b == INT64_MIN;
  if (infinite || llvm::MulOverflow(a, b, r))
    return (a > 0) == (b > 0) ? kUnbounded : INT64_MIN;
  return r;
}

std::optional<int64_t> narae::fm::constantOf(Expr expr) {
  if (auto c = dyn_cast_or_null<AffineConstantExpr>(expr))
    return c.getValue();
  return std::nullopt;
}

int64_t narae::fm::staticSize(Expr expr) {
  return constantOf(expr).value_or(ShapedType::kDynamic);
}

Expr SymbolicScope::cst(int64_t value) const {
  return getAffineConstantExpr(value, context);
}

Expr SymbolicScope::add(Expr a, Expr b) {
  Polynomial p = polynomialOf(a);
  for (auto &[atoms, c] : polynomialOf(b))
    addTerm(p, atoms, c);
  return exprOf(p, context);
}

Expr SymbolicScope::sub(Expr a, Expr b) { return add(a, mul(b, cst(-1))); }

Expr SymbolicScope::mul(Expr a, Expr b) {
  return exprOf(multiply(polynomialOf(a), polynomialOf(b)), context);
}

Expr SymbolicScope::product(ArrayRef<Expr> exprs) {
  Expr p = cst(1);
  for (Expr e : exprs)
    p = mul(p, e);
  return p;
}

Expr SymbolicScope::floorDiv(Expr a, Expr b) {
  auto x = constantOf(a), y = constantOf(b);
  if (y && *y == 0)
    return cst(0);
  if (y && *y == -1) // INT64_MIN / -1 traps
    return mul(a, b);
  if (x && y)
    return cst(llvm::divideFloorSigned(*x, *y));
  if (auto q = divideExactly(polynomialOf(a), polynomialOf(b)))
    return exprOf(*q, context);
  // AffineExpr may split the sum: bring it back to canonical order.
  return exprOf(polynomialOf(a.floorDiv(b)), context);
}

Expr SymbolicScope::ceilDiv(Expr a, Expr b) {
  return floorDiv(add(a, sub(b, cst(1))), b);
}

Expr SymbolicScope::mod(Expr a, Expr b) {
  return sub(a, mul(floorDiv(a, b), b));
}

bool SymbolicScope::lessEqual(Expr a, Expr b) {
  if (a == b || range(a).second <= range(b).first ||
      range(sub(a, b)).second <= 0)
    return true;
  auto operands = [&](Expr e, SymbolDef::Kind kind) -> Exprs {
    auto s = dyn_cast<AffineSymbolExpr>(e);
    if (s && defs[s.getPosition()].kind == kind)
      return defs[s.getPosition()].operands;
    return {};
  };
  if (Exprs x = operands(a, SymbolDef::Max); !x.empty())
    return lessEqual(x[0], b) && lessEqual(x[1], b);
  if (Exprs x = operands(b, SymbolDef::Min); !x.empty())
    return lessEqual(a, x[0]) && lessEqual(a, x[1]);
  if (Exprs x = operands(a, SymbolDef::Min); !x.empty())
    if (lessEqual(x[0], b) || lessEqual(x[1], b))
      return true;
  if (Exprs x = operands(b, SymbolDef::Max); !x.empty())
    return lessEqual(a, x[0]) || lessEqual(a, x[1]);
  return false;
}

Expr SymbolicScope::max(Expr a, Expr b) {
  if (lessEqual(b, a))
    return a;
  if (lessEqual(a, b))
    return b;
  if (compare(a, b) > 0)
    std::swap(a, b);
  auto [aMin, aMax] = range(a);
  auto [bMin, bMax] = range(b);
  return symbol({SymbolDef::Max,
                 {},
                 0,
                 {a, b},
                 std::max(aMin, bMin),
                 std::max(aMax, bMax),
                 ""});
}

Expr SymbolicScope::min(Expr a, Expr b) {
  if (lessEqual(a, b))
    return a;
  if (lessEqual(b, a))
    return b;
  if (compare(a, b) > 0)
    std::swap(a, b);
  auto [aMin, aMax] = range(a);
  auto [bMin, bMax] = range(b);
  return symbol({SymbolDef::Min,
                 {},
                 0,
                 {a, b},
                 std::min(aMin, bMin),
                 std::min(aMax, bMax),
                 ""});
}

Expr SymbolicScope::select(Expr condition, Expr a, Expr b) {
  if (auto c = constantOf(condition))
    return *c ? a : b;
  if (a == b)
    return a;
  SymbolDef def{SymbolDef::Select,
                {},
                0,
                {condition, a, b},
                std::min(range(a).first, range(b).first),
                std::max(range(a).second, range(b).second),
                ""};
  return symbol(def);
}

Expr SymbolicScope::equal(Expr a, Expr b) {
  if (a == b)
    return cst(1);
  auto [dMin, dMax] = range(sub(a, b));
  if (dMin > 0 || dMax < 0)
    return cst(0);
  if (compare(a, b) > 0)
    std::swap(a, b);
  return symbol({SymbolDef::Equal, {}, 0, {a, b}, 0, 1, ""});
}

Expr SymbolicScope::less(Expr a, Expr b) {
  auto [dMin, dMax] = range(sub(a, b));
  if (dMax < 0)
    return cst(1);
  if (dMin >= 0)
    return cst(0);
  return symbol({SymbolDef::Less, {}, 0, {a, b}, 0, 1, ""});
}

Expr SymbolicScope::broadcast(Expr a, Expr b) {
  if (a == b)
    return a;
  auto x = constantOf(a), y = constantOf(b);
  if (x && *x == 1)
    return b;
  if (y && *y == 1)
    return a;
  if (x && y)
    return Expr();
  // A static size other than 1 wins; the other is it or 1, checked when run.
  if (x)
    return a;
  if (y)
    return b;
  // Of two dynamic sizes, one is 1 or they are equal. Zero beats one, so the
  // maximum would be wrong.
  if (range(a).first > 1)
    return a;
  if (range(b).first > 1)
    return b;
  for (auto [p, q] : {std::make_pair(a, b), std::make_pair(b, a)})
    if (auto s = dyn_cast<AffineSymbolExpr>(p))
      if (defs[s.getPosition()].kind == SymbolDef::Min &&
          llvm::is_contained(defs[s.getPosition()].operands, q))
        return q;
  if (compare(a, b) > 0)
    std::swap(a, b);
  return select(equal(a, cst(1)), b, a);
}

std::pair<int64_t, int64_t> SymbolicScope::range(Expr expr) {
  if (auto c = constantOf(expr))
    return {*c, *c};
  if (auto s = dyn_cast<AffineSymbolExpr>(expr))
    return {defs[s.getPosition()].min, defs[s.getPosition()].max};
  auto binary = cast<AffineBinaryOpExpr>(expr);
  auto [aMin, aMax] = range(binary.getLHS());
  auto [bMin, bMax] = range(binary.getRHS());
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return {saturatingAdd(aMin, bMin), saturatingAdd(aMax, bMax)};
  case AffineExprKind::Mul: {
    int64_t c[] = {saturatingMul(aMin, bMin), saturatingMul(aMin, bMax),
                   saturatingMul(aMax, bMin), saturatingMul(aMax, bMax)};
    return {*std::min_element(c, c + 4), *std::max_element(c, c + 4)};
  }
  case AffineExprKind::FloorDiv:
    if (bMin > 0 && aMin >= 0)
      return {bMax == kUnbounded ? 0 : aMin / bMax,
              aMax == kUnbounded ? kUnbounded : aMax / bMin};
    if (bMin >= 0 && aMin >= 0) // divisors of 0 give 0
      return {0, aMax};
    if (bMin > 0 && bMin == bMax && aMin != INT64_MIN)
      return {llvm::divideFloorSigned(aMin, bMin),
              aMax == kUnbounded ? kUnbounded
                                 : llvm::divideFloorSigned(aMax, bMin)};
    return {INT64_MIN, kUnbounded};
  case AffineExprKind::Mod:
    if (bMin <= 0)
      return {INT64_MIN, kUnbounded};
    return {0,
            bMax == kUnbounded ? kUnbounded : std::max<int64_t>(0, bMax - 1)};
  default:
    return {INT64_MIN, kUnbounded};
  }
}
