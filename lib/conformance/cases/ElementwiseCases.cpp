//===- ElementwiseCases.cpp - One operand, and conversions ----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/conformance/cases/Cases.h"

#include <cmath>

using namespace narae;
using namespace narae::conformance;

const std::vector<narae_type> &conformance::floatTypes() {
  static const std::vector<narae_type> types = {NARAE_F32, NARAE_F64, NARAE_F16,
                                                NARAE_BF16};
  return types;
}

const std::vector<narae_type> &conformance::integerTypes() {
  static const std::vector<narae_type> types = {NARAE_I8,  NARAE_I16, NARAE_I32,
                                                NARAE_I64, NARAE_U8,  NARAE_U16,
                                                NARAE_U32, NARAE_U64};
  return types;
}

const std::vector<narae_type> &conformance::allTypes() {
  static const std::vector<narae_type> types = [] {
    std::vector<narae_type> all = floatTypes();
    all.insert(all.end(), integerTypes().begin(), integerTypes().end());
    all.push_back(NARAE_BOOL);
    return all;
  }();
  return types;
}

Operand conformance::input(Array array) { return {std::move(array), false}; }

Operand conformance::constant(const Numbers &values, narae_type type) {
  return {makeArray(type, {static_cast<int64_t>(values.size())}, values), true};
}

Operand conformance::scalar(double value, narae_type type) {
  return {makeArray(type, {}, {value}), true};
}

namespace {
/// One op of one operand. Numbers come from [low, high].
struct Unary {
  const char *op;
  double (*fn)(double);
  double low, high;
  /// Distances of the type that a float result may be off, in f32 and f64; 0:
  /// correctly rounded.
  double ulps;
  enum { Floats, Signed, Numbers } types = Floats;
  const char *attributes = "";
};
} // namespace

static double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
static double sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : 0; }

/// Steps that functions of a library or a polynomial may be off.
static constexpr double kFunction = 16;

static const Unary kUnary[] = {
    {"abs", [](double x) { return std::fabs(x); }, -9, 9, 0, Unary::Signed},
    {"neg", [](double x) { return -x; }, -9, 9, 0, Unary::Signed},
    {"sign", sign, -3, 3, 0, Unary::Signed},
    {"exp", [](double x) { return std::exp(x); }, -6, 6, kFunction},
    {"log", [](double x) { return std::log(x); }, 2, 90, kFunction},
    {"log1p", [](double x) { return std::log1p(x); }, 0.01, 9, kFunction},
    {"expm1", [](double x) { return std::expm1(x); }, 0.01, 5, kFunction},
    {"sqrt", [](double x) { return std::sqrt(x); }, 0, 90, 1},
    {"rsqrt", [](double x) { return 1 / std::sqrt(x); }, 0.1, 90, kFunction},
    {"reciprocal", [](double x) { return 1 / x; }, 0.1, 90, 4},
    {"sin", [](double x) { return std::sin(x); }, 0.1, 3, kFunction},
    {"cos", [](double x) { return std::cos(x); }, -1.5, 1.5, kFunction},
    {"tan", [](double x) { return std::tan(x); }, 0.1, 1.5, kFunction},
    {"asin", [](double x) { return std::asin(x); }, 0.05, 1, kFunction},
    {"acos", [](double x) { return std::acos(x); }, -1, 0.9, kFunction},
    {"atan", [](double x) { return std::atan(x); }, -9, 9, kFunction},
    {"sinh", [](double x) { return std::sinh(x); }, 0.1, 5, kFunction},
    {"cosh", [](double x) { return std::cosh(x); }, -5, 5, kFunction},
    {"tanh", [](double x) { return std::tanh(x); }, -4, 4, kFunction},
    {"asinh", [](double x) { return std::asinh(x); }, -9, 9, kFunction},
    {"acosh", [](double x) { return std::acosh(x); }, 1.5, 9, kFunction},
    {"atanh", [](double x) { return std::atanh(x); }, 0.05, 0.9, kFunction},
    {"erf", [](double x) { return std::erf(x); }, -3, 3, kFunction},
    {"floor", [](double x) { return std::floor(x); }, -9, 9, 0},
    {"ceil", [](double x) { return std::ceil(x); }, -9, 9, 0},
    {"round", [](double x) { return std::nearbyint(x); }, -9, 9, 0},
    {"trunc", [](double x) { return std::trunc(x); }, -9, 9, 0},
    {"sigmoid", sigmoid, -6, 6, kFunction},
    {"relu", [](double x) { return x < 0 ? 0 : x; }, -9, 9, 0, Unary::Signed},
    {"silu", [](double x) { return x * sigmoid(x); }, -6, 6, kFunction},
    {"gelu", [](double x) { return x / 2 * (1 + std::erf(x / std::sqrt(2))); },
     -2, 4, kFunction},
    {"gelu",
     [](double x) {
       double inner = std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x);
       return x / 2 * (1 + std::tanh(inner));
     },
     -2, 4, kFunction, Unary::Floats, "tanh"},
};

static bool takes(const Unary &unary, narae_type type) {
  return isFloatType(type) ||
         (unary.types == Unary::Signed && isSigned(type)) ||
         unary.types == Unary::Numbers;
}

/// Narrow types round a result of f32: two steps are what that costs.
static double ulpsOf(double ulps, narae_type type) {
  bool narrow = type == NARAE_F16 || type == NARAE_BF16;
  return narrow && ulps > 2 ? 2 : ulps;
}

static void addUnary(std::vector<Case> &cases) {
  for (const Unary &unary : kUnary)
    for (narae_type type : allTypes()) {
      if (!takes(unary, type) || type == NARAE_BOOL)
        continue;
      Array x = randomArray(type, {3, 37}, unary.low, unary.high, cases.size());
      // Halves, and both zeros, are where rounding goes wrong.
      if (isFloatType(type) && unary.low < 0) {
        x.values[0] = 0.5, x.values[1] = -0.5, x.values[2] = 0.0;
        x.values[3] = -0.0;
        if (unary.high > 3)
          x.values[4] = 2.5, x.values[5] = 1.5;
      }
      Array y = x;
      for (double &value : y.values)
        value = unary.fn(value);
      // Where a function is near 0 an absolute error counts.
      Numbers slack;
      if (unary.ulps > 1)
        slack = {unary.ulps / 8 * ulp(type, 1)};
      std::string more = unary.attributes;
      cases.push_back({unary.op,
                       std::string(narae_type_name(type)) +
                           (more.empty() ? "" : ", " + more),
                       more,
                       {input(x)},
                       {{y, ulpsOf(unary.ulps, type), slack}}});
    }
}

/// Tests and complements, whose operands have special values.
static void addTests(std::vector<Case> &cases) {
  for (narae_type type : floatTypes()) {
    Array x = randomArray(type, {24}, -9, 9, 77);
    x.values[1] = NAN, x.values[5] = INFINITY, x.values[9] = -INFINITY;
    Array nan = makeArray(NARAE_BOOL, {24}, Numbers(24, 0));
    Array inf = nan, positive = nan;
    nan.values[1] = inf.values[5] = inf.values[9] = positive.values[5] = 1;
    std::string name = narae_type_name(type);
    cases.push_back({"is_nan", name, "", {input(x)}, {{nan}}});
    cases.push_back({"is_inf", name, "", {input(x)}, {{inf}}});
    cases.push_back({"is_inf",
                     name + ", positive",
                     "negative = false",
                     {input(x)},
                     {{positive}}});
  }
  for (narae_type type : allTypes()) {
    int bits = integerBits(type);
    if (!bits || bits > 32)
      continue;
    Array x = randomArray(type, {29}, 0, bits == 1 ? 1 : 100, 5), y = x;
    for (double &value : y.values)
      value = bits == 1        ? 1 - value
              : isSigned(type) ? -1 - value
                               : std::ldexp(1, bits) - 1 - value;
    cases.push_back({"not", narae_type_name(type), "", {input(x)}, {{y}}});
  }
}

static void addCasts(std::vector<Case> &cases) {
  std::vector<narae_type> types = allTypes();
  types.push_back(NARAE_F8E4M3FN);
  types.push_back(NARAE_F8E5M2);
  for (narae_type from : types)
    for (narae_type to : types) {
      if (from == to)
        continue;
      bool negative = (isFloatType(from) || isSigned(from)) &&
                      (isFloatType(to) || isSigned(to));
      Array x =
          randomArray(from, {41}, negative ? -100 : 0, 100, to * 64 + from);
      Array y{to, x.shape, x.values};
      for (double &value : y.values)
        value = to == NARAE_BOOL  ? value != 0
                : isFloatType(to) ? value
                                  : std::trunc(value);
      cases.push_back(
          {"cast",
           std::string(narae_type_name(from)) + " to " + narae_type_name(to),
           "to = " + mlirElement(to),
           {input(x)},
           {{y}}});
    }
  // Large numbers, ties and what becomes denormal.
  Numbers edges = {65504, 1e-7, 3.0e-8, 1.00048828125, 1.00146484375,
                   -2049, 2051, 1e-40,  -0.0,          123456.789};
  for (narae_type to : {NARAE_F16, NARAE_BF16, NARAE_F64}) {
    Numbers numbers = edges;
    if (to == NARAE_F16)
      numbers[9] = 12345.678;
    if (to == NARAE_BF16) // some units take denormals for zero
      numbers[7] = 1e-30;
    Array x = makeArray(NARAE_F32, {10}, numbers);
    cases.push_back({"cast",
                     std::string("f32 to ") + narae_type_name(to) + ", ties",
                     "to = " + mlirElement(to),
                     {input(x)},
                     {{Array{to, {10}, x.values}}}});
  }
  Array bits = makeArray(NARAE_I32, {3}, {1065353216, -1082130432, 1077936128});
  cases.push_back({"bitcast",
                   "i32 to f32",
                   "to = f32",
                   {input(bits)},
                   {{makeArray(NARAE_F32, {3}, {1, -1, 3})}}});
}

void conformance::addElementwiseCases(std::vector<Case> &cases) {
  addUnary(cases);
  addTests(cases);
  addCasts(cases);
}

std::vector<Case> conformance::allCases() {
  std::vector<Case> cases;
  addElementwiseCases(cases);
  addBinaryCases(cases);
  addMovementCases(cases);
  addGatherCases(cases);
  addReduceCases(cases);
  addContractionCases(cases);
  addWindowCases(cases);
  addNormCases(cases);
  addLanguageCases(cases);
  return cases;
}
