//===- Trig.cpp - Sine, cosine, tangent -----------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// x = q pi/2 + r with |r| <= pi/4. Floats are reduced in double arithmetic: by
// fused multiply-adds (Cody and Waite) up to 2^40, beyond by a table of powers
// of two modulo 2 pi. Doubles beyond 2^30 take the bits of 2 / pi that matter
// (Payne and Hanek).
//
//===----------------------------------------------------------------------===//

#include "Double.h"
#include "TwoOverPi.h"

using namespace narae;
using namespace narae::device;

static constexpr double kTwoOverPi = 0.6366197723675814;
static constexpr double kHalfPi[] = {
    0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54, -0x1.f1976b7ed8fbcp-110};

//===----------------------------------------------------------------------===//
// float
//===----------------------------------------------------------------------===//

template <class F>
struct Reduced {
  DoubleOf<F> r;
  IntOf<F> q;
};

/// The table's way, for magnitudes of 2^40 and more.
template <class F>
static inline Reduced<F> reduceLarge(F x) {
  using D = DoubleOf<F>;
  using I = IntOf<F>;
  I b = bits(x) & 0x7fffffff;
  I index = (b >> 23) - (150 + kFirstPower);
  index = index < 0 ? I(0) : index;
  index = index >= kPowers ? I(kPowers - 1) : index;
  D m = to<D>((b & 0x7fffff) | 0x800000);
  m = copysign(m, to<D>(x));
  D high, low;
  if constexpr (Lanes<F>::count == 1) {
    high = powerHigh[index];
    low = powerLow[index];
  } else {
    for (int i = 0; i < Lanes<F>::count; ++i) {
      high[i] = powerHigh[index[i]];
      low[i] = powerLow[index[i]];
    }
  }
  D y = m * high;
  D j = y + D(kRound64);
  D f = fma(m, low, y - (j - D(kRound64)));
  return {f * D(kHalfPi[0]), to<I>(bits(j))};
}

template <class F>
static inline Reduced<F> reduce(F x) {
  using D = DoubleOf<F>;
  using I = IntOf<F>;
  D a = to<D>(x);
  D j = fma(a, D(kTwoOverPi), D(kRound64));
  D n = j - D(kRound64);
  D r = fma(n, D(-kHalfPi[0]), a);
  r = fma(n, D(-kHalfPi[1]), r);
  I q = to<I>(bits(j));
  // A vector looks before it pays; a scalar in a loop must not branch.
  I large = (bits(x) & 0x7fffffff) >= I(0x53800000) ? I(-1) : I(0);
  if constexpr (Lanes<F>::count > 1)
    if (!__builtin_reduce_or(large))
      return {r, q};
  Reduced<F> other = reduceLarge(x);
  return {to<IntOf<D>>(large) < IntOf<D>(0) ? other.r : r,
          large < 0 ? other.q : q};
}

/// sin(r + q pi/2)
template <class F>
static inline F sinQuarter(DoubleOf<F> angle, IntOf<F> q) {
  F r = to<F>(angle), z = r * r;
  F s = fma(r * z,
            poly(z, -0.1666666664f, 0.008333329162f, -0.0001983926279f,
                 2.717622375e-6f),
            r);
  F c = fma(z * z,
            poly(z, 0.04166666662f, -0.001388888346f, 2.479944131e-5f,
                 -2.720368056e-7f),
            fma(z, F(-0.5f), F(1.0f)));
  F result = (q & 1) != 0 ? c : s;
  return bitsTo<F>(bits(result) ^ shiftUp(q & 2, 30));
}

template <class F>
static inline F special(F x, F result) {
  return fabs(x) < infinity<F>() ? result : notANumber<F>();
}

template <class F>
static inline F sinF(F x) {
  Reduced<F> a = reduce(x);
  F result = sinQuarter<F>(a.r, a.q);
  return special(x, x == F(0.0f) ? x : result);
}
template <class F>
static inline F cosF(F x) {
  Reduced<F> a = reduce(x);
  return special(x, sinQuarter<F>(a.r, a.q + 1));
}

//===----------------------------------------------------------------------===//
// double
//===----------------------------------------------------------------------===//

/// sin and cos of high + low, coefficients as in msun.
template <class D>
static inline D sinKernel(D x, D low) {
  D z = x * x, v = z * x;
  D r = poly(z, 8.33333333332248946124e-03, -1.98412698298579493134e-04,
             2.75573137070700676789e-06, -2.50507602534068634195e-08,
             1.58969099521155010221e-10);
  return x - ((z * (D(0.5) * low - v * r) - low) -
              v * D(-1.66666666666666324348e-01));
}
template <class D>
static inline D cosKernel(D x, D low) {
  D z = x * x;
  D r = z * poly(z, 4.16666666666666019037e-02, -1.38888888888741095749e-03,
                 2.48015872894767294178e-05, -2.75573143513906633035e-07,
                 2.08757232129817482790e-09, -1.13596475577881948265e-11);
  D h = D(0.5) * z, w = D(1.0) - h;
  return w + (((D(1.0) - w) - h) + (z * r - x * low));
}

template <class F>
static inline F tanF(F x) {
  using D = DoubleOf<F>;
  Reduced<F> a = reduce(x);
  D s = sinKernel(a.r, D(0.0)), c = cosKernel(a.r, D(0.0));
  auto odd = (to<IntOf<D>>(a.q) & 1) != 0;
  F result = to<F>((odd ? -c : s) / (odd ? s : c));
  return special(x, x == F(0.0f) ? x : result);
}

namespace {
struct Angle {
  double high, low;
  int64_t q;
};
} // namespace

/// x = m 2^e; m times 192 bits of 2^e 2 / pi modulo 4, of which 190 are after
/// the point.
static Angle reducePayneHanek(double x) {
  int64_t b = bits(x) & 0x7fffffffffffffff;
  int64_t e = (b >> 52) - 1075;
  uint64_t m = (b & 0xfffffffffffff) | 0x10000000000000;
  // The first bit we need is number e - 2 after the point; the table has 64
  // zeros before them.
  uint64_t first = static_cast<uint64_t>(e - 2 + 64);
  uint64_t word = first / 64, shift = first % 64;
  uint64_t w[3];
  for (int i = 0; i < 3; ++i) {
    w[i] = twoOverPi[word + i] << shift;
    if (shift)
      w[i] |= twoOverPi[word + i + 1] >> (64 - shift);
  }
  using Wide = unsigned __int128;
  Wide p = Wide(m) * w[2];
  p = (p >> 64) + Wide(m) * w[1];
  Wide value = p + (Wide(m * w[0]) << 64);
  uint64_t q = static_cast<uint64_t>((value + (Wide(1) << 125)) >> 126);
  Wide rest = value - (Wide(q) << 126);
  bool negative = rest >> 127;
  if (negative)
    rest = -rest;
  uint64_t top = static_cast<uint64_t>(rest >> 64);
  int zeros = top ? __builtin_clzll(top)
                  : 64 + __builtin_clzll(static_cast<uint64_t>(rest) | 1);
  rest <<= zeros;
  double h = static_cast<double>(static_cast<int64_t>(rest >> 75));
  double l =
      static_cast<double>(static_cast<int64_t>(rest >> 22) & 0x1fffffffffffff);
  // rest = h 2^75 + l 2^22, in units of 2^-126 quarter turns.
  double scale = power2<double>(75 - 126 - zeros);
  h *= scale;
  l *= scale * 0x1p-53;
  double high = h * kHalfPi[0];
  double low = fma(h, kHalfPi[0], -high) + h * kHalfPi[1] + l * kHalfPi[0];
  if ((x < 0) != negative) {
    high = -high;
    low = -low;
  }
  int64_t turn = static_cast<int64_t>(q);
  return {high, low, x < 0 ? -turn : turn};
}

static Angle reduceD(double x) {
  if (fabs(x) >= 0x1p30)
    return reducePayneHanek(x);
  double j = fma(x, kTwoOverPi, kRound64);
  double n = j - kRound64;
  // The first step is exact; the second leaves its rounding error.
  double r = fma(n, -kHalfPi[0], x);
  double p = n * kHalfPi[1], error = fma(n, kHalfPi[1], -p);
  double high = r - p;
  double back = high - r;
  double low = (r - (high - back)) - (p + back);
  low -= error + n * kHalfPi[2];
  double sum = high + low;
  return {sum, low - (sum - high), bits(j)};
}

static double sinQuarterD(double x, int64_t turn) {
  if (!(fabs(x) < infinity<double>()))
    return notANumber<double>();
  Angle a = reduceD(x);
  int64_t q = a.q + turn;
  double result = q & 1 ? cosKernel(a.high, a.low) : sinKernel(a.high, a.low);
  return q & 2 ? -result : result;
}
static double sinD(double x) { return x == 0 ? x : sinQuarterD(x, 0); }
static double cosD(double x) { return sinQuarterD(x, 1); }
static double tanD(double x) {
  if (x == 0 || !(fabs(x) < infinity<double>()))
    return x == 0 ? x : notANumber<double>();
  Angle a = reduceD(x);
  double s = sinKernel(a.high, a.low), c = cosKernel(a.high, a.low);
  return a.q & 1 ? -c / s : s / c;
}

NARAE_UNARY_F32(sin, sinF)
NARAE_UNARY_F32(cos, cosF)
NARAE_UNARY_F32(tan, tanF)
NARAE_UNARY_F64(sin, sinD)
NARAE_UNARY_F64(cos, cosD)
NARAE_UNARY_F64(tan, tanD)
