//===- KernelContext.cpp - Sizes and elements of a kernel -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/rt/KernelScope.h"
#include "lib/codegen/Blocks.h"
#include "lib/codegen/Elemental.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;
using fm::Expr;

KernelContext::KernelContext(OpBuilder &b, rt::KernelOp kernel,
                             KernelArguments arguments)
    : b(b), loc(kernel.getLoc()), kernel(kernel), scope(rt::scopeOf(kernel)),
      args(std::move(arguments)) {
  marker = b.create<arith::ConstantIndexOp>(loc, 0);
  // Different buffers do not overlap; a result that reuses the buffer of an
  // operand does so element by element, which reordering does not break.
  MLIRContext *context = b.getContext();
  auto domain = LLVM::AliasScopeDomainAttr::get(
      context, b.getStringAttr(kernel.getSymName()));
  SmallVector<Attribute> scopes;
  SmallVector<std::pair<Value, unsigned>> members;
  auto add = [&](StringRef name) {
    scopes.push_back(LLVM::AliasScopeAttr::get(domain, b.getStringAttr(name)));
  };
  add("inputs");
  for (Value input : args.inputs)
    members.push_back({input, 0});
  for (Value output : args.outputs) {
    members.push_back({output, scopes.size()});
    add("output");
  }
  if (args.scratch) {
    members.push_back({args.scratch, scopes.size()});
    add("scratch");
  }
  for (auto [pointer, index] : members) {
    SmallVector<Attribute> others(scopes);
    others.erase(others.begin() + index);
    aliases[pointer] =
        Alias{b.getArrayAttr({scopes[index]}), b.getArrayAttr(others)};
  }
}

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

Value KernelContext::atEntry(llvm::function_ref<Value()> emit) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(marker);
  // Elements that were emitted further down do not dominate this.
  auto later = std::exchange(emitted, decltype(emitted)());
  Value value = emit();
  emitted = std::move(later);
  return value;
}

Value KernelContext::constantAttr(TypedAttr attr) {
  Value &value = constants[attr];
  if (!value) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(marker);
    value = b.create<arith::ConstantOp>(loc, attr);
  }
  return value;
}

Value KernelContext::index(int64_t value) {
  return constantAttr(b.getIndexAttr(value));
}

Value KernelContext::expr(Expr e) {
  if (auto c = fm::constantOf(e))
    return index(*c);
  if (Value v = exprs.lookup(e))
    return v;
  Value v = atEntry([&] { return emitExpr(e); });
  return exprs[e] = v;
}

Value KernelContext::emitExpr(Expr e) {
  if (auto symbol = dyn_cast<AffineSymbolExpr>(e))
    return symbolValue(symbol.getPosition());
  auto binary = cast<AffineBinaryOpExpr>(e);
  Value x = expr(binary.getLHS()), y = expr(binary.getRHS());
  switch (e.getKind()) {
  case AffineExprKind::Add:
    return addI(x, y);
  case AffineExprKind::Mul:
    return mulI(x, y);
  default:
    break;
  }
  // Rounded down; a divisor of 0 gives 0, as on the host.
  if (scope.range(binary.getLHS()).first >= 0 &&
      scope.range(binary.getRHS()).first > 0)
    return e.getKind() == AffineExprKind::Mod ? remI(x, y) : divI(x, y);
  Value none = index(0), one = index(1);
  auto cmp = [&](arith::CmpIPredicate p, Value l, Value r) -> Value {
    return b.create<arith::CmpIOp>(loc, p, l, r);
  };
  Value isZero = cmp(arith::CmpIPredicate::eq, y, none);
  Value divisor = selectV(isZero, one, y);
  Value quotient = b.create<arith::DivSIOp>(loc, x, divisor);
  Value rest = subI(x, mulI(quotient, divisor));
  Value adjust = b.create<arith::AndIOp>(
      loc, cmp(arith::CmpIPredicate::ne, rest, none),
      b.create<arith::XOrIOp>(loc, cmp(arith::CmpIPredicate::slt, rest, none),
                              cmp(arith::CmpIPredicate::slt, divisor, none)));
  Value floor = selectV(adjust, subI(quotient, one), quotient);
  if (e.getKind() == AffineExprKind::CeilDiv)
    floor = selectV(cmp(arith::CmpIPredicate::ne, rest, none), addI(floor, one),
                    floor);
  floor = selectV(isZero, none, floor);
  return e.getKind() == AffineExprKind::Mod ? subI(x, mulI(floor, y)) : floor;
}

Value KernelContext::symbolValue(unsigned position) {
  const fm::SymbolDef def = scope.symbols()[position];
  SmallVector<Value> v;
  for (Expr operand : def.operands)
    v.push_back(expr(operand));
  auto boolean = [&](arith::CmpIPredicate p, Value l, Value r) {
    return selectV(b.create<arith::CmpIOp>(loc, p, l, r), index(1), index(0));
  };
  switch (def.kind) {
  case fm::SymbolDef::Max:
    return maxI(v[0], v[1]);
  case fm::SymbolDef::Min:
    return minI(v[0], v[1]);
  case fm::SymbolDef::Select:
    return selectV(
        b.create<arith::CmpIOp>(loc, arith::CmpIPredicate::ne, v[0], index(0)),
        v[1], v[2]);
  case fm::SymbolDef::Equal:
    return boolean(arith::CmpIPredicate::eq, v[0], v[1]);
  case fm::SymbolDef::Less:
    return boolean(arith::CmpIPredicate::slt, v[0], v[1]);
  case fm::SymbolDef::Given: {
    // Parameters come in the order of their symbols.
    unsigned param = 0;
    for (unsigned i = 0; i < position; ++i)
      param += scope.symbols()[i].kind == fm::SymbolDef::Given;
    if (param < args.params.size())
      return args.params[param];
    break;
  }
  case fm::SymbolDef::Item: {
    // An element of a tensor that the kernel itself has.
    Value v = element(def.value, delinear(dims(def.value), index(def.index)));
    if (!v)
      break;
    if (isUnsigned(def.value) || v.getType().isInteger(1))
      return b.create<arith::IndexCastUIOp>(loc, b.getIndexType(), v);
    return b.create<arith::IndexCastOp>(loc, b.getIndexType(), v);
  }
  default:
    break;
  }
  kernel.emitError("a size is not known when the kernel starts");
  return index(0);
}

Value KernelContext::numElements(Value tensor) {
  return expr(scope.product(dims(tensor)));
}

Type KernelContext::elementType(Value tensor) {
  return cast<ShapedType>(tensor.getType()).getElementType();
}

bool KernelContext::isUnsigned(Value tensor) {
  return elementType(tensor).isUnsignedInteger();
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

KernelContext::Remember::~Remember() {
  if (--k.remembering == 0)
    k.emitted.clear();
}

/// Whether code at the builder sees values of `block`: regions here have one
/// block each, and code is appended.
static bool isVisible(Block *block, Block *from) {
  for (; from;
       from = from->getParentOp() ? from->getParentOp()->getBlock() : nullptr)
    if (from == block)
      return true;
  return false;
}

Value KernelContext::element(Value tensor, ValueRange indices) {
  Remember remember(*this);
  Block *here = b.getInsertionBlock();
  for (const Emitted &e : emitted.lookup(tensor))
    if (llvm::equal(e.indices, indices) && isVisible(e.block, here))
      return e.value;
  Value value = emitElement(tensor, indices);
  if (value)
    emitted[tensor].push_back({Indices(indices.begin(), indices.end()), value,
                               b.getInsertionBlock()});
  return value;
}

Value KernelContext::emitElement(Value tensor, ValueRange indices) {
  if (auto it = sources.find(tensor); it != sources.end()) {
    ElementSource source = it->second;
    return source(indices);
  }
  Value pointer = pointerOf(tensor);
  if (auto format = fm::blockFormatOf(elementType(tensor)); pointer && format)
    return loadBlockElement(*this, *format, pointer, dims(tensor), indices);
  if (pointer)
    return load(pointer, elementType(tensor), linear(dims(tensor), indices));
  Operation *op = tensor.getDefiningOp();
  if (!op) {
    kernel.emitError("a tensor of the kernel has no source");
    return {};
  }
  ElementEntry entry = elementEntry(op);
  if (!entry.fn) {
    error(op) << "no code for single elements of " << op->getName();
    return {};
  }
  return entry.fn(*this, op, cast<OpResult>(tensor).getResultNumber(), indices);
}

Value KernelContext::broadcastElement(Value tensor, ArrayRef<Expr> resultDims,
                                      ValueRange indices) {
  ArrayRef<Expr> own = dims(tensor);
  size_t shift = resultDims.size() - own.size();
  Indices operand;
  for (auto [i, dim] : llvm::enumerate(own)) {
    Value index = indices[i + shift];
    auto size = fm::constantOf(dim);
    if (size && *size == 1)
      operand.push_back(this->index(0));
    else if (size || dim == resultDims[i + shift])
      operand.push_back(index);
    else
      operand.push_back(
          selectV(b.create<arith::CmpIOp>(loc, arith::CmpIPredicate::eq,
                                          expr(dim), this->index(1)),
                  this->index(0), index));
  }
  return element(tensor, operand);
}

void KernelContext::define(Value tensor, ElementSource source) {
  sources[tensor] = std::move(source);
  emitted.clear();
}

void KernelContext::undefine(Value tensor) {
  sources.erase(tensor);
  emitted.clear();
}

void KernelContext::chooseOperand(Operation *op, Value index,
                                  unsigned operand) {
  if (index)
    choices[op] = {index, operand};
  else
    choices.erase(op);
}

std::optional<unsigned> KernelContext::chosenOperand(Operation *op,
                                                     Value index) {
  auto it = choices.find(op);
  if (it == choices.end() || it->second.first != index)
    return std::nullopt;
  return it->second.second;
}

/// Ops whose result has the elements of operand 0 in the same order.
static bool keepsOrder(Operation *op) {
  return isa<fm::ReshapeOp, fm::FlattenOp, fm::SqueezeOp, fm::UnsqueezeOp>(op);
}

bool KernelContext::isFlat(Value tensor, ArrayRef<Value> leaves) {
  llvm::DenseMap<Value, bool> known;
  std::function<bool(Value)> flat = [&](Value v) -> bool {
    if (llvm::is_contained(leaves, v))
      return true;
    ArrayRef<Expr> shape = dims(v);
    // One dimension that is not 1: its index is the offset.
    if (llvm::count_if(shape, [](Expr e) { return fm::constantOf(e) != 1; }) <=
        1)
      return true;
    if (sources.count(v))
      return false;
    Operation *op = v.getDefiningOp();
    if (!op)
      return true;
    auto [it, isNew] = known.try_emplace(v, false);
    if (!isNew)
      return it->second;
    bool result = false;
    if (isa<fm::FillOp>(op))
      result = true;
    else if (keepsOrder(op))
      result = flat(op->getOperand(0));
    else if (isElementwise(op))
      result = llvm::all_of(op->getOperands(), [&](Value operand) {
        ArrayRef<Expr> own = dims(operand);
        if (llvm::all_of(own, [](Expr e) { return fm::constantOf(e) == 1; }))
          return true;
        return own == shape && flat(operand);
      });
    return known[v] = result;
  };
  return flat(tensor);
}

Indices KernelContext::flatIndices(ArrayRef<Expr> dims, Value offset) {
  Indices indices(dims.size(), index(0));
  for (size_t i = dims.size(); i-- > 0;)
    if (fm::constantOf(dims[i]) != 1) {
      indices[i] = offset;
      break;
    }
  return indices;
}

InFlightDiagnostic KernelContext::error(Operation *op) {
  return op->emitError();
}
