//===- Math.cpp - Functions made of the engine's --------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/compiler/ops/Helpers.h"

#include <cmath>

using namespace mlir;
using namespace narae;
using namespace narae::npu;

static constexpr ElementType f32 = ElementType::F32;

namespace {
/// Short names for steps in f32.
struct Steps {
  TileBuilder &b;
  Tile one(Opcode opcode, const Tile &x) { return b.vector(opcode, f32, {x}); }
  Tile two(Opcode opcode, const Tile &x, const Tile &y) {
    return b.vector(opcode, f32, {x, y});
  }
  Tile two(Opcode opcode, const Tile &x, double y) {
    return b.vector(opcode, f32, {x, b.number(y)});
  }
  Tile choose(const Tile &condition, const Tile &x, const Tile &y) {
    return b.vector(Opcode::VSelect, f32, {condition, x, y});
  }
};
} // namespace

/// W. Kahan: log(u) * x / (u - 1) with u = 1 + x, whose errors cancel; x where
/// u is 1.
static Tile log1p(Steps s, const Tile &x) {
  Tile u = s.two(Opcode::VAdd, x, 1), d = s.two(Opcode::VSub, u, 1);
  Tile near = s.two(Opcode::VEq, d, 0);
  Tile far = s.two(Opcode::VEq, u, INFINITY);
  Tile ratio = s.two(Opcode::VDiv, x, s.choose(near, s.b.number(1), d));
  Tile log = s.one(Opcode::VLog, u);
  Tile value = s.choose(far, u, s.two(Opcode::VMul, log, ratio));
  return s.choose(near, x, value);
}

/// The same for exp: (u - 1) * x / log(u) with u = exp(x).
static Tile expm1(Steps s, const Tile &x) {
  Tile u = s.one(Opcode::VExp, x), d = s.two(Opcode::VSub, u, 1);
  Tile near = s.two(Opcode::VEq, d, 0);
  Tile log = s.one(Opcode::VLog, u);
  Tile ratio = s.two(Opcode::VDiv, x, s.choose(near, s.b.number(1), log));
  Tile value = s.two(Opcode::VMul, d, ratio);
  // exp(x) is 0 or infinite, or x so large that d needs no help.
  Tile large = s.two(Opcode::VGt, s.one(Opcode::VAbs, x), 8);
  return s.choose(near, x, s.choose(large, d, value));
}

static Tile sinh(Steps s, const Tile &x) {
  // With e = expm1(|x|): (e + e / (e + 1)) / 2; for large ones exp in halves.
  Tile a = s.one(Opcode::VAbs, x);
  Tile e = expm1(s, a);
  Tile small = s.two(
      Opcode::VMul,
      s.two(Opcode::VAdd, e, s.two(Opcode::VDiv, e, s.two(Opcode::VAdd, e, 1))),
      0.5);
  Tile half = s.one(Opcode::VExp, s.two(Opcode::VMul, a, 0.5));
  Tile big = s.two(Opcode::VMul, s.two(Opcode::VMul, half, 0.5), half);
  Tile value = s.choose(s.two(Opcode::VGt, a, 20), big, small);
  return s.choose(s.two(Opcode::VLt, x, 0), s.one(Opcode::VNeg, value), value);
}

static Tile cosh(Steps s, const Tile &x) {
  Tile half =
      s.one(Opcode::VExp, s.two(Opcode::VMul, s.one(Opcode::VAbs, x), 0.5));
  Tile value = s.two(Opcode::VMul, s.two(Opcode::VMul, half, 0.5), half);
  Tile square = s.two(Opcode::VMul, half, half);
  return s.two(Opcode::VAdd, value,
               s.two(Opcode::VDiv, s.b.inMemory(s.b.number(0.5)), square));
}

static Tile tan(Steps s, const Tile &x) {
  return s.two(Opcode::VDiv, s.one(Opcode::VSin, x), s.one(Opcode::VCos, x));
}

/// log1p(a + a^2 / (1 + sqrt(a^2 + 1))) with the sign of x; without overflow,
/// ln 2 + ln a where a is large.
static Tile asinh(Steps s, const Tile &x) {
  Tile a = s.one(Opcode::VAbs, x), z = s.two(Opcode::VMul, a, a);
  Tile root = s.one(Opcode::VSqrt, s.two(Opcode::VAdd, z, 1));
  Tile inner = s.two(Opcode::VAdd, a,
                     s.two(Opcode::VDiv, z, s.two(Opcode::VAdd, root, 1)));
  Tile large = s.two(Opcode::VAdd, s.one(Opcode::VLog, a), std::log(2.0));
  Tile value = s.choose(s.two(Opcode::VGt, a, 1e9), large, log1p(s, inner));
  return s.choose(s.two(Opcode::VLt, x, 0), s.one(Opcode::VNeg, value), value);
}

/// log1p(t + sqrt(2t + t^2)) with t = x - 1.
static Tile acosh(Steps s, const Tile &x) {
  Tile t = s.two(Opcode::VSub, x, 1);
  Tile sum =
      s.two(Opcode::VAdd, s.two(Opcode::VMul, t, 2), s.two(Opcode::VMul, t, t));
  Tile inner = s.two(Opcode::VAdd, t, s.one(Opcode::VSqrt, sum));
  Tile large = s.two(Opcode::VAdd, s.one(Opcode::VLog, x), std::log(2.0));
  return s.choose(s.two(Opcode::VGt, x, 1e9), large, log1p(s, inner));
}

/// log1p(2a / (1 - a)) / 2 with the sign of x.
static Tile atanh(Steps s, const Tile &x) {
  Tile a = s.one(Opcode::VAbs, x);
  Tile ratio = s.two(Opcode::VDiv, s.two(Opcode::VMul, a, 2),
                     s.b.vector(Opcode::VRsub, f32, {a, s.b.number(1)}));
  Tile value = s.two(Opcode::VMul, log1p(s, ratio), 0.5);
  return s.choose(s.two(Opcode::VLt, x, 0), s.one(Opcode::VNeg, value), value);
}

/// atan: three reductions t = (a - c) / (1 + a c) halve the range until |t| is
/// below tan(pi / 16), where eight terms of the series are exact enough.
static Tile atan(Steps s, const Tile &x) {
  Tile a = s.one(Opcode::VAbs, x);
  Tile isLarge = s.two(Opcode::VGt, a, 1);
  Tile inverse = s.one(Opcode::VRecip, a);
  Tile t = s.choose(isLarge, inverse, a); // in [0, 1]
  Tile offset = s.b.inMemory(s.b.number(0));
  for (double angle : {M_PI / 8, M_PI / 16}) {
    double c = std::tan(angle);
    Tile isAbove = s.two(Opcode::VGt, t, std::tan(angle / 1));
    Tile turned =
        s.two(Opcode::VDiv, s.two(Opcode::VSub, t, c),
              s.b.vector(Opcode::VFma, f32, {t, s.b.number(c), s.b.number(1)}));
    t = s.choose(isAbove, turned, t);
    offset =
        s.b.vector(Opcode::VFma, f32, {isAbove, s.b.number(angle), offset});
  }
  Tile z = s.two(Opcode::VMul, t, t);
  Tile p = s.b.inMemory(s.b.number(1.0 / 13));
  for (double c : {-1.0 / 11, 1.0 / 9, -1.0 / 7, 1.0 / 5, -1.0 / 3, 1.0})
    p = s.b.vector(Opcode::VFma, f32, {z, p, s.b.number(c)});
  Tile value = s.two(Opcode::VAdd, s.two(Opcode::VMul, p, t), offset);
  value = s.choose(
      isLarge, s.b.vector(Opcode::VRsub, f32, {value, s.b.number(M_PI / 2)}),
      value);
  return s.choose(s.two(Opcode::VLt, x, 0), s.one(Opcode::VNeg, value), value);
}

/// asin x = atan(x / sqrt((1 - x)(1 + x))).
static Tile asin(Steps s, const Tile &x) {
  Tile square =
      s.two(Opcode::VMul, s.b.vector(Opcode::VRsub, f32, {x, s.b.number(1)}),
            s.two(Opcode::VAdd, x, 1));
  return atan(s, s.two(Opcode::VDiv, x, s.one(Opcode::VSqrt, square)));
}

/// acos x = 2 atan(sqrt((1 - x) / (1 + x))).
static Tile acos(Steps s, const Tile &x) {
  Tile ratio =
      s.two(Opcode::VDiv, s.b.vector(Opcode::VRsub, f32, {x, s.b.number(1)}),
            s.two(Opcode::VAdd, x, 1));
  return s.two(Opcode::VMul, atan(s, s.one(Opcode::VSqrt, ratio)), 2);
}

template <Tile (*function)(Steps, const Tile &)>
static FailureOr<Tile> apply(TileBuilder &b, Operation *op, unsigned,
                             const Access &access) {
  auto tiles = operandTiles(b, op, access);
  if (failed(tiles))
    return failure();
  Tile x = b.convert(b.inMemory((*tiles)[0]), f32);
  return b.convert(function({b}, x), typeOf(op->getResult(0)));
}

/// |x|^y as exp(y ln |x|), with the sign of x where y is odd; small whole
/// exponents are products.
static FailureOr<Tile> power(TileBuilder &b, Operation *op, unsigned,
                             const Access &access) {
  auto tiles = operandTiles(b, op, access);
  if (failed(tiles))
    return failure();
  Steps s{b};
  ElementType type = typeOf(op->getResult(0));
  bool floats = isFloat(op->getResult(0));
  Tile x = b.convert(b.inMemory((*tiles)[0]), floats ? f32 : ElementType::I32);
  if (auto exponent = b.scalarConstant(op->getOperand(1))) {
    ElementType work = floats ? f32 : ElementType::I32;
    auto product = [&](const Tile &p, const Tile &q) {
      return b.vector(Opcode::VMul, work, {p, q});
    };
    auto done = [&](const Tile &tile) {
      return floats ? b.convert(tile, type)
                    : wrap(b, tile, elementOf(op->getResult(0)));
    };
    if (*exponent == 1)
      return done(x);
    if (*exponent == 2)
      return done(product(x, x));
    if (*exponent == 3)
      return done(product(product(x, x), x));
    if (*exponent == 4)
      return done(product(product(x, x), product(x, x)));
    if (floats && *exponent == 0.5)
      return done(s.one(Opcode::VSqrt, x));
    if (floats && *exponent == -1)
      return done(s.one(Opcode::VRecip, x));
    if (floats && *exponent == -0.5)
      return done(s.one(Opcode::VRsqrt, x));
  }
  x = b.convert(x, f32);
  Tile y = b.convert(b.inMemory((*tiles)[1]), f32);
  Tile log = s.one(Opcode::VLog, s.one(Opcode::VAbs, x));
  Tile value = s.one(Opcode::VExp, s.two(Opcode::VMul, y, log));
  Tile half = s.two(Opcode::VMul, y, 0.5);
  Tile isEven = s.two(Opcode::VEq, s.one(Opcode::VFloor, half), half);
  Tile isWhole = s.two(Opcode::VEq, s.one(Opcode::VFloor, y), y);
  Tile negative = s.choose(isEven, value, s.one(Opcode::VNeg, value));
  negative = s.choose(isWhole, negative, b.number(NAN));
  value = s.choose(s.two(Opcode::VLt, x, 0), negative, value);
  value = s.choose(s.two(Opcode::VEq, y, 0), b.number(1), value);
  value = s.choose(s.two(Opcode::VEq, x, 1), b.number(1), value);
  if (floats)
    return b.convert(value, type);
  return wrap(b, b.convert(value, ElementType::I32),
              elementOf(op->getResult(0)));
}

static std::string checkPower(Operation *op, const Machine &) {
  if (isFloat(op->getResult(0)))
    return "";
  auto constant = op->getOperand(1).getDefiningOp<fm::ConstantOp>();
  auto dense = constant ? dyn_cast<DenseElementsAttr>(constant.getValue())
                        : DenseElementsAttr();
  return dense && dense.isSplat()
             ? ""
             : "powers of integers need a constant exponent; cast to f32";
}

void narae::npu::registerMathOps(OpTable &t) {
  t["fm.log1p"] = {apply<log1p>};
  t["fm.expm1"] = {apply<expm1>};
  t["fm.sinh"] = {apply<sinh>};
  t["fm.cosh"] = {apply<cosh>};
  t["fm.tan"] = {apply<tan>};
  t["fm.asinh"] = {apply<asinh>};
  t["fm.acosh"] = {apply<acosh>};
  t["fm.atanh"] = {apply<atanh>};
  t["fm.atan"] = {apply<atan>};
  t["fm.asin"] = {apply<asin>};
  t["fm.acos"] = {apply<acos>};
  t["fm.pow"] = {power, nullptr, checkPower};
}
