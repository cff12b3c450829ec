//===- KernelLoops.cpp - Index arithmetic and loops of a kernel -----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/KernelContext.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;
using fm::Expr;

//===----------------------------------------------------------------------===//
// Index arithmetic, folded where both sides are constants
//===----------------------------------------------------------------------===//

Value KernelContext::addI(Value x, Value y) {
  auto c = getConstantIntValue(x), d = getConstantIntValue(y);
  if (c && d)
    return index(*c + *d);
  if (c && *c == 0)
    return y;
  if (d && *d == 0)
    return x;
  return b.create<arith::AddIOp>(loc, x, y);
}

Value KernelContext::subI(Value x, Value y) {
  auto c = getConstantIntValue(x), d = getConstantIntValue(y);
  if (c && d)
    return index(*c - *d);
  if (x == y)
    return index(0);
  if (d && *d == 0)
    return x;
  return b.create<arith::SubIOp>(loc, x, y);
}

Value KernelContext::mulI(Value x, Value y) {
  auto c = getConstantIntValue(x), d = getConstantIntValue(y);
  if (c && d)
    return index(*c * *d);
  if ((c && *c == 0) || (d && *d == 0))
    return index(0);
  if (c && *c == 1)
    return y;
  if (d && *d == 1)
    return x;
  return b.create<arith::MulIOp>(loc, x, y);
}

Value KernelContext::divI(Value x, Value y) {
  auto c = getConstantIntValue(x), d = getConstantIntValue(y);
  if (d && *d == 1)
    return x;
  if (c && d && *d != 0)
    return index(*c / *d);
  return b.create<arith::DivUIOp>(loc, x, y);
}

Value KernelContext::remI(Value x, Value y) {
  auto c = getConstantIntValue(x), d = getConstantIntValue(y);
  if (d && *d == 1)
    return index(0);
  if (c && d && *d != 0)
    return index(*c % *d);
  return b.create<arith::RemUIOp>(loc, x, y);
}

Value KernelContext::minI(Value x, Value y) {
  auto c = getConstantIntValue(x), d = getConstantIntValue(y);
  if (c && d)
    return index(std::min(*c, *d));
  return x == y ? x : Value(b.create<arith::MinSIOp>(loc, x, y));
}

Value KernelContext::maxI(Value x, Value y) {
  auto c = getConstantIntValue(x), d = getConstantIntValue(y);
  if (c && d)
    return index(std::max(*c, *d));
  return x == y ? x : Value(b.create<arith::MaxSIOp>(loc, x, y));
}

Value KernelContext::ceilDivI(Value x, Value y) {
  return divI(addI(x, subI(y, index(1))), y);
}

Value KernelContext::lessI(Value x, Value y) {
  auto c = getConstantIntValue(x), d = getConstantIntValue(y);
  if (c && d)
    return constantAttr(b.getBoolAttr(*c < *d));
  return b.create<arith::CmpIOp>(loc, arith::CmpIPredicate::slt, x, y);
}

Value KernelContext::selectV(Value condition, Value x, Value y) {
  if (x == y)
    return x;
  if (auto c = getConstantIntValue(condition))
    return *c ? x : y;
  return b.create<arith::SelectOp>(loc, condition, x, y);
}

Value KernelContext::constant(Type type, double value) {
  Type reg = registerType(type);
  if (type.isIndex())
    return index(static_cast<int64_t>(value));
  if (isa<FloatType>(reg))
    return constantAttr(b.getFloatAttr(reg, value));
  unsigned width = reg.getIntOrFloatBitWidth();
  APInt bits = value < 0 ? APInt(64, static_cast<int64_t>(value), true)
                         : APInt(64, static_cast<uint64_t>(value));
  return constantAttr(b.getIntegerAttr(reg, bits.trunc(width)));
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

void KernelContext::forLoop(Value begin, Value end, Value step,
                            llvm::function_ref<void(Value)> body) {
  auto loop = b.create<scf::ForOp>(loc, begin, end, step);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(loop.getBody()->getTerminator());
  body(loop.getInductionVar());
}

SmallVector<Value> KernelContext::forLoop(
    Value begin, Value end, Value step, ValueRange init,
    llvm::function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  if (init.empty()) {
    forLoop(begin, end, step, [&](Value i) { body(i, {}); });
    return {};
  }
  auto loop = b.create<scf::ForOp>(loc, begin, end, step, init);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(loop.getBody());
  SmallVector<Value> next =
      body(loop.getInductionVar(), loop.getRegionIterArgs());
  b.create<scf::YieldOp>(loc, next);
  return SmallVector<Value>(loop.getResults());
}

void KernelContext::ifThen(Value condition, llvm::function_ref<void()> then) {
  auto branch = b.create<scf::IfOp>(loc, condition, /*withElse=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(branch.thenBlock()->getTerminator());
  then();
}

SmallVector<Value>
KernelContext::ifElse(Value condition, TypeRange types,
                      llvm::function_ref<SmallVector<Value>()> then,
                      llvm::function_ref<SmallVector<Value>()> otherwise) {
  if (auto c = getConstantIntValue(condition))
    return *c ? then() : otherwise();
  auto branch = b.create<scf::IfOp>(loc, types, condition, /*withElse=*/true);
  OpBuilder::InsertionGuard guard(b);
  for (auto [block, emit] : {std::make_pair(branch.thenBlock(), then),
                             std::make_pair(branch.elseBlock(), otherwise)}) {
    // Without results the builder has made the terminator.
    if (!block->empty())
      b.setInsertionPoint(block->getTerminator());
    else
      b.setInsertionPointToEnd(block);
    SmallVector<Value> values = emit();
    if (!types.empty())
      b.create<scf::YieldOp>(loc, values);
  }
  return SmallVector<Value>(branch.getResults());
}

void KernelContext::forAll(ArrayRef<Expr> dims,
                           llvm::function_ref<void(ValueRange)> body) {
  Indices indices;
  std::function<void(size_t)> nest = [&](size_t i) {
    if (i == dims.size())
      return body(indices);
    if (fm::constantOf(dims[i]) == 1) {
      indices.push_back(index(0));
      nest(i + 1);
      indices.pop_back();
      return;
    }
    forLoop(index(0), expr(dims[i]), index(1), [&](Value iv) {
      indices.push_back(iv);
      nest(i + 1);
      indices.pop_back();
    });
  };
  nest(0);
}

std::pair<Value, Value> KernelContext::share(Value total, int64_t grain) {
  // Units of `grain` items are dealt out evenly.
  Value unit = index(grain), units = ceilDivI(total, unit);
  auto bound = [&](Value part) {
    return minI(mulI(divI(mulI(units, part), args.parts), unit), total);
  };
  return {bound(args.part), bound(addI(args.part, index(1)))};
}
