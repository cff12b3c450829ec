//===- ConvTest.cpp - Convolutions against a reference --------------------===//
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

class Conv : public testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Targets, Conv, testing::ValuesIn(hostTargets()),
                         [](const auto &info) {
                           return info.param.substr(info.param.size() - 2);
                         });

using Floats = std::vector<float>;
using Doubles = std::vector<double>;

/// A convolution in two dimensions; `rank` 1 leaves the height out.
struct Case {
  const char *emitter;
  int64_t n, c, o, groups, h, w, kh, kw;
  int64_t sh = 1, sw = 1, dh = 1, dw = 1;
  int64_t top = 0, left = 0, bottom = 0, right = 0;
  int rank = 2;
  std::string autoPad = "explicit";

  int64_t outSize(int64_t in, int64_t k, int64_t s, int64_t d,
                  int64_t pads) const {
    if (autoPad[0] == 's')
      return (in + s - 1) / s;
    return (in + pads - (k - 1) * d - 1) / s + 1;
  }
  int64_t oh() const { return outSize(h, kh, sh, dh, top + bottom); }
  int64_t ow() const { return outSize(w, kw, sw, dw, left + right); }
  int64_t pad(int64_t in, int64_t out, int64_t k, int64_t s, int64_t d,
              int64_t front) const {
    if (autoPad[0] != 's')
      return front;
    int64_t total = std::max<int64_t>((out - 1) * s + (k - 1) * d + 1 - in, 0);
    return autoPad == "same_upper" ? total / 2 : (total + 1) / 2;
  }
  std::string str() const {
    std::string text;
    for (int64_t x : {n, c, o, groups, h, w, kh, kw, sh, sw, dh, dw, top, left})
      text += std::to_string(x) + " ";
    return text + autoPad;
  }
};

Doubles reference(const Case &t, const Floats &x, const Floats &f,
                  const Floats &bias) {
  int64_t oh = t.oh(), ow = t.ow(), cg = t.c / t.groups, og = t.o / t.groups;
  int64_t top = t.pad(t.h, oh, t.kh, t.sh, t.dh, t.top);
  int64_t left = t.pad(t.w, ow, t.kw, t.sw, t.dw, t.left);
  Doubles r;
  for (int64_t n = 0; n < t.n; ++n)
    for (int64_t o = 0; o < t.o; ++o)
      for (int64_t y = 0; y < oh; ++y)
        for (int64_t z = 0; z < ow; ++z) {
          double sum = bias[o];
          for (int64_t c = 0; c < cg; ++c)
            for (int64_t i = 0; i < t.kh; ++i)
              for (int64_t j = 0; j < t.kw; ++j) {
                int64_t iy = y * t.sh - top + i * t.dh;
                int64_t ix = z * t.sw - left + j * t.dw;
                if (iy < 0 || iy >= t.h || ix < 0 || ix >= t.w)
                  continue;
                int64_t channel = o / og * cg + c;
                sum += double(x[((n * t.c + channel) * t.h + iy) * t.w + ix]) *
                       f[((o * cg + c) * t.kh + i) * t.kw + j];
              }
          r.push_back(sum);
        }
  return r;
}

std::string list(std::vector<int64_t> numbers) {
  std::string text = "array<i64";
  for (size_t i = 0; i < numbers.size(); ++i)
    text += (i ? ", " : ": ") + std::to_string(numbers[i]);
  return text + ">";
}

enum class After { Nothing, Relu, Gate, Rows };

/// Sizes are static, or the batch and spatial ones of the input are symbols.
KernelText textOf(const Case &t, bool dynamic, After after, bool computed) {
  auto num = [](int64_t i) { return std::to_string(i); };
  KernelText text;
  auto image = [&](int64_t channels, std::string h, std::string w) {
    TensorText tensor;
    tensor.dims = {dynamic ? "s0" : num(t.n), num(channels)};
    if (t.rank == 2)
      tensor.dims.push_back(h);
    tensor.dims.push_back(w);
    return tensor;
  };
  auto out = [&](std::string in, int64_t k, int64_t s, int64_t d,
                 int64_t pads) {
    if (t.autoPad[0] == 's')
      return s == 1 ? in
                    : "(" + in + " + " + num(s - 1) + ") floordiv " + num(s);
    int64_t rest = pads - (k - 1) * d - 1;
    return "(" + in + " + " + num(rest) + ") floordiv " + num(s) + " + 1";
  };
  TensorText x =
      dynamic ? image(t.c, "s1", "s2") : image(t.c, num(t.h), num(t.w));
  TensorText r = dynamic
                     ? image(t.o, out("s1", t.kh, t.sh, t.dh, t.top + t.bottom),
                             out("s2", t.kw, t.sw, t.dw, t.left + t.right))
                     : image(t.o, num(t.oh()), num(t.ow()));
  TensorText f{{num(t.o), num(t.c / t.groups)}};
  if (t.rank == 2)
    f.dims.push_back(num(t.kh));
  f.dims.push_back(num(t.kw));
  text.symbols = dynamic ? 3 : 0;
  text.args = {x, f, {{num(t.o)}}};
  text.results = {r};
  bool flat = t.rank == 1;
  std::string input = "%a0";
  if (computed) {
    text.body = "%x = fm.neg %a0 : " + KernelText::signature({x}, x) + "\n";
    input = "%x";
  }
  text.body +=
      "%0 = fm.conv " + input + ", %a1, %a2 {strides = " +
      list(flat ? std::vector<int64_t>{t.sw}
                : std::vector<int64_t>{t.sh, t.sw}) +
      ", pads = " +
      list(flat ? std::vector<int64_t>{t.left, t.right}
                : std::vector<int64_t>{t.top, t.left, t.bottom, t.right}) +
      ", dilations = " +
      list(flat ? std::vector<int64_t>{t.dw}
                : std::vector<int64_t>{t.dh, t.dw}) +
      ", auto_pad = \"" + t.autoPad + "\", groups = " + num(t.groups) +
      " : i64} : " + KernelText::signature(text.args, r);
  text.yields = {"%0"};
  if (after == After::Nothing)
    return text;
  text.body += "\n%1 = fm.relu %0 : " + KernelText::signature({r}, r);
  text.yields = {"%1"};
  if (after == After::Relu)
    return text;
  // A factor for each channel, or for each output row.
  TensorText gate = r;
  for (size_t i = 2; i < gate.dims.size(); ++i)
    if (after == After::Gate || i + 1 == gate.dims.size())
      gate.dims[i] = "1";
  text.args.push_back(gate);
  text.args.push_back(r);
  text.body +=
      "\n%2 = fm.mul %1, %a3 : " + KernelText::signature({r, gate}, r) +
      "\n%3 = fm.add %2, %a4 : " + KernelText::signature({r, r}, r);
  text.yields = {"%3"};
  return text;
}

void check(const Case &t, bool dynamic, After after, bool computed,
           const std::string &target) {
  KernelText text = textOf(t, dynamic, after, computed);
  Kernels kernels(text.str(), target);
  ASSERT_TRUE(kernels.ok()) << kernels.errors << text.str();
  EXPECT_EQ(kernels.emitter(), t.emitter) << t.str();
  Floats x = values(t.n * t.c * t.h * t.w, 1);
  Floats f = values(t.o * t.c / t.groups * t.kh * t.kw, 2);
  Floats bias = values(t.o, 3);
  Floats seen = x;
  if (computed)
    for (float &value : seen)
      value = -value;
  Doubles want = reference(t, seen, f, bias);
  std::vector<Floats> inputs = {x, f, bias};
  int64_t plane = t.oh() * t.ow();
  if (after != After::Nothing)
    for (double &value : want)
      value = std::max(value, 0.0);
  if (after == After::Gate || after == After::Rows) {
    int64_t per = after == After::Gate ? plane : t.ow();
    inputs.push_back(values(want.size() / std::max<int64_t>(per, 1), 4));
    inputs.push_back(values(want.size(), 5));
    for (size_t i = 0; i < want.size(); ++i)
      want[i] = want[i] * inputs[3][i / per] + inputs[4][i];
  }
  std::vector<int64_t> params;
  if (dynamic)
    params = {t.n, t.h, t.w};
  for (int64_t parts : {1, 3}) {
    Floats got = kernels.run(inputs, {want.size()}, params, parts);
    for (size_t i = 0; i < want.size(); ++i)
      ASSERT_NEAR(got[i], want[i], 1e-5 * (20 + std::abs(want[i])))
          << t.str() << " at " << i << " parts " << parts;
  }
}

const Case kCases[] = {
    // Matrix products in disguise.
    {"conv", 2, 20, 33, 1, 9, 11, 1, 1},
    {"conv", 1, 300, 18, 2, 5, 13, 1, 1},
    {"conv", 1, 8, 16, 1, 10, 10, 1, 1, 2, 2},
    // Windows.
    {"conv", 2, 7, 20, 1, 12, 37, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1},
    {"conv", 1, 3, 16, 1, 21, 40, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1},
    {"conv", 1, 4, 5, 1, 16, 15, 5, 3, 1, 1, 2, 2, 4, 2, 4, 2},
    {"conv", 1, 70, 9, 1, 8, 7, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1},
    {"conv", 1, 4, 6, 2, 9, 20, 3, 2, 3, 3, 1, 1, 0, 1, 2, 0},
    {"conv", 1, 4, 6, 2, 9, 20, 3, 4, 2, 2, 1, 1, 0, 0, 0, 0, 2, "same_upper"},
    {"conv", 1, 4, 6, 1, 9, 21, 2, 4, 1, 1, 1, 1, 0, 0, 0, 0, 2, "same_lower"},
    {"conv", 2, 6, 20, 1, 1, 50, 1, 5, 1, 1, 1, 1, 0, 2, 0, 2, 1},
    {"conv", 1, 6, 20, 1, 1, 50, 1, 5, 1, 2, 1, 3, 0, 2, 0, 2, 1},
    // Single channels.
    {"depthwise", 2, 5, 5, 5, 37, 40, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1},
    {"depthwise", 1, 3, 6, 3, 70, 21, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1},
    {"depthwise", 1, 3, 3, 3, 9, 33, 5, 5, 2, 1, 1, 2, 2, 4, 2, 4},
    {"depthwise", 1, 4, 4, 4, 1, 61, 1, 4, 1, 3, 1, 1, 0, 1, 0, 2, 1},
    {"depthwise", 1, 4, 4, 4, 10, 10, 5, 5, 2, 2, 1, 1, 0, 0, 0, 0, 2,
     "same_upper"},
};

TEST_P(Conv, Static) {
  for (const Case &t : kCases)
    check(t, false, After::Nothing, false, GetParam());
}

TEST_P(Conv, Dynamic) {
  for (const Case &t : kCases)
    check(t, true, After::Relu, false, GetParam());
}

TEST_P(Conv, Epilogues) {
  for (int i : {0, 3, 4, 10, 12, 15}) {
    check(kCases[i], false, After::Gate, false, GetParam());
    check(kCases[i], true, After::Rows, false, GetParam());
  }
}

TEST_P(Conv, ComputedInput) {
  for (int i : {0, 4, 6, 12, 13})
    check(kCases[i], false, After::Relu, true, GetParam());
}

TEST_P(Conv, Empty) {
  Case none{"conv", 0, 3, 4, 1, 5, 5, 3, 3};
  check(none, true, After::Relu, false, GetParam());
  Case depthwise{"depthwise", 0, 3, 3, 3, 5, 5, 3, 3};
  check(depthwise, true, After::Relu, false, GetParam());
}

/// Strides equal to the kernel: every input pixel makes a patch.
TEST_P(Conv, Transposed) {
  for (int64_t groups : {1, 2}) {
    int64_t n = 2, c = 6, o = 10, h = 5, w = 19;
    std::string perGroup = std::to_string(o / groups);
    KernelText text;
    text.args = {
        {{"2", "6", "5", "19"}}, {{"6", perGroup, "2", "3"}}, {{"10"}}};
    text.results = {{{"2", "10", "10", "57"}}};
    text.body = "%0 = fm.conv_transpose %a0, %a1, %a2 {strides = array<i64: 2, "
                "3>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, "
                "1>, groups = " +
                std::to_string(groups) +
                " : i64, output_padding = array<i64>, output_shape = "
                "array<i64>} : " +
                KernelText::signature(text.args, text.results[0]) +
                "\n%1 = fm.relu %0 : " +
                KernelText::signature(text.results, text.results[0]);
    text.yields = {"%1"};
    Kernels kernels(text.str(), GetParam());
    ASSERT_TRUE(kernels.ok()) << kernels.errors;
    EXPECT_EQ(kernels.emitter(), "conv_transpose");
    Floats x = values(n * c * h * w, 1), f = values(c * o / groups * 6, 2),
           bias = values(o, 3);
    Doubles want(n * o * h * 2 * w * 3);
    int64_t og = o / groups, cg = c / groups;
    for (int64_t b = 0; b < n; ++b)
      for (int64_t j = 0; j < o; ++j)
        for (int64_t y = 0; y < h * 2; ++y)
          for (int64_t z = 0; z < w * 3; ++z) {
            double sum = bias[j];
            for (int64_t i = 0; i < cg; ++i) {
              int64_t channel = j / og * cg + i;
              sum += double(x[((b * c + channel) * h + y / 2) * w + z / 3]) *
                     f[((channel * og + j % og) * 2 + y % 2) * 3 + z % 3];
            }
            want[((b * o + j) * h * 2 + y) * w * 3 + z] = std::max(sum, 0.0);
          }
    Floats got = kernels.run({x, f, bias}, {want.size()}, {}, 2);
    for (size_t i = 0; i < want.size(); ++i)
      ASSERT_NEAR(got[i], want[i], 1e-4) << groups << " at " << i;
  }
}

} // namespace
