//===- WindowCases.cpp - Convolutions and pooling -------------------------===//
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
/// Two spatial dimensions: strides, pads (begins, then ends), dilations.
struct Window {
  const char *label;
  int64_t strides[2], pads[4], dilations[2], groups;
};
} // namespace

static const Window kWindows[] = {
    {"", {1, 1}, {0, 0, 0, 0}, {1, 1}, 1},
    {"stride 2, padded", {2, 2}, {1, 1, 1, 1}, {1, 1}, 1},
    {"uneven pads", {1, 2}, {0, 2, 1, 0}, {1, 1}, 1},
    {"dilated", {1, 1}, {2, 2, 2, 2}, {2, 2}, 1},
    {"groups", {1, 1}, {1, 1, 1, 1}, {1, 1}, 2},
    {"depthwise", {2, 1}, {1, 1, 1, 1}, {1, 1}, 4},
};

static std::string list(const int64_t *values, size_t count) {
  std::string text = "array<i64: ";
  for (size_t i = 0; i < count; ++i)
    text += (i ? ", " : "") + std::to_string(values[i]);
  return text + ">";
}

static std::string attributesOf(const Window &w) {
  return "strides = " + list(w.strides, 2) + ", pads = " + list(w.pads, 4) +
         ", dilations = " + list(w.dilations, 2);
}

static int64_t outputSize(const Window &w, int64_t size, int64_t kernel,
                          int axis) {
  int64_t span = w.dilations[axis] * (kernel - 1) + 1;
  return (size + w.pads[axis] + w.pads[axis + 2] - span) / w.strides[axis] + 1;
}

static void addConv(std::vector<Case> &cases, const Window &w, narae_type type,
                    bool biased) {
  Array x = randomArray(type, {2, 4, 9, 8}, -1, 1, 71);
  int64_t channels = 4 / w.groups, perGroup = 8 / w.groups;
  Array f = randomArray(type, {8, channels, 3, 3}, -1, 1, 72);
  Array bias = randomArray(type, {8}, -1, 1, 73);
  Numbers slack;
  Shape shape = {2, 8, outputSize(w, 9, 3, 0), outputSize(w, 8, 3, 1)};
  Array want = fromIndex(type, shape, [&](const Index &i) {
    double sum = biased ? bias.at({i[1]}) : 0, size = std::fabs(sum);
    forEach({channels, 3, 3}, [&](const Index &k) {
      int64_t row = i[2] * w.strides[0] - w.pads[0] + k[1] * w.dilations[0];
      int64_t column = i[3] * w.strides[1] - w.pads[1] + k[2] * w.dilations[1];
      if (row < 0 || row >= 9 || column < 0 || column >= 8)
        return;
      int64_t channel = i[1] / perGroup * channels + k[0];
      double term =
          x.at({i[0], channel, row, column}) * f.at({i[1], k[0], k[1], k[2]});
      sum += term, size += std::fabs(term);
    });
    slack.push_back(size * 4 * sumEpsilon(type));
    return sum;
  });
  std::string label = narae_type_name(type);
  label += *w.label ? std::string(", ") + w.label : "";
  Case test{"conv",
            label + (biased ? ", bias" : ""),
            attributesOf(w) + ", groups = " + std::to_string(w.groups) +
                " : i64",
            {input(x), input(f)},
            {{want, 0, slack}}};
  if (biased)
    test.operands.push_back(input(bias));
  cases.push_back(test);
}

/// Each input element times the filter, added where it lands.
static void addConvTranspose(std::vector<Case> &cases, narae_type type) {
  for (int64_t stride : {1, 2}) {
    Array x = randomArray(type, {1, 4, 5, 4}, -1, 1, 74);
    Array f = randomArray(type, {4, 3, 3, 3}, -1, 1, 75);
    Shape shape = {1, 3, (5 - 1) * stride + 3 - 2, (4 - 1) * stride + 3 - 2};
    Array want{type, shape, Numbers(size_t(sizeOf(shape)), 0)};
    Numbers slack(want.values.size(), 0);
    forEach(x.shape, [&](const Index &i) {
      forEach({3, 3, 3}, [&](const Index &k) {
        int64_t row = i[2] * stride + k[1] - 1;
        int64_t column = i[3] * stride + k[2] - 1;
        if (row < 0 || row >= shape[2] || column < 0 || column >= shape[3])
          return;
        double term = x.at(i) * f.at({i[1], k[0], k[1], k[2]});
        auto at = size_t(flat(shape, {0, k[0], row, column}));
        want.values[at] += term;
        slack[at] += std::fabs(term) * 4 * sumEpsilon(type);
      });
    });
    std::string s = std::to_string(stride);
    cases.push_back(
        {"conv_transpose",
         std::string(narae_type_name(type)) + ", stride " + s,
         "strides = array<i64: " + s + ", " + s +
             ">, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, "
             "groups = 1 : i64, output_padding = array<i64: 0, 0>, "
             "output_shape = array<i64>",
         {input(x), input(f)},
         {{want, 0, slack}}});
  }
}

static void addPool(std::vector<Case> &cases, const std::string &kind,
                    const Window &w, narae_type type, bool countPads) {
  Array x = randomArray(type, {2, 3, 9, 8}, -1, 1, 76);
  Shape shape = {2, 3, outputSize(w, 9, 3, 0), outputSize(w, 8, 3, 1)};
  Array want = fromIndex(type, shape, [&](const Index &i) {
    double most = -INFINITY, sum = 0, squares = 0, count = 0;
    forEach({3, 3}, [&](const Index &k) {
      int64_t row = i[2] * w.strides[0] - w.pads[0] + k[0] * w.dilations[0];
      int64_t column = i[3] * w.strides[1] - w.pads[1] + k[1] * w.dilations[1];
      bool inside = row >= 0 && row < 9 && column >= 0 && column < 8;
      count += inside || countPads;
      if (!inside)
        return;
      double value = x.at({i[0], i[1], row, column});
      most = std::max(most, value);
      sum += value, squares += value * value;
    });
    return kind == "max"       ? most
           : kind == "average" ? sum / count
                               : std::sqrt(squares);
  });
  std::string label = std::string(narae_type_name(type)) + ", " + kind;
  label += *w.label ? std::string(", ") + w.label : "";
  bool exact = kind == "max";
  cases.push_back({"pool",
                   label + (countPads ? ", pads count" : ""),
                   "kind = \"" + kind + "\", kernel = array<i64: 3, 3>, " +
                       attributesOf(w) +
                       (countPads ? ", count_include_pad" : ""),
                   {input(x)},
                   {{want, exact ? 0.0 : 1.0,
                     exact ? Numbers() : Numbers{20 * sumEpsilon(type)}}}});
}

void conformance::addWindowCases(std::vector<Case> &cases) {
  for (narae_type type : floatTypes()) {
    for (const Window &w : kWindows) {
      addConv(cases, w, type, false);
      if (w.dilations[0] > 1) // a pool sees no window that is all padding
        continue;
      for (const char *kind : {"max", "average", "lp"})
        if (w.groups == 1)
          addPool(cases, kind, w, type, false);
    }
    addConv(cases, kWindows[0], type, true);
    addPool(cases, "average", kWindows[1], type, true);
    addConvTranspose(cases, type);
  }
}
