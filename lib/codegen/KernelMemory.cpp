//===- KernelMemory.cpp - Loads and stores of a kernel --------------------===//
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

Value KernelContext::linear(ArrayRef<Expr> dims, ValueRange indices) {
  // Strides are computed at the entry; the sum has one product a dimension.
  Value offset = index(0);
  Expr stride = scope.cst(1);
  for (size_t i = dims.size(); i-- > 0;) {
    offset = addI(mulI(indices[i], expr(stride)), offset);
    stride = scope.mul(stride, dims[i]);
  }
  return offset;
}

Indices KernelContext::delinear(ArrayRef<Expr> dims, Value offset) {
  Indices indices(dims.size(), index(0));
  // Only the first dimension that is not 1 needs no remainder.
  size_t first = 0;
  while (first < dims.size() && fm::constantOf(dims[first]) == 1)
    ++first;
  for (size_t i = dims.size(); i-- > first;) {
    if (i == first) {
      indices[i] = offset;
      break;
    }
    if (fm::constantOf(dims[i]) == 1)
      continue;
    Value size = expr(dims[i]);
    // Nothing is asked of empty tensors, but the division may be hoisted.
    if (scope.range(dims[i]).first < 1)
      size = maxI(size, index(1));
    indices[i] = remI(offset, size);
    offset = divI(offset, size);
  }
  return indices;
}

Type KernelContext::storageType(Type element) {
  MLIRContext *context = element.getContext();
  if (element.isIndex())
    return IntegerType::get(context, 64);
  if (auto type = dyn_cast<IntegerType>(element))
    return IntegerType::get(context, std::max(8u, type.getWidth()));
  if (fm::isString(element))
    return IntegerType::get(context, 64);
  if (fm::blockFormatOf(element) || fm::isCarriedFloat(element))
    return IntegerType::get(context, 8);
  if (element.getIntOrFloatBitWidth() <= 8)
    return IntegerType::get(context, 8);
  return element;
}

Type KernelContext::registerType(Type element) {
  MLIRContext *context = element.getContext();
  if (auto type = dyn_cast<IntegerType>(element))
    return IntegerType::get(context, type.getWidth());
  if (element.isIndex())
    return IntegerType::get(context, 64);
  // Of blocks only the numbers are ever seen.
  if (fm::blockFormatOf(element))
    return Float32Type::get(context);
  if (fm::isString(element))
    return IntegerType::get(context, 64);
  // Narrow floats are their bits until they are converted.
  if (fm::isCarriedFloat(element) || element.getIntOrFloatBitWidth() <= 8)
    return IntegerType::get(context, 8);
  return element;
}

static unsigned byteWidth(Type storage) {
  return storage.getIntOrFloatBitWidth() / 8;
}

template <typename OpTy>
void KernelContext::annotate(OpTy op, Value pointer) {
  auto it = aliases.find(pointer);
  if (it == aliases.end())
    return;
  op.setAliasScopesAttr(it->second.scope);
  op.setNoaliasScopesAttr(it->second.others);
}

Value KernelContext::address(Value pointer, Type element, Value offset) {
  if (auto c = getConstantIntValue(offset); c && *c == 0)
    return pointer;
  Value wide = b.createOrFold<arith::IndexCastOp>(loc, b.getI64Type(), offset);
  return b.create<LLVM::GEPOp>(loc, pointer.getType(), storageType(element),
                               pointer, ArrayRef<LLVM::GEPArg>{wide},
                               /*inbounds=*/true);
}

Value KernelContext::load(Value pointer, Type element, Value offset) {
  Type storage = storageType(element), reg = registerType(element);
  auto load = b.create<LLVM::LoadOp>(
      loc, storage, address(pointer, element, offset), byteWidth(storage));
  annotate(load, pointer);
  if (storage == reg)
    return load;
  // A byte is a boolean when it is not 0.
  if (reg.isInteger(1))
    return b.create<arith::CmpIOp>(loc, arith::CmpIPredicate::ne, load,
                                   constantAttr(b.getIntegerAttr(storage, 0)));
  return b.create<arith::TruncIOp>(loc, reg, load);
}

void KernelContext::store(Value value, Value pointer, Type element,
                          Value offset) {
  Type storage = storageType(element);
  if (value.getType() != storage) {
    if (element.isUnsignedInteger() || element.isInteger(1))
      value = b.create<arith::ExtUIOp>(loc, storage, value);
    else
      value = b.create<arith::ExtSIOp>(loc, storage, value);
  }
  auto store = b.create<LLVM::StoreOp>(
      loc, value, address(pointer, element, offset), byteWidth(storage));
  annotate(store, pointer);
}

void KernelContext::storeResult(unsigned i, ValueRange indices, Value value) {
  Value result = kernel.yield()->getOperand(i);
  store(value, args.outputs[i], elementType(result),
        linear(dims(result), indices));
}

Value KernelContext::pointerOf(Value tensor) {
  if (auto arg = dyn_cast<BlockArgument>(tensor))
    if (arg.getOwner() == &kernel.block() && !sources.count(tensor))
      return args.inputs[arg.getArgNumber()];
  return {};
}

Value KernelContext::loadVector(Value pointer, Type element, Value offset,
                                unsigned lanes, Value mask) {
  Type storage = storageType(element);
  auto type = VectorType::get(lanes, storage);
  Value from = address(pointer, element, offset), loaded;
  if (mask) {
    Value zeros = constantAttr(cast<TypedAttr>(b.getZeroAttr(type)));
    loaded = b.create<LLVM::MaskedLoadOp>(loc, type, from, mask, zeros,
                                          byteWidth(storage));
  } else {
    auto load = b.create<LLVM::LoadOp>(loc, type, from, byteWidth(storage));
    annotate(load, pointer);
    loaded = load;
  }
  Type reg = registerType(element);
  if (reg == storage)
    return loaded;
  if (reg.isInteger(1))
    return b.create<arith::CmpIOp>(
        loc, arith::CmpIPredicate::ne, loaded,
        constantAttr(cast<TypedAttr>(b.getZeroAttr(type))));
  return b.create<arith::TruncIOp>(loc, VectorType::get(lanes, reg), loaded);
}

void KernelContext::storeVector(Value vector, Value pointer, Type element,
                                Value offset, Value mask) {
  Type storage = storageType(element);
  auto type = cast<VectorType>(vector.getType());
  if (type.getElementType() != storage) {
    type = VectorType::get(type.getShape(), storage);
    if (element.isUnsignedInteger() || element.isInteger(1))
      vector = b.create<arith::ExtUIOp>(loc, type, vector);
    else
      vector = b.create<arith::ExtSIOp>(loc, type, vector);
  }
  Value to = address(pointer, element, offset);
  if (mask) {
    b.create<LLVM::MaskedStoreOp>(loc, vector, to, mask, byteWidth(storage));
    return;
  }
  auto store = b.create<LLVM::StoreOp>(loc, vector, to, byteWidth(storage));
  annotate(store, pointer);
}

Value KernelContext::scratchAt(Value byteOffset) {
  Value pointer = address(args.scratch, b.getI8Type(), byteOffset);
  if (auto it = aliases.find(args.scratch); it != aliases.end())
    aliases[pointer] = Alias(it->second);
  return pointer;
}
