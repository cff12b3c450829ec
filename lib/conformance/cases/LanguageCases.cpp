//===- LanguageCases.cpp - Rotary positions, routing, caches --------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/conformance/cases/Cases.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace narae;
using namespace narae::conformance;

static void addRope(std::vector<Case> &cases) {
  Array positions = makeArray(NARAE_I64, {2, 3}, {0, 1, 2, 5, 17, 100});
  Numbers frequencies = {1, 0.25, 0.0625, 0.015625};
  Array table = fromIndex(NARAE_F32, {2, 3, 8}, [&](const Index &i) {
    double angle = positions.at({i[0], i[1]}) * frequencies[size_t(i[2] % 4)];
    return i[2] < 4 ? std::cos(angle) : std::sin(angle);
  });
  cases.push_back({"rope_table",
                   "f32",
                   "inverse_frequencies = array<f64: 1.0, 0.25, 0.0625, "
                   "0.015625>",
                   {input(positions)},
                   {{table, 16, {4e-7}}}});
  table = makeArray(NARAE_F32, table.shape, table.values);
  for (narae_type type : {NARAE_F32, NARAE_F16, NARAE_BF16})
    for (bool pairs : {false, true}) {
      Array x = randomArray(type, {2, 3, 2, 12}, -1, 1, 91);
      Array want = fromIndex(type, x.shape, [&](const Index &i) {
        int64_t at = i[3] - 2;
        if (at < 0 || at >= 8)
          return x.at(i);
        int64_t pair = pairs ? at / 2 : at % 4;
        bool first = pairs ? at % 2 == 0 : at < 4;
        auto element = [&](bool front) {
          int64_t place = pairs ? 2 * pair + !front : pair + (front ? 0 : 4);
          return x.at({i[0], i[1], i[2], place + 2});
        };
        double cosine = table.at({i[0], i[1], pair});
        double sine = table.at({i[0], i[1], pair + 4});
        return first ? element(true) * cosine - element(false) * sine
                     : element(false) * cosine + element(true) * sine;
      });
      cases.push_back(
          {"rope",
           std::string(narae_type_name(type)) +
               (pairs ? ", pairs" : ", halves"),
           std::string("offset = 2 : i64") + (pairs ? ", pairs" : ""),
           {input(x), input(table)},
           {{want, 1, {4 * sumEpsilon(NARAE_F32)}}}});
    }
}

/// Experts by score; `sigmoid` with a bias, in groups.
static void addRoute(std::vector<Case> &cases) {
  constexpr int64_t N = 5, E = 8, K = 3;
  for (int form = 0; form < 3; ++form) {
    bool sigmoid = form > 0, grouped = form == 2;
    Array logits = randomArray(NARAE_F32, {N, E}, -3, 3, 95 + form);
    Array bias = randomArray(NARAE_F32, {E}, -0.2, 0.2, 99);
    Array weights{NARAE_F32, {N, K}, {}}, indices{NARAE_I32, {N, K}, {}};
    for (int64_t n = 0; n < N; ++n) {
      Numbers scores, choice;
      double sum = 0;
      for (int64_t e = 0; e < E; ++e)
        sum += std::exp(logits.at({n, e}));
      for (int64_t e = 0; e < E; ++e) {
        double x = logits.at({n, e});
        scores.push_back(sigmoid ? 1 / (1 + std::exp(-x)) : std::exp(x) / sum);
        choice.push_back(scores.back() + (sigmoid ? bias.at({e}) : 0));
      }
      if (grouped) { // 4 groups of 2, of which 2 stay
        std::vector<int64_t> order = {0, 1, 2, 3};
        auto total = [&](int64_t g) {
          return choice[size_t(2 * g)] + choice[size_t(2 * g + 1)];
        };
        std::sort(order.begin(), order.end(),
                  [&](int64_t a, int64_t b) { return total(a) > total(b); });
        for (size_t i = 2; i < 4; ++i)
          choice[size_t(2 * order[i])] = choice[size_t(2 * order[i] + 1)] =
              -INFINITY;
      }
      std::vector<int64_t> order(E);
      std::iota(order.begin(), order.end(), 0);
      std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
        return choice[size_t(a)] > choice[size_t(b)];
      });
      double chosen = 0;
      for (int64_t i = 0; i < K; ++i)
        chosen += scores[size_t(order[size_t(i)])];
      for (int64_t i = 0; i < K; ++i) {
        double weight = scores[size_t(order[size_t(i)])];
        weights.values.push_back(sigmoid ? 2.5 * weight / chosen : weight);
        indices.values.push_back(double(order[size_t(i)]));
      }
    }
    std::string attributes = "chosen = 3 : i64, scoring = \"";
    attributes +=
        sigmoid ? "sigmoid\", normalise, scaling = 2.5 : f64" : "softmax\"";
    if (grouped)
      attributes += ", groups = 4 : i64, chosen_groups = 2 : i64";
    Case test{"route",
              grouped   ? "sigmoid, groups"
              : sigmoid ? "sigmoid, bias"
                        : "softmax",
              attributes,
              {input(logits)},
              {{weights, 32, {1e-6}}, {indices}}};
    if (sigmoid)
      test.operands.push_back(input(bias));
    cases.push_back(test);
  }
}

static void addCache(std::vector<Case> &cases, narae_type type, bool ring) {
  constexpr int64_t B = 2, G = 2, C = 10, T = 4, D = 8, H = 4;
  Array cache = randomArray(type, {B, G, C, D}, -1, 1, 101);
  Array update = randomArray(NARAE_F32, {B, T, G, D}, -1, 1, 102);
  Array start = makeArray(NARAE_I64, {B}, ring ? Numbers{8, 3} : Numbers{0, 5});
  Array lengths = makeArray(NARAE_I64, {B}, {4, 2});
  Array want = cache;
  forEach({B, T, G, D}, [&](const Index &i) {
    if (double(i[1]) >= lengths.at({i[0]}))
      return;
    int64_t slot = int64_t(start.at({i[0]})) + i[1];
    slot = ring ? slot % C : slot;
    want.values[size_t(flat(cache.shape, {i[0], i[2], slot, i[3]}))] =
        update.at(i);
  });
  std::string label =
      std::string(narae_type_name(type)) + (ring ? ", ring" : "");
  cases.push_back({"cache_update",
                   label,
                   ring ? "ring" : "",
                   {input(cache), input(update), input(start), input(lengths)},
                   {{want}}});
  if (ring)
    return;
  // All rows count here; the last position must be in the cache.
  Array all = makeArray(NARAE_I64, {B}, {T, T});
  Array query = randomArray(NARAE_F32, {B, T, H, D}, -1, 1, 103);
  Array value = randomArray(type, {B, G, C, D}, -1, 1, 104);
  for (int64_t window : {0, 3}) {
    Array result{NARAE_F32, {B, T, H, D}, {}};
    forEach({B, T, H}, [&](const Index &i) {
      int64_t p = int64_t(start.at({i[0]})) + i[1], group = i[2] / (H / G);
      Numbers weights;
      double sum = 0;
      for (int64_t j = 0; j <= p; ++j) {
        double score = 0;
        for (int64_t d = 0; d < D; ++d)
          score +=
              query.at({i[0], i[1], i[2], d}) * cache.at({i[0], group, j, d});
        bool seen = window == 0 || j > p - window;
        weights.push_back(seen ? std::exp(0.5 * score) : 0);
        sum += weights.back();
      }
      for (int64_t d = 0; d < D; ++d) {
        double total = 0;
        for (int64_t j = 0; j <= p; ++j)
          total += weights[size_t(j)] / sum * value.at({i[0], group, j, d});
        result.values.push_back(total);
      }
    });
    cases.push_back(
        {"cached_attention",
         label + (window ? ", window" : ""),
         "scale = 0.5 : f64" + std::string(window ? ", window = 3 : i64" : ""),
         {input(query), input(cache), input(value), input(start), input(all)},
         {{result, 4, {64 * sumEpsilon(NARAE_F32)}}}});
  }
}

void conformance::addLanguageCases(std::vector<Case> &cases) {
  addRope(cases);
  addRoute(cases);
  for (narae_type type : {NARAE_F32, NARAE_F16, NARAE_BF16})
    for (bool ring : {false, true})
      addCache(cases, type, ring);
}
