//===- Functions.cpp - Functions of one f32 -------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/simulator/reference/Functions.h"

#include <cmath>
#include <limits>

using namespace narae::npu;

#define COEFFICIENTS(...) {__VA_ARGS__}
#define NPU_POLYNOMIAL(Name, text, use, coefficients)                          \
  static constexpr float polynomial##Name[] = coefficients;
#include "backends/npu/isa/Polynomials.def"

static constexpr float quietNan = std::numeric_limits<float>::quiet_NaN();
static constexpr float infinity = std::numeric_limits<float>::infinity();

template <size_t N>
static float horner(const float (&coefficients)[N], float x) {
  float sum = coefficients[N - 1];
  for (size_t i = N - 1; i-- > 0;)
    sum = std::fma(sum, x, coefficients[i]);
  return sum;
}

/// 2^n, n from -126 to 127.
static float power(int n) { return std::ldexp(1.0f, n); }

float narae::npu::npuExp(float x) {
  if (std::isnan(x))
    return quietNan;
  if (x > 0x1.62e42ep+6f)
    return infinity;
  if (x < -104.0f)
    return 0;
  float n = std::nearbyint(x * 0x1.715476p+0f);
  float r = std::fma(n, -0x1.62e4p-1f, x);
  r = std::fma(n, -0x1.7f7d1cp-20f, r);
  float sum = std::fma(r * r, horner(polynomialExp, r), r) + 1.0f;
  // In two steps, so that only the second one rounds (to subnormals).
  int whole = int(n), first = whole >> 1;
  return sum * power(first) * power(whole - first);
}

float narae::npu::npuLog(float x) {
  if (std::isnan(x) || x < 0)
    return quietNan;
  if (x == 0)
    return -infinity;
  if (x == infinity)
    return infinity;
  int exponent;
  float mantissa = std::frexp(x, &exponent);
  if (mantissa < 0x1.6a09e6p-1f) {
    mantissa *= 2;
    --exponent;
  }
  float f = mantissa - 1.0f, e = float(exponent), square = f * f;
  float r = (square * f) * horner(polynomialLog, f);
  r = std::fma(-0.5f, square, r);
  r = std::fma(e, 0x1.7f7d1cp-20f, r);
  r = r + f;
  return std::fma(e, 0x1.62e4p-1f, r);
}

/// sin(x + quarter * pi / 2).
static float sinQuarter(float x, int quarter) {
  // Beyond, the three parts of pi / 2 are too few; NaN fails too.
  if (!(std::fabs(x) <= 0x1p20f))
    return quietNan;
  float n = std::nearbyint(x * 0x1.45f306p-1f);
  float r = std::fma(n, -0x1.921fb6p+0f, x);
  r = std::fma(n, 0x1.777a5cp-25f, r);
  r = std::fma(n, 0x1.ee59dap-50f, r);
  float z = r * r, result;
  int turn = int(n) + quarter;
  if (turn & 1)
    result =
        std::fma(z * z, horner(polynomialCos, z), std::fma(-0.5f, z, 1.0f));
  else
    result = std::fma(r * z, horner(polynomialSin, z), r);
  return turn & 2 ? -result : result;
}

float narae::npu::npuSin(float x) { return sinQuarter(x, 0); }
float narae::npu::npuCos(float x) { return sinQuarter(x, 1); }

float narae::npu::npuTanh(float x) {
  float a = std::fabs(x);
  if (std::isnan(x))
    return quietNan;
  if (a < 0.625f) {
    float z = x * x;
    return std::fma(x * z, horner(polynomialTanh, z), x);
  }
  float result = a > 9.25f ? 1.0f : 1.0f - 2.0f / (npuExp(2.0f * a) + 1.0f);
  return x < 0 ? -result : result;
}

float narae::npu::npuErf(float x) {
  float a = std::fabs(x);
  if (std::isnan(x))
    return quietNan;
  if (a < 1.0f)
    return std::fma(x, horner(polynomialErf, x * x), x);
  float result = a >= 4.0f ? 1.0f : 1.0f - npuExp(horner(polynomialErfc, a));
  return x < 0 ? -result : result;
}

float narae::npu::npuSigmoid(float x) { return 1.0f / (1.0f + npuExp(-x)); }

float narae::npu::npuSilu(float x) { return x / (1.0f + npuExp(-x)); }

float narae::npu::npuGelu(float x) {
  return (x * 0.5f) * (1.0f + npuErf(x * 0x1.6a09e6p-1f));
}

float narae::npu::npuGeluTanh(float x) {
  float inner = (x * 0x1.988454p-1f) * std::fma(x * x, 0x1.6e4e26p-5f, 1.0f);
  return (x * 0.5f) * (1.0f + npuTanh(inner));
}

float narae::npu::npuSoftplus(float x) {
  if (std::isnan(x))
    return quietNan;
  return (x > 0 ? x : 0.0f) + npuLog(1.0f + npuExp(-std::fabs(x)));
}

float narae::npu::activate(Activation activation, float x) {
  switch (activation) {
  case Activation::None:
    return x;
  case Activation::Relu:
    return x > 0 || std::isnan(x) ? x : 0.0f;
  case Activation::Gelu:
    return npuGelu(x);
  case Activation::GeluTanh:
    return npuGeluTanh(x);
  case Activation::Silu:
    return npuSilu(x);
  case Activation::Sigmoid:
    return npuSigmoid(x);
  case Activation::Tanh:
    return npuTanh(x);
  }
  return x;
}
