//===- TensorTest.cpp - Instructions of the tensor engine -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "test/unit/npu/Bench.h"

#include <functional>

using namespace narae::npu;
using namespace narae::npu::test;

namespace {
constexpr ElementType F32 = ElementType::F32, F16 = ElementType::F16,
                      BF16 = ElementType::BF16, E4M3 = ElementType::E4M3,
                      E5M2 = ElementType::E5M2, I32 = ElementType::I32,
                      I8 = ElementType::I8, I4 = ElementType::I4,
                      U4 = ElementType::U4, E2M1 = ElementType::E2M1;
using Values = std::vector<double>;
} // namespace

#define EXPECT_NO_FAULT(call)                                                  \
  if (auto fault = call)                                                       \
  ADD_FAILURE() << fault->message

/// a [rows, depth] times b [depth, width].
static Values product(const Values &a, const Values &b, size_t rows,
                      size_t depth, size_t width) {
  Values result(rows * width);
  for (size_t m = 0; m < rows; ++m)
    for (size_t n = 0; n < width; ++n)
      for (size_t k = 0; k < depth; ++k)
        result[m * width + n] += a[m * depth + k] * b[k * width + n];
  return result;
}

TEST(Tensor, MatmulOfAllTypes) {
  const std::pair<ElementType, ElementType> types[] = {
      {F32, F32},   {F16, F16},   {BF16, BF16}, {E4M3, E4M3}, {E4M3, E5M2},
      {E5M2, E4M3}, {E5M2, E5M2}, {I8, I8},     {I8, I4},     {I4, I4}};
  for (auto [left, right] : types) {
    // Small numbers: all sums are exact, so the order does not matter.
    Values a = randomValues(5 * 21, -4, 4, 1, 31);
    Values b = randomValues(21 * 9, -3, 3, 1, 32);
    Values before = randomValues(5 * 9, -8, 8, 1, 33);
    ElementType sum = isInteger(left) ? I32 : F32;
    Bench bench;
    bench.put("v1", left, {5, 21}, a);
    bench.put("v2", right, {21, 9}, b);
    bench.put("v3", sum, {5, 9}, before);
    bench.reserve("v4", sum, {5, 9}, "accumulator");
    int64_t out = bench.reserve("v5", F32, {5, 9});
    bench.add("t.load v4, v3");
    bench.add("t.matmul v4, v1, v2, -, -, plain, yes, 0, weight");
    bench.add("t.drain v5, v4, -, -, -, none, none, -");
    EXPECT_NO_FAULT(bench.run("tensor"));
    Values expected = product(a, b, 5, 21, 9);
    for (size_t i = 0; i < expected.size(); ++i)
      expected[i] += before[i];
    EXPECT_EQ(bench.get(out, F32, 45), expected)
        << typeText(left) << " " << typeText(right);
  }
}

TEST(Tensor, TheOrderOfSums) {
  // Numbers whose sums round at each step: only one order gives these bits.
  Values a = randomValues(3 * 64, 1, 2, 1.0 / 1024, 34);
  Values b = randomValues(64 * 5, 1, 2, 1.0 / 1024, 35);
  Bench bench;
  bench.put("v1", F16, {3, 64}, a);
  // b is stored transposed; its view has the strides of [64, 5].
  Values transposed(64 * 5);
  for (size_t k = 0; k < 64; ++k)
    for (size_t n = 0; n < 5; ++n)
      transposed[n * 64 + k] = b[k * 5 + n];
  bench.put("v2", F16, {64, 5}, transposed);
  bench.add("dim v2, 0, 64, 1\ndim v2, 1, 5, 64");
  bench.reserve("v3", F32, {3, 5}, "accumulator");
  int64_t out = bench.reserve("v4", F32, {3, 5});
  bench.add("t.matmul v3, v1, v2, -, -, plain, no, 0, output");
  bench.add("t.drain v4, v3, -, -, -, none, none, -");
  EXPECT_NO_FAULT(bench.run("tensor"));
  Values got = bench.get(out, F32, 15);
  bool rounded = false;
  for (size_t m = 0; m < 3; ++m)
    for (size_t n = 0; n < 5; ++n) {
      float sum = 0;
      double exact = 0;
      for (size_t k = 0; k < 64; ++k) {
        double x = toFloat(F16, fromFloat(F16, float(a[m * 64 + k])));
        double y = toFloat(F16, fromFloat(F16, float(b[k * 5 + n])));
        // x * y is exact in double, and the sum rounds once to f32 here.
        sum = float(double(sum) + x * y);
        exact += x * y;
      }
      rounded |= double(sum) != exact;
      EXPECT_EQ(got[m * 5 + n], double(sum));
    }
  EXPECT_TRUE(rounded);
}

TEST(Tensor, IntegerSumsWrap) {
  Bench bench;
  bench.put("v1", I8, {1, 2}, {127, 127});
  bench.put("v2", I8, {2, 1}, {127, 127});
  bench.put("v3", I32, {1, 1}, {2147483647});
  bench.reserve("v4", I32, {1, 1}, "accumulator");
  int64_t out = bench.reserve("v5", I32, {1, 1});
  bench.add("t.load v4, v3");
  bench.add("t.matmul v4, v1, v2, -, -, plain, yes, 0, input");
  bench.add("t.drain v5, v4, -, -, -, none, none, -");
  EXPECT_NO_FAULT(bench.run("tensor"));
  EXPECT_EQ(bench.get(out, I32, 1)[0],
            2147483647.0 + 2 * 127 * 127 - 4294967296.0);
}

TEST(Tensor, DequantisedWeights) {
  for (ElementType weights : {I4, U4, I8, ElementType::U8, E4M3, E2M1})
    for (bool hasOffset : {false, true}) {
      Values a = randomValues(4 * 20, -2, 2, 0.25, 36);
      Values codes = weights == E2M1 ? Values(20 * 6, 0.0)
                                     : randomValues(20 * 6, 0, 7, 1, 37);
      std::vector<uint8_t> bytes;
      if (weights == E2M1) {
        const double table[] = {0, 0.5, 1, 1.5, 2, 3, 4, 6};
        for (size_t i = 0; i < codes.size(); ++i) {
          codes[i] = table[i % 8];
          if (i % 2 == 0)
            bytes.push_back(uint8_t(i % 8 | (i + 1) % 8 << 4));
        }
      }
      // Groups of 8, 8 and 4 rows.
      Values scale = randomValues(3 * 6, 0.0625, 2, 0.0625, 38);
      Values offset = randomValues(3 * 6, -2, 2, 0.25, 39);
      Bench bench;
      bench.put("v1", F16, {4, 20}, a);
      int64_t at = weights == E2M1 ? bench.reserve("v2", weights, {20, 6})
                                   : bench.put("v2", weights, {20, 6}, codes);
      if (!bytes.empty()) {
        EXPECT_TRUE(
            bench.simulator
                .write(Space::Scratchpad, 0, at, bytes.data(), bytes.size())
                .ok());
      }
      bench.put("v3", F16, {3, 6}, scale);
      bench.put("v4", F32, {3, 6}, offset);
      bench.reserve("v5", F32, {4, 6}, "accumulator");
      int64_t out = bench.reserve("v6", F32, {4, 6});
      bench.add(std::string("t.matmul v5, v1, v2, v3, ") +
                (hasOffset ? "v4" : "-") + ", dequant, no, 8, output");
      bench.add("t.drain v6, v5, -, -, -, none, none, -");
      EXPECT_NO_FAULT(bench.run("tensor"));
      Values wide(20 * 6);
      for (size_t k = 0; k < 20; ++k)
        for (size_t n = 0; n < 6; ++n) {
          size_t group = k / 8 * 6 + n;
          wide[k * 6 + n] =
              codes[k * 6 + n] * scale[group] + (hasOffset ? offset[group] : 0);
        }
      EXPECT_EQ(bench.get(out, F32, 24), product(a, wide, 4, 20, 6))
          << typeText(weights);
    }
}

TEST(Tensor, DequantisationRoundsToTheType) {
  // 7 * 0.1 in f16, times 1: the weight that the array sees.
  Bench bench;
  bench.put("v1", F16, {1, 1}, {1});
  bench.put("v2", I4, {1, 1}, {7});
  bench.put("v3", F32, {1, 1}, {0.1});
  bench.reserve("v4", F32, {1, 1}, "accumulator");
  int64_t out = bench.reserve("v5", F32, {1, 1});
  bench.add("t.matmul v4, v1, v2, v3, -, dequant, no, 32, output");
  bench.add("t.drain v5, v4, -, -, -, none, none, -");
  EXPECT_NO_FAULT(bench.run("tensor"));
  // f16 near 0.7 has steps of 2^-11: 0.7 is 1433.6 of them.
  EXPECT_EQ(bench.get(out, F32, 1)[0], 1434.0 / 2048);
}

TEST(Tensor, GroupedScales) {
  for (ElementType type : {E4M3, I8}) {
    Values a = randomValues(3 * 20, -4, 4, 1, 40);
    Values b = randomValues(20 * 6, -4, 4, 1, 41);
    Values scale = randomValues(3 * 6, 0.25, 4, 0.25, 42);
    Bench bench;
    bench.put("v1", type, {3, 20}, a);
    bench.put("v2", type, {20, 6}, b);
    bench.put("v3", F32, {3, 6}, scale);
    bench.reserve("v4", F32, {3, 6}, "accumulator");
    int64_t out = bench.reserve("v5", F32, {3, 6});
    bench.add("t.matmul v4, v1, v2, v3, -, grouped, no, 8, output");
    bench.add("t.matmul v4, v1, v2, v3, -, grouped, yes, 8, output");
    bench.add("t.drain v5, v4, -, -, -, none, none, -");
    EXPECT_NO_FAULT(bench.run("tensor"));
    Values wide = b;
    for (size_t i = 0; i < wide.size(); ++i)
      wide[i] *= 2 * scale[i / 6 / 8 * 6 + i % 6];
    EXPECT_EQ(bench.get(out, F32, 18), product(a, wide, 3, 20, 6))
        << typeText(type);
  }
}

TEST(Tensor, Convolution) {
  struct {
    int64_t stride, dilation, pad;
  } rows[] = {{1, 1, 0}, {2, 1, 1}, {1, 2, 2}, {3, 2, 1}};
  for (auto &row : rows)
    for (ElementType type : {F16, I8}) {
      const int64_t H = 9, W = 8, C = 3, I = 3, J = 2, N = 4;
      int64_t Y =
          (H + 2 * row.pad - row.dilation * (I - 1) - 1) / row.stride + 1;
      int64_t X =
          (W + 2 * row.pad - row.dilation * (J - 1) - 1) / row.stride + 1;
      Values image = randomValues(size_t(H * W * C), -4, 4, 1, 43);
      Values weights = randomValues(size_t(I * J * C * N), -3, 3, 1, 44);
      ElementType sum = type == I8 ? I32 : F32;
      Bench bench;
      bench.put("v1", type, {H, W, C}, image);
      bench.put("v2", type, {I, J, C, N}, weights);
      bench.reserve("v3", sum, {Y, X, N}, "accumulator");
      int64_t out = bench.reserve("v4", F32, {Y, X, N});
      std::string s = std::to_string(row.stride),
                  d = std::to_string(row.dilation), p = std::to_string(row.pad);
      bench.add("t.conv v3, v1, v2, no, output, " + s + ", " + s + ", " + d +
                ", " + d + ", " + p + ", " + p);
      bench.add("t.drain v4, v3, -, -, -, none, none, -");
      EXPECT_NO_FAULT(bench.run("tensor"));
      Values got = bench.get(out, F32, size_t(Y * X * N));
      for (int64_t y = 0; y < Y; ++y)
        for (int64_t x = 0; x < X; ++x)
          for (int64_t n = 0; n < N; ++n) {
            double expected = 0;
            for (int64_t i = 0; i < I; ++i)
              for (int64_t j = 0; j < J; ++j)
                for (int64_t c = 0; c < C; ++c) {
                  int64_t h = y * row.stride + i * row.dilation - row.pad;
                  int64_t w = x * row.stride + j * row.dilation - row.pad;
                  if (h >= 0 && h < H && w >= 0 && w < W)
                    expected += image[size_t((h * W + w) * C + c)] *
                                weights[size_t(((i * J + j) * C + c) * N + n)];
                }
            ASSERT_EQ(got[size_t((y * X + x) * N + n)], expected);
          }
    }
}

TEST(Tensor, Epilogues) {
  Values sums = randomValues(4 * 6, -3, 3, 0.125, 45);
  Values row = randomValues(4, 0.5, 2, 0.25, 46),
         column = randomValues(6, 0.5, 2, 0.25, 47),
         bias = randomValues(6, -2, 2, 0.25, 48),
         other = randomValues(24, -2, 2, 0.25, 49);
  const std::pair<const char *, std::function<double(double)>> activations[] = {
      {"none", [](double x) { return x; }},
      {"relu", [](double x) { return std::max(x, 0.0); }},
      {"silu", [](double x) { return x / (1 + std::exp(-x)); }},
      {"sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }},
      {"tanh", [](double x) { return std::tanh(x); }},
      {"gelu",
       [](double x) { return x / 2 * (1 + std::erf(x / std::sqrt(2.0))); }},
      {"gelu_tanh", [](double x) {
         double y = std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x);
         return x / 2 * (1 + std::tanh(y));
       }}};
  for (auto &[name, activation] : activations)
    for (const char *combine : {"add", "mul"}) {
      Bench bench;
      bench.put("v1", F32, {4, 6}, sums);
      bench.reserve("v2", F32, {4, 6}, "accumulator");
      bench.put("v3", F16, {4, 6}, row);
      bench.add("dim v3, 0, 4, 1\ndim v3, 1, 6, 0");
      bench.put("v4", F32, {4, 6}, column);
      bench.add("dim v4, 0, 4, 0");
      bench.put("v5", BF16, {4, 6}, bias);
      bench.add("dim v5, 0, 4, 0");
      // In place, as a residual.
      int64_t out = bench.put("v6", F16, {4, 6}, other);
      bench.add("t.load v2, v1");
      bench.add(std::string("t.drain v6, v2, v3, v4, v5, ") + name + ", " +
                combine + ", v6");
      EXPECT_NO_FAULT(bench.run("tensor"));
      Values got = bench.get(out, F16, 24);
      for (size_t i = 0; i < 24; ++i) {
        double value =
            activation(sums[i] * row[i / 6] * column[i % 6] + bias[i % 6]);
        value = *combine == 'a' ? value + other[i] : value * other[i];
        EXPECT_NEAR(got[i], value, std::fabs(value) / 1024 + 1e-5)
            << name << " " << combine;
      }
    }
}
