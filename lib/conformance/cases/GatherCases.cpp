//===- GatherCases.cpp - Elements chosen by indices -----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/conformance/cases/Cases.h"

#include <algorithm>

using namespace narae;
using namespace narae::conformance;

/// An index that counts from the end when it is negative.
static int64_t wrapped(double index, int64_t size) {
  return int64_t(index) + (index < 0 ? size : 0);
}

static void addGathers(std::vector<Case> &cases, narae_type type,
                       narae_type indexType) {
  std::string name = narae_type_name(type);
  if (indexType != NARAE_I64)
    name += std::string(", ") + narae_type_name(indexType) + " indices";
  Array x = numbered(type, {3, 6, 4});
  Array indices = makeArray(indexType, {2, 2}, {5, 0, -2, 3});
  cases.push_back({"gather",
                   name,
                   "axis = 1 : i64",
                   {input(x), input(indices)},
                   {{fromIndex(type, {3, 2, 2, 4}, [&](const Index &i) {
                     double at = indices.at({i[1], i[2]});
                     return x.at({i[0], wrapped(at, 6), i[3]});
                   })}}});
  Array each = randomArray(indexType, {3, 2, 4}, -6, 5, 31);
  cases.push_back({"gather_elements",
                   name,
                   "axis = 1 : i64",
                   {input(x), input(each)},
                   {{fromIndex(type, {3, 2, 4}, [&](const Index &i) {
                     return x.at({i[0], wrapped(each.at(i), 6), i[2]});
                   })}}});
  Array tuples = makeArray(indexType, {3, 2}, {0, 5, 2, -1, 1, 0});
  cases.push_back({"gather_nd",
                   name,
                   "",
                   {input(x), input(tuples)},
                   {{fromIndex(type, {3, 4}, [&](const Index &i) {
                     return x.at({wrapped(tuples.at({i[0], 0}), 3),
                                  wrapped(tuples.at({i[0], 1}), 6), i[1]});
                   })}}});
}

static double combined(const std::string &how, double old, double update) {
  return how == "add"   ? old + update
         : how == "mul" ? old * update
         : how == "max" ? std::max(old, update)
         : how == "min" ? std::min(old, update)
                        : update;
}

static void addScatters(std::vector<Case> &cases, narae_type type) {
  for (std::string how : {"none", "add", "mul", "max", "min"}) {
    if (type == NARAE_BOOL && how != "none")
      continue;
    std::string label = std::string(narae_type_name(type)) + ", " + how;
    std::string reduction = "reduction = \"" + how + "\"";
    Array x = randomArray(type, {5, 4}, 0, type == NARAE_BOOL ? 1 : 9, 41);
    // Each place once, but for sums, where it is defined how twice counts.
    Array rows = makeArray(NARAE_I64, {2, 4}, {0, 1, -1, 3, 2, 4, 0, 1});
    if (how == "add")
      rows.values[4] = 0;
    Array updates =
        randomArray(type, {2, 4}, 0, type == NARAE_BOOL ? 1 : 9, 42);
    Array want = x;
    forEach(rows.shape, [&](const Index &i) {
      int64_t row = wrapped(rows.at(i), 5);
      double &to = want.values[static_cast<size_t>(row * 4 + i[1])];
      to = combined(how, to, updates.at(i));
    });
    cases.push_back({"scatter_elements",
                     label,
                     "axis = 0 : i64, " + reduction,
                     {input(x), input(rows), input(updates)},
                     {{want, isFloatType(type) && how == "add" ? 1.0 : 0.0}}});
    Array tuples = makeArray(NARAE_I64, {2, 1}, {3, 1});
    want = x;
    forEach(updates.shape, [&](const Index &i) {
      auto row = int64_t(tuples.values[static_cast<size_t>(i[0])]);
      double &to = want.values[static_cast<size_t>(row * 4 + i[1])];
      to = combined(how, to, updates.at(i));
    });
    cases.push_back({"scatter_nd",
                     label,
                     reduction,
                     {input(x), input(tuples), input(updates)},
                     {{want}}});
  }
}

void conformance::addGatherCases(std::vector<Case> &cases) {
  for (narae_type type : allTypes()) {
    addGathers(cases, type, NARAE_I64);
    addScatters(cases, type);
  }
  addGathers(cases, NARAE_F32, NARAE_I32);
}
