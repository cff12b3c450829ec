//===- Log.cpp - Logarithms and inverse hyperbolic functions --------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Double.h"

using namespace narae;
using namespace narae::device;

/// x = m 2^k, log x = k ln 2 + log(1 + f), f = m - 1, in float arithmetic.
template <class F>
static inline F logF(F x) {
  auto small = x < F(0x1p-126f);
  F y = small ? x * F(0x1p24f) : x;
  IntOf<F> e = less(bits(y), 0x3f3504f3) >> 23;
  F f = bitsTo<F>(less(bits(y), shiftUp(e, 23))) - F(1.0f);
  F k = to<F>(e) - (small ? F(24.0f) : F(0.0f));
  F z = f * f;
  F p = poly(f, 0.3333331056f, -0.2499998624f, 0.2000221577f, -0.1666925803f,
             0.1421890881f, -0.1238445617f, 0.118711786f, -0.1178804721f,
             0.06917033498f);
  F tail = fma(k, F(0x1.7f7d1cp-20f), f * z * p);
  tail = fma(F(-0.5f), z, tail);
  // The sum of k ln 2 and f rounds by up to an ulp where they cancel: its
  // error goes to the tail.
  F main = k * F(0x1.62e4p-1f);
  F sum = main + f;
  F error = (f - (sum - main));
  error = fabs(main) >= fabs(f) ? error : main - (sum - f);
  F result = sum + (error + tail);
  return logSpecial(x, result);
}

/// log of a base from log's parts: k + log(m) / ln(base), the quotient with
/// the low half of the constant.
template <class D>
static inline D logBase(D x, double hi, double lo, double kHi, double kLo) {
  LogParts<D> p = logParts(x);
  D f = p.m - D(1.0);
  D h = D(0.5) * f * f;
  D tail = logTail(f, h);
  // log(m) = f - (h - tail), as a sum of two.
  D low = tail - h;
  D sum = f + low;
  D rest = low - (sum - f);
  D product = sum * D(hi);
  D error =
      fma(sum, D(hi), -product) + fma(sum, D(lo), rest * D(hi)) + p.k * D(kLo);
  D main = p.k * D(kHi);
  D total = main + product;
  D lost = fabs(main) >= fabs(product) ? product - (total - main)
                                       : main - (total - product);
  return logSpecial(x, total + (lost + error));
}
template <class D>
static inline D log2D(D x) {
  return logBase(x, 1.4426950408889634, 2.0355273740931033e-17, 1.0, 0.0);
}
template <class D>
static inline D log10D(D x) {
  return logBase(x, 0.4342944819032518, 1.098319650216765e-17,
                 3.01029995663611771306e-01, 3.69423907715893078616e-13);
}

template <class D>
static inline D asinhD(D x) {
  D a = fabs(x);
  auto large = a > D(0x1p28);
  D c = large ? D(1.0) : a, z = c * c;
  D near = log1pD(c + z / (D(1.0) + sqrt(z + D(1.0))));
  D far = logD(a) + D(0.6931471805599453);
  return copysign(large ? far : near, x);
}
template <class D>
static inline D acoshD(D x) {
  auto large = x > D(0x1p28);
  D t = (large ? D(1.0) : x) - D(1.0);
  D near = log1pD(t + sqrt(t * t + D(2.0) * t));
  D far = logD(x) + D(0.6931471805599453);
  D result = large ? far : near;
  return x < D(1.0) ? notANumber<D>() : result;
}
template <class D>
static inline D atanhD(D x) {
  D a = fabs(x);
  return copysign(D(0.5) * log1pD(D(2.0) * a / (D(1.0) - a)), x);
}

#define NARAE_THROUGH_DOUBLE(name)                                             \
  template <class F>                                                           \
  static inline F name##F(F x) {                                               \
    return to<F>(name##D(to<DoubleOf<F>>(x)));                                 \
  }
NARAE_THROUGH_DOUBLE(log2)
NARAE_THROUGH_DOUBLE(log10)
NARAE_THROUGH_DOUBLE(log1p)
NARAE_THROUGH_DOUBLE(asinh)
NARAE_THROUGH_DOUBLE(acosh)
NARAE_THROUGH_DOUBLE(atanh)

NARAE_UNARY_F32(log, logF)
NARAE_UNARY_F32(log2, log2F)
NARAE_UNARY_F32(log10, log10F)
NARAE_UNARY_F32(log1p, log1pF)
NARAE_UNARY_F32(asinh, asinhF)
NARAE_UNARY_F32(acosh, acoshF)
NARAE_UNARY_F32(atanh, atanhF)
NARAE_UNARY_F64(log, logD)
NARAE_UNARY_F64(log2, log2D)
NARAE_UNARY_F64(log10, log10D)
NARAE_UNARY_F64(log1p, log1pD)
NARAE_UNARY_F64(asinh, asinhD)
NARAE_UNARY_F64(acosh, acoshD)
NARAE_UNARY_F64(atanh, atanhD)
