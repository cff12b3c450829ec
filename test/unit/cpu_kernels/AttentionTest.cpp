//===- AttentionTest.cpp - Attention against a reference ------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelHarness.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace narae::test;

namespace {

class AttentionKernel : public testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Targets, AttentionKernel,
                         testing::ValuesIn(hostTargets()),
                         [](const auto &info) {
                           return info.param.substr(info.param.size() - 2);
                         });

using Floats = std::vector<float>;

struct Case {
  int64_t b, h, g, s, t, d, e;
  bool causal = false, causalEnd = false;
  bool qSwap = false, kvSwap = false, outSwap = false;
  enum { None, Full, Keys } mask = None;
  double softcap = 0;
  bool computed = false; ///< query, key and value are not in memory

  std::string str() const {
    std::string text;
    for (int64_t x : {b, h, g, s, t, d, e, int64_t(causal), int64_t(causalEnd)})
      text += std::to_string(x) + " ";
    return text;
  }
};

/// Offset of [b][x][y][0], the middle dimensions exchanged in memory.
int64_t at(bool swaps, int64_t b, int64_t x, int64_t y, int64_t xs, int64_t ys,
           int64_t width) {
  return swaps ? ((b * ys + y) * xs + x) * width
               : ((b * xs + x) * ys + y) * width;
}

std::vector<double> reference(const Case &c, const Floats &q, const Floats &k,
                              const Floats &v, const Floats &mask,
                              double scale) {
  std::vector<double> out(c.b * c.h * c.s * c.e);
  for (int64_t b = 0; b < c.b; ++b)
    for (int64_t h = 0; h < c.h; ++h)
      for (int64_t s = 0; s < c.s; ++s) {
        int64_t g = h / (c.h / c.g);
        std::vector<double> x(c.t);
        double max = -INFINITY, sum = 0;
        for (int64_t t = 0; t < c.t; ++t) {
          for (int64_t d = 0; d < c.d; ++d)
            x[t] += double(q[at(c.qSwap, b, h, s, c.h, c.s, c.d) + d]) *
                    k[at(c.kvSwap, b, g, t, c.g, c.t, c.d) + d];
          x[t] *= scale;
          if (c.softcap)
            x[t] = c.softcap * std::tanh(x[t] / c.softcap);
          if (c.mask == Case::Full)
            x[t] += mask[((b * c.h + h) * c.s + s) * c.t + t];
          if (c.mask == Case::Keys)
            x[t] += mask[b * c.t + t];
          if (c.causal && t > s + (c.causalEnd ? c.t - c.s : 0))
            x[t] = -INFINITY;
          max = std::max(max, x[t]);
        }
        for (double &p : x)
          sum += p = max == -INFINITY ? 0 : std::exp(p - max);
        for (int64_t e = 0; e < c.e; ++e) {
          double r = 0;
          for (int64_t t = 0; t < c.t; ++t)
            r += x[t] * v[at(c.kvSwap, b, g, t, c.g, c.t, c.e) + e];
          out[at(c.outSwap, b, h, s, c.h, c.s, c.e) + e] = sum ? r / sum : 0;
        }
      }
  return out;
}

/// Symbols: batch, queries, keys.
KernelText textOf(const Case &c, double scale) {
  auto num = [](int64_t i) { return std::to_string(i); };
  auto tensor = [&](bool swaps, int64_t heads, std::string rows,
                    int64_t width) {
    TensorText t{{"s0", num(heads), rows, num(width)}};
    if (swaps)
      std::swap(t.dims[1], t.dims[2]);
    return t;
  };
  KernelText text;
  text.symbols = 3;
  text.args = {tensor(c.qSwap, c.h, "s1", c.d),
               tensor(c.kvSwap, c.g, "s2", c.d),
               tensor(c.kvSwap, c.g, "s2", c.e)};
  if (c.mask == Case::Full)
    text.args.push_back({{"s0", num(c.h), "s1", "s2"}});
  if (c.mask == Case::Keys)
    text.args.push_back({{"s0", "1", "1", "s2"}});
  text.results = {tensor(c.outSwap, c.h, "s1", c.e)};
  std::string names[] = {"%a0", "%a1", "%a2"};
  if (c.computed)
    for (int i = 0; i < 3; ++i) {
      std::string name = "%n" + num(i);
      text.body += name + " = fm.neg " + names[i] + " : " +
                   KernelText::signature({text.args[i]}, text.args[i]) + "\n";
      names[i] = name;
    }
  text.body += "%0 = fm.attention " + names[0] + ", " + names[1] + ", " +
               names[2] + (c.mask == Case::None ? "" : ", %a3") +
               " {scale = " + std::to_string(scale) + " : f64";
  if (c.softcap)
    text.body += ", softcap = " + std::to_string(c.softcap) + " : f64";
  for (auto [flag, name] : {std::make_pair(c.causal, "causal"),
                            {c.causalEnd, "causal_end"},
                            {c.qSwap, "q_bshd"},
                            {c.kvSwap, "kv_bshd"},
                            {c.outSwap, "out_bshd"}})
    if (flag)
      text.body += std::string(", ") + name;
  text.body += "} : " + KernelText::signature(text.args, text.results[0]);
  text.yields = {"%0"};
  return text;
}

TEST_P(AttentionKernel, Reference) {
  const Case cases[] = {
      {2, 3, 3, 17, 17, 32, 32},
      {1, 2, 1, 130, 300, 64, 40},
      {1, 4, 2, 33, 150, 20, 32, true, true, true, true, true},
      {2, 2, 2, 40, 40, 32, 32, true, false},
      {1, 2, 2, 50, 20, 16, 16, true, true},
      {1, 2, 2, 9, 200, 48, 7, false, false, false, true, true, Case::Full},
      {2, 2, 1, 20, 140, 32, 32, true, true, true, false, false, Case::Keys, 5},
      // Few queries.
      {1, 4, 2, 1, 300, 64, 64, true, true, true, true, true},
      {2, 2, 2, 3, 131, 32, 64, true, true, false, false, false, Case::Keys},
      {1, 1, 1, 2, 7, 20, 20},
      // Deep heads, no keys, computed operands.
      {1, 1, 1, 6, 10, 700, 33},
      {1, 2, 2, 6, 0, 32, 32},
      {0, 2, 2, 6, 5, 32, 32},
      {1, 2, 2, 21, 33, 32, 48, true, true, true, true, false, Case::Full, 0,
       true}};
  for (const Case &c : cases) {
    double scale = 0.125;
    KernelText text = textOf(c, scale);
    Kernels kernels(text.str(), GetParam());
    ASSERT_TRUE(kernels.ok()) << kernels.errors << text.str();
    EXPECT_EQ(kernels.emitter(), "attention");
    Floats q = values(c.b * c.h * c.s * c.d, 1);
    Floats k = values(c.b * c.g * c.t * c.d, 2);
    Floats v = values(c.b * c.g * c.t * c.e, 3), mask;
    std::vector<Floats> inputs = {q, k, v};
    if (c.computed)
      for (Floats *x : {&q, &k, &v})
        for (float &value : *x)
          value = -value;
    if (c.mask != Case::None) {
      mask =
          values(c.mask == Case::Full ? c.b * c.h * c.s * c.t : c.b * c.t, 4);
      for (size_t i = 0; i < mask.size(); i += 3)
        mask[i] = -INFINITY;
      inputs.push_back(mask);
    }
    auto want = reference(c, q, k, v, mask, scale);
    for (int64_t parts : {1, 5}) {
      Floats got = kernels.run(inputs, {want.size()}, {c.b, c.s, c.t}, parts);
      for (size_t i = 0; i < want.size(); ++i)
        ASSERT_NEAR(got[i], want[i], 2e-5)
            << c.str() << "at " << i << " parts " << parts;
    }
  }
}

} // namespace
