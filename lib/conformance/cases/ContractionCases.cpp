//===- ContractionCases.cpp - Products of matrices ------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/conformance/cases/Cases.h"

#include <cmath>

using namespace narae;
using namespace narae::conformance;

namespace {
struct Product {
  const char *label;
  Shape lhs, rhs, bias;
  const char *attributes;
};
} // namespace

static const Product kProducts[] = {
    {"", {17, 40}, {40, 23}, {}, ""},
    {"one row", {1, 64}, {64, 48}, {}, ""},
    {"rhs transposed", {9, 32}, {21, 32}, {}, "transpose_rhs"},
    {"lhs transposed", {32, 9}, {32, 21}, {}, "transpose_lhs"},
    {"bias", {17, 40}, {40, 23}, {23}, ""},
    {"batch", {3, 5, 16}, {3, 16, 7}, {}, ""},
    {"shared rhs", {3, 5, 16}, {16, 7}, {}, ""},
};

/// The product, and the sum of its terms' magnitudes.
static Array product(const Array &a, const Array &b, const Array *bias,
                     const std::string &attributes, narae_type type,
                     Numbers &sizes) {
  bool turnedA = attributes == "transpose_lhs";
  bool turnedB = attributes == "transpose_rhs";
  size_t rank = a.shape.size(), rankB = b.shape.size();
  int64_t depth = a.shape[rank - (turnedA ? 2 : 1)];
  Shape shape = a.shape;
  shape[rank - 2] = a.shape[rank - (turnedA ? 1 : 2)];
  shape[rank - 1] = b.shape[rankB - (turnedB ? 2 : 1)];
  return fromIndex(type, shape, [&](const Index &i) {
    double sum = bias ? bias->at(i) : 0, size = std::fabs(sum);
    Index left = i, right = i;
    for (int64_t k = 0; k < depth; ++k) {
      left[rank - 2] = turnedA ? k : i[rank - 2];
      left[rank - 1] = turnedA ? i[rank - 2] : k;
      right[rank - 2] = turnedB ? i[rank - 1] : k;
      right[rank - 1] = turnedB ? k : i[rank - 1];
      Index place(right.end() - static_cast<int64_t>(rankB), right.end());
      double term = a.at(left) * b.at(place);
      sum += term, size += std::fabs(term);
    }
    sizes.push_back(size);
    return sum;
  });
}

static void addFloat(std::vector<Case> &cases) {
  for (const Product &p : kProducts)
    for (narae_type type : floatTypes()) {
      Array a = randomArray(type, p.lhs, -1, 1, 61);
      Array b = randomArray(type, p.rhs, -1, 1, 62);
      Array bias = randomArray(type, p.bias, -1, 1, 63);
      Numbers slack;
      bool biased = !p.bias.empty();
      Array want =
          product(a, b, biased ? &bias : nullptr, p.attributes, type, slack);
      for (double &size : slack)
        size *= sumEpsilon(type) * 4;
      Case test{"matmul",
                narae_type_name(type),
                p.attributes,
                {input(a), input(b)},
                {{want, 0, slack}}};
      if (*p.label)
        test.label += std::string(", ") + p.label;
      if (biased)
        test.operands.push_back(input(bias));
      cases.push_back(test);
    }
}

static void addInteger(std::vector<Case> &cases) {
  struct {
    narae_type type, sum;
  } pairs[] = {{NARAE_I8, NARAE_I32},
               {NARAE_U8, NARAE_I32},
               {NARAE_I32, NARAE_I32},
               {NARAE_I64, NARAE_I64}};
  for (auto [type, sum] : pairs) {
    Array a = randomArray(type, {7, 30}, isSigned(type) ? -100 : 0, 100, 64);
    Array b = randomArray(type, {30, 9}, isSigned(type) ? -100 : 0, 100, 65);
    Numbers sizes;
    Array want = product(a, b, nullptr, "", sum, sizes);
    cases.push_back(
        {"matmul",
         std::string(narae_type_name(type)) + " to " + narae_type_name(sum),
         "acc = " + mlirElement(sum),
         {input(a), input(b)},
         {{want}}});
  }
}

/// Tokens times the matrices of their experts.
static void addExperts(std::vector<Case> &cases) {
  for (narae_type type : {NARAE_F32}) {
    Array x = randomArray(type, {6, 32}, -1, 1, 66);
    Array experts = randomArray(type, {4, 12, 32}, -1, 1, 67);
    Array indices = randomArray(NARAE_I32, {6, 2}, 0, 3, 68);
    Numbers slack;
    Array want = fromIndex(NARAE_F32, {6, 2, 12}, [&](const Index &i) {
      double sum = 0, size = 0;
      auto expert = int64_t(indices.at({i[0], i[1]}));
      for (int64_t k = 0; k < 32; ++k) {
        double term = x.at({i[0], k}) * experts.at({expert, i[2], k});
        sum += term, size += std::fabs(term);
      }
      slack.push_back(size * 4 * sumEpsilon(NARAE_F32));
      return sum;
    });
    cases.push_back({"expert_matmul",
                     narae_type_name(type),
                     "",
                     {input(x), input(experts), input(indices)},
                     {{want, 0, slack}}});
  }
}

void conformance::addContractionCases(std::vector<Case> &cases) {
  addFloat(cases);
  addInteger(cases);
  addExperts(cases);
}
