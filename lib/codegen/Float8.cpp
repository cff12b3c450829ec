//===- Float8.cpp - Floats of 8 and 4 bits by integer arithmetic ----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The formats differ in bias, in the number of mantissa bits and in how they
// write infinity and NaN (OCP OFP8; the FNUZ variants are those of Graphcore
// and AMD; E2M1 and E8M0 those of OCP MX). Everything is branch-free, so that
// loops over it vectorise.
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/Scalar.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;

namespace {

struct Format {
  int mantissa, bias;
  int maxCode;  ///< the largest finite number
  int overflow; ///< what a number beyond becomes without saturation
  int nan;
  bool unsignedZero; ///< -0 is NaN: FNUZ
  int sign = 0x80;   ///< the sign's bit
};

Format formatOf(Type type) {
  // No infinity and no NaN: the largest number and 0 stand for them.
  if (isa<fm::F4E2M1Type>(type))
    return {1, 1, 0x7, 0x7, 0, false, 0x8};
  if (type.isFloat8E5M2())
    return {2, 15, 0x7b, 0x7c, 0x7e, false};
  if (type.isFloat8E4M3())
    return {3, 7, 0x77, 0x78, 0x7c, false};
  if (type.isFloat8E4M3FN())
    return {3, 7, 0x7e, 0x7f, 0x7f, false};
  if (type.isFloat8E5M2FNUZ())
    return {2, 16, 0x7f, 0x80, 0x80, true};
  if (type.isFloat8E4M3FNUZ())
    return {3, 8, 0x7f, 0x80, 0x80, true};
  return {3, 11, 0x7f, 0x80, 0x80, true}; // E4M3B11FNUZ
}

/// Short names for i32 operations.
struct Bits {
  KernelContext &k;
  Type i32 = k.b.getI32Type();
  Value cst(int64_t v) {
    return k.constantAttr(k.b.getIntegerAttr(
        i32, APInt(32, static_cast<uint64_t>(v) & 0xffffffffu)));
  }
  template <typename OpTy>
  Value op(Value x, Value y) {
    return k.b.create<OpTy>(k.loc, x, y);
  }
  Value add(Value x, Value y) { return op<arith::AddIOp>(x, y); }
  Value sub(Value x, Value y) { return op<arith::SubIOp>(x, y); }
  Value band(Value x, Value y) { return op<arith::AndIOp>(x, y); }
  Value bor(Value x, Value y) { return op<arith::OrIOp>(x, y); }
  Value shr(Value x, int n) { return op<arith::ShRUIOp>(x, cst(n)); }
  Value shl(Value x, int n) { return op<arith::ShLIOp>(x, cst(n)); }
  Value cmp(arith::CmpIPredicate p, Value x, Value y) {
    return k.b.create<arith::CmpIOp>(k.loc, p, x, y);
  }
  Value asFloat(Value x) {
    return k.b.create<arith::BitcastOp>(k.loc, k.b.getF32Type(), x);
  }
  Value asInt(Value x) { return k.b.create<arith::BitcastOp>(k.loc, i32, x); }
};

} // namespace

bool codegen::isNarrowFloat(Type type) {
  return fm::isCarriedFloat(type) ||
         (isa<FloatType>(type) && type.getIntOrFloatBitWidth() == 8);
}

/// f32 to the exponent that is all of an E8M0. Of a number without a sign,
/// rounded to a power of two; ties go up.
static Value encodePower(KernelContext &k, Value value, CastMode mode) {
  using P = arith::CmpIPredicate;
  Bits i{k};
  Value magnitude = i.band(i.asInt(value), i.cst(0x7fffffff));
  // 2^-127, the least number, is subnormal in f32: bits 0x400000.
  bool down = mode.round == "down", up = mode.round == "up";
  int bias = down ? 0 : up ? 0x7fffff : 0x400000;
  int firstAbove = down ? 0x800000 : up ? 0x400001 : 0x600000;
  Value code = i.shr(i.add(magnitude, i.cst(bias)), 23);
  code = k.selectV(i.cmp(P::ult, magnitude, i.cst(firstAbove)), i.cst(0), code);
  Value tooLarge = i.cmp(P::ugt, code, i.cst(254));
  code = k.selectV(tooLarge, i.cst(mode.saturate ? 254 : 255), code);
  Value isNan = i.cmp(P::ugt, magnitude, i.cst(0x7f800000));
  if (!mode.saturate)
    isNan = k.b.create<arith::OrIOp>(k.loc, isNan,
                                     i.cmp(P::ult, magnitude, i.cst(0x400000)));
  code = k.selectV(isNan, i.cst(255), code);
  return k.b.create<arith::TruncIOp>(k.loc, k.b.getI8Type(), code);
}

static Value decodePower(KernelContext &k, Value byte) {
  using P = arith::CmpIPredicate;
  Bits i{k};
  Value code = k.b.create<arith::ExtUIOp>(k.loc, i.i32, byte);
  Value bits =
      k.selectV(i.cmp(P::eq, code, i.cst(0)), i.cst(0x400000), i.shl(code, 23));
  return i.asFloat(
      k.selectV(i.cmp(P::eq, code, i.cst(255)), i.cst(0x7fc00000), bits));
}

Value codegen::encodeNarrow(KernelContext &k, Value value, Type type,
                            CastMode mode) {
  using P = arith::CmpIPredicate;
  if (isa<fm::F8E8M0Type>(type))
    return encodePower(k, value, mode);
  bool saturate = mode.saturate;
  Format f = formatOf(type);
  Bits i{k};
  Value bits = i.asInt(value);
  int toSign = 31 - llvm::Log2_32(f.sign);
  Value sign = i.band(i.shr(bits, toSign), i.cst(f.sign));
  Value magnitude = i.band(bits, i.cst(0x7fffffff));

  // Normal numbers: round the mantissa to nearest even, change the bias.
  int drop = 23 - f.mantissa;
  Value lsb = i.band(i.shr(magnitude, drop), i.cst(1));
  Value rounded = i.add(i.add(magnitude, i.cst((1 << (drop - 1)) - 1)), lsb);
  Value normal =
      i.sub(i.shr(rounded, drop), i.cst((127 - f.bias) << f.mantissa));

  // Subnormal ones: adding a power of two whose last place is theirs rounds.
  int64_t magic = int64_t(127 + 1 - f.bias - f.mantissa + 23) << 23;
  Value sum = k.b.create<arith::AddFOp>(k.loc, i.asFloat(magnitude),
                                        i.asFloat(i.cst(magic)));
  Value subnormal = i.sub(i.asInt(sum), i.cst(magic));
  Value isSmall =
      i.cmp(P::ult, magnitude, i.cst(int64_t(127 + 1 - f.bias) << 23));
  Value code = k.selectV(isSmall, subnormal, normal);

  Value tooLarge = i.cmp(P::sgt, code, i.cst(f.maxCode));
  Value isNan = i.cmp(P::ugt, magnitude, i.cst(0x7f800000));
  code = k.selectV(tooLarge, i.cst(saturate ? f.maxCode : f.overflow), code);
  if (f.unsignedZero) {
    // Zero and NaN have one code each.
    Value isZero = i.cmp(P::eq, code, i.cst(0));
    code = k.selectV(isZero, code, i.bor(code, sign));
    code = k.selectV(isNan, i.cst(f.nan), code);
  } else {
    code = i.bor(k.selectV(isNan, i.cst(f.nan), code), sign);
  }
  return k.b.create<arith::TruncIOp>(k.loc, k.b.getI8Type(), code);
}

Value codegen::decodeNarrow(KernelContext &k, Value byte, Type type) {
  using P = arith::CmpIPredicate;
  if (isa<fm::F8E8M0Type>(type))
    return decodePower(k, byte);
  Format f = formatOf(type);
  Bits i{k};
  Value code = k.b.create<arith::ExtUIOp>(k.loc, i.i32, byte);
  Value magnitude = i.band(code, i.cst(f.sign - 1));
  int toSign = 31 - llvm::Log2_32(f.sign);
  Value sign = i.shl(i.band(code, i.cst(f.sign)), toSign);

  Value normal = i.add(i.shl(magnitude, 23 - f.mantissa),
                       i.cst(int64_t(127 - f.bias) << 23));
  int64_t unit = int64_t(127 + 1 - f.bias - f.mantissa) << 23;
  Value asNumber =
      k.b.create<arith::SIToFPOp>(k.loc, k.b.getF32Type(), magnitude);
  Value subnormal = i.asInt(
      k.b.create<arith::MulFOp>(k.loc, asNumber, i.asFloat(i.cst(unit))));
  Value isSmall = i.cmp(P::ult, magnitude, i.cst(1 << f.mantissa));
  Value bits = k.selectV(isSmall, subnormal, normal);

  Value nan = i.cst(0x7fc00000);
  if (f.unsignedZero) {
    bits = i.bor(bits, sign);
    return i.asFloat(k.selectV(i.cmp(P::eq, code, i.cst(0x80)), nan, bits));
  }
  if (f.overflow == f.maxCode) // has neither infinities nor NaN
    return i.asFloat(i.bor(bits, sign));
  if (f.overflow != f.nan) // has infinities
    bits = k.selectV(i.cmp(P::eq, magnitude, i.cst(f.overflow)),
                     i.cst(0x7f800000), bits);
  bits = k.selectV(i.cmp(P::ugt, magnitude,
                         i.cst(f.nan == f.overflow ? f.maxCode : f.overflow)),
                   nan, bits);
  return i.asFloat(i.bor(bits, sign));
}
