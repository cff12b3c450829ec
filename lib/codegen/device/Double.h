//===- Double.h - The double functions that the others stand on  -*- C++
//-*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Correct to about one unit in the last place, free of branches, for double
// and vectors of it. The rarer float functions go through these: a little
// slower than float arithmetic, and correctly rounded almost always.
//
// Coefficients of log, asin, atan are those of FreeBSD's msun (Sun
// Microsystems, 1993, freely granted); the others were fitted for this file.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_CODEGEN_DEVICE_DOUBLE_H
#define NARAE_LIB_CODEGEN_DEVICE_DOUBLE_H

#include "Vector.h"

namespace narae::device {

/// Adding it rounds a double to an integer, which then is in the low bits.
constexpr double kRound64 = 0x1.8p52;

/// 2^k for -1022 <= k <= 1023.
template <class D>
inline D power2(IntOf<D> k) {
  return bitsTo<D>(shiftUp(k + 1023, 52));
}

/// Splits x = n ln 2 + r: gives r, and n both as a number and as an integer.
template <class D>
struct ExpParts {
  D r, n;
  IntOf<D> k;
};
template <class D>
inline ExpParts<D> expParts(D x) {
  D j = fma(x, D(1.4426950408889634), D(kRound64));
  D n = j - D(kRound64);
  D r = fma(n, D(-0x1.62e42ffp-1), x);
  r = fma(n, D(0x1.718432a1b0e26p-35), r);
  return {r, n, bits(j) - bits(D(kRound64))};
}

/// (e^r - 1 - r) / r^2 for |r| <= ln(2) / 2.
template <class D>
inline D expTail(D r) {
  return poly(r, 0.5000000000000012841, 0.1666666666666668977,
              0.04166666666651471892, 0.008333333333312596126,
              0.00138888889472001398, 0.0001984126990659195396,
              0.0000248014897379105331, 2.755722533651963339e-6,
              2.763135976963127754e-7, 2.511515274101859153e-8);
}

template <class D>
inline D expD(D x) {
  D c = x > D(720.0) ? D(720.0) : x;
  c = c < D(-760.0) ? D(-760.0) : c;
  ExpParts<D> p = expParts(c);
  D e = fma(p.r * p.r, expTail(p.r), p.r) + D(1.0);
  // In two steps, so that results that are denormal round once.
  IntOf<D> half = p.k >> 1;
  return e * power2<D>(half) * power2<D>(p.k - half);
}

template <class D>
inline D expm1D(D x) {
  D c = x > D(720.0) ? D(720.0) : x;
  c = c < D(-50.0) ? D(-50.0) : c;
  ExpParts<D> p = expParts(c);
  D e = fma(p.r * p.r, expTail(p.r), p.r);
  // 2^n (e + 1) - 1 with 2^(n-1), which exists where 2^n overflows.
  D s = power2<D>((p.k > 1024 ? IntOf<D>(1024) : p.k) - 1);
  D result = D(2.0) * fma(s, e, s - D(0.5));
  result = x > D(709.7827128933841) ? infinity<D>() : result;
  return x == D(0.0) ? x : result;
}

/// Splits a positive normal x = m 2^k with m in [sqrt(1/2), sqrt(2)).
template <class D>
struct LogParts {
  D m, k;
};
template <class D>
inline LogParts<D> logParts(D x) {
  using I = IntOf<D>;
  auto small = x < D(0x1p-1022);
  D y = small ? x * D(0x1p54) : x;
  I k = less(bits(y), 0x3fe6a09e667f3bcd) >> 52;
  D m = bitsTo<D>(less(bits(y), shiftUp(k, 52)));
  return {m, to<D>(k) - (small ? D(54.0) : D(0.0))};
}

/// log(1 + f) - f + f^2/2 by s = f / (2 + f), as in msun.
template <class D>
inline D logTail(D f, D halfSquare) {
  D s = f / (f + D(2.0));
  D z = s * s;
  D r = z * poly(z, 6.666666666666735130e-01, 3.999999999940941908e-01,
                 2.857142874366239149e-01, 2.222219843214978396e-01,
                 1.818357216161805012e-01, 1.531383769920937332e-01,
                 1.479819860511658591e-01);
  return s * (halfSquare + r);
}

constexpr double kLn2Hi = 6.93147180369123816490e-01;
constexpr double kLn2Lo = 1.90821492927058770002e-10;

/// What log gives where its argument is no positive number.
template <class D>
inline D logSpecial(D x, D result) {
  result = x == D(0.0) ? -infinity<D>() : result;
  result = x < D(0.0) ? notANumber<D>() : result;
  result = x == infinity<D>() ? x : result;
  return x == x ? result : x;
}

template <class D>
inline D logD(D x) {
  LogParts<D> p = logParts(x);
  D f = p.m - D(1.0);
  D h = D(0.5) * f * f;
  D tail = logTail(f, h);
  D result = p.k * D(kLn2Hi) - ((h - (tail + p.k * D(kLn2Lo))) - f);
  return logSpecial(x, result);
}

template <class D>
inline D log1pD(D x) {
  D u = x + D(1.0);
  LogParts<D> p = logParts(u);
  // Near 0 the sum has lost digits of x, so x itself is f; elsewhere its
  // rounding error comes in as a correction.
  auto near = p.k == D(0.0);
  D f = near ? x : p.m - D(1.0);
  D lost = x > D(1.0) ? D(1.0) - (u - x) : x - (u - D(1.0));
  D c = near ? D(0.0) : lost / u;
  D h = D(0.5) * f * f;
  D tail = logTail(f, h);
  D result = p.k * D(kLn2Hi) - ((h - (tail + (p.k * D(kLn2Lo) + c))) - f);
  result = logSpecial(u, result);
  return x == D(0.0) ? x : result;
}

/// (asin(sqrt z) / sqrt z - 1) for 0 <= z <= 1/4.
template <class D>
inline D asinTail(D z) {
  D p = z * poly(z, 1.66666666666666657415e-01, -3.25565818622400915405e-01,
                 2.01212532134862925881e-01, -4.00555345006794114027e-02,
                 7.91534994289814532176e-04, 3.47933107596021167570e-05);
  D q = poly(z, 1.0, -2.40339491173441421878e+00, 2.02094576023350569471e+00,
             -6.88283971605453293030e-01, 7.70381505559019352791e-02);
  return p / q;
}

constexpr double kHalfPiHi = 1.57079632679489655800e+00;
constexpr double kHalfPiLo = 6.12323399573676603587e-17;

template <class D>
inline D asinD(D x) {
  D a = fabs(x);
  auto large = a > D(0.5);
  D z = large ? D(0.5) * (D(1.0) - a) : a * a;
  D s = large ? sqrt(z) : a;
  D t = s * asinTail(z);
  D far = D(kHalfPiHi) - (D(2.0) * s + (D(2.0) * t - D(kHalfPiLo)));
  return copysign(large ? far : s + t, x);
}

template <class D>
inline D acosD(D x) {
  D a = fabs(x);
  auto large = a > D(0.5);
  D z = large ? D(0.5) * (D(1.0) - a) : a * a;
  D s = large ? sqrt(z) : x;
  D t = s * asinTail(z);
  D near = D(kHalfPiHi) - (s - (D(kHalfPiLo) - t));
  D low = D(2.0) * (D(kHalfPiHi) - (s + (t - D(kHalfPiLo))));
  D high = D(2.0) * (s + t);
  D far = x < D(0.0) ? low : high;
  return large ? far : near;
}

/// atan of a non-negative number.
template <class D>
inline D atanPositive(D x) {
  auto large = x > D(2.414213562373095), middle = x > D(0.41421356237309503);
  D t = large ? D(-1.0) / x : (x - D(1.0)) / (x + D(1.0));
  t = middle ? t : x;
  D hi = large ? D(kHalfPiHi) : D(0.5 * kHalfPiHi);
  D lo = large ? D(kHalfPiLo) : D(0.5 * kHalfPiLo);
  hi = middle ? hi : D(0.0);
  lo = middle ? lo : D(0.0);
  D z = t * t;
  D p = z * poly(z, 3.33333333333329318027e-01, -1.99999999998764832476e-01,
                 1.42857142725034663711e-01, -1.11111104054623557880e-01,
                 9.09088713343650656196e-02, -7.69187620504482999495e-02,
                 6.66107313738753120669e-02, -5.83357013379057348645e-02,
                 4.97687799461593236017e-02, -3.65315727442169155270e-02,
                 1.62858201153657823623e-02);
  return hi - ((t * p - lo) - t);
}

template <class D>
inline D atanD(D x) {
  return copysign(atanPositive(fabs(x)), x);
}

template <class D>
inline D atan2D(D y, D x) {
  D ax = fabs(x), ay = fabs(y);
  D q = ay / ax;
  q = ay == ax ? D(1.0) : q;                    // both infinite
  q = ay == D(0.0) ? (x == x ? D(0.0) : x) : q; // both 0
  D a = atanPositive(q);
  auto left = bits(x) < IntOf<D>(0);
  a = left ? D(2.0 * kHalfPiHi) - (a - D(2.0 * kHalfPiLo)) : a;
  return copysign(a, y);
}

template <class D>
inline D cbrtD(D x) {
  D a = fabs(x);
  auto small = a < D(0x1p-1022);
  a = small ? a * D(0x1p54) : a;
  // A third of the exponent is 5 correct bits; Halley's steps triple them.
  D t = bitsTo<D>(bits(a) / 3 + 0x2a9f7893782da1ce);
  for (int step = 0; step < 3; ++step) {
    D cube = t * t * t;
    t = t * ((cube + a + a) / (cube + cube + a));
  }
  // A last step by Newton with the exact cube.
  D square = t * t, rest = fma(t, t, -square);
  D excess = fma(square, t, -a) + rest * t;
  t = t - excess / (D(3.0) * square);
  t = small ? t * D(0x1p-18) : t;
  auto same = (x == D(0.0)) | (a == infinity<D>()) | (x != x);
  return same ? x : copysign(t, x);
}

} // namespace narae::device

#endif // NARAE_LIB_CODEGEN_DEVICE_DOUBLE_H
