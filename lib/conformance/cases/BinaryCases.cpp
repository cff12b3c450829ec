//===- BinaryCases.cpp - Two operands that broadcast, and select ----------===//
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

namespace {
struct Binary {
  const char *op;
  double (*fn)(double, double);
  double low, high; ///< of both operands
  double ulps;      ///< of floats
  enum { Numbers, Floats, Integers } types = Numbers;
  const char *attributes = "";
  double least = 0; ///< of the rhs's magnitude
};
} // namespace

static double divide(double x, double y) { return x / y; }
/// The remainder with the divisor's sign.
static double floorMod(double x, double y) {
  double r = std::fmod(x, y);
  return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}
static int64_t bits(double x) { return static_cast<int64_t>(x); }

static const Binary kBinary[] = {
    {"add", [](double x, double y) { return x + y; }, 0, 40, 0},
    {"sub", [](double x, double y) { return x - y; }, 0, 40, 0},
    {"mul", [](double x, double y) { return x * y; }, 0, 11, 0},
    {"div", divide, 0, 100, 1, Binary::Numbers, "", 1},
    {"mod", floorMod, 0, 100, 1, Binary::Numbers, "", 1},
    {"mod", [](double x, double y) { return std::fmod(x, y); }, 0, 100, 1,
     Binary::Numbers, "fmod", 1},
    {"min", [](double x, double y) { return std::min(x, y); }, 0, 100, 0},
    {"max", [](double x, double y) { return std::max(x, y); }, 0, 100, 0},
    {"pow", [](double x, double y) { return std::pow(x, y); }, 0.5, 3, 24,
     Binary::Floats},
    {"and", [](double x, double y) { return double(bits(x) & bits(y)); }, 0,
     100, 0, Binary::Integers},
    {"or", [](double x, double y) { return double(bits(x) | bits(y)); }, 0, 100,
     0, Binary::Integers},
    {"xor", [](double x, double y) { return double(bits(x) ^ bits(y)); }, 0,
     100, 0, Binary::Integers},
};

/// Shapes of lhs and rhs.
static const std::pair<Shape, Shape> kShapes[] = {
    {{3, 37}, {3, 37}}, {{3, 37}, {37}}, {{5, 1, 4}, {1, 7, 1}}};

static Array combine(const Array &x, const Array &y, narae_type type,
                     double (*fn)(double, double)) {
  Array result{type, broadcastShape(x.shape, y.shape), {}};
  forEach(result.shape, [&](const Index &index) {
    result.values.push_back(fn(x.at(index), y.at(index)));
  });
  return result;
}

static void addBinary(std::vector<Case> &cases) {
  for (const Binary &binary : kBinary)
    for (narae_type type : allTypes()) {
      bool isFloat = isFloatType(type), isBool = type == NARAE_BOOL;
      if ((binary.types == Binary::Floats && !isFloat) ||
          (binary.types == Binary::Integers && isFloat))
        continue;
      // Booleans have conjunction, disjunction and comparison.
      std::string op = binary.op;
      if (isBool && op != "mul" && op != "and" && op != "or" && op != "xor")
        continue;
      bool negative =
          (isFloat || isSigned(type)) && binary.types == Binary::Numbers;
      double high = isBool ? 1 : binary.high;
      double low = negative ? -high : binary.low;
      if (op == "sub" && !negative)
        continue; // without a sign differences wrap
      for (auto &[left, right] : kShapes) {
        if (&left != &kShapes[0].first && type != NARAE_F32 &&
            type != NARAE_I32)
          continue;
        Array x = randomArray(type, left, low, high, cases.size() * 2);
        Array y = randomArray(type, right, low, high, cases.size() * 2 + 1);
        for (double &value : y.values)
          if (std::fabs(value) < binary.least)
            value = value < 0 ? -binary.least : binary.least;
        Array want = combine(x, y, type, binary.fn);
        if (!isFloat && op == "div")
          for (double &value : want.values)
            value = std::trunc(value);
        double ulps = isFloat ? binary.ulps : 0;
        if (type == NARAE_F16 || type == NARAE_BF16)
          ulps = std::min(ulps, 2.0);
        // A remainder's error is that of the quotient's last step.
        Numbers slack;
        if (isFloat && op == "mod")
          slack = {ulp(type, 128)};
        std::string label = narae_type_name(type);
        if (left != right)
          label += ", broadcast";
        if (left.size() == 3)
          label += " both";
        if (*binary.attributes)
          label += std::string(", ") + binary.attributes;
        cases.push_back({binary.op,
                         label,
                         binary.attributes,
                         {input(x), input(y)},
                         {{want, ulps, slack}}});
      }
    }
}

static void addShifts(std::vector<Case> &cases) {
  for (narae_type type : {NARAE_U8, NARAE_U16, NARAE_U32, NARAE_U64})
    for (bool left : {true, false}) {
      Array x = randomArray(type, {33}, 0, 15, 3);
      Array y = randomArray(type, {33}, 0, 4, 4), want = x;
      if (type == NARAE_U32)
        y.values[7] = 32; // all of them
      for (size_t i = 0; i < 33; ++i)
        want.values[i] =
            y.values[i] > 31 ? 0
            : left           ? std::ldexp(x.values[i], int(y.values[i]))
                   : std::floor(std::ldexp(x.values[i], -int(y.values[i])));
      cases.push_back({left ? "shl" : "shr",
                       narae_type_name(type),
                       "",
                       {input(x), input(y)},
                       {{want}}});
    }
}

static void addComparisons(std::vector<Case> &cases) {
  struct {
    const char *name;
    double (*fn)(double, double);
  } predicates[] = {
      {"eq", [](double x, double y) { return double(x == y); }},
      {"ne", [](double x, double y) { return double(x != y); }},
      {"lt", [](double x, double y) { return double(x < y); }},
      {"le", [](double x, double y) { return double(x <= y); }},
      {"gt", [](double x, double y) { return double(x > y); }},
      {"ge", [](double x, double y) { return double(x >= y); }},
  };
  for (auto &predicate : predicates)
    for (narae_type type : allTypes()) {
      std::string name = predicate.name;
      if (type == NARAE_BOOL && name != "eq" && name != "ne")
        continue;
      bool negative = isFloatType(type) || isSigned(type);
      double high = type == NARAE_BOOL ? 1 : 4;
      Array x = randomArray(type, {6, 9}, negative ? -high : 0, high, 11);
      Array y = randomArray(type, {9}, negative ? -high : 0, high, 12);
      for (int i = 0; i < 9; ++i)
        x.values[i] = y.values[i];
      if (isFloatType(type))
        x.values[3] = x.values[12] = NAN;
      cases.push_back({"cmp",
                       std::string(narae_type_name(type)) + ", " + name,
                       "predicate = \"" + name + "\"",
                       {input(x), input(y)},
                       {{combine(x, y, NARAE_BOOL, predicate.fn)}}});
    }
  for (narae_type type : allTypes()) {
    Array c = randomArray(NARAE_BOOL, {5, 1}, 0, 1, 21);
    double high = type == NARAE_BOOL ? 1 : 100;
    Array x = randomArray(type, {5, 7}, 0, high, 22);
    Array y = randomArray(type, {7}, 0, high, 23), want = x;
    size_t at = 0;
    forEach(want.shape, [&](const Index &index) {
      want.values[at++] = c.at(index) != 0 ? x.at(index) : y.at(index);
    });
    cases.push_back({"select",
                     narae_type_name(type),
                     "",
                     {input(c), input(x), input(y)},
                     {{want}}});
  }
}

/// NaN wins in minima and maxima.
static void addNans(std::vector<Case> &cases) {
  for (const char *op : {"min", "max"})
    for (narae_type type : floatTypes()) {
      Array x = makeArray(type, {4}, {NAN, 1, 2, NAN});
      Array y = makeArray(type, {4}, {1, NAN, 3, NAN});
      double chosen = std::string(op) == "min" ? 2 : 3;
      cases.push_back({op,
                       std::string(narae_type_name(type)) + ", NaN",
                       "",
                       {input(x), input(y)},
                       {{makeArray(type, {4}, {NAN, NAN, chosen, NAN})}}});
    }
}

void conformance::addBinaryCases(std::vector<Case> &cases) {
  addBinary(cases);
  addShifts(cases);
  addComparisons(cases);
  addNans(cases);
}
