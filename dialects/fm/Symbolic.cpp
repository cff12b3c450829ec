//===- Symbolic.cpp - Symbolic shapes of fm values ------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/fm/ShapeHelpers.h"

#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace narae::fm;

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

Expr SymbolicScope::symbol(SymbolDef def) {
  // The same operation on the same operands is the same symbol.
  if (def.kind != SymbolDef::Given)
    for (auto [i, other] : llvm::enumerate(defs))
      if (other.kind == def.kind && other.value == def.value &&
          other.index == def.index && other.operands == def.operands)
        return getAffineSymbolExpr(i, context);
  defs.push_back(std::move(def));
  return getAffineSymbolExpr(defs.size() - 1, context);
}

Expr SymbolicScope::given(StringRef name, int64_t min, int64_t max) {
  return symbol({SymbolDef::Given, {}, 0, {}, min, max, name.str()});
}

Expr SymbolicScope::item(Value tensor, unsigned index) {
  int64_t min = INT64_MIN, max = kUnbounded;
  if (auto type = dyn_cast<IntegerType>(get(tensor).elementType)) {
    bool isUnsigned = type.isUnsigned() || type.getWidth() == 1;
    if (isUnsigned)
      min = 0;
    if (type.getWidth() < 64) {
      max = isUnsigned ? llvm::maxUIntN(type.getWidth())
                       : llvm::maxIntN(type.getWidth());
      min = isUnsigned ? 0 : llvm::minIntN(type.getWidth());
    }
  }
  return symbol({SymbolDef::Item, tensor, index, {}, min, max, ""});
}

RankedTensorType narae::fm::typeOf(const SymTensor &tensor) {
  SmallVector<int64_t> shape;
  for (Expr e : tensor.dims)
    shape.push_back(staticSize(e));
  return RankedTensorType::get(shape, tensor.elementType);
}

bool narae::fm::isTracked(RankedTensorType type) {
  return type.getElementType().isIntOrIndex() && type.hasStaticShape() &&
         type.getNumElements() <= kMaxTrackedElements && type.getRank() <= 2;
}

void SymbolicScope::set(Value value, SymTensor tensor) {
  // Elements are worth following for tensors that can be shapes only. Types
  // that are not verified yet may disagree with a constant's value.
  RankedTensorType type = typeOf(tensor);
  bool small = type.hasStaticShape() && type.getRank() <= 2 &&
               type.getNumElements() <= kMaxTrackedElements;
  size_t count = small ? type.getNumElements() : 0;
  if (tensor.elements && !(isTracked(type) && tensor.elements->size() == count))
    tensor.elements.reset();
  if (tensor.floats && !(small && tensor.floats->size() == count))
    tensor.floats.reset();
  std::unique_ptr<SymTensor> &slot = known[value];
  if (slot)
    *slot = std::move(tensor);
  else
    slot = std::make_unique<SymTensor>(std::move(tensor));
}

const SymTensor &SymbolicScope::get(Value value) {
  auto it = known.find(value);
  if (it != known.end())
    return *it->second;
  // The arguments of a loop's body have the shapes of what it carries.
  Operation *op = value.getDefiningOp();
  if (auto arg = dyn_cast<BlockArgument>(value))
    op = dyn_cast_or_null<LoopOp>(arg.getOwner()->getParentOp());
  if (op && isa<SymbolicShapeOpInterface>(op) && succeeded(add(op)))
    if (auto found = known.find(value); found != known.end())
      return *found->second;
  // A block argument, or a foreign op: its type is all there is.
  SymTensor tensor;
  auto type = cast<RankedTensorType>(value.getType());
  tensor.elementType = type.getElementType();
  ArrayAttr names, bounds;
  if (auto arg = dyn_cast<BlockArgument>(value))
    if (auto func = dyn_cast_or_null<FunctionOpInterface>(
            arg.getOwner()->getParentOp())) {
      names = func.getArgAttrOfType<ArrayAttr>(arg.getArgNumber(), "fm.dims");
      bounds =
          func.getArgAttrOfType<ArrayAttr>(arg.getArgNumber(), "fm.bounds");
    }
  for (auto [i, size] : llvm::enumerate(type.getShape())) {
    if (!ShapedType::isDynamic(size)) {
      tensor.dims.push_back(cst(size));
      continue;
    }
    std::string name;
    if (names && i < names.size())
      if (auto text = dyn_cast<StringAttr>(names[i]))
        name = text.str();
    if (!name.empty() && named.count(name)) {
      tensor.dims.push_back(named[name]);
      continue;
    }
    SymbolDef def{SymbolDef::ArgDim, value, unsigned(i), {}, 0,
                  kUnbounded,        name};
    if (bounds && 2 * i + 1 < bounds.size()) {
      auto low = dyn_cast<IntegerAttr>(bounds[2 * i]),
           high = dyn_cast<IntegerAttr>(bounds[2 * i + 1]);
      if (low)
        def.min = std::max<int64_t>(0, low.getInt());
      if (high && high.getInt() >= def.min)
        def.max = high.getInt();
    }
    Expr e = symbol(def);
    if (!name.empty())
      named[name] = e;
    tensor.dims.push_back(e);
  }
  set(value, std::move(tensor));
  return *known[value];
}

LogicalResult SymbolicScope::add(Operation *op) {
  auto shaped = dyn_cast<SymbolicShapeOpInterface>(op);
  if (!shaped)
    return success();
  // Operands first, without recursion on long chains.
  SmallVector<Operation *> stack{op};
  while (!stack.empty()) {
    Operation *current = stack.back();
    bool ready = true;
    for (Value operand : current->getOperands())
      if (Operation *def = operand.getDefiningOp())
        if (!known.count(operand) && isa<SymbolicShapeOpInterface>(def)) {
          stack.push_back(def);
          ready = false;
        }
    if (!ready)
      continue;
    stack.pop_back();
    if (current->getNumResults() && known.count(current->getResult(0)) &&
        current != op)
      continue;
    SmallVector<SymTensor> results;
    if (failed(cast<SymbolicShapeOpInterface>(current).inferResults(*this,
                                                                    results)))
      return failure();
    for (auto [result, tensor] : llvm::zip(current->getResults(), results))
      set(result, std::move(tensor));
  }
  return success();
}

std::optional<Exprs> SymbolicScope::elementsOrItems(Value value) {
  const SymTensor &tensor = get(value);
  if (tensor.elements)
    return tensor.elements;
  auto count = constantOf(product(tensor.dims));
  if (!count || *count > kMaxTrackedElements)
    return std::nullopt;
  Exprs exprs;
  for (int64_t i = 0; i < *count; ++i)
    exprs.push_back(item(value, i));
  return exprs;
}

std::optional<SmallVector<int64_t>> SymbolicScope::constants(Value value) {
  std::optional<Exprs> exprs = elements(value);
  if (!exprs)
    return std::nullopt;
  SmallVector<int64_t> values;
  for (Expr e : *exprs) {
    auto c = constantOf(e);
    if (!c)
      return std::nullopt;
    values.push_back(*c);
  }
  return values;
}

std::string SymbolicScope::str(Expr expr) {
  if (auto c = constantOf(expr))
    return std::to_string(*c);
  if (auto s = dyn_cast<AffineSymbolExpr>(expr))
    if (!defs[s.getPosition()].name.empty())
      return defs[s.getPosition()].name;
  std::string text;
  llvm::raw_string_ostream(text) << expr;
  return text;
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

LogicalResult narae::fm::broadcastDims(Operation *op, SymbolicScope &scope,
                                       ArrayRef<Expr> other, Exprs &dims) {
  while (dims.size() < other.size())
    dims.insert(dims.begin(), scope.cst(1));
  size_t shift = dims.size() - other.size();
  for (size_t i = 0; i < other.size(); ++i) {
    Expr result = scope.broadcast(dims[shift + i], other[i]);
    if (!result)
      return op->emitOpError("shapes do not broadcast: dimension ")
             << shift + i << " is " << scope.str(dims[shift + i]) << " and "
             << scope.str(other[i]);
    dims[shift + i] = result;
  }
  return success();
}

LogicalResult narae::fm::broadcastDims(Operation *op, SymbolicScope &scope,
                                       ValueRange values, Exprs &dims) {
  dims.clear();
  for (Value value : values)
    if (failed(broadcastDims(op, scope, scope.dims(value), dims)))
      return failure();
  return success();
}

LogicalResult narae::fm::verifyShapes(Operation *op) {
  if (op->getNumRegions())
    return verifyRegions(op);
  // Only the operands' types count: every dynamic dimension is a new symbol.
  SymbolicScope scope(op->getContext());
  for (Value operand : op->getOperands()) {
    if (scope.knows(operand))
      continue;
    SymTensor tensor;
    auto type = cast<RankedTensorType>(operand.getType());
    tensor.elementType = type.getElementType();
    for (auto [i, size] : llvm::enumerate(type.getShape()))
      tensor.dims.push_back(ShapedType::isDynamic(size)
                                ? scope.symbol({SymbolDef::ArgDim,
                                                operand,
                                                unsigned(i),
                                                {},
                                                0,
                                                kUnbounded,
                                                ""})
                                : scope.cst(size));
    Attribute constant;
    if (matchPattern(operand, m_Constant(&constant)))
      followConstant(scope, constant, tensor);
    scope.set(operand, std::move(tensor));
  }
  SmallVector<SymTensor> results;
  if (failed(shape::checkMoves(op, scope)) ||
      failed(cast<SymbolicShapeOpInterface>(op).inferResults(scope, results)))
    return failure();
  for (size_t i = 0; i < results.size(); ++i) {
    const SymTensor &tensor = results[i];
    auto type = cast<RankedTensorType>(op->getResult(i).getType());
    auto fail = [&] {
      return op->emitOpError("result ") << i << " has type " << type
                                        << " but must have " << typeOf(tensor);
    };
    if (type.getElementType() != tensor.elementType ||
        type.getRank() != int64_t(tensor.dims.size()))
      return fail();
    for (auto [have, want] : llvm::zip(type.getShape(), tensor.dims))
      if (auto c = constantOf(want))
        if (!ShapedType::isDynamic(have) && have != *c)
          return fail();
  }
  return success();
}

Operation *narae::fm::createInferred(OpBuilder &builder, OperationState &state,
                                     SymbolicScope &scope) {
  // Inserted first: a shape function may look up symbols of the module.
  Operation *op = builder.insert(Operation::create(state));
  SmallVector<SymTensor> results;
  if (failed(shape::checkMoves(op, scope)) ||
      failed(cast<SymbolicShapeOpInterface>(op).inferResults(scope, results))) {
    op->erase();
    return nullptr;
  }
  for (auto [result, tensor] : llvm::zip(op->getResults(), results)) {
    result.setType(typeOf(tensor));
    scope.set(result, std::move(tensor));
  }
  return op;
}
