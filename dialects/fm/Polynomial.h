//===- Polynomial.h - Canonical sizes ---------------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Sizes as polynomials over atoms (symbols and divisions): the canonical form
// in which equal sizes are the same expression.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_DIALECTS_FM_POLYNOMIAL_H
#define NARAE_DIALECTS_FM_POLYNOMIAL_H

#include "dialects/fm/Symbolic.h"

#include <map>
#include <optional>

namespace narae::fm {

/// A total order on expressions that does not depend on addresses: negative,
/// zero or positive as `a` comes before, is, or comes after `b`.
int compare(Expr a, Expr b);

/// Products of more atoms come first.
struct MonomialLess {
  bool operator()(const Exprs &a, const Exprs &b) const;
};

/// Sorted atoms -> coefficient. Atoms are symbols and divisions.
using Polynomial = std::map<Exprs, int64_t, MonomialLess>;

/// p += coefficient * atoms; coefficients are modulo 2^64.
void addTerm(Polynomial &p, const Exprs &atoms, int64_t coefficient);
Polynomial multiply(const Polynomial &x, const Polynomial &y);
Polynomial polynomialOf(Expr e);
Expr exprOf(const Polynomial &p, mlir::MLIRContext *context);

/// p / divisor when it leaves no remainder: long division by leading terms.
std::optional<Polynomial> divideExactly(Polynomial p,
                                        const Polynomial &divisor);

} // namespace narae::fm

#endif // NARAE_DIALECTS_FM_POLYNOMIAL_H
