//===- Pow.cpp - Powers, remainders, rounding to odd ----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Double.h"

using namespace narae;
using namespace narae::device;

/// |x|^y is given as `power`; the sign and the cases without a logarithm.
static inline double finishPow(double x, double y, double power) {
  double a = fabs(x);
  int whole = trunc(y) == y;
  // Doubles from 2^53 on are even.
  int odd = whole & int(fabs(y) < 0x1p53) & int(trunc(0.5 * y) != 0.5 * y);
  int negative = bits(x) < 0;
  double result = (negative & odd) ? -power : power;
  int noReal = int(x < 0) & (whole ^ 1) & int(a < infinity<double>());
  result = noReal ? notANumber<double>() : result;
  int turns = int(a == 1) & int(fabs(y) == infinity<double>());
  result = turns ? 1 : result;
  result = x == x ? result : x;
  result = y == y ? result : y;
  int one = int(x == 1) | int(y == 0);
  return one ? 1 : result;
}

static inline float powF(float x, float y) {
  double dx = x, dy = y;
  double product = dy * logD(fabs(dx));
  return static_cast<float>(finishPow(dx, dy, expD(product)));
}

namespace {
/// An unevaluated sum of two doubles.
struct Two {
  double high, low;
};
} // namespace

static inline Two quickSum(double a, double b) {
  double s = a + b;
  return {s, b - (s - a)};
}
static inline Two product(Two a, Two b) {
  double p = a.high * b.high;
  double e = fma(a.high, b.high, -p) + (a.high * b.low + a.low * b.high);
  return quickSum(p, e);
}

/// log of a positive number to about 68 bits: 2 atanh(f / (2 + f)).
static Two logTwo(double x) {
  LogParts<double> p = logParts(x);
  double f = p.m - 1.0;
  double d = 2.0 + f, dLow = f - (d - 2.0);
  double s = f / d;
  Two ratio = quickSum(s, (fma(-s, d, f) - s * dLow) / d);
  Two z = product(ratio, ratio);
  double tail = poly(z.high, 2.0 / 7, 2.0 / 9, 2.0 / 11, 2.0 / 13, 2.0 / 15,
                     2.0 / 17, 2.0 / 19, 2.0 / 21, 2.0 / 23, 2.0 / 25);
  // 2 s + s z (2/3 + z (2/5 + z tail)), the first coefficients in two parts.
  Two c = quickSum(0.4, fma(z.high, tail, -2.2204460492503132e-17));
  c = product(c, z);
  double third = 2.0 / 3;
  Two sum = quickSum(third, c.high);
  sum.low += c.low + 3.700743415417188e-17;
  Two cubic = product(product(ratio, z), sum);
  Two m = quickSum(2.0 * ratio.high, cubic.high);
  m.low += 2.0 * ratio.low + cubic.low;
  // k ln 2 in two parts, the first exact.
  double k = p.k * 0x1.62e42ffp-1;
  Two total =
      fabs(k) > fabs(m.high) ? quickSum(k, m.high) : quickSum(m.high, k);
  total.low += m.low + p.k * -0x1.718432a1b0e26p-35;
  return quickSum(total.high, total.low);
}

static double powD(double x, double y) {
  double a = fabs(x);
  double power;
  if (a == 0 || !(a < infinity<double>()) || !(fabs(y) < 0x1p64)) {
    // The magnitude is 0, 1 or infinite, or NaN.
    double l = logD(a);
    power = expD(y * l);
  } else {
    Two l = logTwo(a);
    double p = y * l.high;
    double e = fma(y, l.high, -p) + y * l.low;
    if (!(fabs(p) < 800)) {
      power = expD(p);
    } else {
      ExpParts<double> parts = expParts(p);
      double r = parts.r;
      double exact = fma(parts.n, -0x1.62e42ffp-1, p);
      double low = e + (fma(parts.n, 0x1.718432a1b0e26p-35, exact) - r);
      Two sum = quickSum(r, low);
      double q = fma(sum.high * sum.high, expTail(sum.high),
                     sum.low + sum.low * sum.high);
      double m = 1.0 + (sum.high + q);
      int64_t half = parts.k >> 1;
      power = m * power2<double>(half) * power2<double>(parts.k - half);
    }
  }
  return finishPow(x, y, power);
}

/// x - trunc(x / y) y, exactly: the remainder of long division.
template <class T, class U, int kMantissa>
static T remainder(T x, T y) {
  T ax = fabs(x), ay = fabs(y);
  if (!(ax < infinity<T>()) || !(ay > 0) || y != y)
    return notANumber<T>();
  if (ax < ay)
    return x;
  constexpr U hidden = U(1) << kMantissa;
  auto split = [](T v, int &exponent) {
    U b = bitsTo<U>(v);
    exponent = static_cast<int>(b >> kMantissa);
    U m = b & (hidden - 1);
    if (exponent)
      return m | hidden;
    exponent = 1;
    return m;
  };
  int ex, ey;
  U mx = split(ax, ex), my = split(ay, ey);
  for (int i = ex - ey; i > 0; --i)
    mx = (mx % my) << 1;
  mx %= my;
  int e = ey;
  while (mx && mx < hidden && e > 1) {
    mx <<= 1;
    --e;
  }
  U b = mx >= hidden ? (mx - hidden) | U(e) << kMantissa : mx;
  return copysign(bitsTo<T>(b), x);
}

static inline float fmodF(float x, float y) {
  double dx = x, dy = fabs(static_cast<double>(y));
  double q = trunc(fabs(dx) / dy);
  // As long as q y fits a double, one step is exact, up to q being one off.
  if (q < 0x1p29) {
    double r = fma(-q, dy, fabs(dx));
    r = r < 0 ? r + dy : r;
    return static_cast<float>(copysign(r, dx));
  }
  return remainder<float, uint32_t, 23>(x, y);
}
static double fmodD(double x, double y) {
  return remainder<double, uint64_t, 52>(x, y);
}

/// The nearest float by truncation, its last bit set when that is not exact:
/// rounding the result again to fewer bits then rounds correctly.
static inline float roundOdd(double x) {
  float f = static_cast<float>(x);
  int32_t b = bits(f);
  double back = f;
  // Away from zero: step back to the truncated one.
  int32_t t = fabs(back) > fabs(x) ? b - 1 : b;
  int inexact = int(back != x) & int(x == x);
  int32_t odd = inexact ? t | 1 : b;
  return bitsTo<float>(odd);
}

static int64_t ipow(int64_t base, int64_t exponent) {
  if (exponent < 0)
    return base == 1 ? 1 : base == -1 ? (exponent & 1 ? -1 : 1) : 0;
  uint64_t result = 1, square = static_cast<uint64_t>(base);
  for (uint64_t e = exponent; e; e >>= 1, square *= square)
    if (e & 1)
      result *= square;
  return static_cast<int64_t>(result);
}

NARAE_BINARY_F32(pow, powF)
NARAE_BINARY_F64(pow, powD)
NARAE_BINARY_F32(fmod, fmodF)
NARAE_BINARY_F64(fmod, fmodD)
NARAE_ENTRY float narae_round_odd_f32(double x) { return roundOdd(x); }
extern "C" int64_t narae_ipow_i64(int64_t base, int64_t exponent) {
  return ipow(base, exponent);
}
