//===- Scalar.cpp - Arithmetic on elements --------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/Scalar.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;

static Type computeType(Type element) {
  if (isa<FloatType>(element) && element.getIntOrFloatBitWidth() < 32)
    return Float32Type::get(element.getContext());
  return KernelContext::registerType(element);
}

Arith::Arith(KernelContext &k, Type element)
    : k(k), b(k.b), loc(k.loc), element(element), type(computeType(element)),
      isFloat(isa<FloatType>(type)), isUnsigned(element.isUnsignedInteger()),
      isBool(type.isInteger(1)) {}

Value Arith::widen(Value reg) const {
  return isFloat ? convert(k, reg, element, type) : reg;
}

Value Arith::narrow(Value value) const {
  // Arithmetic does not saturate, only casts do.
  return isFloat ? convert(k, value, type, element, {/*saturate=*/false})
                 : value;
}

Value Arith::widenFrom(Value reg, Type from) const {
  if (!isFloat)
    return convert(k, reg, from, element);
  return convert(k, reg, from, type);
}

Value Arith::lowest() const {
  if (isFloat)
    return k.constantAttr(
        b.getFloatAttr(type, -std::numeric_limits<double>::infinity()));
  unsigned width = type.getIntOrFloatBitWidth();
  return k.constantAttr(b.getIntegerAttr(
      type, isUnsigned || isBool ? APInt::getZero(width)
                                 : APInt::getSignedMinValue(width)));
}

Value Arith::highest() const {
  if (isFloat)
    return k.constantAttr(
        b.getFloatAttr(type, std::numeric_limits<double>::infinity()));
  unsigned width = type.getIntOrFloatBitWidth();
  return k.constantAttr(b.getIntegerAttr(
      type, isUnsigned || isBool ? APInt::getMaxValue(width)
                                 : APInt::getSignedMaxValue(width)));
}

Value Arith::add(Value x, Value y) const {
  if (isFloat)
    return b.create<arith::AddFOp>(loc, x, y, flags);
  if (isBool)
    return b.create<arith::OrIOp>(loc, x, y);
  return b.create<arith::AddIOp>(loc, x, y);
}

Value Arith::sub(Value x, Value y) const {
  if (isFloat)
    return b.create<arith::SubFOp>(loc, x, y, flags);
  if (isBool)
    return b.create<arith::XOrIOp>(loc, x, y);
  return b.create<arith::SubIOp>(loc, x, y);
}

Value Arith::mul(Value x, Value y) const {
  if (isFloat)
    return b.create<arith::MulFOp>(loc, x, y, flags);
  if (isBool)
    return b.create<arith::AndIOp>(loc, x, y);
  return b.create<arith::MulIOp>(loc, x, y);
}

static Value equalsInt(const Arith &a, Value x, int64_t value) {
  unsigned width = a.type.getIntOrFloatBitWidth();
  return a.b.create<arith::CmpIOp>(
      a.loc, arith::CmpIPredicate::eq, x,
      a.k.constantAttr(a.b.getIntegerAttr(a.type, APInt(width, value, true))));
}

Value Arith::div(Value x, Value y) const {
  if (isFloat)
    return b.create<arith::DivFOp>(loc, x, y, flags);
  Value isZero = equalsInt(*this, y, 0);
  if (isUnsigned || isBool) {
    Value q = b.create<arith::DivUIOp>(loc, x, select(isZero, one(), y));
    return select(isZero, zero(), q);
  }
  // The least value over -1 overflows: negate instead, which wraps.
  Value isMinus = equalsInt(*this, y, -1);
  Value unsafe = b.create<arith::OrIOp>(loc, isZero, isMinus);
  Value q = b.create<arith::DivSIOp>(loc, x, select(unsafe, one(), y));
  return select(isZero, zero(), select(isMinus, neg(x), q));
}

Value Arith::rem(Value x, Value y) const {
  if (isFloat)
    return fmod(x, y);
  Value isZero = equalsInt(*this, y, 0);
  if (isUnsigned || isBool) {
    Value r = b.create<arith::RemUIOp>(loc, x, select(isZero, one(), y));
    return select(isZero, zero(), r);
  }
  Value unsafe = b.create<arith::OrIOp>(loc, isZero, equalsInt(*this, y, -1));
  // Modulo 1 is 0, which is right for the unsafe divisors too.
  return b.create<arith::RemSIOp>(loc, x, select(unsafe, one(), y));
}

Value Arith::mod(Value x, Value y) const {
  Value r = rem(x, y);
  if (isUnsigned || isBool)
    return r;
  Value differs = b.create<arith::XOrIOp>(loc, lt(r, zero()), lt(y, zero()));
  Value adjust = b.create<arith::AndIOp>(
      loc, differs,
      b.create<arith::AndIOp>(loc, cmp(Compare::Ne, r, zero()),
                              cmp(Compare::Ne, y, zero())));
  Value shifted = select(adjust, add(r, y), r);
  if (!isFloat)
    return shifted;
  // A zero has the divisor's sign.
  return select(cmp(Compare::Eq, shifted, zero()),
                b.create<math::CopySignOp>(loc, zero(), y), shifted);
}

/// The exact remainder by long division in binary: the divisor is doubled up
/// to the dividend and subtracted on its way back. Every step is exact.
Value Arith::fmod(Value x, Value y) const {
  Value ax = abs(x), ay = abs(y), inf = highest();
  auto both = [&](Value p, Value q) -> Value {
    return b.create<arith::AndIOp>(loc, p, q);
  };
  Value finite = lt(ax, inf);
  Value valid = both(both(finite, lt(ay, inf)), gt(ay, zero()));
  Value dividend = select(valid, ax, zero()),
        divisor = select(valid, ay, one());
  auto up = b.create<scf::WhileOp>(
      loc, TypeRange{type}, ValueRange{divisor},
      [&](OpBuilder &, Location l, ValueRange m) {
        Value half = mul(dividend, cst(0.5));
        b.create<scf::ConditionOp>(l, cmp(Compare::Le, m[0], half), m);
      },
      [&](OpBuilder &, Location l, ValueRange m) {
        b.create<scf::YieldOp>(l, ValueRange{add(m[0], m[0])});
      });
  auto down = b.create<scf::WhileOp>(
      loc, TypeRange{type, type}, ValueRange{dividend, up.getResult(0)},
      [&](OpBuilder &, Location l, ValueRange v) {
        b.create<scf::ConditionOp>(l, cmp(Compare::Ge, v[1], divisor), v);
      },
      [&](OpBuilder &, Location l, ValueRange v) {
        Value rest =
            select(cmp(Compare::Ge, v[0], v[1]), sub(v[0], v[1]), v[0]);
        b.create<scf::YieldOp>(l, ValueRange{rest, mul(v[1], cst(0.5))});
      });
  Value rest = b.create<math::CopySignOp>(loc, down.getResult(0), x);
  Value nan = k.constantAttr(
      b.getFloatAttr(type, std::numeric_limits<double>::quiet_NaN()));
  Value other = select(both(finite, cmp(Compare::Eq, ay, inf)), x, nan);
  return select(valid, rest, other);
}

Value Arith::min(Value x, Value y) const {
  if (isFloat)
    return b.create<arith::MinimumFOp>(loc, x, y);
  if (isUnsigned || isBool)
    return b.create<arith::MinUIOp>(loc, x, y);
  return b.create<arith::MinSIOp>(loc, x, y);
}

Value Arith::max(Value x, Value y) const {
  if (isFloat)
    return b.create<arith::MaximumFOp>(loc, x, y);
  if (isUnsigned || isBool)
    return b.create<arith::MaxUIOp>(loc, x, y);
  return b.create<arith::MaxSIOp>(loc, x, y);
}

SmallVector<Value> Arith::startExtremum(bool isMax) const {
  SmallVector<Value> carried{isMax ? lowest() : highest()};
  if (isFloat)
    carried.push_back(k.constantAttr(b.getBoolAttr(false)));
  return carried;
}

SmallVector<Value> Arith::stepExtremum(bool isMax, ValueRange carried,
                                       Value x) const {
  if (!isFloat)
    return {isMax ? max(carried[0], x) : min(carried[0], x)};
  // After a NaN the first value means nothing, and is not used.
  auto fast = arith::FastMathFlags::nnan | arith::FastMathFlags::nsz;
  Value next =
      isMax ? Value(b.create<arith::MaxNumFOp>(loc, carried[0], x, fast))
            : Value(b.create<arith::MinNumFOp>(loc, carried[0], x, fast));
  Value isNan = b.create<arith::CmpFOp>(loc, arith::CmpFPredicate::UNO, x, x);
  return {next, b.create<arith::OrIOp>(loc, carried[1], isNan)};
}

Value Arith::endExtremum(ValueRange carried) const {
  if (!isFloat)
    return carried[0];
  Value nan = k.constantAttr(
      b.getFloatAttr(type, std::numeric_limits<double>::quiet_NaN()));
  return select(carried[1], nan, carried[0]);
}

Value Arith::neg(Value x) const {
  if (isFloat)
    return b.create<arith::NegFOp>(loc, x);
  return b.create<arith::SubIOp>(loc, zero(), x);
}

Value Arith::abs(Value x) const {
  if (isFloat)
    return b.create<math::AbsFOp>(loc, x);
  if (isUnsigned || isBool)
    return x;
  return select(lt(x, zero()), neg(x), x);
}

Value Arith::cmp(Compare predicate, Value x, Value y) const {
  unsigned i = static_cast<unsigned>(predicate);
  if (isFloat) {
    constexpr arith::CmpFPredicate kinds[] = {
        arith::CmpFPredicate::OEQ, arith::CmpFPredicate::UNE,
        arith::CmpFPredicate::OLT, arith::CmpFPredicate::OLE,
        arith::CmpFPredicate::OGT, arith::CmpFPredicate::OGE};
    return b.create<arith::CmpFOp>(loc, kinds[i], x, y);
  }
  constexpr arith::CmpIPredicate s[] = {
      arith::CmpIPredicate::eq,  arith::CmpIPredicate::ne,
      arith::CmpIPredicate::slt, arith::CmpIPredicate::sle,
      arith::CmpIPredicate::sgt, arith::CmpIPredicate::sge};
  constexpr arith::CmpIPredicate u[] = {
      arith::CmpIPredicate::eq,  arith::CmpIPredicate::ne,
      arith::CmpIPredicate::ult, arith::CmpIPredicate::ule,
      arith::CmpIPredicate::ugt, arith::CmpIPredicate::uge};
  return b.create<arith::CmpIOp>(loc, isUnsigned || isBool ? u[i] : s[i], x, y);
}
