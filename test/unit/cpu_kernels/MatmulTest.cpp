//===- MatmulTest.cpp - Matrix products against a reference ---------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelHarness.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

using namespace narae::test;

namespace {

class Matmul : public testing::TestWithParam<std::string> {
protected:
  /// Floats of a panel's row.
  int64_t width() const { return GetParam() == "cpu:x86-64-v4" ? 32 : 16; }
};

INSTANTIATE_TEST_SUITE_P(Targets, Matmul, testing::ValuesIn(hostTargets()),
                         [](const auto &info) {
                           return info.param.substr(info.param.size() - 2);
                         });

using Floats = std::vector<float>;

/// c[b] = a[b] . w[b], where a batch of 1 serves all.
std::vector<double> product(const Floats &a, const Floats &w, int64_t batch,
                            int64_t m, int64_t k, int64_t n, bool aT = false,
                            bool wT = false) {
  std::vector<double> c(batch * m * n);
  bool aOne = int64_t(a.size()) == m * k, wOne = int64_t(w.size()) == k * n;
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) {
        double sum = 0;
        for (int64_t x = 0; x < k; ++x) {
          int64_t ai = (aOne ? 0 : b * m * k) + (aT ? x * m + i : i * k + x);
          int64_t wi = (wOne ? 0 : b * k * n) + (wT ? j * k + x : x * n + j);
          sum += double(a[ai]) * w[wi];
        }
        c[(b * m + i) * n + j] = sum;
      }
  return c;
}

Floats pack(const Floats &w, int64_t k, int64_t n, int64_t width) {
  int64_t panels = (n + width - 1) / width;
  Floats packed(panels * k * width);
  for (int64_t i = 0; i < k; ++i)
    for (int64_t j = 0; j < n; ++j)
      packed[(j / width * k + i) * width + j % width] = w[i * n + j];
  return packed;
}

void expectClose(const Floats &got, const std::vector<double> &want,
                 const std::string &what) {
  ASSERT_EQ(got.size(), want.size()) << what;
  for (size_t i = 0; i < got.size(); ++i)
    ASSERT_NEAR(got[i], want[i], 1e-5 * (20 + std::abs(want[i])))
        << what << " at " << i;
}

std::string sizeText(std::initializer_list<int64_t> sizes) {
  std::string text;
  for (int64_t size : sizes)
    text += std::to_string(size) + " ";
  return text;
}

const std::array<int64_t, 3> kSizes[] = {
    {1, 1, 1},      {14, 256, 32}, {15, 257, 33},  {0, 5, 5},
    {5, 0, 5},      {5, 5, 0},     {200, 600, 70}, {3, 64, 100},
    {113, 513, 31}, {2, 31, 1},    {29, 300, 64}};

/// [s0, s1] . panels of [s1, s2]
TEST_P(Matmul, Packed) {
  KernelText text;
  std::string w = std::to_string(width());
  text.symbols = 3;
  TensorText panels{
      {"(s2 + " + std::to_string(width() - 1) + ") floordiv " + w, "s1", w}};
  text.args = {{{"s0", "s1"}}, panels};
  text.results = {{{"s0", "s2"}}};
  text.body = "%n = rt.shape_value affine_map<()[s0, s1, s2] -> (s2)> : "
              "tensor<1xi64>\n%r = fm.packed_matmul %a0, %a1, %n : (" +
              text.args[0].type() + ", " + panels.type() +
              ", tensor<1xi64>) -> " + text.results[0].type();
  text.yields = {"%r"};
  Kernels kernels(text.str(), GetParam());
  ASSERT_TRUE(kernels.ok()) << kernels.errors;
  EXPECT_EQ(kernels.emitter(), "matmul");
  for (auto [m, k, n] : kSizes)
    for (int64_t parts : {1, 3}) {
      Floats a = values(m * k, 1), b = values(k * n, 2);
      expectClose(kernels.run({a, pack(b, k, n, width())}, {size_t(m * n)},
                              {m, k, n}, parts),
                  product(a, b, 1, m, k, n), sizeText({m, k, n, parts}));
    }
}

TEST_P(Matmul, Transposed) {
  for (bool aT : {false, true})
    for (bool wT : {false, true}) {
      KernelText text;
      text.symbols = 3;
      text.args = {{aT ? std::vector<std::string>{"s1", "s0"}
                       : std::vector<std::string>{"s0", "s1"}},
                   {wT ? std::vector<std::string>{"s2", "s1"}
                       : std::vector<std::string>{"s1", "s2"}}};
      text.results = {{{"s0", "s2"}}};
      std::string attrs = std::string(" {") + (aT ? "transpose_lhs" : "") +
                          (aT && wT ? ", " : "") + (wT ? "transpose_rhs" : "") +
                          "} : ";
      text.body = "%r = fm.matmul %a0, %a1" + attrs +
                  KernelText::signature(text.args, text.results[0]);
      text.yields = {"%r"};
      Kernels kernels(text.str(), GetParam());
      ASSERT_TRUE(kernels.ok()) << kernels.errors;
      EXPECT_EQ(kernels.emitter(), "matmul");
      for (auto [m, k, n] : kSizes) {
        Floats a = values(m * k, 1), b = values(k * n, 2);
        expectClose(kernels.run({a, b}, {size_t(m * n)}, {m, k, n}, 2),
                    product(a, b, 1, m, k, n, aT, wT),
                    sizeText({aT, wT, m, k, n}));
      }
    }
}

/// relu(a . w + bias) * gate + residual, with every shape of bias.
TEST_P(Matmul, Epilogue) {
  for (std::string bias : {"row", "all", "one"}) {
    KernelText text;
    text.symbols = 2;
    TensorText biasType{{"40"}};
    if (bias == "all")
      biasType.dims = {"s0", "40"};
    if (bias == "one")
      biasType.dims = {"1"};
    TensorText result{{"s0", "40"}};
    text.args = {
        {{"s0", "s1"}}, {{"s1", "40"}}, biasType, {{"s0", "1"}}, result};
    text.results = {result, result};
    std::string binary =
        " : " + KernelText::signature({result, result}, result);
    text.body =
        "%0 = fm.matmul %a0, %a1, %a2 : " +
        KernelText::signature({text.args[0], text.args[1], biasType}, result) +
        "\n%1 = fm.relu %0 : " + KernelText::signature({result}, result) +
        "\n%2 = fm.mul %1, %a3 : " +
        KernelText::signature({result, text.args[3]}, result) +
        "\n%3 = fm.add %2, %a4" + binary;
    text.yields = {"%3", "%1"};
    Kernels kernels(text.str(), GetParam());
    ASSERT_TRUE(kernels.ok()) << kernels.errors;
    EXPECT_EQ(kernels.emitter(), "matmul");
    for (auto [m, k] : {std::pair<int64_t, int64_t>{7, 20}, {130, 300}}) {
      int64_t n = 40;
      Floats a = values(m * k, 1), w = values(k * n, 2);
      size_t biasSize = bias == "row" ? n : bias == "all" ? m * n : 1;
      Floats c = values(biasSize, 3), gate = values(m, 4), x = values(m * n, 5);
      std::vector<double> relu = product(a, w, 1, m, k, n), want(m * n);
      for (int64_t i = 0; i < m * n; ++i) {
        double b = bias == "row" ? c[i % n] : bias == "all" ? c[i] : c[0];
        relu[i] = std::max(relu[i] + b, 0.0);
        want[i] = relu[i] * gate[i / n] + x[i];
      }
      want.insert(want.end(), relu.begin(), relu.end());
      expectClose(kernels.run({a, w, c, gate, x},
                              {size_t(m * n), size_t(m * n)}, {m, k}, 2),
                  want, bias + " " + sizeText({m, k}));
    }
  }
}

/// A bias alone is added in registers.
TEST_P(Matmul, Bias) {
  KernelText text;
  text.symbols = 3;
  text.args = {{{"s0", "s1"}}, {{"s1", "s2"}}, {{"1", "s2"}}};
  text.results = {{{"s0", "s2"}}};
  text.body = "%0 = fm.matmul %a0, %a1, %a2 : " +
              KernelText::signature(text.args, text.results[0]);
  text.yields = {"%0"};
  Kernels kernels(text.str(), GetParam());
  ASSERT_TRUE(kernels.ok()) << kernels.errors;
  for (auto [m, k, n] : kSizes) {
    Floats a = values(m * k, 1), w = values(k * n, 2), c = values(n, 3);
    std::vector<double> want = product(a, w, 1, m, k, n);
    for (int64_t i = 0; i < m * n; ++i)
      want[i] += c[i % n];
    expectClose(kernels.run({a, w, c}, {size_t(m * n)}, {m, k, n}, 2), want,
                sizeText({m, k, n}));
  }
}

/// Batches that broadcast in both directions, and a lhs that is computed.
TEST_P(Matmul, Batches) {
  KernelText text;
  text.symbols = 2;
  text.args = {{{"s0", "1", "18", "20"}}, {{"s1", "20", "37"}}, {{"18", "20"}}};
  text.results = {{{"s0", "s1", "18", "37"}}};
  text.body =
      "%x = fm.add %a0, %a2 : " +
      KernelText::signature({text.args[0], text.args[2]}, text.args[0]) +
      "\n%0 = fm.matmul %x, %a1 : " +
      KernelText::signature({text.args[0], text.args[1]}, text.results[0]);
  text.yields = {"%0"};
  Kernels kernels(text.str(), GetParam());
  ASSERT_TRUE(kernels.ok()) << kernels.errors;
  EXPECT_EQ(kernels.emitter(), "matmul");
  int64_t b = 3, h = 4, m = 18, k = 20, n = 37;
  Floats a = values(b * m * k, 1), w = values(h * k * n, 2),
         s = values(m * k, 3);
  std::vector<double> want;
  for (int64_t i = 0; i < b; ++i)
    for (int64_t j = 0; j < h; ++j) {
      Floats one(a.begin() + i * m * k, a.begin() + (i + 1) * m * k);
      for (int64_t x = 0; x < m * k; ++x)
        one[x] += s[x];
      Floats other(w.begin() + j * k * n, w.begin() + (j + 1) * k * n);
      std::vector<double> c = product(one, other, 1, m, k, n);
      want.insert(want.end(), c.begin(), c.end());
    }
  for (int64_t parts : {1, 5})
    expectClose(kernels.run({a, w, s}, {size_t(b * h * m * n)}, {b, h}, parts),
                want, sizeText({parts}));
}

/// Three dimensions by two: all rows are rows of one product.
TEST_P(Matmul, Collapsed) {
  KernelText text;
  text.symbols = 2;
  text.args = {{{"s0", "s1", "30"}}, {{"45", "30"}}};
  text.results = {{{"s0", "s1", "45"}}};
  text.body = "%0 = fm.matmul %a0, %a1 {transpose_rhs} : " +
              KernelText::signature(text.args, text.results[0]) +
              "\n%1 = fm.neg %0 : " +
              KernelText::signature(text.results, text.results[0]);
  text.yields = {"%1"};
  Kernels kernels(text.str(), GetParam());
  ASSERT_TRUE(kernels.ok()) << kernels.errors;
  int64_t b = 7, m = 33;
  Floats a = values(b * m * 30, 1), w = values(45 * 30, 2);
  std::vector<double> want = product(a, w, 1, b * m, 30, 45, false, true);
  for (double &x : want)
    x = -x;
  expectClose(kernels.run({a, w}, {want.size()}, {b, m}, 2), want, "");
}

} // namespace
