//===- NumbersTest.cpp - Codes, rounding, functions -----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/simulator/reference/Functions.h"
#include "test/unit/npu/Bench.h"

using namespace narae::npu;
using namespace narae::npu::test;

/// The finite values of a type without sign, by code.
static std::vector<std::pair<double, uint32_t>> magnitudes(ElementType type) {
  std::vector<std::pair<double, uint32_t>> result;
  uint32_t count = 1u << (bitsOf(type) - 1);
  for (uint32_t code = 0; code < count; ++code)
    if (float value = toFloat(type, code); std::isfinite(value))
      result.push_back({value, code});
  return result;
}

TEST(Numbers, ValuesOfCodes) {
  EXPECT_EQ(toFloat(ElementType::E4M3, 0x7e), 448.0f);
  EXPECT_EQ(toFloat(ElementType::E4M3, 0x01), std::ldexp(1.0f, -9));
  EXPECT_TRUE(std::isnan(toFloat(ElementType::E4M3, 0xff)));
  EXPECT_EQ(toFloat(ElementType::E5M2, 0x7b), 57344.0f);
  EXPECT_EQ(toFloat(ElementType::E5M2, 0x01), std::ldexp(1.0f, -16));
  EXPECT_EQ(toFloat(ElementType::E5M2, 0xfc), -INFINITY);
  EXPECT_EQ(toFloat(ElementType::F16, 0x7bff), 65504.0f);
  EXPECT_EQ(toFloat(ElementType::F16, 0x0001), std::ldexp(1.0f, -24));
  EXPECT_EQ(toFloat(ElementType::F16, 0xfc00), -INFINITY);
  EXPECT_EQ(toFloat(ElementType::BF16, 0x3fc0), 1.5f);
  EXPECT_EQ(toFloat(ElementType::E8M0, 0), std::ldexp(1.0f, -127));
  EXPECT_TRUE(std::isnan(toFloat(ElementType::E8M0, 255)));
  std::vector<double> e2m1 = {0, 0.5, 1, 1.5, 2, 3, 4, 6};
  for (uint32_t code = 0; code < 16; ++code)
    EXPECT_EQ(toFloat(ElementType::E2M1, code),
              float(code < 8 ? e2m1[code] : -e2m1[code - 8]));
  EXPECT_EQ(toInteger(ElementType::I4, 0xf), -1);
  EXPECT_EQ(toInteger(ElementType::U4, 0xf), 15);
}

TEST(Numbers, EveryCodeComesBack) {
  for (ElementType type : {ElementType::F16, ElementType::BF16,
                           ElementType::E4M3, ElementType::E5M2})
    for (uint32_t code = 0; code < 1u << bitsOf(type); ++code) {
      float value = toFloat(type, code);
      if (std::isnan(value) || (isFloat8(type) && std::isinf(value)))
        continue;
      EXPECT_EQ(fromFloat(type, value), code) << typeText(type) << " " << code;
    }
}

/// Against a search among all values: the nearest, of two the even code.
TEST(Numbers, RoundsToNearestEven) {
  std::mt19937_64 random(7);
  for (ElementType type :
       {ElementType::F16, ElementType::E4M3, ElementType::E5M2}) {
    auto values = magnitudes(type);
    double largest = values.back().first;
    auto check = [&](float value) {
      auto above = std::lower_bound(values.begin(), values.end(),
                                    std::make_pair(double(value), 0u));
      uint32_t expected;
      if (above == values.begin()) {
        expected = 0;
      } else if (above == values.end()) {
        // Half a step beyond the largest is still nearest to it.
        double step = largest - values[values.size() - 2].first;
        bool over = value >= largest + step / 2;
        expected =
            values.back().second + (type == ElementType::F16 && over ? 1 : 0);
      } else {
        double low = value - std::prev(above)->first;
        double high = above->first - value;
        bool down = low < high || (low == high && above->second % 2 == 1);
        expected = down ? std::prev(above)->second : above->second;
      }
      ASSERT_EQ(fromFloat(type, value), expected)
          << typeText(type) << " " << value;
      uint32_t sign = 1u << (bitsOf(type) - 1);
      ASSERT_EQ(fromFloat(type, -value), expected | sign);
    };
    for (size_t i = 0; i + 1 < values.size(); ++i) {
      float middle = float((values[i].first + values[i + 1].first) / 2);
      check(middle);
      check(std::nextafter(middle, 0.0f));
      check(std::nextafter(middle, INFINITY));
    }
    for (int i = 0; i < 20000; ++i)
      check(std::ldexp(float(random() % (1 << 24)), int(random() % 60) - 50));
    check(float(largest) * 1.01f);
    check(1e30f);
    check(1e-40f);
  }
}

TEST(Numbers, SpecialValues) {
  EXPECT_EQ(fromFloat(ElementType::F16, INFINITY), 0x7c00u);
  EXPECT_EQ(fromFloat(ElementType::F16, -65520.0f), 0xfc00u);
  EXPECT_EQ(fromFloat(ElementType::F16, NAN), 0x7e00u);
  EXPECT_EQ(fromFloat(ElementType::E4M3, -INFINITY), 0xfeu);
  EXPECT_EQ(fromFloat(ElementType::E5M2, INFINITY), 0x7bu);
  EXPECT_EQ(fromFloat(ElementType::E4M3, NAN), 0x7fu);
  EXPECT_EQ(fromFloat(ElementType::BF16, -NAN), 0x7fc0u);
  EXPECT_EQ(fromFloat(ElementType::F32, -NAN), 0x7fc00000u);
  EXPECT_EQ(fromFloat(ElementType::BF16, 3.4e38f), 0x7f80u);
  // bf16 keeps 8 bits: 1 + 2^-8 is a tie, 1 + 3 * 2^-8 the other way.
  EXPECT_EQ(fromFloat(ElementType::BF16, 1 + 1.0f / 256), 0x3f80u);
  EXPECT_EQ(fromFloat(ElementType::BF16, 1 + 3.0f / 256), 0x3f82u);
  EXPECT_EQ(fromFloat(ElementType::I8, 2.5f), 2u);
  EXPECT_EQ(fromFloat(ElementType::I8, -3.5f), 0xfcu);
  EXPECT_EQ(fromFloat(ElementType::I8, -1000.0f), 0x80u);
  EXPECT_EQ(fromFloat(ElementType::U8, -1.0f), 0u);
  EXPECT_EQ(fromFloat(ElementType::I32, 3e9f), 0x7fffffffu);
  EXPECT_EQ(fromFloat(ElementType::I32, NAN), 0u);
  EXPECT_EQ(fromInteger(ElementType::I4, 9), 7u);
  EXPECT_EQ(fromInteger(ElementType::I16, -40000), 0x8000u);
}

/// Errors of the polynomials in units of the last place, against double.
TEST(Functions, StayWithinTheirBounds) {
  struct {
    const char *name;
    float (*function)(float);
    double (*reference)(double);
    double low, high, bound;
  } rows[] = {
      {"exp", npuExp, std::exp, -87, 88.7, 1.1},
      {"exp of subnormals", npuExp, std::exp, -104, -87, 1.1},
      {"log", npuLog, std::log, 1e-38, 1e38, 1.1},
      {"log near 1", npuLog, std::log, 0.5, 2, 1.1},
      {"sin", npuSin, std::sin, -4, 4, 2},
      {"cos", npuCos, std::cos, -4, 4, 2},
      {"sin, far", npuSin, std::sin, -1e6, 1e6, 2},
      {"cos, far", npuCos, std::cos, -1e6, 1e6, 2},
      {"tanh", npuTanh, std::tanh, -10, 10, 2},
      {"erf", npuErf, std::erf, -5, 5, 1.5},
      {"sigmoid", npuSigmoid, [](double x) { return 1 / (1 + std::exp(-x)); },
       -80, 80, 3},
      {"silu", npuSilu, [](double x) { return x / (1 + std::exp(-x)); }, -80,
       80, 3},
      {"softplus", npuSoftplus,
       [](double x) { return std::log1p(std::exp(x)); }, 0, 50, 2},
  };
  for (auto &row : rows) {
    double worst = 0, at = 0;
    for (int i = 0; i <= 200000; ++i) {
      float x = float(row.low + (row.high - row.low) * i / 200000);
      double error = ulps(row.function(x), row.reference(x));
      if (error > worst)
        worst = error, at = x;
    }
    EXPECT_LE(worst, row.bound) << row.name << " at " << at;
  }
  // Relative errors mean little where these pass through 0 from below.
  for (int i = -100000; i <= 100000; ++i) {
    float x = float(i) / 10000;
    double gelu = 0.5 * x * (1 + std::erf(double(x) / std::sqrt(2.0)));
    EXPECT_NEAR(npuGelu(x), gelu, 3e-7 * std::max(1.0f, std::fabs(x)));
    double inner = std::sqrt(2 / M_PI) * (x + 0.044715 * double(x) * x * x);
    EXPECT_NEAR(npuGeluTanh(x), 0.5 * x * (1 + std::tanh(inner)),
                5e-7 * std::max(1.0f, std::fabs(x)));
    EXPECT_NEAR(npuSoftplus(x), std::log1p(std::exp(double(x))), 3e-7 * 10);
  }
}

TEST(Functions, Ends) {
  EXPECT_EQ(npuExp(89), INFINITY);
  EXPECT_EQ(npuExp(-INFINITY), 0);
  EXPECT_EQ(npuExp(0), 1);
  EXPECT_TRUE(std::isnan(npuExp(NAN)));
  EXPECT_EQ(npuLog(0), -INFINITY);
  EXPECT_EQ(npuLog(1), 0);
  EXPECT_EQ(npuLog(INFINITY), INFINITY);
  EXPECT_TRUE(std::isnan(npuLog(-1)));
  EXPECT_TRUE(std::isnan(npuSin(INFINITY)));
  EXPECT_TRUE(std::isnan(npuCos(2e6f)));
  EXPECT_EQ(npuSin(0), 0);
  EXPECT_EQ(npuCos(0), 1);
  EXPECT_EQ(npuTanh(-100), -1);
  EXPECT_EQ(npuErf(-INFINITY), -1);
  EXPECT_EQ(npuSoftplus(INFINITY), INFINITY);
  EXPECT_EQ(npuSigmoid(-INFINITY), 0);
}
