//===- CacheRows.cpp - Rows of caches as vectors of f32 -------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/CacheRows.h"
#include "dialects/fm/Storage.h"
#include "lib/codegen/Scalar.h"
#include "lib/codegen/elemental/Cache.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;

CacheRows::CacheRows(KernelContext &k, VectorBuilder &v, Value cache,
                     int64_t width)
    : width(width), k(k), v(v), cache(cache), type(codegen::elementOf(cache)),
      rowBytes(*fm::constantOf(codegen::cacheRowBytes(k.scope, cache))) {}

bool CacheRows::isF32() const { return type.isF32(); }

Value CacheRows::row(Value batch, Value group, Value slot) const {
  return codegen::cacheRow(k, cache, batch, group, slot);
}

Value CacheRows::after(Value row, Value rows) const {
  return k.address(row, k.b.getI8Type(), k.mulI(rows, k.index(rowBytes)));
}

/// The scale of the q8_0 block of element i, as f32.
Value CacheRows::blockScale(Value row, int64_t i) const {
  Value at = k.index(i / codegen::kQ8Elements * codegen::kQ8Bytes);
  Value block = k.address(row, k.b.getI8Type(), at);
  Type f16 = k.b.getF16Type();
  return codegen::convert(k, k.load(block, f16, k.index(0)), f16,
                          k.b.getF32Type());
}

/// Where the byte of element i of a q8_0 row is.
static int64_t quantAt(int64_t i) {
  return i / codegen::kQ8Elements * codegen::kQ8Bytes + 2 +
         i % codegen::kQ8Elements;
}

Value cpu::loadWide(VectorBuilder &v, Type type, Value pointer) {
  if (type.isF32())
    return v.load(pointer);
  OpBuilder &b = v.b;
  Location loc = v.loc;
  auto of = [&](Type element) {
    return VectorType::get({int64_t(v.lanes)}, element);
  };
  auto load = [&](Type element) -> Value {
    return b.create<LLVM::LoadOp>(loc, of(element), pointer, /*alignment=*/1);
  };
  if (type.isF16())
    return b.create<arith::ExtFOp>(loc, v.type, load(type));
  // The upper half of an f32.
  Type i32 = b.getI32Type();
  Value wide = b.create<arith::ExtUIOp>(loc, of(i32), load(b.getI16Type()));
  Value shift = b.create<arith::ConstantOp>(
      loc, DenseElementsAttr::get(of(i32), int32_t(16)));
  wide = b.create<arith::ShLIOp>(loc, wide, shift);
  return b.create<arith::BitcastOp>(loc, v.type, wide);
}

Value CacheRows::vector(Value row, int64_t i) const {
  OpBuilder &b = k.b;
  int64_t at = i * v.lanes;
  if (!fm::blockFormatOf(type))
    return loadWide(v, type, k.address(row, type, k.index(at)));
  auto of = [&](Type element) {
    return VectorType::get({int64_t(v.lanes)}, element);
  };
  Value from = k.address(row, b.getI8Type(), k.index(quantAt(at)));
  Value bytes = b.create<LLVM::LoadOp>(k.loc, of(b.getI8Type()), from,
                                       /*alignment=*/1);
  Value quants = b.create<arith::ExtSIOp>(k.loc, of(b.getI32Type()), bytes);
  Value floats = b.create<arith::SIToFPOp>(k.loc, v.type, quants);
  return v.mul(floats, v.broadcast(blockScale(row, at)));
}

Value CacheRows::scalar(Value row, int64_t i) const {
  Type f32 = k.b.getF32Type(), i8 = k.b.getI8Type();
  if (!fm::blockFormatOf(type))
    return codegen::convert(k, k.load(row, type, k.index(i)), type, f32);
  Value quant = k.load(row, i8, k.index(quantAt(i)));
  return k.b.create<arith::MulFOp>(k.loc, codegen::convert(k, quant, i8, f32),
                                   blockScale(row, i));
}

void CacheRows::widen(Value row, Value rows, Value to, int64_t distance) const {
  k.forLoop(k.index(0), rows, k.index(1), [&](Value r) {
    Value from = after(row, r);
    Value line = v.at(to, k.mulI(r, k.index(distance)));
    int64_t whole = width / v.lanes;
    for (int64_t i = 0; i < whole; ++i)
      v.store(vector(from, i), v.at(line, i * v.lanes));
    for (int64_t i = whole * v.lanes; i < width; ++i)
      v.storeScalar(scalar(from, i), v.at(line, i));
  });
}
