//===- Convert.cpp - Conversions between element types --------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/Scalar.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;

namespace {

struct Converter {
  KernelContext &k;
  OpBuilder &b;
  Location loc;
  explicit Converter(KernelContext &k) : k(k), b(k.b), loc(k.loc) {}

  Value roundToOdd(Value wide);
  Value floatToFloat(Value v, Type from, Type to);
  Value floatToI(Value v, Type to);
  Value floatToInt(Value v, IntegerType to);
  Value intToFloat(Value v, IntegerType from, Type to);
};

} // namespace

/// f64 to f32, rounded to odd: with two bits to spare, a second rounding to
/// a narrower type then gives the same as one from f64.
Value Converter::roundToOdd(Value wide) {
  Type f32 = b.getF32Type(), i32 = b.getI32Type(), f64 = b.getF64Type();
  Value nearest = b.create<arith::TruncFOp>(loc, f32, wide);
  Value back = b.create<arith::ExtFOp>(loc, f64, nearest);
  // ONE is false for NaN, which stays.
  Value inexact =
      b.create<arith::CmpFOp>(loc, arith::CmpFPredicate::ONE, back, wide);
  Value tooFar = b.create<arith::CmpFOp>(loc, arith::CmpFPredicate::OGT,
                                         b.create<math::AbsFOp>(loc, back),
                                         b.create<math::AbsFOp>(loc, wide));
  Value bits = b.create<arith::BitcastOp>(loc, i32, nearest);
  Value one = k.constant(i32, 1);
  Value truncated =
      k.selectV(tooFar, b.create<arith::SubIOp>(loc, bits, one), bits);
  Value odd = b.create<arith::OrIOp>(loc, truncated, one);
  return b.create<arith::BitcastOp>(loc, f32, k.selectV(inexact, odd, bits));
}

Value Converter::floatToFloat(Value v, Type from, Type to) {
  unsigned have = from.getIntOrFloatBitWidth(),
           want = to.getIntOrFloatBitWidth();
  Type f32 = b.getF32Type();
  if (have == want) // f16 and bf16
    return b.create<arith::TruncFOp>(
        loc, to, Value(b.create<arith::ExtFOp>(loc, f32, v)));
  if (have < want)
    return b.create<arith::ExtFOp>(loc, to, v);
  if (have == 64 && want == 16)
    v = roundToOdd(v);
  return b.create<arith::TruncFOp>(loc, to, v);
}

/// f32 or f64 to a signed integer of 32 or 64 bits: saturates, NaN is 0.
Value Converter::floatToI(Value v, Type to) {
  Type from = v.getType();
  double limit = to.isInteger(32) ? 2147483648.0 : 9223372036854775808.0;
  auto cmp = [&](arith::CmpFPredicate p, double c) -> Value {
    return b.create<arith::CmpFOp>(loc, p, v, k.constant(from, c));
  };
  Value aboveMin = cmp(arith::CmpFPredicate::OGE, -limit);
  Value belowMax = cmp(arith::CmpFPredicate::OLT, limit);
  Value inside = b.create<arith::AndIOp>(loc, aboveMin, belowMax);
  Value safe = k.selectV(inside, v, k.constant(from, 0));
  Value converted = b.create<arith::FPToSIOp>(loc, to, safe);
  unsigned width = to.getIntOrFloatBitWidth();
  Value max =
      k.constantAttr(b.getIntegerAttr(to, APInt::getSignedMaxValue(width)));
  Value min =
      k.constantAttr(b.getIntegerAttr(to, APInt::getSignedMinValue(width)));
  Value tooLarge = cmp(arith::CmpFPredicate::OGE, limit);
  Value tooSmall = cmp(arith::CmpFPredicate::OLT, -limit);
  return k.selectV(tooLarge, max, k.selectV(tooSmall, min, converted));
}

Value Converter::floatToInt(Value v, IntegerType to) {
  Type reg = KernelContext::registerType(to);
  unsigned width = to.getWidth();
  if (width == 64 && to.isUnsigned()) {
    // The upper half of the range, and negative numbers, which wrap.
    double half = 9223372036854775808.0;
    Value low = floatToI(v, b.getI64Type());
    Value isHigh = b.create<arith::CmpFOp>(loc, arith::CmpFPredicate::OGE, v,
                                           k.constant(v.getType(), half));
    Value rest = b.create<arith::SubFOp>(loc, v, k.constant(v.getType(), half));
    Value high = b.create<arith::XOrIOp>(
        loc, floatToI(rest, b.getI64Type()),
        k.constantAttr(b.getIntegerAttr(b.getI64Type(), INT64_MIN)));
    return k.selectV(isHigh, high, low);
  }
  bool wide = width == 64 || (width == 32 && to.isUnsigned());
  Value whole = floatToI(v, wide ? b.getI64Type() : b.getI32Type());
  if (whole.getType() == reg)
    return whole;
  return b.create<arith::TruncIOp>(loc, reg, whole);
}

Value Converter::intToFloat(Value v, IntegerType from, Type to) {
  if (from.getWidth() == 1)
    return k.selectV(v, k.constant(to, 1), k.constant(to, 0));
  if (from.isUnsigned())
    return b.create<arith::UIToFPOp>(loc, to, v);
  return b.create<arith::SIToFPOp>(loc, to, v);
}

Value codegen::convert(KernelContext &k, Value v, Type from, Type to,
                       CastMode mode) {
  if (from == to)
    return v;
  Converter c(k);
  OpBuilder &b = k.b;
  Type f32 = b.getF32Type(), f64 = b.getF64Type();
  if (from.isIndex())
    from = b.getI64Type();
  if (isNarrowFloat(from)) {
    v = decodeNarrow(k, v, from);
    from = f32;
    if (from == to)
      return v;
  }
  auto fromInt = dyn_cast<IntegerType>(from);
  auto toInt = dyn_cast<IntegerType>(to);
  Type reg = KernelContext::registerType(to);

  if (fromInt && toInt) {
    if (toInt.getWidth() == 1 && fromInt.getWidth() != 1)
      return b.create<arith::CmpIOp>(k.loc, arith::CmpIPredicate::ne, v,
                                     k.constant(v.getType(), 0));
    if (fromInt.getWidth() == toInt.getWidth())
      return v;
    if (fromInt.getWidth() > toInt.getWidth())
      return b.create<arith::TruncIOp>(k.loc, reg, v);
    if (fromInt.isUnsigned() || fromInt.getWidth() == 1)
      return b.create<arith::ExtUIOp>(k.loc, reg, v);
    return b.create<arith::ExtSIOp>(k.loc, reg, v);
  }
  if (fromInt) {
    // Exactly into f32 or f64, then rounded once.
    Type wide = fromInt.getWidth() <= 16 ? f32 : f64;
    if (to == f32 || to == f64)
      wide = to;
    v = c.intToFloat(v, fromInt, wide);
    return convert(k, v, wide, to, mode);
  }
  if (toInt) {
    if (from != f64)
      v = convert(k, v, from, f32);
    if (toInt.getWidth() == 1)
      return b.create<arith::CmpFOp>(k.loc, arith::CmpFPredicate::UNE, v,
                                     k.constant(v.getType(), 0));
    return c.floatToInt(v, toInt);
  }
  if (isNarrowFloat(to)) {
    v = from == f64 ? c.roundToOdd(v) : convert(k, v, from, f32);
    return encodeNarrow(k, v, to, mode);
  }
  return c.floatToFloat(v, from, to);
}

Value codegen::fromIndex(KernelContext &k, Value index, Type to) {
  Value wide = k.b.create<arith::IndexCastOp>(k.loc, k.b.getI64Type(), index);
  return convert(k, wide, k.b.getI64Type(), to);
}

Value codegen::toIndex(KernelContext &k, Value v, Type from) {
  if (isa<FloatType>(from)) {
    v = convert(k, v, from, k.b.getI64Type());
    from = k.b.getI64Type();
  }
  if (from.isUnsignedInteger() || from.isInteger(1))
    return k.b.create<arith::IndexCastUIOp>(k.loc, k.b.getIndexType(), v);
  return k.b.create<arith::IndexCastOp>(k.loc, k.b.getIndexType(), v);
}

Value codegen::attrConstant(KernelContext &k, Attribute attr, Type element) {
  Type reg = KernelContext::registerType(element);
  if (auto elements = dyn_cast<DenseElementsAttr>(attr))
    return attrConstant(k, *elements.getValues<Attribute>().begin(), element);
  if (auto f = dyn_cast<FloatAttr>(attr)) {
    APFloat value = f.getValue();
    auto type = cast<FloatType>(element);
    bool loses;
    value.convert(type.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                  &loses);
    if (isNarrowFloat(element))
      return k.constantAttr(k.b.getIntegerAttr(reg, value.bitcastToAPInt()));
    return k.constantAttr(k.b.getFloatAttr(reg, value));
  }
  APInt bits = cast<IntegerAttr>(attr).getValue();
  unsigned width = reg.getIntOrFloatBitWidth();
  if (isa<FloatType>(reg))
    return k.constantAttr(k.b.getFloatAttr(reg, double(bits.getSExtValue())));
  return k.constantAttr(k.b.getIntegerAttr(reg, bits.sextOrTrunc(width)));
}
