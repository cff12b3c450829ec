//===- ByteVectors.cpp - Vectors of bytes, and of what they widen to ------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/ByteVectors.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;

ByteVectors::ByteVectors(VectorBuilder &v)
    : v(v), b(v.b), loc(v.loc), bytes(4 * int64_t(v.lanes)),
      i8s(VectorType::get({bytes}, b.getI8Type())),
      i32s(VectorType::get({int64_t(v.lanes)}, b.getI32Type())), f32s(v.type) {}

bool ByteVectors::canDot(const MachineModel &machine, int64_t max) {
  if (machine.vectorBytes < 32)
    return false;
  // Without the dot product of bytes, pairs are added in 16 bits that
  // saturate.
  return machine.hasByteDot || 2 * max * 127 <= INT16_MAX;
}

Value ByteVectors::intrinsic(StringRef name, Type type, ValueRange operands) {
  return b.create<LLVM::CallIntrinsicOp>(loc, TypeRange{type}, name, operands)
      .getResult(0);
}

Value ByteVectors::cast(Type type, Value value) {
  return b.create<LLVM::BitcastOp>(loc, type, value);
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Value ByteVectors::at(Value pointer, Value offset) {
  if (!offset.getType().isInteger(64))
    offset = b.create<arith::IndexCastOp>(loc, b.getI64Type(), offset);
  return b.create<LLVM::GEPOp>(loc, pointer.getType(), b.getI8Type(), pointer,
                               ArrayRef<LLVM::GEPArg>{offset});
}

Value ByteVectors::at(Value pointer, int64_t offset) {
  if (offset == 0)
    return pointer;
  return b.create<LLVM::GEPOp>(loc, pointer.getType(), b.getI8Type(), pointer,
                               ArrayRef<LLVM::GEPArg>{int32_t(offset)});
}

Value ByteVectors::load(Type type, Value pointer) {
  return b.create<LLVM::LoadOp>(loc, type, pointer, 1);
}

void ByteVectors::store(Value vector, Value pointer) {
  b.create<LLVM::StoreOp>(loc, vector, pointer, 1);
}

void ByteVectors::prefetch(Value pointer) {
  b.create<LLVM::Prefetch>(loc, pointer, /*rw=*/0, /*hint=*/3, /*cache=*/1);
}

Value ByteVectors::loadWide(Type element, Value pointer) {
  int64_t lanes = v.lanes;
  if (element.isF32())
    return load(f32s, pointer);
  if (element.isF16())
    return b.create<arith::ExtFOp>(
        loc, f32s, load(VectorType::get({lanes}, b.getF16Type()), pointer));
  if (element.isBF16()) {
    Value bits = load(VectorType::get({lanes}, b.getI16Type()), pointer);
    Value wide = b.create<arith::ExtUIOp>(loc, i32s, bits);
    return cast(f32s, b.create<arith::ShLIOp>(loc, wide, splat32(16)));
  }
  return v.mul(loadFloat8(lanes, pointer), v.splat(narrowFactor(element)));
}

/// `count` numbers in f8E4M3FN, divided by 256: the bits of an f16 with another
/// bias.
Value ByteVectors::loadFloat8(int64_t count, Value pointer) {
  auto halves = VectorType::get({count}, b.getI16Type());
  auto splat = [&](int64_t value) -> Value {
    return b.create<arith::ConstantOp>(
        loc, DenseElementsAttr::get(halves, APInt(16, uint64_t(value))));
  };
  // The sign in bits 15 ... 7: one bit too many where the code comes up.
  Value code = b.create<arith::ExtSIOp>(
      loc, halves, load(VectorType::get({count}, b.getI8Type()), pointer));
  Value bits =
      band(b.create<arith::ShLIOp>(loc, code, splat(7)), splat(0xbfff));
  Value isNan = b.create<arith::CmpIOp>(
      loc, arith::CmpIPredicate::eq, band(bits, splat(0x3f80)), splat(0x3f80));
  bits = b.create<arith::SelectOp>(loc, isNan, splat(0x7e00), bits);
  return b.create<arith::ExtFOp>(
      loc, VectorType::get({count}, b.getF32Type()),
      cast(VectorType::get({count}, b.getF16Type()), bits));
}

std::pair<Value, Value> ByteVectors::loadNarrow(Type element, Value pointer) {
  int64_t lanes = v.lanes;
  if (!element.isFloat8E4M3FN())
    return {loadWide(element, pointer),
            loadWide(element,
                     at(pointer, lanes * element.getIntOrFloatBitWidth() / 8))};
  Value both = loadFloat8(2 * lanes, pointer);
  auto half = [&](int64_t first) -> Value {
    return b.create<vector::ExtractStridedSliceOp>(
        loc, both, ArrayRef<int64_t>{first}, ArrayRef<int64_t>{lanes},
        ArrayRef<int64_t>{1});
  };
  return {half(0), half(lanes)};
}

Value ByteVectors::loadByteFloats(Value pointer, bool isSigned) {
  Value codes =
      load(VectorType::get({int64_t(v.lanes)}, b.getI8Type()), pointer);
  Value wide = isSigned ? Value(b.create<arith::ExtSIOp>(loc, i32s, codes))
                        : Value(b.create<arith::ExtUIOp>(loc, i32s, codes));
  return toFloat(wide);
}

Value ByteVectors::broadcast32(Type element, Value pointer) {
  auto type = VectorType::get({int64_t(v.lanes)}, element);
  return b.create<vector::BroadcastOp>(loc, type, load(element, pointer));
}

//===----------------------------------------------------------------------===//
// Bytes
//===----------------------------------------------------------------------===//

Value ByteVectors::splat8(int64_t value) {
  return b.create<arith::ConstantOp>(
      loc, DenseElementsAttr::get(i8s, APInt(8, uint64_t(value) & 255)));
}

Value ByteVectors::shr(Value vector, int64_t bits) {
  return bits ? Value(b.create<arith::ShRUIOp>(loc, vector, splat8(bits)))
              : vector;
}

Value ByteVectors::band(Value x, Value y) {
  return b.create<arith::AndIOp>(loc, x, y);
}

Value ByteVectors::bor(Value x, Value y) {
  return b.create<arith::OrIOp>(loc, x, y);
}

Value ByteVectors::spreadBits(Value pointer, int64_t value) {
  Value word = load(b.getIntegerType(bytes), pointer);
  Value mask = cast(VectorType::get({bytes}, b.getI1Type()), word);
  return b.create<arith::SelectOp>(loc, mask, splat8(value), splat8(0));
}

Value ByteVectors::lookup(ArrayRef<uint8_t> table, Value nibbles) {
  SmallVector<int8_t> entries;
  for (int64_t i = 0; i < bytes; ++i)
    entries.push_back(int8_t(table[i % 16]));
  Value constant = b.create<arith::ConstantOp>(
      loc, DenseElementsAttr::get(i8s, ArrayRef<int8_t>(entries)));
  return intrinsic(bytes == 64 ? "llvm.x86.avx512.pshuf.b.512"
                               : "llvm.x86.avx2.pshuf.b",
                   i8s, {constant, nibbles});
}

Value ByteVectors::byteAsFloat(Value vector, unsigned i, int64_t offset) {
  Value words = cast(i32s, vector);
  if (i)
    words = b.create<arith::ShRUIOp>(loc, words, splat32(8 * i));
  if (i < 3)
    words = b.create<arith::AndIOp>(loc, words, splat32(255));
  if (offset)
    words = b.create<arith::SubIOp>(loc, words, splat32(offset));
  return toFloat(words);
}

//===----------------------------------------------------------------------===//
// Lanes
//===----------------------------------------------------------------------===//

Value ByteVectors::splat32(int64_t value) {
  return b.create<arith::ConstantOp>(
      loc, DenseElementsAttr::get(i32s, APInt(32, uint64_t(value), true)));
}

Value ByteVectors::addI(Value x, Value y) {
  return b.create<arith::AddIOp>(loc, x, y);
}

Value ByteVectors::toFloat(Value words) {
  return b.create<arith::SIToFPOp>(loc, f32s, words);
}

Value ByteVectors::dot(Value acc, Value u, Value s) {
  bool wide = bytes == 64;
  if (v.machine.hasByteDot)
    return intrinsic(wide ? "llvm.x86.avx512.vpdpbusd.512"
                          : "llvm.x86.avx512.vpdpbusd.256",
                     i32s, {acc, cast(i32s, u), cast(i32s, s)});
  auto halves = VectorType::get({bytes / 2}, b.getI16Type());
  Value ones = b.create<arith::ConstantOp>(
      loc, DenseElementsAttr::get(halves, APInt(16, 1)));
  Value pairs = intrinsic(wide ? "llvm.x86.avx512.pmaddubs.w.512"
                               : "llvm.x86.avx2.pmadd.ub.sw",
                          halves, {cast(i8s, u), cast(i8s, s)});
  Value sums = intrinsic(wide ? "llvm.x86.avx512.pmaddw.d.512"
                              : "llvm.x86.avx2.pmadd.wd",
                         i32s, {pairs, ones});
  return addI(acc, sums);
}
