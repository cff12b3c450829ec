//===- FunctionLoops.h - Functions without branches ----------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The functions of docs/npu-isa.md in a form that compilers turn into vectors:
// both sides of a choice are computed. Included once for each set of vector
// instructions, so all is static and nothing of the standard library is called.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_SIMULATOR_CPU_FUNCTIONLOOPS_H
#define NARAE_BACKENDS_NPU_SIMULATOR_CPU_FUNCTIONLOOPS_H

#include <cstdint>

namespace {

#define COEFFICIENTS(...) {__VA_ARGS__}
#define NPU_POLYNOMIAL(Name, text, use, coefficients)                          \
  constexpr float polynomial##Name[] = coefficients;
#include "backends/npu/isa/Polynomials.def"

constexpr float quietNan = __builtin_nanf(""), infinite = __builtin_inff();

template <typename To, typename From>
inline To bitsAs(From from) {
  return __builtin_bit_cast(To, from);
}

template <int N>
inline float horner(const float (&coefficients)[N], float x) {
  float sum = coefficients[N - 1];
  for (int i = N - 2; i >= 0; --i)
    sum = __builtin_fmaf(sum, x, coefficients[i]);
  return sum;
}

inline bool isNan(float x) { return x != x; }
inline float absolute(float x) { return __builtin_fabsf(x); }
/// 2^n for normal results.
inline float power(int32_t n) { return bitsAs<float>(uint32_t(n + 127) << 23); }

inline float expOf(float x) {
  constexpr float high = 0x1.62e42ep+6f, low = -104.0f;
  float bounded = isNan(x) ? 0.0f : x;
  bounded = bounded > high ? high : bounded;
  bounded = bounded < low ? low : bounded;
  float n = __builtin_nearbyintf(bounded * 0x1.715476p+0f);
  float r = __builtin_fmaf(n, -0x1.62e4p-1f, bounded);
  r = __builtin_fmaf(n, -0x1.7f7d1cp-20f, r);
  float sum = __builtin_fmaf(r * r, horner(polynomialExp, r), r) + 1.0f;
  int32_t whole = int32_t(n), first = whole >> 1;
  float result = sum * power(first) * power(whole - first);
  result = x > high ? infinite : result;
  result = x < low ? 0.0f : result;
  return isNan(x) ? quietNan : result;
}

inline float logOf(float x) {
  bool tiny = x < 0x1p-126f;
  uint32_t bits = bitsAs<uint32_t>(tiny ? x * 0x1p24f : x);
  int32_t exponent = int32_t(bits >> 23 & 255) - 126 - (tiny ? 24 : 0);
  float mantissa = bitsAs<float>((bits & 0x7fffffu) | 0x3f000000u);
  bool small = mantissa < 0x1.6a09e6p-1f;
  mantissa = small ? mantissa * 2.0f : mantissa;
  exponent -= small ? 1 : 0;
  float f = mantissa - 1.0f, e = float(exponent), square = f * f;
  float r = (square * f) * horner(polynomialLog, f);
  r = __builtin_fmaf(-0.5f, square, r);
  r = __builtin_fmaf(e, 0x1.7f7d1cp-20f, r);
  r = r + f;
  r = __builtin_fmaf(e, 0x1.62e4p-1f, r);
  r = x == infinite ? infinite : r;
  r = x == 0.0f ? -infinite : r;
  r = x < 0.0f ? quietNan : r;
  return isNan(x) ? quietNan : r;
}

template <int quarter>
inline float sinQuarter(float x) {
  bool inside = absolute(x) <= 0x1p20f;
  float bounded = inside ? x : 0.0f;
  float n = __builtin_nearbyintf(bounded * 0x1.45f306p-1f);
  float r = __builtin_fmaf(n, -0x1.921fb6p+0f, bounded);
  r = __builtin_fmaf(n, 0x1.777a5cp-25f, r);
  r = __builtin_fmaf(n, 0x1.ee59dap-50f, r);
  float z = r * r;
  float odd = __builtin_fmaf(z * z, horner(polynomialCos, z),
                             __builtin_fmaf(-0.5f, z, 1.0f));
  float even = __builtin_fmaf(r * z, horner(polynomialSin, z), r);
  int32_t turn = int32_t(n) + quarter;
  float result = turn & 1 ? odd : even;
  result = turn & 2 ? -result : result;
  return inside ? result : quietNan;
}
inline float sinOf(float x) { return sinQuarter<0>(x); }
inline float cosOf(float x) { return sinQuarter<1>(x); }

inline float tanhOf(float x) {
  float a = absolute(x), z = x * x;
  float near = __builtin_fmaf(x * z, horner(polynomialTanh, z), x);
  float far = 1.0f - 2.0f / (expOf(2.0f * a) + 1.0f);
  far = a > 9.25f ? 1.0f : far;
  far = x < 0.0f ? -far : far;
  float result = a < 0.625f ? near : far;
  return isNan(x) ? quietNan : result;
}

inline float erfOf(float x) {
  float a = absolute(x);
  float near = __builtin_fmaf(x, horner(polynomialErf, x * x), x);
  float far = 1.0f - expOf(horner(polynomialErfc, a));
  far = a >= 4.0f ? 1.0f : far;
  far = x < 0.0f ? -far : far;
  float result = a < 1.0f ? near : far;
  return isNan(x) ? quietNan : result;
}

inline float sigmoidOf(float x) { return 1.0f / (1.0f + expOf(-x)); }
inline float siluOf(float x) { return x / (1.0f + expOf(-x)); }
inline float geluOf(float x) {
  return (x * 0.5f) * (1.0f + erfOf(x * 0x1.6a09e6p-1f));
}
inline float geluTanhOf(float x) {
  float inner =
      (x * 0x1.988454p-1f) * __builtin_fmaf(x * x, 0x1.6e4e26p-5f, 1.0f);
  return (x * 0.5f) * (1.0f + tanhOf(inner));
}
inline float softplusOf(float x) {
  float result = (x > 0.0f ? x : 0.0f) + logOf(1.0f + expOf(-absolute(x)));
  return isNan(x) ? quietNan : result;
}
inline float reluOf(float x) { return x > 0.0f || isNan(x) ? x : 0.0f; }
inline float negOf(float x) { return -x; }
inline float absOf(float x) { return absolute(x); }
inline float floorOf(float x) { return __builtin_floorf(x); }
inline float ceilOf(float x) { return __builtin_ceilf(x); }
inline float roundOf(float x) { return __builtin_nearbyintf(x); }
inline float sqrtOf(float x) { return __builtin_sqrtf(x); }
inline float rsqrtOf(float x) { return 1.0f / __builtin_sqrtf(x); }
inline float recipOf(float x) { return 1.0f / x; }

inline float addOf(float a, float b) { return a + b; }
inline float subOf(float a, float b) { return a - b; }
inline float rsubOf(float a, float b) { return b - a; }
inline float mulOf(float a, float b) { return a * b; }
inline float divOf(float a, float b) { return a / b; }
inline float minOf(float a, float b) {
  float result = a < b ? a : b;
  return isNan(a) || isNan(b) ? quietNan : result;
}
inline float maxOf(float a, float b) {
  float result = a > b ? a : b;
  return isNan(a) || isNan(b) ? quietNan : result;
}
inline float expSubOf(float a, float b) { return expOf(a - b); }
inline float ltOf(float a, float b) { return a < b ? 1.0f : 0.0f; }
inline float leOf(float a, float b) { return a <= b ? 1.0f : 0.0f; }
inline float eqOf(float a, float b) { return a == b ? 1.0f : 0.0f; }
inline float neOf(float a, float b) { return a != b ? 1.0f : 0.0f; }
inline float gtOf(float a, float b) { return a > b ? 1.0f : 0.0f; }
inline float geOf(float a, float b) { return a >= b ? 1.0f : 0.0f; }

} // namespace

#endif // NARAE_BACKENDS_NPU_SIMULATOR_CPU_FUNCTIONLOOPS_H
