//===- NormCases.cpp - Softmax, norms and attention -----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/conformance/cases/Cases.h"

#include <algorithm>
#include <cmath>

using namespace narae;
using namespace narae::conformance;

/// Softmax of some numbers in place; those of -inf give 0.
static void softmax(Numbers &row) {
  double most = -INFINITY, sum = 0;
  for (double x : row)
    most = std::max(most, x);
  for (double &x : row)
    sum += x = most == -INFINITY ? 0 : std::exp(x - most);
  for (double &x : row)
    x = sum > 0 ? x / sum : 0;
}

static void addSoftmax(std::vector<Case> &cases, narae_type type) {
  Array x = randomArray(type, {5, 33, 3}, -6, 6, 81);
  for (int axis : {1, 2})
    for (bool isLog : {false, true}) {
      Array want = x;
      forEach(x.shape, [&](const Index &i) {
        Numbers row;
        Index at = i;
        for (at[axis] = 0; at[axis] < x.shape[axis]; ++at[axis])
          row.push_back(x.at(at));
        softmax(row);
        double value = row[size_t(i[axis])];
        want.values[size_t(flat(x.shape, i))] = isLog ? std::log(value) : value;
      });
      double ulps = type == NARAE_F32 || type == NARAE_F64 ? 32 : 2;
      cases.push_back(
          {"softmax",
           std::string(narae_type_name(type)) + ", axis " +
               std::to_string(axis) + (isLog ? ", log" : ""),
           "axis = " + std::to_string(axis) + " : i64" + (isLog ? ", log" : ""),
           {input(x)},
           {{want, ulps, {16 * sumEpsilon(type)}}}});
    }
}

/// A norm over the last dimension of [6, 40].
static void addNorm(std::vector<Case> &cases, narae_type type, bool rms) {
  constexpr int64_t width = 40;
  constexpr double epsilon = 1e-5;
  Array x = randomArray(type, {6, width}, -2, 3, 82);
  Array scale = randomArray(type, {width}, 0.5, 1.5, 83);
  Array bias = randomArray(type, {width}, -1, 1, 84);
  for (bool centred : {false, true}) {
    if (centred && !rms)
      continue;
    Array want = x;
    for (int64_t row = 0; row < 6; ++row) {
      double mean = 0, square = 0;
      for (int64_t i = 0; i < width; ++i)
        mean += rms ? 0 : x.at({row, i}) / width;
      for (int64_t i = 0; i < width; ++i)
        square += std::pow(x.at({row, i}) - mean, 2) / width;
      for (int64_t i = 0; i < width; ++i) {
        double value = (x.at({row, i}) - mean) / std::sqrt(square + epsilon);
        value *= scale.at({i}) + (centred ? 1 : 0);
        want.values[size_t(row * width + i)] = value + (rms ? 0 : bias.at({i}));
      }
    }
    std::string attributes = "axis = 1 : i64, epsilon = 1.0e-5 : f64";
    if (centred)
      attributes += ", zero_centred";
    if (!rms)
      attributes += ", operandSegmentSizes = array<i32: 1, 1, 1>";
    Case test{rms ? "rms_norm" : "layer_norm",
              std::string(narae_type_name(type)) +
                  (centred ? ", zero-centred" : ""),
              attributes,
              {input(x), input(scale)},
              {{want, 4, {64 * sumEpsilon(type)}}}};
    if (!rms)
      test.operands.push_back(input(bias));
    cases.push_back(test);
  }
}

namespace {
struct AttentionForm {
  const char *label, *attributes;
  bool mask, causal, end;
  double softcap;
};
} // namespace

/// Attention of 4 heads that share 2 of the keys.
static void addAttention(std::vector<Case> &cases, narae_type type,
                         const AttentionForm &form) {
  constexpr int64_t S = 6, T = 11, D = 16, E = 8;
  Array q = randomArray(type, {2, 4, S, D}, -1, 1, 85);
  Array k = randomArray(type, {2, 2, T, D}, -1, 1, 86);
  Array v = randomArray(type, {2, 2, T, E}, -1, 1, 87);
  Array mask = randomArray(NARAE_F32, {S, T}, -2, 2, 88);
  Array want{type, {2, 4, S, E}, {}};
  forEach({2, 4, S}, [&](const Index &i) {
    Numbers row;
    for (int64_t t = 0; t < T; ++t) {
      double score = 0;
      for (int64_t d = 0; d < D; ++d)
        score += q.at({i[0], i[1], i[2], d}) * k.at({i[0], i[1] / 2, t, d});
      score *= 0.25;
      if (form.softcap > 0)
        score = form.softcap * std::tanh(score / form.softcap);
      score += form.mask ? mask.at({i[2], t}) : 0;
      int64_t position = form.end ? T - S + i[2] : i[2];
      row.push_back(form.causal && t > position ? -INFINITY : score);
    }
    softmax(row);
    for (int64_t e = 0; e < E; ++e) {
      double sum = 0;
      for (int64_t t = 0; t < T; ++t)
        sum += row[size_t(t)] * v.at({i[0], i[1] / 2, t, e});
      want.values.push_back(sum);
    }
  });
  // Narrow types may round the probabilities before they are multiplied.
  double slack = 64 * sumEpsilon(type);
  if (type == NARAE_F16 || type == NARAE_BF16)
    slack = ulp(type, 1);
  Case test{"attention",
            narae_type_name(type),
            std::string("scale = 0.25 : f64") + form.attributes,
            {input(q), input(k), input(v)},
            {{want, 2, {slack}}}};
  if (*form.label)
    test.label += std::string(", ") + form.label;
  if (form.mask)
    test.operands.push_back(input(mask));
  cases.push_back(test);
}

void conformance::addNormCases(std::vector<Case> &cases) {
  static const AttentionForm forms[] = {
      {"", "", false, false, false, 0},
      {"mask", "", true, false, false, 0},
      {"causal", ", causal", false, true, false, 0},
      {"causal from the end", ", causal, causal_end", false, true, true, 0},
      {"softcap", ", softcap = 1.5 : f64", false, false, false, 1.5},
  };
  for (narae_type type : floatTypes()) {
    addSoftmax(cases, type);
    addNorm(cases, type, false);
    addNorm(cases, type, true);
    for (const AttentionForm &form : forms)
      addAttention(cases, type, form);
  }
}
