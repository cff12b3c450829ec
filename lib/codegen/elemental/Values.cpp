//===- Values.cpp - Elements of ops that make values ----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/elemental/Values.h"
#include "lib/codegen/elemental/Helpers.h"

#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;

/// Constants up to this size are chosen by selects, larger ones loaded.
constexpr size_t kSelectLimit = 8;

/// values[offset] by a chain of selects.
static Value choose(KernelContext &k, ArrayRef<Value> values, Value offset) {
  if (auto c = getConstantIntValue(offset);
      c && *c >= 0 && *c < int64_t(values.size()))
    return values[*c];
  Value result = values.back();
  for (size_t i = values.size() - 1; i-- > 0;) {
    Value isHere = k.b.create<arith::CmpIOp>(k.loc, arith::CmpIPredicate::eq,
                                             offset, k.index(i));
    result = k.selectV(isHere, values[i], result);
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

/// The elements of a constant as they lie in memory, or none.
static std::optional<std::string> storageBytes(ElementsAttr attr) {
  Type element = attr.getElementType();
  unsigned bytes =
      KernelContext::storageType(element).getIntOrFloatBitWidth() / 8;
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attr)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    size_t size = attr.getNumElements() * bytes;
    if (!blob || blob->getData().size() != size)
      return std::nullopt;
    return std::string(blob->getData().data(), size);
  }
  auto dense = dyn_cast<DenseElementsAttr>(attr);
  if (!dense)
    return std::nullopt;
  std::string data;
  auto append = [&](APInt value) {
    APInt wide = element.isUnsignedInteger() || element.isInteger(1)
                     ? value.zextOrTrunc(bytes * 8)
                     : value.sextOrTrunc(bytes * 8);
    uint64_t bits = wide.getZExtValue();
    data.append(reinterpret_cast<const char *>(&bits), bytes);
  };
  if (isa<FloatType>(element)) {
    for (const APFloat &value : dense.getValues<APFloat>())
      append(value.bitcastToAPInt());
  } else {
    for (const APInt &value : dense.getValues<APInt>())
      append(value);
  }
  return data;
}

/// The address of a read-only array in the module that is being made.
static Value constantArray(KernelContext &k, Operation *op, StringRef bytes) {
  auto module = k.args.part.getParentRegion()->getParentOfType<ModuleOp>();
  if (!module)
    return {};
  // One array for each content.
  std::string name =
      "const_" +
      llvm::utohexstr(llvm::xxh3_64bits(llvm::arrayRefFromStringRef(bytes))) +
      "_" + std::to_string(bytes.size());
  auto type = LLVM::LLVMArrayType::get(k.b.getI8Type(), bytes.size());
  if (!module.lookupSymbol(name)) {
    OpBuilder::InsertionGuard guard(k.b);
    k.b.setInsertionPointToStart(module.getBody());
    k.b.create<LLVM::GlobalOp>(k.loc, type, /*isConstant=*/true,
                               LLVM::Linkage::Internal, name,
                               k.b.getStringAttr(bytes), /*alignment=*/64);
  }
  return k.atEntry([&]() -> Value {
    return k.b.create<LLVM::AddressOfOp>(
        k.loc, LLVM::LLVMPointerType::get(k.b.getContext()), name);
  });
}

Value codegen::constantFloat(KernelContext &k, Operation *op,
                             ArrayRef<float> values, Value index) {
  StringRef bytes(reinterpret_cast<const char *>(values.data()),
                  values.size() * sizeof(float));
  Value pointer = constantArray(k, op, bytes);
  return pointer ? k.load(pointer, k.b.getF32Type(), index) : pointer;
}

static Value constantElement(KernelContext &k, Operation *op, unsigned,
                             ValueRange indices) {
  auto constant = cast<fm::ConstantOp>(op);
  ElementsAttr attr = constant.getValue();
  Type element = attr.getElementType();
  size_t count = attr.getNumElements();
  if (count == 0)
    return k.zero(element);
  auto dense = dyn_cast<DenseElementsAttr>(attr);
  if (dense && (dense.isSplat() || count == 1))
    return attrConstant(k, *dense.getValues<Attribute>().begin(), element);
  Value offset = k.linear(k.dims(constant.getResult()), indices);
  if (dense && count <= kSelectLimit) {
    SmallVector<Value> values;
    for (Attribute a : dense.getValues<Attribute>())
      values.push_back(attrConstant(k, a, element));
    return choose(k, values, offset);
  }
  std::optional<std::string> bytes = storageBytes(attr);
  Value pointer = bytes ? constantArray(k, op, *bytes) : Value();
  if (!pointer) {
    k.error(op) << "the constant's bytes are not at hand";
    return {};
  }
  return k.load(pointer, element, offset);
}

/// Tensors whose elements are expressions: shapes.
static Value expressionElement(KernelContext &k, Operation *op, unsigned,
                               ValueRange indices) {
  Value result = op->getResult(0);
  Type element = elementOf(result);
  auto exprs = k.scope.elements(result);
  if (!exprs) {
    k.error(op) << "the elements are not followed";
    return {};
  }
  if (exprs->empty())
    return k.zero(element);
  SmallVector<Value> values;
  for (Expr e : *exprs)
    values.push_back(k.expr(e));
  return fromIndex(k, choose(k, values, k.linear(k.dims(result), indices)),
                   element);
}

static Value sizeOf(KernelContext &k, Operation *op, unsigned, ValueRange) {
  return fromIndex(k, k.numElements(op->getOperand(0)),
                   elementOf(op->getResult(0)));
}

static Value shapeOf(KernelContext &k, Operation *op, unsigned result,
                     ValueRange indices) {
  if (k.scope.elements(op->getResult(0)))
    return expressionElement(k, op, result, indices);
  // More dimensions than are followed.
  SmallVector<Value> values;
  auto shape = cast<fm::ShapeOfOp>(op);
  ArrayRef<Expr> dims = k.dims(shape.getInput());
  for (Expr e : dims.drop_front(shape.getStart()))
    values.push_back(k.expr(e));
  return fromIndex(k, choose(k, values, indices[0]), k.b.getI64Type());
}

//===----------------------------------------------------------------------===//
// Fill, iota, range, one_hot
//===----------------------------------------------------------------------===//

static Value fill(KernelContext &k, Operation *op, unsigned, ValueRange) {
  return attrConstant(k, cast<fm::FillOp>(op).getValue(),
                      elementOf(op->getResult(0)));
}

static Value iota(KernelContext &k, Operation *op, unsigned,
                  ValueRange indices) {
  return fromIndex(k, indices[cast<fm::IotaOp>(op).getAxis()],
                   elementOf(op->getResult(0)));
}

static Value range(KernelContext &k, Operation *op, unsigned,
                   ValueRange indices) {
  auto range = cast<fm::RangeOp>(op);
  Type element = elementOf(range.getResult());
  // Floats as NumPy has them: in f64, rounded once.
  Type type = isa<FloatType>(element) ? Type(k.b.getF64Type()) : element;
  Arith a(k, type);
  Value start = scalarElement(k, range.getStart());
  Value delta = start ? scalarElement(k, range.getDelta()) : start;
  if (!delta)
    return {};
  start = convert(k, start, elementOf(range.getStart()), type);
  delta = convert(k, delta, elementOf(range.getDelta()), type);
  Value i = fromIndex(k, indices[0], type);
  return convert(k, a.add(start, a.mul(i, delta)), type, element);
}

static Value oneHot(KernelContext &k, Operation *op, unsigned,
                    ValueRange indices) {
  auto hot = cast<fm::OneHotOp>(op);
  int64_t axis = hot.getAxis();
  Indices position(indices.begin(), indices.end());
  position.erase(position.begin() + axis);
  Value index = k.element(hot.getIndices(), position);
  Value off = index ? k.element(hot.getValues(), Indices{k.index(0)}) : index;
  Value on = off ? k.element(hot.getValues(), Indices{k.index(1)}) : off;
  if (!on)
    return {};
  Value at = toIndex(k, index, elementOf(hot.getIndices()));
  Value depth = k.dim(hot.getResult(), axis);
  at = k.selectV(k.lessI(at, k.index(0)), k.addI(at, depth), at);
  Value isHere = k.b.create<arith::CmpIOp>(k.loc, arith::CmpIPredicate::eq, at,
                                           indices[axis]);
  return k.selectV(isHere, on, off);
}

void codegen::registerValueElements(ElementTable &t) {
  auto free = [&](StringRef name, ElementFn fn) {
    t[name] = {fn, ElementCost::Free};
  };
  free("fm.constant", constantElement);
  free("rt.shape_value", expressionElement);
  free("fm.shape_of", shapeOf);
  free("fm.size_of", sizeOf);
  free("fm.fill", fill);
  free("fm.iota", iota);
  free("fm.range", range);
  free("fm.one_hot", oneHot);
}
