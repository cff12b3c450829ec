//===- MathCalls.cpp - Math ops as calls of the device library ------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A function of floats exists for f32 and f64 scalars, and most for 4, 8 and
// 16 floats by reference (device/Vector.h). Narrower floats go through f32;
// other vectors are cut into pieces, at worst into elements. Calls are inlined
// by LLVM, and the memory between disappears.
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/MathCalls.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace narae;

namespace {

/// The library's function for an op; empty when there is none.
StringRef functionOf(Operation *op) {
  static const llvm::StringMap<StringRef> names = {
      {"math.exp", "exp"},     {"math.exp2", "exp2"},   {"math.expm1", "expm1"},
      {"math.log", "log"},     {"math.log2", "log2"},   {"math.log10", "log10"},
      {"math.log1p", "log1p"}, {"math.sin", "sin"},     {"math.cos", "cos"},
      {"math.tan", "tan"},     {"math.asin", "asin"},   {"math.acos", "acos"},
      {"math.atan", "atan"},   {"math.atan2", "atan2"}, {"math.sinh", "sinh"},
      {"math.cosh", "cosh"},   {"math.tanh", "tanh"},   {"math.asinh", "asinh"},
      {"math.acosh", "acosh"}, {"math.atanh", "atanh"}, {"math.erf", "erf"},
      {"math.cbrt", "cbrt"},   {"math.powf", "pow"},    {"arith.remf", "fmod"}};
  return names.lookup(op->getName().getStringRef());
}

class MathCalls {
public:
  explicit MathCalls(ModuleOp module)
      : module(module), b(module.getContext()) {}

  void run();

private:
  ModuleOp module;
  OpBuilder b;
  Location loc = UnknownLoc::get(module.getContext());

  Value rewrite(Operation *op);
  Value floatFunction(StringRef name, ValueRange operands);
  Value vectorCall(StringRef name, Value x, int64_t lanes);
  Value call(const Twine &name, Type result, ValueRange operands);
  Value slot(Type type);
  Value mapElements(ValueRange operands, Type element,
                    llvm::function_ref<Value(ValueRange)> fn);
  Value convert(Value x, Type element);
  Value powInteger(Operation *op);
};

Type withElement(Type type, Type element) {
  if (auto vector = dyn_cast<VectorType>(type))
    return VectorType::get(vector.getShape(), element,
                           vector.getScalableDims());
  return element;
}

Value MathCalls::convert(Value x, Type element) {
  Type to = withElement(x.getType(), element);
  unsigned from = getElementTypeOrSelf(x.getType()).getIntOrFloatBitWidth();
  if (to == x.getType())
    return x;
  if (from == 64 && element.getIntOrFloatBitWidth() < 32)
    return convert(convert(x, b.getF32Type()), element);
  if (from < element.getIntOrFloatBitWidth())
    return b.create<arith::ExtFOp>(loc, to, x);
  return b.create<arith::TruncFOp>(loc, to, x);
}

/// A call of a library function, declared on first use.
Value MathCalls::call(const Twine &name, Type result, ValueRange operands) {
  std::string symbol = ("narae_" + name).str();
  auto callee = module.lookupSymbol<LLVM::LLVMFuncOp>(symbol);
  if (!callee) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(module.getBody());
    Type returned =
        result ? result : LLVM::LLVMVoidType::get(module.getContext());
    callee = b.create<LLVM::LLVMFuncOp>(
        module.getLoc(), symbol,
        LLVM::LLVMFunctionType::get(returned,
                                    llvm::to_vector(operands.getTypes())));
  }
  auto op = b.create<LLVM::CallOp>(loc, callee, operands);
  return result ? op.getResult() : Value();
}

/// Memory for a value, allocated once at the function's entry.
Value MathCalls::slot(Type type) {
  auto function =
      b.getInsertionBlock()->getParentOp()->getParentOfType<func::FuncOp>();
  if (!function)
    function = cast<func::FuncOp>(b.getInsertionBlock()->getParentOp());
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&function.getBody().front());
  Value one = b.create<LLVM::ConstantOp>(loc, b.getI64IntegerAttr(1));
  return b.create<LLVM::AllocaOp>(
      loc, LLVM::LLVMPointerType::get(b.getContext()), type, one,
      /*alignment=*/64);
}

/// Applies a scalar function to each element of vectors of one shape.
Value MathCalls::mapElements(ValueRange operands, Type element,
                             llvm::function_ref<Value(ValueRange)> fn) {
  auto vector = dyn_cast<VectorType>(operands[0].getType());
  if (!vector)
    return fn(operands);
  Type type = withElement(vector, element);
  Value result = b.create<arith::ConstantOp>(
      loc, type, cast<TypedAttr>(b.getZeroAttr(type)));
  SmallVector<int64_t> strides = computeStrides(vector.getShape());
  for (int64_t i = 0, n = vector.getNumElements(); i < n; ++i) {
    SmallVector<int64_t> at = delinearize(i, strides);
    SmallVector<Value> elements;
    for (Value operand : operands)
      elements.push_back(b.create<vector::ExtractOp>(loc, operand, at));
    result = b.create<vector::InsertOp>(loc, fn(elements), result, at);
  }
  return result;
}

/// A vector of floats in pieces of `lanes`.
Value MathCalls::vectorCall(StringRef name, Value x, int64_t lanes) {
  auto type = cast<VectorType>(x.getType());
  auto piece = VectorType::get(lanes, b.getF32Type());
  Value in = slot(piece), out = slot(piece);
  Value result = x;
  for (int64_t at = 0; at < type.getNumElements(); at += lanes) {
    Value part = type == piece ? x
                               : Value(b.create<vector::ExtractStridedSliceOp>(
                                     loc, x, at, lanes, 1));
    b.create<LLVM::StoreOp>(loc, part, in, /*alignment=*/64);
    call(name + "_v" + Twine(lanes) + "f32", Type(), {in, out});
    part = b.create<LLVM::LoadOp>(loc, piece, out, /*alignment=*/64);
    result = type == piece ? part
                           : Value(b.create<vector::InsertStridedSliceOp>(
                                 loc, part, result, at, 1));
  }
  return result;
}

Value MathCalls::floatFunction(StringRef name, ValueRange operands) {
  Type given = operands[0].getType();
  Type element = getElementTypeOrSelf(given);
  if (element.getIntOrFloatBitWidth() < 32) {
    SmallVector<Value> wide;
    for (Value operand : operands)
      wide.push_back(convert(operand, b.getF32Type()));
    return convert(floatFunction(name, wide), element);
  }
  auto vector = dyn_cast<VectorType>(given);
  if (vector && element.isF32() && operands.size() == 1) {
    int64_t count = vector.getNumElements();
    if (vector.getRank() != 1 && count % 4 == 0) {
      auto flat = VectorType::get(count, element);
      Value x = b.create<vector::ShapeCastOp>(loc, flat, operands[0]);
      return b.create<vector::ShapeCastOp>(loc, given, floatFunction(name, x));
    }
    for (int64_t lanes : {16, 8, 4})
      if (count % lanes == 0)
        return vectorCall(name, operands[0], lanes);
  }
  return mapElements(operands, element, [&](ValueRange scalars) {
    return call(name + (element.isF32() ? "_f32" : "_f64"), element, scalars);
  });
}

/// Powers with integer exponents: of floats through f64, where an exponent of
/// 32 bits is exact; of integers by the library.
Value MathCalls::powInteger(Operation *op) {
  Value base = op->getOperand(0), exponent = op->getOperand(1);
  if (isa<math::FPowIOp>(op)) {
    Type f64 = b.getF64Type();
    Value y = b.create<arith::SIToFPOp>(
        loc, withElement(exponent.getType(), f64), exponent);
    Value power = floatFunction("pow", {convert(base, f64), y});
    return convert(power, getElementTypeOrSelf(op->getResult(0).getType()));
  }
  Type i64 = b.getI64Type(), element = getElementTypeOrSelf(base.getType());
  return mapElements({base, exponent}, element, [&](ValueRange scalars) {
    SmallVector<Value> wide;
    for (Value s : scalars)
      wide.push_back(s.getType() == i64
                         ? s
                         : Value(b.create<arith::ExtSIOp>(loc, i64, s)));
    Value power = call("ipow_i64", i64, wide);
    return element == i64
               ? power
               : Value(b.create<arith::TruncIOp>(loc, element, power));
  });
}

/// The value that replaces an op's result; null to keep the op.
Value MathCalls::rewrite(Operation *op) {
  b.setInsertionPoint(op);
  loc = op->getLoc();
  if (StringRef name = functionOf(op); !name.empty())
    return floatFunction(name, op->getOperands());
  if (isa<math::FPowIOp, math::IPowIOp>(op))
    return powInteger(op);
  Type f32 = b.getF32Type();
  // f64 to 16 bits: to f32 by rounding to odd, so that it rounds once.
  if (auto trunc = dyn_cast<arith::TruncFOp>(op)) {
    Type to = getElementTypeOrSelf(trunc.getType());
    if (!getElementTypeOrSelf(trunc.getIn().getType()).isF64() || to == f32)
      return {};
    Value odd = mapElements(trunc.getIn(), f32, [&](ValueRange scalars) {
      return call("round_odd_f32", f32, scalars);
    });
    return convert(odd, to);
  }
  if (auto ext = dyn_cast<arith::ExtFOp>(op)) {
    if (!getElementTypeOrSelf(ext.getIn().getType()).isBF16() ||
        !getElementTypeOrSelf(ext.getType()).isF64())
      return {};
    return convert(convert(ext.getIn(), f32), b.getF64Type());
  }
  return {};
}

void MathCalls::run() {
  SmallVector<Operation *> ops;
  module.walk([&](Operation *op) {
    StringRef dialect = op->getName().getDialectNamespace();
    if (dialect == "math" ||
        isa<arith::RemFOp, arith::TruncFOp, arith::ExtFOp>(op))
      ops.push_back(op);
  });
  for (Operation *op : ops) {
    Value value = rewrite(op);
    if (!value)
      continue;
    op->getResult(0).replaceAllUsesWith(value);
    op->erase();
  }
}

} // namespace

void codegen::lowerMathToCalls(ModuleOp module) { MathCalls(module).run(); }
