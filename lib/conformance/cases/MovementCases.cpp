//===- MovementCases.cpp - Shapes, slices and filled tensors --------------===//
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

Array conformance::fromIndex(narae_type type, const Shape &shape,
                             const std::function<double(const Index &)> &fn) {
  Array result{type, shape, {}};
  forEach(shape,
          [&](const Index &index) { result.values.push_back(fn(index)); });
  return result;
}

Array conformance::numbered(narae_type type, const Shape &shape) {
  int64_t period = type == NARAE_BOOL ? 2 : 113;
  int64_t at = 0;
  return fromIndex(type, shape, [&](const Index &) {
    // Neighbours differ also where rows are as long as the period.
    double value = static_cast<double>((at * 7 + at / 61) % period);
    ++at;
    return value;
  });
}

/// Elements of `x` in another shape.
static Array reshaped(Array x, const Shape &shape) {
  x.shape = shape;
  return x;
}

static void addViews(std::vector<Case> &cases, narae_type type) {
  std::string name = narae_type_name(type);
  Array x = numbered(type, {2, 3, 4});
  cases.push_back({"reshape",
                   name,
                   "",
                   {input(x), constant({4, -1})},
                   {{reshaped(x, {4, 6})}}});
  cases.push_back({"flatten",
                   name,
                   "axis = 1 : i64",
                   {input(x)},
                   {{reshaped(x, {2, 12})}}});
  cases.push_back({"unsqueeze",
                   name,
                   "axes = array<i64: 0, 2>",
                   {input(x)},
                   {{reshaped(x, {1, 2, 1, 3, 4})}}});
  Array y = numbered(type, {2, 1, 5, 1});
  cases.push_back({"squeeze",
                   name,
                   "axes = array<i64: 1, 3>",
                   {input(y)},
                   {{reshaped(y, {2, 5})}}});
}

static void addMoves(std::vector<Case> &cases, narae_type type) {
  std::string name = narae_type_name(type);
  Array x = numbered(type, {3, 5, 7});
  auto source = [&x](const Index &index) {
    return x.values[static_cast<size_t>(flat(x.shape, index))];
  };
  cases.push_back({"transpose",
                   name,
                   "perm = array<i64: 2, 0, 1>",
                   {input(x)},
                   {{fromIndex(type, {7, 3, 5}, [&](const Index &i) {
                     return source({i[1], i[2], i[0]});
                   })}}});
  Array row = numbered(type, {5, 1});
  cases.push_back({"broadcast",
                   name,
                   "",
                   {input(row), constant({4, 5, 3})},
                   {{fromIndex(type, {4, 5, 3},
                               [&](const Index &i) { return row.at(i); })}}});
  cases.push_back({"tile",
                   name,
                   "",
                   {input(x), constant({2, 1, 3})},
                   {{fromIndex(type, {6, 5, 21}, [&](const Index &i) {
                     return source({i[0] % 3, i[1], i[2] % 7});
                   })}}});
  Array other = numbered(type, {3, 2, 7});
  std::reverse(other.values.begin(), other.values.end());
  cases.push_back({"concat",
                   name,
                   "axis = 1 : i64",
                   {input(x), input(other)},
                   {{fromIndex(type, {3, 7, 7}, [&](const Index &i) {
                     return i[1] < 5 ? source(i)
                                     : other.at({i[0], i[1] - 5, i[2]});
                   })}}});
  cases.push_back({"slice",
                   name,
                   "axes = array<i64: 0, 2>, steps = array<i64: 1, 3>",
                   {input(x), constant({1, 1}), constant({9, 7})},
                   {{fromIndex(type, {2, 5, 2}, [&](const Index &i) {
                     return source({i[0] + 1, i[1], 1 + 3 * i[2]});
                   })}}});
  cases.push_back({"slice",
                   name + ", backwards",
                   "axes = array<i64: 2>, steps = array<i64: -2>",
                   {input(x), constant({-1}), constant({-8})},
                   {{fromIndex(type, {3, 5, 4}, [&](const Index &i) {
                     return source({i[0], i[1], 6 - 2 * i[2]});
                   })}}});
  Array square = numbered(type, {2, 5, 6});
  for (bool upper : {true, false})
    cases.push_back({"trilu",
                     name + (upper ? ", upper" : ", lower"),
                     std::string("upper = ") + (upper ? "true" : "false"),
                     {input(square), scalar(1)},
                     {{fromIndex(type, {2, 5, 6}, [&](const Index &i) {
                       bool keep = upper ? i[2] - i[1] >= 1 : i[2] - i[1] <= 1;
                       return keep ? square.at(i) : 0;
                     })}}});
  Array lengths = makeArray(NARAE_I64, {2}, {3, 5});
  cases.push_back({"reverse_sequence",
                   name,
                   "batch_axis = 0 : i64, time_axis = 1 : i64",
                   {input(square), input(lengths)},
                   {{fromIndex(type, {2, 5, 6}, [&](const Index &i) {
                     auto length = int64_t(lengths.values[i[0]]);
                     int64_t t = i[1] < length ? length - 1 - i[1] : i[1];
                     return square.at({i[0], t, i[2]});
                   })}}});
}

/// The element that a padded axis shows at `i`, or -1.
static int64_t padded(const std::string &mode, int64_t i, int64_t size) {
  if (i >= 0 && i < size)
    return i;
  if (mode == "edge")
    return i < 0 ? 0 : size - 1;
  if (mode == "wrap")
    return (i % size + size) % size;
  if (mode == "reflect")
    return i < 0 ? -i : 2 * (size - 1) - i;
  return -1;
}

static void addPads(std::vector<Case> &cases, narae_type type) {
  Array x = numbered(type, {3, 4, 5});
  for (std::string mode : {"constant", "edge", "reflect", "wrap"}) {
    double fill = 1;
    cases.push_back(
        {"pad",
         std::string(narae_type_name(type)) + ", " + mode,
         "axes = array<i64: 1, 2>, mode = \"" + mode + "\"",
         {input(x), constant({1, 2, 2, 0}), input(makeArray(type, {}, {fill}))},
         {{fromIndex(type, {3, 7, 7}, [&](const Index &i) {
           int64_t row = padded(mode, i[1] - 1, 4);
           int64_t column = padded(mode, i[2] - 2, 5);
           return row < 0 || column < 0 ? fill : x.at({i[0], row, column});
         })}}});
  }
}

static void addMade(std::vector<Case> &cases) {
  for (narae_type type : allTypes()) {
    std::string name = narae_type_name(type), element = mlirElement(type);
    if (type != NARAE_BOOL) {
      cases.push_back({"range",
                       name,
                       "",
                       {scalar(2, type), scalar(12, type), scalar(3, type)},
                       {{makeArray(type, {4}, {2, 5, 8, 11})}}});
      cases.push_back({"iota",
                       name,
                       "axis = 1 : i64, type = " + element,
                       {constant({2, 5})},
                       {{fromIndex(type, {2, 5}, [](const Index &i) {
                         return double(i[1]);
                       })}}});
    }
    Array indices = makeArray(NARAE_I64, {5}, {0, 3, -1, 7, 2});
    Array values = makeArray(type, {2}, {0, 1});
    cases.push_back({"one_hot",
                     name,
                     "axis = 1 : i64",
                     {input(indices), scalar(4), input(values)},
                     {{fromIndex(type, {5, 4}, [&](const Index &i) {
                       int64_t at = int64_t(indices.values[i[0]]);
                       at += at < 0 ? 4 : 0;
                       return double(at == i[1]);
                     })}}});
  }
  cases.push_back({"fill",
                   "f32",
                   "value = 2.5 : f32",
                   {constant({3, 4})},
                   {{makeArray(NARAE_F32, {3, 4}, Numbers(12, 2.5))}}});
  cases.push_back({"fill",
                   "i64",
                   "value = -7 : i64",
                   {constant({3})},
                   {{makeArray(NARAE_I64, {3}, Numbers(3, -7))}}});
  Array x = numbered(NARAE_F32, {2, 3, 4});
  cases.push_back({"shape_of",
                   "f32",
                   "",
                   {input(x)},
                   {{makeArray(NARAE_I64, {3}, {2, 3, 4})}}});
  cases.push_back(
      {"size_of", "f32", "", {input(x)}, {{makeArray(NARAE_I64, {}, {24})}}});
}

void conformance::addMovementCases(std::vector<Case> &cases) {
  for (narae_type type : allTypes()) {
    addViews(cases, type);
    addMoves(cases, type);
    addPads(cases, type);
  }
  addMade(cases);
}
