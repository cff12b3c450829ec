//===- VectorBuilder.cpp - Vectors on bare pointers -----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/VectorBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <numeric>

using namespace mlir;
using namespace narae;
using namespace narae::cpu;

/// Vectors lie wherever their first float does.
static constexpr unsigned kAlign = 4;

VectorBuilder::VectorBuilder(OpBuilder &b, Location loc,
                             const MachineModel &machine)
    : b(b), loc(loc), machine(machine),
      lanes(std::max(4u, machine.vectorBytes / 4)),
      masks(machine.hasMaskedMemory),
      type(VectorType::get({int64_t(lanes)}, b.getF32Type())) {}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Value VectorBuilder::at(Value pointer, Value offset) {
  if (!offset.getType().isInteger(64))
    offset = b.create<arith::IndexCastOp>(loc, b.getI64Type(), offset);
  return b.create<LLVM::GEPOp>(loc, pointer.getType(), b.getF32Type(), pointer,
                               ArrayRef<LLVM::GEPArg>{offset});
}

Value VectorBuilder::at(Value pointer, int64_t offset) {
  if (offset == 0)
    return pointer;
  return b.create<LLVM::GEPOp>(loc, pointer.getType(), b.getF32Type(), pointer,
                               ArrayRef<LLVM::GEPArg>{int32_t(offset)});
}

Value VectorBuilder::load(Value pointer) {
  return b.create<LLVM::LoadOp>(loc, type, pointer, kAlign);
}

Value VectorBuilder::load(Value pointer, Value mask) {
  return b.create<LLVM::MaskedLoadOp>(loc, type, pointer, mask,
                                      ValueRange{zero()}, kAlign);
}

void VectorBuilder::store(Value vector, Value pointer) {
  b.create<LLVM::StoreOp>(loc, vector, pointer, kAlign);
}

void VectorBuilder::store(Value vector, Value pointer, Value mask) {
  b.create<LLVM::MaskedStoreOp>(loc, vector, pointer, mask, kAlign);
}

Value VectorBuilder::loadScalar(Value pointer) {
  return b.create<LLVM::LoadOp>(loc, b.getF32Type(), pointer, kAlign);
}

void VectorBuilder::storeScalar(Value scalar, Value pointer) {
  b.create<LLVM::StoreOp>(loc, scalar, pointer, kAlign);
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

Value VectorBuilder::index(int64_t value) {
  return b.create<arith::ConstantIndexOp>(loc, value);
}

Value VectorBuilder::splat(double value) {
  return b.create<arith::ConstantOp>(
      loc, DenseElementsAttr::get(type, APFloat(float(value))));
}

Value VectorBuilder::broadcast(Value scalar) {
  return b.create<vector::BroadcastOp>(loc, type, scalar);
}

Value VectorBuilder::fma(Value a, Value x, Value c) {
  // Machines without FMA have vectors of 128 bits; a call a lane would follow.
  if (machine.vectorBytes < 32)
    return add(mul(a, x), c);
  return b.create<vector::FMAOp>(loc, a, x, c);
}

Value VectorBuilder::add(Value a, Value x) {
  return b.create<arith::AddFOp>(loc, a, x);
}

Value VectorBuilder::mul(Value a, Value x) {
  return b.create<arith::MulFOp>(loc, a, x);
}

Value VectorBuilder::max(Value a, Value x) {
  // One instruction, unlike the IEEE maxima.
  Value greater = b.create<arith::CmpFOp>(loc, arith::CmpFPredicate::OGT, a, x);
  return b.create<arith::SelectOp>(loc, greater, a, x);
}

Value VectorBuilder::shuffle(Value a, Value x, ArrayRef<int64_t> picks) {
  return b.create<vector::ShuffleOp>(loc, a, x, picks);
}

//===----------------------------------------------------------------------===//
// Masks
//===----------------------------------------------------------------------===//

Value VectorBuilder::laneNumbers() {
  SmallVector<int32_t> numbers(lanes);
  std::iota(numbers.begin(), numbers.end(), 0);
  auto vector = VectorType::get({int64_t(lanes)}, b.getI32Type());
  return b.create<arith::ConstantOp>(
      loc, DenseElementsAttr::get(vector, ArrayRef<int32_t>(numbers)));
}

/// A splat of an index, limited to what matters for lanes.
Value VectorBuilder::toI32(Value index) {
  Value low = b.create<arith::ConstantIndexOp>(loc, -1);
  Value high = b.create<arith::ConstantIndexOp>(loc, lanes);
  Value limited = b.create<arith::MinSIOp>(
      loc, b.create<arith::MaxSIOp>(loc, index, low), high);
  Value narrow = b.create<arith::IndexCastOp>(loc, b.getI32Type(), limited);
  return b.create<vector::BroadcastOp>(
      loc, VectorType::get({int64_t(lanes)}, b.getI32Type()), narrow);
}

Value VectorBuilder::maskBelow(Value count) {
  return b.create<arith::CmpIOp>(loc, arith::CmpIPredicate::slt, laneNumbers(),
                                 toI32(count));
}

Value VectorBuilder::maskBetween(Value begin, Value end) {
  Value from = b.create<arith::CmpIOp>(loc, arith::CmpIPredicate::sge,
                                       laneNumbers(), toI32(begin));
  return both(from, maskBelow(end));
}

Value VectorBuilder::both(Value a, Value c) {
  return b.create<arith::AndIOp>(loc, a, c);
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

Value VectorBuilder::reduce(Value vector,
                            function_ref<Value(Value, Value)> combine) {
  for (unsigned half = lanes / 2; half; half /= 2) {
    SmallVector<int64_t> picks(lanes);
    for (unsigned i = 0; i < lanes; ++i)
      picks[i] = i ^ half;
    vector = combine(vector, shuffle(vector, vector, picks));
  }
  return b.create<vector::ExtractOp>(loc, vector, ArrayRef<int64_t>{0});
}

Value VectorBuilder::sum(Value vector) {
  return reduce(vector, [&](Value x, Value y) { return add(x, y); });
}

Value VectorBuilder::maximum(Value vector) {
  return reduce(vector, [&](Value x, Value y) { return max(x, y); });
}

//===----------------------------------------------------------------------===//
// Runs of floats
//===----------------------------------------------------------------------===//

/// body(offset, mask) over whole vectors, then scalars(offset) over the rest;
/// with masks only the former, where the last mask is partial.
static void overFloats(KernelContext &k, VectorBuilder &v, Value count,
                       function_ref<void(Value, Value)> body,
                       function_ref<void(Value)> scalars) {
  Value lanes = k.index(v.lanes);
  if (v.masks) {
    k.forLoop(k.index(0), count, lanes,
              [&](Value i) { body(i, v.maskBelow(k.subI(count, i))); });
    return;
  }
  Value whole = k.mulI(k.divI(count, lanes), lanes);
  k.forLoop(k.index(0), whole, lanes, [&](Value i) { body(i, Value()); });
  k.forLoop(whole, count, k.index(1), scalars);
}

void cpu::copyFloats(KernelContext &k, VectorBuilder &v, Value from, Value to,
                     Value count) {
  overFloats(
      k, v, count,
      [&](Value i, Value mask) {
        Value source = v.at(from, i);
        v.store(mask ? v.load(source, mask) : v.load(source), v.at(to, i));
      },
      [&](Value i) {
        v.storeScalar(v.loadScalar(v.at(from, i)), v.at(to, i));
      });
}

void cpu::fillFloats(KernelContext &k, VectorBuilder &v, Value to, Value count,
                     double value) {
  Value scalar = k.constant(v.b.getF32Type(), value);
  overFloats(
      k, v, count,
      [&](Value i, Value mask) {
        if (mask)
          v.store(v.splat(value), v.at(to, i), mask);
        else
          v.store(v.splat(value), v.at(to, i));
      },
      [&](Value i) { v.storeScalar(scalar, v.at(to, i)); });
}
