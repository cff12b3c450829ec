//===- MathTest.cpp - Accuracy of the device math library -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The library's sources are compiled for this host and compared with the C
// library's long double functions. Errors are in units of the last place of
// the result's type. Bounds are those that the backend's README promises.
//
//===----------------------------------------------------------------------===//

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>

#define UNARY(name)                                                            \
  extern "C" float narae_##name##_f32(float);                                  \
  extern "C" double narae_##name##_f64(double);                                \
  extern "C" void narae_##name##_v4f32(const float *, float *);                \
  extern "C" void narae_##name##_v8f32(const float *, float *);                \
  extern "C" void narae_##name##_v16f32(const float *, float *);
#define BINARY(name)                                                           \
  extern "C" float narae_##name##_f32(float, float);                           \
  extern "C" double narae_##name##_f64(double, double);
#define ALL_UNARY(M)                                                           \
  M(exp)                                                                       \
  M(exp2)                                                                      \
  M(expm1)                                                                     \
  M(log)                                                                       \
  M(log2)                                                                      \
  M(log10)                                                                     \
  M(log1p)                                                                     \
  M(sin)                                                                       \
  M(cos)                                                                       \
  M(tan)                                                                       \
  M(asin)                                                                      \
  M(acos)                                                                      \
  M(atan) M(sinh) M(cosh) M(tanh) M(asinh) M(acosh) M(atanh) M(erf) M(cbrt)
ALL_UNARY(UNARY)
BINARY(pow)
BINARY(atan2)
BINARY(fmod)
extern "C" float narae_round_odd_f32(double);
extern "C" int64_t narae_ipow_i64(int64_t, int64_t);

namespace {

/// The distance of `got` from the exact result in ulps of T.
template <class T>
double ulps(T got, long double want) {
  T rounded = static_cast<T>(want);
  if (std::isnan(rounded))
    return std::isnan(got) ? 0 : 1e30;
  if (std::isinf(got) || std::isinf(rounded))
    return got == rounded ? 0 : 1e29;
  if (rounded == 0 && got == 0)
    return std::signbit(got) == std::signbit(rounded) ? 0 : 1e28;
  int e;
  std::frexp(std::max(std::fabs(rounded), std::numeric_limits<T>::min()), &e);
  long double unit = std::ldexp(1.0L, e - std::numeric_limits<T>::digits);
  return static_cast<double>(std::fabs(static_cast<long double>(got) - want) /
                             unit);
}

const double specials[] = {
    0.0,   -0.0,   1,        -1,        0.5,    -0.5,    2,      -2,
    3,     -3,     1e-30,    -1e-30,    1e-310, -1e-310, 1e30,   -1e30,
    709.7, 710,    -745,     -746,      88.7,   89,      -103,   -104,
    1e300, -1e300, INFINITY, -INFINITY, NAN,    M_PI,    M_PI_2, M_PI_4};

template <class T, class Fn, class Ref>
void check(const char *name, Fn fn, Ref ref, double bound) {
  double worst = 0;
  T at = 0;
  auto one = [&](T x) {
    double u = ulps<T>(fn(x), ref(static_cast<long double>(x)));
    if (u > worst) {
      worst = u;
      at = x;
    }
  };
  for (double s : specials)
    one(static_cast<T>(s));
  if (sizeof(T) == 4) {
    for (uint64_t b = 0; b < (1ull << 32); b += 40009) {
      uint32_t bits = static_cast<uint32_t>(b);
      float x;
      std::memcpy(&x, &bits, 4);
      one(static_cast<T>(x));
    }
  } else {
    std::mt19937_64 random(7);
    for (int i = 0; i < 60000; ++i) {
      uint64_t bits = random();
      double x;
      std::memcpy(&x, &bits, 8);
      one(static_cast<T>(x));
    }
  }
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> near(-1.6, 1.6), wide(-100, 100),
      far(-1e5, 1e5);
  for (int i = 0; i < 50000; ++i) {
    one(static_cast<T>(near(random)));
    one(static_cast<T>(1 + near(random) * 0.01));
    one(static_cast<T>(wide(random)));
    one(static_cast<T>(far(random)));
  }
  EXPECT_LE(worst, bound) << name << (sizeof(T) == 4 ? "_f32" : "_f64")
                          << " at " << std::hexfloat << at << std::defaultfloat
                          << " (" << at << ") gives " << fn(at);
  ::testing::Test::RecordProperty(std::string(name) +
                                      (sizeof(T) == 4 ? "_f32" : "_f64"),
                                  std::to_string(worst));
}

TEST(DeviceMath, UnaryF32){
#define CHECK(name)                                                            \
  check<float>(                                                                \
      #name, narae_##name##_f32, [](long double x) { return std::name(x); },   \
      2.0);
    ALL_UNARY(CHECK)
#undef CHECK
}

TEST(DeviceMath, UnaryF64){
#define CHECK(name)                                                            \
  check<double>(                                                               \
      #name, narae_##name##_f64, [](long double x) { return std::name(x); },   \
      3.0);
    ALL_UNARY(CHECK)
#undef CHECK
}

TEST(DeviceMath, VectorsAreTheScalars) {
  std::mt19937 random(5);
  for (int round = 0; round < 20000; ++round) {
    float x[16], r[16];
    for (float &v : x) {
      uint32_t b = random();
      std::memcpy(&v, &b, 4);
    }
#define CHECK_LANES(name, N)                                                   \
  alignas(64) float a##N[N], b##N[N];                                          \
  std::memcpy(a##N, x, sizeof(a##N));                                          \
  narae_##name##_v##N##f32(a##N, b##N);                                        \
  for (int i = 0; i < N; ++i)                                                  \
    if (!std::isnan(r[i]) || !std::isnan(b##N[i]))                             \
      ASSERT_EQ(r[i], b##N[i]) << #name << " of " << x[i];
#define CHECK(name)                                                            \
  {                                                                            \
    for (int i = 0; i < 16; ++i)                                               \
      r[i] = narae_##name##_f32(x[i]);                                         \
    CHECK_LANES(name, 4) CHECK_LANES(name, 8) CHECK_LANES(name, 16)            \
  }
    ALL_UNARY(CHECK)
#undef CHECK
  }
}

template <class T, class Fn, class Ref>
void checkBinary(const char *name, Fn fn, Ref ref, double bound) {
  double worst = 0;
  T ax = 0, ay = 0;
  auto one = [&](T x, T y) {
    double u = ulps<T>(fn(x, y), ref((long double)x, (long double)y));
    if (u > worst) {
      worst = u;
      ax = x;
      ay = y;
    }
  };
  for (double x : specials)
    for (double y : specials)
      one(static_cast<T>(x), static_cast<T>(y));
  std::mt19937_64 random(11);
  std::uniform_real_distribution<double> small(-4, 4), wide(-60, 60),
      exponent(-30, 30);
  for (int i = 0; i < 200000; ++i) {
    one(static_cast<T>(small(random)), static_cast<T>(wide(random)));
    one(static_cast<T>(std::exp2(exponent(random))),
        static_cast<T>(exponent(random)));
    one(static_cast<T>(wide(random)), std::nearbyint(T(small(random))));
    one(static_cast<T>(1 + small(random) * 1e-4),
        static_cast<T>(wide(random) * 1e4));
  }
  EXPECT_LE(worst, bound) << name << " at " << ax << ", " << ay << " gives "
                          << fn(ax, ay);
  ::testing::Test::RecordProperty(std::string(name) +
                                      (sizeof(T) == 4 ? "_f32" : "_f64"),
                                  std::to_string(worst));
}

TEST(DeviceMath, Binary) {
  auto pow = [](long double x, long double y) { return std::pow(x, y); };
  auto atan2 = [](long double x, long double y) { return std::atan2(x, y); };
  auto fmod = [](long double x, long double y) { return std::fmod(x, y); };
  checkBinary<float>("pow", narae_pow_f32, pow, 1.0);
  checkBinary<double>("pow", narae_pow_f64, pow, 2.0);
  checkBinary<float>("atan2", narae_atan2_f32, atan2, 1.0);
  checkBinary<double>("atan2", narae_atan2_f64, atan2, 2.5);
  checkBinary<float>("fmod", narae_fmod_f32, fmod, 0.0);
  checkBinary<double>("fmod", narae_fmod_f64, fmod, 0.0);
}

TEST(DeviceMath, Integers) {
  EXPECT_EQ(narae_ipow_i64(3, 5), 243);
  EXPECT_EQ(narae_ipow_i64(-2, 3), -8);
  EXPECT_EQ(narae_ipow_i64(-1, -3), -1);
  EXPECT_EQ(narae_ipow_i64(7, -1), 0);
  EXPECT_EQ(narae_ipow_i64(0, 0), 1);
}

TEST(DeviceMath, RoundOdd) {
  // Half way between two f16 values plus a little: through f32 by rounding to
  // nearest the little would be lost.
  double x = 1.0 + 0x1p-11 + 0x1p-40;
  EXPECT_EQ(static_cast<float>(x), 1.0f + 0x1p-11f);
  EXPECT_GT(narae_round_odd_f32(x), 1.0f + 0x1p-11f);
  EXPECT_EQ(narae_round_odd_f32(1.5), 1.5f);
  EXPECT_LT(narae_round_odd_f32(-x), -1.0f - 0x1p-11f);
}

} // namespace
