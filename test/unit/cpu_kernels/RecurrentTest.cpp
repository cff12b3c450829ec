//===- RecurrentTest.cpp - LSTM, GRU and RNN against a reference ----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelHarness.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

using namespace narae::test;

namespace {

class Recurrent : public testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Targets, Recurrent, testing::ValuesIn(hostTargets()),
                         [](const auto &info) {
                           return info.param.substr(info.param.size() - 2);
                         });

using Floats = std::vector<float>;
using Doubles = std::vector<double>;

struct Case {
  std::string kind, direction = "forward";
  int64_t t, b, i, h;
  bool bias = true, lengths = false, state = false, peepholes = false;
  bool linear = false, inputForget = false;
  double clip = 0;
  std::vector<std::string> activations = {};

  int64_t gates() const { return kind == "lstm" ? 4 : kind == "gru" ? 3 : 1; }
  int64_t directions() const { return direction == "bidirectional" ? 2 : 1; }
};

double apply(const std::string &name, double x) {
  if (name == "Sigmoid")
    return 1 / (1 + std::exp(-x));
  if (name == "Tanh")
    return std::tanh(x);
  if (name == "Relu")
    return std::max(x, 0.0);
  if (name == "HardSigmoid")
    return std::max(0.0, std::min(1.0, 0.2 * x + 0.5));
  if (name == "Softplus")
    return std::log1p(std::exp(x));
  if (name == "Softsign")
    return x / (1 + std::abs(x));
  if (name == "Elu")
    return x < 0 ? std::exp(x) - 1 : x;
  if (name == "LeakyRelu")
    return x < 0 ? 0.01 * x : x;
  ADD_FAILURE() << name;
  return x;
}

struct Operands {
  Floats x, w, r, bias, h0, c0, p;
  std::vector<int> lengths;
};

/// y, h and c after each other.
Doubles reference(const Case &k, const Operands &o) {
  int64_t G = k.gates(), H = k.h, D = k.directions();
  Doubles y(k.t * D * k.b * H), lastH, lastC;
  for (int64_t d = 0; d < D; ++d)
    for (int64_t n = 0; n < k.b; ++n) {
      Doubles h(H), c(H);
      for (int64_t i = 0; k.state && i < H; ++i) {
        h[i] = o.h0[(d * k.b + n) * H + i];
        if (k.kind == "lstm")
          c[i] = o.c0[(d * k.b + n) * H + i];
      }
      int64_t length = k.lengths ? o.lengths[n] : k.t;
      for (int64_t s = 0; s < length; ++s) {
        bool back = d == 1 || k.direction == "reverse";
        int64_t t = back ? length - 1 - s : s;
        auto in = [&](int64_t gate, int64_t i) {
          double sum = k.bias ? o.bias[d * 2 * G * H + gate * H + i] : 0;
          for (int64_t j = 0; j < k.i; ++j)
            sum += double(o.w[((d * G + gate) * H + i) * k.i + j]) *
                   o.x[(t * k.b + n) * k.i + j];
          return sum;
        };
        auto rec = [&](int64_t gate, int64_t i, const Doubles &state) {
          double sum = k.bias ? o.bias[d * 2 * G * H + (G + gate) * H + i] : 0;
          for (int64_t j = 0; j < H; ++j)
            sum += o.r[((d * G + gate) * H + i) * H + j] * state[j];
          return sum;
        };
        auto act = [&](int64_t index, double x, bool clips = true) {
          if (clips && k.clip)
            x = std::max(-k.clip, std::min(k.clip, x));
          int64_t per = k.activations.size() / D;
          return apply(k.activations[d * per + index], x);
        };
        auto peep = [&](int64_t gate, int64_t i, double cell) {
          return k.peepholes ? o.p[(d * 3 + gate) * H + i] * cell : 0;
        };
        Doubles next(H), cell(H);
        for (int64_t i = 0; i < H; ++i) {
          if (k.kind == "rnn") {
            next[i] = act(0, in(0, i) + rec(0, i, h));
          } else if (k.kind == "lstm") {
            double gi = act(0, in(0, i) + rec(0, i, h) + peep(0, i, c[i]));
            double gf = act(0, in(2, i) + rec(2, i, h) + peep(2, i, c[i]));
            if (k.inputForget)
              gf = 1 - gi;
            double gc = act(1, in(3, i) + rec(3, i, h));
            cell[i] = gf * c[i] + gi * gc;
            double go = act(0, in(1, i) + rec(1, i, h) + peep(1, i, cell[i]));
            next[i] = go * act(2, cell[i], false);
          } else {
            double z = act(0, in(0, i) + rec(0, i, h));
            Doubles reset(H);
            for (int64_t j = 0; j < H; ++j)
              reset[j] = act(0, in(1, j) + rec(1, j, h)) * h[j];
            double own = act(0, in(1, i) + rec(1, i, h));
            double candidate = k.linear ? act(1, in(2, i) + own * rec(2, i, h))
                                        : act(1, in(2, i) + rec(2, i, reset));
            next[i] = (1 - z) * candidate + z * h[i];
          }
        }
        h = next, c = cell;
        for (int64_t i = 0; i < H; ++i)
          y[((t * D + d) * k.b + n) * H + i] = h[i];
      }
      lastH.insert(lastH.end(), h.begin(), h.end());
      lastC.insert(lastC.end(), c.begin(), c.end());
    }
  y.insert(y.end(), lastH.begin(), lastH.end());
  y.insert(y.end(), lastC.begin(), lastC.end());
  return y;
}

/// Symbols: steps, batch. `element` is the type of all floats.
KernelText textOf(const Case &k) {
  auto num = [](int64_t i) { return std::to_string(i); };
  int64_t G = k.gates(), H = k.h, D = k.directions();
  KernelText text;
  text.symbols = 2;
  TensorText state{{num(D), "s1", num(H)}};
  std::vector<int> segments = {1, 1, 1};
  text.args = {{{"s0", "s1", num(k.i)}},
               {{num(D), num(G * H), num(k.i)}},
               {{num(D), num(G * H), num(H)}}};
  auto optional = [&](bool present, TensorText tensor) {
    segments.push_back(present);
    if (present)
      text.args.push_back(tensor);
  };
  optional(k.bias, {{num(D), num(2 * G * H)}});
  optional(k.lengths, {{"s1"}, "i32"});
  optional(k.state, state);
  optional(k.state && k.kind == "lstm", state);
  optional(k.peepholes, {{num(D), num(3 * H)}});
  text.results = {{{"s0", num(D), "s1", num(H)}}, state, state};
  std::string sizes, names, nan, operands;
  for (size_t i = 0; i < segments.size(); ++i)
    sizes += (i ? ", " : "") + num(segments[i]);
  for (size_t i = 0; i < k.activations.size(); ++i) {
    names += (i ? ", \"" : "\"") + k.activations[i] + "\"";
    nan += std::string(i ? ", " : "") + "0x7FF8000000000000";
  }
  for (size_t i = 0; i < text.args.size(); ++i)
    operands += (i ? ", %a" : "%a") + num(i);
  std::string signature = KernelText::signature(text.args, text.results[0]);
  std::string types = signature.substr(0, signature.find(" -> "));
  text.body =
      "%y, %h, %c = fm.recurrent " + operands +
      " {operandSegmentSizes = array<i32: " + sizes + ">, kind = \"" + k.kind +
      "\", direction = \"" + k.direction + "\", activations = [" + names +
      "], alpha = array<f64: " + nan + ">, beta = array<f64: " + nan +
      ">, clip = " + std::to_string(k.clip) + " : f64" +
      (k.linear ? ", linear_before_reset" : "") +
      (k.inputForget ? ", input_forget" : "") + "} : " + types + " -> (" +
      text.results[0].type() + ", " + state.type() + ", " + state.type() + ")";
  text.yields = {"%y", "%h", "%c"};
  return text;
}

void check(const Case &k, const std::string &target) {
  KernelText text = textOf(k);
  Kernels kernels(text.str(), target);
  ASSERT_TRUE(kernels.ok()) << kernels.errors << text.str();
  EXPECT_EQ(kernels.emitter(), "recurrent");
  int64_t G = k.gates(), H = k.h, D = k.directions();
  auto small = [](int64_t count, unsigned seed) {
    Floats x = values(count, seed);
    for (float &value : x)
      value /= 4;
    return x;
  };
  Operands o;
  o.x = small(k.t * k.b * k.i, 1);
  o.w = small(D * G * H * k.i, 2), o.r = small(D * G * H * H, 3);
  std::vector<Floats> inputs = {o.x, o.w, o.r};
  if (k.bias)
    inputs.push_back(o.bias = small(D * 2 * G * H, 4));
  if (k.lengths) {
    Floats bits(k.b);
    for (int64_t n = 0; n < k.b; ++n)
      o.lengths.push_back((n * 3 + k.t) % (k.t + 1));
    std::memcpy(bits.data(), o.lengths.data(), k.b * 4);
    inputs.push_back(bits);
  }
  if (k.state)
    inputs.push_back(o.h0 = small(D * k.b * H, 5));
  if (k.state && k.kind == "lstm")
    inputs.push_back(o.c0 = small(D * k.b * H, 6));
  if (k.peepholes)
    inputs.push_back(o.p = small(D * 3 * H, 7));
  Doubles want = reference(k, o);
  std::vector<size_t> sizes = {size_t(k.t * D * k.b * H), size_t(D * k.b * H),
                               size_t(D * k.b * H)};
  Floats one;
  for (int64_t parts : {1, 3}) {
    Floats got = kernels.run(inputs, sizes, {k.t, k.b}, parts);
    for (size_t i = 0; i < want.size(); ++i)
      ASSERT_NEAR(got[i], want[i], 2e-5)
          << k.kind << " " << k.direction << " H " << H << " at " << i;
    // The same bits for any number of parts.
    if (parts == 1)
      one = got;
    ASSERT_EQ(got, one);
  }
}

TEST_P(Recurrent, Lstm) {
  std::vector<std::string> usual = {"Sigmoid", "Tanh", "Tanh"}, two = usual;
  two.insert(two.end(), {"HardSigmoid", "Softsign", "Relu"});
  check({"lstm", "forward", 4, 2, 20, 32, true, false, false, false, false,
         false, 0, usual},
        GetParam());
  check({"lstm", "reverse", 3, 3, 7, 5, false, true, true, true, false, false,
         0.3, usual},
        GetParam());
  check({"lstm", "bidirectional", 5, 2, 16, 18, true, true, true, true, false,
         true, 0, two},
        GetParam());
}

TEST_P(Recurrent, Gru) {
  std::vector<std::string> usual = {"Sigmoid", "Tanh"}, two = usual;
  two.insert(two.end(), {"Sigmoid", "Elu"});
  for (bool linear : {false, true}) {
    check({"gru", "forward", 4, 2, 20, 21, true, false, true, false, linear,
           false, 0, usual},
          GetParam());
    check({"gru", "bidirectional", 3, 3, 9, 16, true, true, false, false,
           linear, false, 0, two},
          GetParam());
    check({"gru", "reverse", 3, 1, 33, 7, false, false, false, false, linear,
           false, 0.5, usual},
          GetParam());
  }
}

TEST_P(Recurrent, Rnn) {
  check({"rnn",
         "forward",
         6,
         2,
         3,
         40,
         true,
         false,
         true,
         false,
         false,
         false,
         0,
         {"Tanh"}},
        GetParam());
  check({"rnn",
         "bidirectional",
         2,
         2,
         16,
         3,
         false,
         true,
         false,
         false,
         false,
         false,
         0,
         {"Softplus", "LeakyRelu"}},
        GetParam());
  check({"rnn",
         "forward",
         0,
         2,
         3,
         4,
         true,
         false,
         true,
         false,
         false,
         false,
         0,
         {"Tanh"}},
        GetParam());
}

} // namespace
