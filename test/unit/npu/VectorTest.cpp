//===- VectorTest.cpp - Instructions of the vector engine -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "test/unit/npu/Bench.h"

#include <functional>
#include <numeric>

using namespace narae::npu;
using namespace narae::npu::test;

namespace {
constexpr ElementType F32 = ElementType::F32, F16 = ElementType::F16,
                      I32 = ElementType::I32, I8 = ElementType::I8;
using Values = std::vector<double>;
} // namespace

#define EXPECT_NO_FAULT(call)                                                  \
  if (auto fault = call)                                                       \
  ADD_FAILURE() << fault->message

TEST(Vector, Unary) {
  struct {
    const char *mnemonic;
    std::function<double(double)> reference;
    double low, bound;
  } rows[] = {
      {"v.convert", [](double x) { return x; }, -8, 0},
      {"v.neg", [](double x) { return -x; }, -8, 0},
      {"v.abs", [](double x) { return std::fabs(x); }, -8, 0},
      {"v.floor", [](double x) { return std::floor(x); }, -8, 0},
      {"v.ceil", [](double x) { return std::ceil(x); }, -8, 0},
      {"v.round", [](double x) { return std::nearbyint(x); }, -8, 0},
      {"v.sqrt", [](double x) { return std::sqrt(x); }, 0, 0},
      {"v.rsqrt", [](double x) { return 1 / std::sqrt(x); }, 0.125, 1.5},
      {"v.recip", [](double x) { return 1 / x; }, 0.125, 0},
      {"v.exp", [](double x) { return std::exp(x); }, -8, 1.1},
      {"v.log", [](double x) { return std::log(x); }, 0.125, 1.1},
      {"v.sin", [](double x) { return std::sin(x); }, -8, 1.5},
      {"v.cos", [](double x) { return std::cos(x); }, -8, 1.5},
      {"v.tanh", [](double x) { return std::tanh(x); }, -8, 2},
      {"v.erf", [](double x) { return std::erf(x); }, -8, 1.5},
      {"v.sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }, -8, 3},
      {"v.silu", [](double x) { return x / (1 + std::exp(-x)); }, -8, 3},
      {"v.gelu",
       [](double x) { return 0.5 * x * (1 + std::erf(x * std::sqrt(0.5))); }, 0,
       3},
      {"v.gelu_tanh",
       [](double x) {
         double y = std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x);
         return 0.5 * x * (1 + std::tanh(y));
       },
       0, 3},
      {"v.softplus", [](double x) { return std::log1p(std::exp(x)); }, 0, 2},
      {"v.relu", [](double x) { return std::max(x, 0.0); }, -8, 0},
  };
  for (auto &row : rows) {
    Bench bench;
    Values x = randomValues(3 * 37, row.low, 8, 0.125, 11);
    bench.put("v1", F16, {3, 37}, x);
    int64_t out = bench.reserve("v2", F32, {3, 37});
    bench.add(std::string(row.mnemonic) + " v2, v1");
    EXPECT_NO_FAULT(bench.run("vector"));
    Values got = bench.get(out, F32, x.size());
    for (size_t i = 0; i < x.size(); ++i)
      EXPECT_LE(ulps(got[i], row.reference(x[i])),
                row.bound + (row.bound ? 0 : 0.5))
          << row.mnemonic << " of " << x[i];
  }
}

TEST(Vector, Binary) {
  struct {
    const char *mnemonic;
    std::function<double(double, double)> reference;
  } rows[] = {
      {"v.add", [](double a, double b) { return a + b; }},
      {"v.sub", [](double a, double b) { return a - b; }},
      {"v.rsub", [](double a, double b) { return b - a; }},
      {"v.mul", [](double a, double b) { return a * b; }},
      {"v.div", [](double a, double b) { return a / b; }},
      {"v.min", [](double a, double b) { return std::min(a, b); }},
      {"v.max", [](double a, double b) { return std::max(a, b); }},
      {"v.expsub", [](double a, double b) { return std::exp(a - b); }},
      {"v.lt", [](double a, double b) { return a < b; }},
      {"v.le", [](double a, double b) { return a <= b; }},
      {"v.eq", [](double a, double b) { return a == b; }},
      {"v.ne", [](double a, double b) { return a != b; }},
      {"v.gt", [](double a, double b) { return a > b; }},
      {"v.ge", [](double a, double b) { return a >= b; }},
  };
  for (auto &row : rows)
    for (bool scalar : {false, true}) {
      Bench bench;
      Values a = randomValues(60, -4, 4, 0.25, 12);
      // A row of b for all rows of a, by stride 0.
      Values b = randomValues(15, 0.25, 4, 0.25, 13);
      bench.put("v1", F16, {4, 15}, a);
      bench.put("v2", F32, {4, 15}, b);
      bench.add("dim v2, 0, 4, 0");
      int64_t out = bench.reserve("v3", F32, {4, 15});
      bench.add("set x5, 3");
      bench.add(std::string(row.mnemonic) + " v3, v1, " +
                (scalar ? "-, x5-0.5" : "v2, 0"));
      EXPECT_NO_FAULT(bench.run("vector"));
      Values got = bench.get(out, F32, a.size());
      for (size_t i = 0; i < a.size(); ++i)
        EXPECT_LE(ulps(got[i], row.reference(a[i], scalar ? 2.5 : b[i % 15])),
                  1.1)
            << row.mnemonic;
    }
}

TEST(Vector, Integers) {
  auto floor = [](int64_t a, int64_t b) {
    return int64_t(std::floor(double(a) / double(b)));
  };
  struct {
    const char *mnemonic;
    std::function<int64_t(int64_t, int64_t)> reference;
  } rows[] = {
      {"v.add", [](int64_t a, int64_t b) { return a + b; }},
      {"v.sub", [](int64_t a, int64_t b) { return a - b; }},
      {"v.mul", [](int64_t a, int64_t b) { return a * b; }},
      {"v.div", floor},
      {"v.rem", [&](int64_t a, int64_t b) { return a - b * floor(a, b); }},
      {"v.min", [](int64_t a, int64_t b) { return std::min(a, b); }},
      {"v.max", [](int64_t a, int64_t b) { return std::max(a, b); }},
      {"v.and", [](int64_t a, int64_t b) { return a & b; }},
      {"v.or", [](int64_t a, int64_t b) { return a | b; }},
      {"v.xor", [](int64_t a, int64_t b) { return a ^ b; }},
      {"v.shl",
       [](int64_t a, int64_t b) { return a * (int64_t(1) << b % 32); }},
      {"v.shr",
       [](int64_t a, int64_t b) {
         return int64_t(std::floor(double(a) / std::ldexp(1.0, int(b % 32))));
       }},
      {"v.ge", [](int64_t a, int64_t b) { return a >= b; }},
  };
  for (auto &row : rows) {
    Bench bench;
    Values a = randomValues(90, -1e5, 1e5, 1, 14);
    Values b = randomValues(90, 1, 14, 1, 15);
    bench.put("v1", I32, {90}, a);
    bench.put("v2", I8, {90}, b);
    int64_t out = bench.reserve("v3", I32, {90});
    bench.add(std::string(row.mnemonic) + " v3, v1, v2, 0");
    EXPECT_NO_FAULT(bench.run("vector"));
    Values got = bench.get(out, I32, a.size());
    for (size_t i = 0; i < a.size(); ++i)
      EXPECT_EQ(int32_t(got[i]),
                int32_t(row.reference(int64_t(a[i]), int64_t(b[i]))))
          << row.mnemonic << " " << a[i] << " " << b[i];
  }
}

TEST(Vector, Ternary) {
  Bench bench;
  Values a = randomValues(40, -2, 2, 0.5, 16),
         b = randomValues(40, -3, 3, 1, 17),
         c = randomValues(40, -9, 9, 0.25, 18);
  bench.put("v1", F32, {40}, a);
  bench.put("v2", I8, {40}, b);
  bench.put("v3", F16, {40}, c);
  int64_t fma = bench.reserve("v4", F32, {40});
  int64_t select = bench.reserve("v5", F32, {40});
  int64_t scalars = bench.reserve("v6", F32, {40});
  bench.add("v.fma v4, v1, v2, v3, 0, 0");
  bench.add("v.select v5, v2, v1, v3, 0, 0");
  bench.add("v.fma v6, v1, -, -, 3, 0.5");
  EXPECT_NO_FAULT(bench.run("vector"));
  Values gotFma = bench.get(fma, F32, 40),
         gotSelect = bench.get(select, F32, 40),
         gotScalars = bench.get(scalars, F32, 40);
  for (size_t i = 0; i < 40; ++i) {
    EXPECT_EQ(gotFma[i], a[i] * b[i] + c[i]);
    EXPECT_EQ(gotSelect[i], b[i] != 0 ? a[i] : c[i]);
    EXPECT_EQ(gotScalars[i], a[i] * 3 + 0.5);
  }
}

TEST(Vector, Series) {
  Bench bench;
  int64_t fill = bench.reserve("v1", F16, {6});
  int64_t floats = bench.reserve("v2", F32, {2, 5});
  int64_t integers = bench.reserve("v3", I32, {5});
  bench.add("set x3, 1000000007");
  bench.add("v.fill v1, -1.5");
  bench.add("v.iota v2, 1, 0.5");
  bench.add("v.iota v3, x3, -2");
  EXPECT_NO_FAULT(bench.run("vector"));
  EXPECT_EQ(bench.get(fill, F16, 6), Values(6, -1.5));
  EXPECT_EQ(bench.get(floats, F32, 10),
            (Values{1, 1.5, 2, 2.5, 3, 1, 1.5, 2, 2.5, 3}));
  EXPECT_EQ(
      bench.get(integers, I32, 5),
      (Values{1000000007, 1000000005, 1000000003, 1000000001, 999999999}));
}

TEST(Vector, Reductions) {
  Values x = randomValues(4 * 50, -3, 3, 0.125, 19);
  x[70] = -7, x[160] = x[190] = 5;
  for (ElementType type : {F16, I32}) {
    if (type == I32)
      for (double &value : x)
        value = std::trunc(value);
    Bench bench;
    bench.put("v1", type, {4, 50}, x);
    ElementType sum = type == I32 ? I32 : F32;
    const char *names[] = {"sum",    "sumsq",  "rowmax", "rowmin",
                           "absmax", "argmax", "argmin"};
    std::vector<int64_t> out;
    for (int i = 0; i < 7; ++i) {
      std::string view = "v" + std::to_string(i + 2);
      out.push_back(bench.reserve(view, i < 5 ? sum : I32, {4, 1}));
      bench.add(std::string("v.") + names[i] + " " + view + ", v1");
    }
    EXPECT_NO_FAULT(bench.run("vector"));
    for (size_t row = 0; row < 4; ++row) {
      auto begin = x.begin() + ptrdiff_t(row * 50), end = begin + 50;
      auto got = [&](size_t i) {
        return bench.get(out[i], i < 5 ? sum : I32, 4)[row];
      };
      // Sums of so few bits are exact in any order.
      EXPECT_EQ(got(0), std::accumulate(begin, end, 0.0));
      EXPECT_EQ(got(1), std::inner_product(begin, end, begin, 0.0));
      EXPECT_EQ(got(2), *std::max_element(begin, end));
      EXPECT_EQ(got(3), *std::min_element(begin, end));
      double absolute = 0;
      for (auto it = begin; it != end; ++it)
        absolute = std::max(absolute, std::fabs(*it));
      EXPECT_EQ(got(4), absolute);
      EXPECT_EQ(got(5), double(std::max_element(begin, end) - begin));
      EXPECT_EQ(got(6), double(std::min_element(begin, end) - begin));
    }
  }
}

TEST(Vector, TheOrderOfSums) {
  // 2^24 + 1 is no f32: what the sixteen sums take first decides.
  Values x(40, 1);
  x[0] = 16777216;
  Bench bench;
  bench.put("v1", F32, {1, 40}, x);
  int64_t out = bench.reserve("v2", F32, {1, 1});
  bench.add("v.sum v2, v1");
  EXPECT_NO_FAULT(bench.run("vector"));
  // The definition, written out.
  volatile float s[16];
  for (int j = 0; j < 16; ++j) {
    s[j] = 0;
    for (int i = j; i < 40; i += 16)
      s[j] = s[j] + float(x[size_t(i)]);
  }
  float first = (s[0] + s[8]) + (s[4] + s[12]);
  float second = (s[2] + s[10]) + (s[6] + s[14]);
  float third = (s[1] + s[9]) + (s[5] + s[13]);
  float fourth = (s[3] + s[11]) + (s[7] + s[15]);
  EXPECT_EQ(bench.get(out, F32, 1)[0],
            double((first + second) + (third + fourth)));
}

TEST(Vector, ScanAndTopK) {
  Values x = randomValues(3 * 20, -4, 4, 0.5, 20);
  Bench bench;
  bench.put("v1", F32, {3, 20}, x);
  int64_t scan = bench.reserve("v2", F32, {3, 20});
  int64_t best = bench.reserve("v3", F16, {3, 6});
  int64_t places = bench.reserve("v4", I32, {3, 6});
  bench.add("v.scan v2, v1");
  bench.add("v.topk v3, v4, v1");
  EXPECT_NO_FAULT(bench.run("vector"));
  Values gotScan = bench.get(scan, F32, 60), gotBest = bench.get(best, F16, 18),
         gotPlaces = bench.get(places, I32, 18);
  for (size_t row = 0; row < 3; ++row) {
    double total = 0;
    std::vector<size_t> order(20);
    for (size_t i = 0; i < 20; ++i) {
      total += x[row * 20 + i];
      EXPECT_EQ(gotScan[row * 20 + i], total);
      order[i] = i;
    }
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      double first = x[row * 20 + a], second = x[row * 20 + b];
      return first > second || (first == second && a < b);
    });
    for (size_t i = 0; i < 6; ++i) {
      EXPECT_EQ(gotPlaces[row * 6 + i], double(order[i]));
      EXPECT_EQ(gotBest[row * 6 + i], x[row * 20 + order[i]]);
    }
  }
}

TEST(Vector, NaNsAreAboveAll) {
  Bench bench;
  bench.put("v1", F32, {1, 4}, {1, NAN, 3, NAN});
  int64_t best = bench.reserve("v2", F32, {1, 3});
  int64_t places = bench.reserve("v3", I32, {1, 3});
  int64_t largest = bench.reserve("v4", F32, {1, 1});
  bench.add("v.topk v2, v3, v1");
  bench.add("v.rowmax v4, v1");
  EXPECT_NO_FAULT(bench.run("vector"));
  EXPECT_EQ(bench.get(places, I32, 3), (Values{1, 3, 2}));
  EXPECT_TRUE(std::isnan(bench.get(best, F32, 1)[0]));
  EXPECT_TRUE(std::isnan(bench.get(largest, F32, 1)[0]));
}

TEST(Vector, ByIndex) {
  Values table = randomValues(7 * 5, -9, 9, 0.5, 21);
  Values rows = {3, 0, 6, 3};
  Values columns = randomValues(4 * 3, 0, 4, 1, 22);
  Bench bench;
  bench.put("v1", F16, {7, 5}, table);
  bench.put("v2", I32, {4}, rows);
  bench.put("v3", I32, {4, 3}, columns);
  int64_t gathered = bench.reserve("v4", F32, {4, 5});
  int64_t picked = bench.reserve("v5", F16, {4, 3});
  int64_t scattered = bench.put("v6", F32, {7, 5}, Values(35, 100));
  int64_t added = bench.put("v7", F32, {7, 5}, Values(35, 100));
  bench.add("v.gather v4, v1, v2");
  bench.add("v.pick v5, v4, v3");
  bench.add("v.scatter v6, v4, v2, no");
  bench.add("v.scatter v7, v4, v2, yes");
  EXPECT_NO_FAULT(bench.run("vector"));
  Values sums(35, 100), last(35, 100);
  for (size_t i = 0; i < 4; ++i)
    for (size_t j = 0; j < 5; ++j) {
      double value = table[size_t(rows[i]) * 5 + j];
      EXPECT_EQ(bench.get(gathered, F32, 20)[i * 5 + j], value);
      sums[size_t(rows[i]) * 5 + j] += value;
      last[size_t(rows[i]) * 5 + j] = value;
    }
  EXPECT_EQ(bench.get(scattered, F32, 35), last);
  EXPECT_EQ(bench.get(added, F32, 35), sums);
  for (size_t i = 0; i < 12; ++i)
    EXPECT_EQ(bench.get(picked, F16, 12)[i],
              table[size_t(rows[i / 3]) * 5 + size_t(columns[i])]);
}

TEST(Vector, Rotary) {
  for (bool halves : {true, false}) {
    Values x = randomValues(3 * 8, -2, 2, 0.25, 23), angles;
    for (int i = 0; i < 12; ++i)
      angles.push_back(0.3 * i);
    Values cos, sin;
    for (double angle : angles) {
      cos.push_back(float(std::cos(angle)));
      sin.push_back(float(std::sin(angle)));
    }
    Bench bench;
    int64_t out = bench.put("v1", F32, {3, 8}, x);
    bench.put("v2", F32, {3, 4}, cos);
    bench.put("v3", F32, {3, 4}, sin);
    bench.add(std::string("v.rotary v1, v1, v2, v3, ") +
              (halves ? "halves" : "pairs"));
    EXPECT_NO_FAULT(bench.run("vector"));
    Values got = bench.get(out, F32, 24);
    for (size_t row = 0; row < 3; ++row)
      for (size_t i = 0; i < 4; ++i) {
        size_t p = row * 8 + (halves ? i : 2 * i);
        size_t q = row * 8 + (halves ? i + 4 : 2 * i + 1);
        double c = cos[row * 4 + i], s = sin[row * 4 + i];
        EXPECT_NEAR(got[p], x[p] * c - x[q] * s, 1e-6);
        EXPECT_NEAR(got[q], x[q] * c + x[p] * s, 1e-6);
      }
  }
}

TEST(Vector, FourBitsStayInTheirHalf) {
  Bench bench;
  Values x = {-8, 7, 3, -1, 5};
  bench.put("v1", F32, {5}, x);
  int64_t out = bench.put("v2", ElementType::I4, {6}, Values(6, 2));
  bench.add("dim v2, 0, 5, 1");
  bench.add("v.convert v2, v1");
  EXPECT_NO_FAULT(bench.run("vector"));
  EXPECT_EQ(bench.get(out, ElementType::I4, 6), (Values{-8, 7, 3, -1, 5, 2}));
}
