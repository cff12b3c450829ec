//===- Polynomial.cpp - Canonical sizes -----------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/fm/Polynomial.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace narae::fm {

int compare(Expr a, Expr b) {
  if (a == b)
    return 0;
  auto key = [](Expr e) {
    return std::make_pair(static_cast<int>(e.getKind()),
                          isa<AffineSymbolExpr>(e)
                              ? int64_t(cast<AffineSymbolExpr>(e).getPosition())
                          : isa<AffineConstantExpr>(e)
                              ? cast<AffineConstantExpr>(e).getValue()
                              : int64_t(0));
  };
  if (key(a) != key(b))
    return key(a) < key(b) ? -1 : 1;
  auto x = cast<AffineBinaryOpExpr>(a), y = cast<AffineBinaryOpExpr>(b);
  if (int c = compare(x.getLHS(), y.getLHS()))
    return c;
  return compare(x.getRHS(), y.getRHS());
}

bool MonomialLess::operator()(const Exprs &a, const Exprs &b) const {
  if (a.size() != b.size())
    return a.size() > b.size();
  for (auto [x, y] : llvm::zip(a, b))
    if (int c = compare(x, y))
      return c < 0;
  return false;
}

static Exprs sortedProduct(const Exprs &a, const Exprs &b) {
  Exprs atoms(a);
  atoms.append(b.begin(), b.end());
  llvm::sort(atoms, [](Expr x, Expr y) { return compare(x, y) < 0; });
  return atoms;
}

void addTerm(Polynomial &p, const Exprs &atoms, int64_t coefficient) {
  int64_t &value = p[atoms];
  value = static_cast<int64_t>(static_cast<uint64_t>(value) +
                               static_cast<uint64_t>(coefficient));
  if (value == 0)
    p.erase(atoms);
}

Polynomial multiply(const Polynomial &x, const Polynomial &y) {
  Polynomial p;
  for (auto &[a, i] : x)
    for (auto &[b, j] : y)
      addTerm(p, sortedProduct(a, b),
              static_cast<int64_t>(static_cast<uint64_t>(i) *
                                   static_cast<uint64_t>(j)));
  return p;
}

Polynomial polynomialOf(Expr e) {
  Polynomial p;
  if (auto c = dyn_cast<AffineConstantExpr>(e)) {
    if (c.getValue())
      p[{}] = c.getValue();
    return p;
  }
  if (auto binary = dyn_cast<AffineBinaryOpExpr>(e)) {
    if (e.getKind() == AffineExprKind::Add) {
      p = polynomialOf(binary.getLHS());
      for (auto &[atoms, c] : polynomialOf(binary.getRHS()))
        addTerm(p, atoms, c);
      return p;
    }
    if (e.getKind() == AffineExprKind::Mul)
      return multiply(polynomialOf(binary.getLHS()),
                      polynomialOf(binary.getRHS()));
    if (e.getKind() == AffineExprKind::Mod) {
      // AffineExpr writes x - (x floordiv y) * y so by itself.
      p = polynomialOf(binary.getLHS());
      Polynomial quotient =
          polynomialOf(binary.getLHS().floorDiv(binary.getRHS()));
      for (auto &[atoms, c] : multiply(quotient, polynomialOf(binary.getRHS())))
        addTerm(p, atoms, -c);
      return p;
    }
  }
  p[{e}] = 1;
  return p;
}

Expr exprOf(const Polynomial &p, MLIRContext *context) {
  Expr sum;
  for (auto &[atoms, c] : p) {
    Expr term;
    for (Expr atom : atoms)
      term = term ? term * atom : atom;
    Expr factor = getAffineConstantExpr(c, context);
    term = term ? (c == 1 ? term : term * factor) : factor;
    sum = sum ? sum + term : term;
  }
  return sum ? sum : getAffineConstantExpr(0, context);
}

std::optional<Polynomial> divideExactly(Polynomial p,
                                        const Polynomial &divisor) {
  if (divisor.empty())
    return std::nullopt;
  auto &[leadAtoms, leadFactor] = *divisor.begin();
  Polynomial quotient;
  while (!p.empty()) {
    auto &[atoms, factor] = *p.begin();
    // INT64_MIN / -1 overflows.
    if ((factor == INT64_MIN && leadFactor == -1) || factor % leadFactor != 0)
      return std::nullopt;
    Exprs rest(atoms);
    for (Expr atom : leadAtoms) {
      auto *it = llvm::find(rest, atom);
      if (it == rest.end())
        return std::nullopt;
      rest.erase(it);
    }
    Polynomial term;
    term[rest] = factor / leadFactor;
    addTerm(quotient, rest, factor / leadFactor);
    for (auto &[a, c] : multiply(term, divisor))
      addTerm(p, a, static_cast<int64_t>(0 - static_cast<uint64_t>(c)));
  }
  return quotient;
}

} // namespace narae::fm
