//===- ReduceCases.cpp - Reductions, scans and sorting --------------------===//
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

/// `index` without dimension `axis`, or with 1 there.
static Index without(Index index, size_t axis, bool keep) {
  if (keep)
    index[axis] = 0;
  else
    index.erase(index.begin() + static_cast<int64_t>(axis));
  return index;
}

static double start(const std::string &kind) {
  return kind == "max"                     ? -INFINITY
         : kind == "min"                   ? INFINITY
         : kind == "prod" || kind == "all" ? 1
                                           : 0;
}

static double step(const std::string &kind, double sum, double x) {
  return kind == "max"          ? std::max(sum, x)
         : kind == "min"        ? std::min(sum, x)
         : kind == "prod"       ? sum * x
         : kind == "any"        ? double(sum != 0 || x != 0)
         : kind == "all"        ? double(sum != 0 && x != 0)
         : kind == "sum_square" ? sum + x * x
                                : sum + x;
}

static bool reduces(const std::string &kind, narae_type type) {
  bool logical = kind == "any" || kind == "all";
  if (logical || type == NARAE_BOOL)
    return logical && type == NARAE_BOOL;
  return isFloatType(type) || (kind != "mean" && integerBits(type) >= 32);
}

/// The reduction of dimension 1 of a rank-3 tensor.
static void addReduce(std::vector<Case> &cases, const std::string &kind,
                      narae_type type, bool keep) {
  int64_t length = kind == "prod" ? 6 : 65;
  Array x = type == NARAE_BOOL ? randomArray(type, {4, 3, 5}, 0, 1, 51)
            : kind == "prod"   ? randomArray(type, {4, length, 5}, 1, 3, 51)
                               : randomArray(type, {4, length, 5},
                                           isSigned(type) ? -20 : 0, 20, 51);
  Shape shape = without(x.shape, 1, keep);
  if (keep)
    shape[1] = 1;
  Array want{type, shape,
             Numbers(static_cast<size_t>(sizeOf(shape)), start(kind))};
  Numbers slack(want.values.size(), 0);
  forEach(x.shape, [&](const Index &i) {
    auto at = static_cast<size_t>(flat(shape, without(i, 1, keep)));
    want.values[at] = step(kind, want.values[at], x.at(i));
    double size = std::fabs(kind == "sum_square" ? x.at(i) * x.at(i) : x.at(i));
    // Roundings of a sum in any order: half an epsilon each, which partly
    // cancel.
    slack[at] += size * sumEpsilon(type) * std::sqrt(double(length)) / 2;
  });
  if (kind == "mean")
    for (size_t i = 0; i < slack.size(); ++i)
      want.values[i] /= double(length), slack[i] /= double(length);
  bool exact = !isFloatType(type) || kind == "max" || kind == "min";
  if (kind == "prod")
    for (size_t i = 0; i < slack.size(); ++i)
      slack[i] = want.values[i] * sumEpsilon(type) * double(length);
  if (exact)
    slack.clear();
  cases.push_back({"reduce",
                   std::string(narae_type_name(type)) + ", " + kind +
                       (keep ? ", kept" : ""),
                   "kind = \"" + kind + "\", axes = array<i64: 1>, " +
                       "keep_dims = " + (keep ? "true" : "false"),
                   {input(x)},
                   {{want, 0, slack}}});
}

static void addArgReduce(std::vector<Case> &cases, narae_type type) {
  Array x = randomArray(type, {6, 17}, 0, 9, 52); // with equal ones
  for (std::string kind : {"max", "min"})
    for (bool last : {false, true}) {
      Array want{NARAE_I64, {6}, {}};
      for (int64_t row = 0; row < 6; ++row) {
        int64_t best = 0;
        for (int64_t i = 1; i < 17; ++i) {
          double a = x.at({row, i}), b = x.at({row, best});
          bool better = kind == "max" ? a > b : a < b;
          best = better || (last && a == b) ? i : best;
        }
        want.values.push_back(double(best));
      }
      cases.push_back({"arg_reduce",
                       std::string(narae_type_name(type)) + ", " + kind +
                           (last ? ", last" : ""),
                       "kind = \"" + kind +
                           "\", axis = 1 : i64, keep_dims = "
                           "false" +
                           (last ? ", last" : ""),
                       {input(x)},
                       {{want}}});
    }
}

static void addCumulative(std::vector<Case> &cases, narae_type type) {
  for (std::string kind : {"sum", "prod"})
    for (int mode = 0; mode < 4; ++mode) {
      bool exclusive = mode & 1, reverse = mode & 2;
      int64_t length = kind == "prod" ? 5 : 21;
      Array x = randomArray(type, {3, length}, 1, 3, 53), want = x;
      Numbers slack(want.values.size());
      for (int64_t row = 0; row < 3; ++row) {
        double sum = kind == "prod" ? 1 : 0, size = 0;
        for (int64_t i = 0; i < length; ++i) {
          int64_t column = reverse ? length - 1 - i : i;
          auto at = static_cast<size_t>(row * length + column);
          double next = step(kind, sum, x.values[at]);
          size += std::fabs(next);
          want.values[at] = exclusive ? sum : next;
          // Narrow types may keep the running value as they are.
          slack[at] = 2 * size * (ulp(type, 1));
          sum = next;
        }
      }
      if (!isFloatType(type))
        slack.clear();
      cases.push_back(
          {"cumulative",
           std::string(narae_type_name(type)) + ", " + kind +
               (exclusive ? ", exclusive" : "") + (reverse ? ", reverse" : ""),
           "kind = \"" + kind + "\", axis = 1 : i64" +
               (exclusive ? ", exclusive" : "") + (reverse ? ", reverse" : ""),
           {input(x)},
           {{want, 0, slack}}});
    }
}

static void addTopK(std::vector<Case> &cases, narae_type type) {
  for (bool largest : {true, false}) {
    Array x = randomArray(type, {4, 23}, 0, 30, 54); // with equal ones
    Array values{type, {4, 5}, {}}, indices{NARAE_I64, {4, 5}, {}};
    for (int64_t row = 0; row < 4; ++row) {
      std::vector<int64_t> order(23);
      std::iota(order.begin(), order.end(), 0);
      std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
        double left = x.at({row, a}), right = x.at({row, b});
        if (left == right)
          return a < b;
        return largest ? left > right : left < right;
      });
      for (size_t i = 0; i < 5; ++i) {
        values.values.push_back(x.at({row, order[i]}));
        indices.values.push_back(double(order[i]));
      }
    }
    cases.push_back({"top_k",
                     std::string(narae_type_name(type)) +
                         (largest ? ", largest" : ", smallest"),
                     std::string("axis = 1 : i64, largest = ") +
                         (largest ? "true" : "false"),
                     {input(x), constant({5})},
                     {{values}, {indices}}});
  }
}

void conformance::addReduceCases(std::vector<Case> &cases) {
  for (std::string kind :
       {"sum", "mean", "max", "min", "prod", "any", "all", "sum_square"})
    for (narae_type type : allTypes())
      if (reduces(kind, type)) {
        addReduce(cases, kind, type, false);
        if (type == NARAE_F32)
          addReduce(cases, kind, type, true);
      }
  for (narae_type type : allTypes()) {
    if (type == NARAE_BOOL)
      continue;
    addArgReduce(cases, type);
    addTopK(cases, type);
    if (isFloatType(type) || integerBits(type) >= 32)
      addCumulative(cases, type);
  }
}
