//===- Exp.cpp - Exponentials and hyperbolic functions --------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Exp.h"
#include "Double.h"

using namespace narae;
using namespace narae::device;

template <class F>
static inline F exp2F(F x) {
  F c = x > F(130.0f) ? F(130.0f) : x;
  c = c < F(-152.0f) ? F(-152.0f) : c;
  F j = c + F(kRound32);
  F r = (c - (j - F(kRound32))) * F(0.6931471806f);
  F p = poly(r, 0.5000000105f, 0.1666651902f, 0.04166618116f, 0.008368868917f,
             0.001395185178f);
  F e = fma(r * r, p, r) + F(1.0f);
  IntOf<F> k = bits(j) - bits(F(kRound32)), half = k >> 1;
  return e * power2f<F>(half) * power2f<F>(k - half);
}

/// Small: x + x^3 P(x^2). Else 1 - 2 / (e^2x + 1).
template <class F>
static inline F tanhF(F x) {
  F a = fabs(x), z = x * x;
  F p = poly(z, -0.3333333059f, 0.1333319619f, -0.05394539225f, 0.02169263457f,
             -0.008156305696f, 0.00212276242f);
  F small = fma(x * z, p, x);
  F c = a > F(10.0f) ? F(10.0f) : a;
  F large = F(1.0f) - F(2.0f) / (expF(c + c) + F(1.0f));
  F result = copysign(a < F(0.625f) ? small : large, x);
  return x == x ? result : x;
}

template <class F>
static inline F expm1F(F x) {
  return to<F>(expm1D(to<DoubleOf<F>>(x)));
}
template <class F>
static inline F sinhF(F x) {
  using D = DoubleOf<F>;
  D a = fabs(to<D>(x));
  a = a > D(100.0) ? D(100.0) : a;
  D t = expm1D(a);
  return copysign(to<F>(D(0.5) * (t + t / (t + D(1.0)))), x);
}
template <class F>
static inline F coshF(F x) {
  using D = DoubleOf<F>;
  D a = fabs(to<D>(x));
  a = a > D(100.0) ? D(100.0) : a;
  D t = expD(a);
  return to<F>(D(0.5) * (t + D(1.0) / t));
}

static inline double exp2D(double x) {
  double c = x > 1030 ? 1030 : x < -1100 ? -1100 : x;
  double n = roundEven(c);
  double r = c - n;
  // r ln 2 as a sum of two doubles.
  double hi = r * 0.6931471805599453;
  double lo = fma(r, 0.6931471805599453, -hi) + r * 2.3190468138462996e-17;
  double e = fma(hi * hi, expTail(hi), hi) + lo + 1.0;
  int64_t k = bits(c + kRound64) - bits(kRound64), half = k >> 1;
  return e * power2<double>(half) * power2<double>(k - half);
}
static inline double tanhD(double x) {
  double a = fabs(x);
  double t = expm1D(2 * (a > 22 ? 22 : a));
  double result = copysign(t / (t + 2), x);
  return x == x ? result : x;
}
/// Where e^x may overflow although half of it does not: (e^(x/2) / 2) e^(x/2).
static inline double largeHalfExp(double a) {
  double root = expD(0.5 * a);
  return 0.5 * root * root;
}
static inline double sinhD(double x) {
  double a = fabs(x);
  double t = expm1D(a > 700 ? 700 : a);
  double near = 0.5 * (t + t / (t + 1));
  return copysign(a > 700 ? largeHalfExp(a) : near, x);
}
static inline double coshD(double x) {
  double a = fabs(x);
  double t = expD(a > 700 ? 700 : a);
  return a > 700 ? largeHalfExp(a) : x == x ? 0.5 * (t + 1 / t) : x;
}

NARAE_UNARY_F32(exp, expF)
NARAE_UNARY_F32(exp2, exp2F)
NARAE_UNARY_F32(expm1, expm1F)
NARAE_UNARY_F32(tanh, tanhF)
NARAE_UNARY_F32(sinh, sinhF)
NARAE_UNARY_F32(cosh, coshF)
NARAE_UNARY_F64(exp, expD)
NARAE_UNARY_F64(exp2, exp2D)
NARAE_UNARY_F64(expm1, expm1D)
NARAE_UNARY_F64(tanh, tanhD)
NARAE_UNARY_F64(sinh, sinhD)
NARAE_UNARY_F64(cosh, coshD)
