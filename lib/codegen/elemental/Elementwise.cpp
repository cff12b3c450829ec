//===- Elementwise.cpp - Elements of arithmetic and logic -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/elemental/Helpers.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;

/// The widened element of operand `i`, broadcast to the result.
static Value operandElement(KernelContext &k, const Arith &a, Operation *op,
                            unsigned i, ValueRange indices) {
  Value v =
      k.broadcastElement(op->getOperand(i), k.dims(op->getResult(0)), indices);
  return v ? a.widen(v) : v;
}

//===----------------------------------------------------------------------===//
// Unary ops
//===----------------------------------------------------------------------===//

using UnaryFn = Value (*)(const Arith &a, Operation *op, Value x);

template <UnaryFn fn>
static Value unary(KernelContext &k, Operation *op, unsigned,
                   ValueRange indices) {
  Arith a(k, elementOf(op->getOperand(0)));
  Value x = operandElement(k, a, op, 0, indices);
  return x ? a.narrow(fn(a, op, x)) : x;
}

/// The same for tests, whose result is i1.
template <UnaryFn fn>
static Value test(KernelContext &k, Operation *op, unsigned,
                  ValueRange indices) {
  Arith a(k, elementOf(op->getOperand(0)));
  Value x = operandElement(k, a, op, 0, indices);
  return x ? fn(a, op, x) : x;
}

static Value emitNeg(const Arith &a, Operation *, Value x) { return a.neg(x); }
static Value emitAbs(const Arith &a, Operation *, Value x) { return a.abs(x); }

static Value emitSign(const Arith &a, Operation *, Value x) {
  if (a.isUnsigned || a.isBool)
    return a.select(a.cmp(Compare::Eq, x, a.zero()), a.zero(), a.one());
  // NaN compares false twice and stays itself.
  Value below = a.select(a.lt(x, a.zero()), a.cst(-1), x);
  return a.select(a.gt(x, a.zero()), a.one(), below);
}

static Value emitRelu(const Arith &a, Operation *, Value x) {
  return a.isUnsigned ? x : a.max(x, a.zero());
}

static Value emitNot(const Arith &a, Operation *, Value x) {
  Value ones = a.k.constantAttr(a.b.getIntegerAttr(
      a.type, APInt::getAllOnes(a.type.getIntOrFloatBitWidth())));
  return a.b.create<arith::XOrIOp>(a.loc, x, ones);
}

static Value emitIsNan(const Arith &a, Operation *, Value x) {
  if (!a.isFloat)
    return a.k.constantAttr(a.b.getBoolAttr(false));
  return a.b.create<arith::CmpFOp>(a.loc, arith::CmpFPredicate::UNO, x, x);
}

static Value emitIsInf(const Arith &a, Operation *op, Value x) {
  Value no = a.k.constantAttr(a.b.getBoolAttr(false));
  if (!a.isFloat)
    return no;
  auto isInf = cast<fm::IsInfOp>(op);
  Value plus = isInf.getPositive() ? a.cmp(Compare::Eq, x, a.highest()) : no;
  Value minus = isInf.getNegative() ? a.cmp(Compare::Eq, x, a.lowest()) : no;
  return a.b.create<arith::OrIOp>(a.loc, plus, minus);
}

//===----------------------------------------------------------------------===//
// Binary ops
//===----------------------------------------------------------------------===//

using BinaryFn = Value (*)(const Arith &a, Operation *op, Value x, Value y);

template <BinaryFn fn>
static Value binary(KernelContext &k, Operation *op, unsigned,
                    ValueRange indices) {
  Arith a(k, elementOf(op->getOperand(0)));
  Value x = operandElement(k, a, op, 0, indices);
  Value y = x ? operandElement(k, a, op, 1, indices) : x;
  return y ? a.narrow(fn(a, op, x, y)) : y;
}

template <Value (Arith::*method)(Value, Value) const>
static Value call(const Arith &a, Operation *, Value x, Value y) {
  return (a.*method)(x, y);
}

static Value emitMod(const Arith &a, Operation *op, Value x, Value y) {
  return cast<fm::ModOp>(op).getFmod() ? a.rem(x, y) : a.mod(x, y);
}

template <typename OpTy>
static Value bitwise(const Arith &a, Operation *, Value x, Value y) {
  return a.b.create<OpTy>(a.loc, x, y);
}

/// Shifts by the width or more are undefined in LLVM; here they give 0.
template <typename OpTy>
static Value shift(const Arith &a, Operation *, Value x, Value y) {
  unsigned width = a.type.getIntOrFloatBitWidth();
  Value limit =
      a.k.constantAttr(a.b.getIntegerAttr(a.type, APInt(width, width)));
  Value fits =
      a.b.create<arith::CmpIOp>(a.loc, arith::CmpIPredicate::ult, y, limit);
  Value shifted = a.b.create<OpTy>(a.loc, x, a.select(fits, y, a.zero()));
  return a.select(fits, shifted, a.zero());
}

static Value compare(KernelContext &k, Operation *op, unsigned,
                     ValueRange indices) {
  Arith a(k, elementOf(op->getOperand(0)));
  Value x = operandElement(k, a, op, 0, indices);
  Value y = x ? operandElement(k, a, op, 1, indices) : x;
  if (!y)
    return {};
  Compare predicate =
      llvm::StringSwitch<Compare>(cast<fm::CmpOp>(op).getPredicate())
          .Case("eq", Compare::Eq)
          .Case("ne", Compare::Ne)
          .Case("lt", Compare::Lt)
          .Case("le", Compare::Le)
          .Case("gt", Compare::Gt)
          .Default(Compare::Ge);
  return a.cmp(predicate, x, y);
}

static Value selectElement(KernelContext &k, Operation *op, unsigned,
                           ValueRange indices) {
  auto dims = k.dims(op->getResult(0));
  Value c = k.broadcastElement(op->getOperand(0), dims, indices);
  Value x = c ? k.broadcastElement(op->getOperand(1), dims, indices) : c;
  Value y = x ? k.broadcastElement(op->getOperand(2), dims, indices) : x;
  return y ? k.selectV(c, x, y) : y;
}

//===----------------------------------------------------------------------===//
// Power
//===----------------------------------------------------------------------===//

/// x^n of integers by repeated squaring; a negative n gives 0, but 1 and -1
/// keep their powers.
static Value integerPower(const Arith &a, Value x, Value n) {
  KernelContext &k = a.k;
  Type i64 = a.b.getI64Type();
  Value none = k.constant(i64, 0), one = k.constant(i64, 1);
  auto cmp = [&](arith::CmpIPredicate p, Value l, Value r) -> Value {
    return a.b.create<arith::CmpIOp>(a.loc, p, l, r);
  };
  auto loop = a.b.create<scf::WhileOp>(
      a.loc, TypeRange{a.type, a.type, i64}, ValueRange{a.one(), x, n},
      [&](OpBuilder &b, Location l, ValueRange v) {
        b.create<scf::ConditionOp>(
            l, cmp(arith::CmpIPredicate::sgt, v[2], none), v);
      },
      [&](OpBuilder &b, Location l, ValueRange v) {
        Value odd = cmp(arith::CmpIPredicate::ne,
                        b.create<arith::AndIOp>(l, v[2], one), none);
        Value power = a.select(odd, a.mul(v[0], v[1]), v[0]);
        b.create<scf::YieldOp>(
            l, ValueRange{power, a.mul(v[1], v[1]),
                          b.create<arith::ShRUIOp>(l, v[2], one)});
      });
  Value negative = cmp(arith::CmpIPredicate::slt, n, none);
  Value odd = cmp(arith::CmpIPredicate::ne,
                  a.b.create<arith::AndIOp>(a.loc, n, one), none);
  Value inverse = a.select(a.cmp(Compare::Eq, x, a.one()), a.one(), a.zero());
  if (!a.isUnsigned)
    inverse = a.select(a.cmp(Compare::Eq, x, a.cst(-1)),
                       a.select(odd, a.cst(-1), a.one()), inverse);
  return a.select(negative, inverse, loop.getResult(0));
}

static Value power(KernelContext &k, Operation *op, unsigned,
                   ValueRange indices) {
  auto dims = k.dims(op->getResult(0));
  Type base = elementOf(op->getOperand(0)), exp = elementOf(op->getOperand(1));
  Value x = k.broadcastElement(op->getOperand(0), dims, indices);
  if (!x)
    return {};
  Arith a(k, base);
  // Powers that models have everywhere.
  if (auto known = k.scope.floats(op->getOperand(1));
      a.isFloat && known && known->size() == 1) {
    Value wide = a.widen(x);
    double n = known->front();
    if (n == 1.0)
      return x;
    if (n == 2.0)
      return a.narrow(a.mul(wide, wide));
    if (n == 3.0)
      return a.narrow(a.mul(a.mul(wide, wide), wide));
    if (n == 0.5)
      return a.narrow(a.sqrt(wide));
    if (n == -1.0)
      return a.narrow(a.div(a.one(), wide));
  }
  Value n = k.broadcastElement(op->getOperand(1), dims, indices);
  if (!n)
    return {};
  if (a.isFloat) {
    Value wide = convert(k, n, exp, a.type);
    return a.narrow(k.b.create<math::PowFOp>(k.loc, a.widen(x), wide));
  }
  if (!isa<FloatType>(exp))
    return integerPower(a, x, convert(k, n, exp, k.b.getI64Type()));
  Type f64 = k.b.getF64Type();
  Value wide = k.b.create<math::PowFOp>(k.loc, convert(k, x, base, f64),
                                        convert(k, n, exp, f64));
  return convert(k, wide, f64, base);
}

//===----------------------------------------------------------------------===//
// Registration
//===----------------------------------------------------------------------===//

void codegen::registerElementwiseElements(ElementTable &t) {
  auto cheap = [&](StringRef name, ElementFn fn) {
    t[name] = {fn, ElementCost::Cheap};
  };
  cheap("fm.abs", unary<emitAbs>);
  cheap("fm.neg", unary<emitNeg>);
  cheap("fm.sign", unary<emitSign>);
  cheap("fm.relu", unary<emitRelu>);
  cheap("fm.not", unary<emitNot>);
  cheap("fm.is_nan", test<emitIsNan>);
  cheap("fm.is_inf", test<emitIsInf>);
  cheap("fm.add", binary<call<&Arith::add>>);
  cheap("fm.sub", binary<call<&Arith::sub>>);
  cheap("fm.mul", binary<call<&Arith::mul>>);
  cheap("fm.min", binary<call<&Arith::min>>);
  cheap("fm.max", binary<call<&Arith::max>>);
  cheap("fm.and", binary<bitwise<arith::AndIOp>>);
  cheap("fm.or", binary<bitwise<arith::OrIOp>>);
  cheap("fm.xor", binary<bitwise<arith::XOrIOp>>);
  cheap("fm.shl", binary<shift<arith::ShLIOp>>);
  cheap("fm.shr", binary<shift<arith::ShRUIOp>>);
  cheap("fm.cmp", compare);
  cheap("fm.select", selectElement);
  t["fm.div"] = {binary<call<&Arith::div>>, ElementCost::Cheap};
  t["fm.mod"] = {binary<emitMod>, ElementCost::Once};
  t["fm.pow"] = {power, ElementCost::Once};
}
