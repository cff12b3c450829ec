//===- ShapeHelpers.cpp - What shape functions have in common -------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/fm/ShapeHelpers.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/SmallSet.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace narae::fm;
using namespace narae::fm::shape;

//===----------------------------------------------------------------------===//
// Checks
//===----------------------------------------------------------------------===//

LogicalResult shape::checkAxis(Operation *op, int64_t axis, int64_t rank,
                               StringRef name) {
  if (axis >= 0 && axis < rank)
    return success();
  return op->emitOpError() << name << " " << axis << " is not in [0, " << rank
                           << ")";
}

LogicalResult shape::checkAxes(Operation *op, ArrayRef<int64_t> axes,
                               int64_t rank) {
  llvm::SmallSet<int64_t, 8> seen;
  for (int64_t axis : axes) {
    if (failed(checkAxis(op, axis, rank)))
      return failure();
    if (!seen.insert(axis).second)
      return op->emitOpError() << "axis " << axis << " appears twice";
  }
  return success();
}

LogicalResult shape::checkRank(Operation *op, SymbolicScope &scope, Value value,
                               int64_t rank, StringRef name) {
  if (scope.rank(value) == rank)
    return success();
  return op->emitOpError() << name << " must have " << rank
                           << " dimensions but has " << scope.rank(value);
}

LogicalResult shape::checkMinRank(Operation *op, SymbolicScope &scope,
                                  Value value, int64_t rank, StringRef name) {
  if (scope.rank(value) >= rank)
    return success();
  return op->emitOpError() << name << " must have at least " << rank
                           << " dimensions but has " << scope.rank(value);
}

LogicalResult shape::checkOneOf(Operation *op, StringRef value, StringRef name,
                                ArrayRef<StringRef> allowed) {
  if (llvm::is_contained(allowed, value))
    return success();
  return op->emitOpError() << "unknown " << name << " '" << value
                           << "', expected one of: "
                           << llvm::join(allowed, ", ");
}

LogicalResult shape::checkSame(Operation *op, SymbolicScope &scope, Expr a,
                               Expr b, const Twine &what) {
  auto x = constantOf(a), y = constantOf(b);
  if (!x || !y || *x == *y)
    return success();
  return op->emitOpError() << what << " must agree: " << scope.str(a) << " and "
                           << scope.str(b);
}

LogicalResult shape::unify(Operation *op, SymbolicScope &scope, Expr &a, Expr b,
                           const Twine &what) {
  if (failed(checkSame(op, scope, a, b, what)))
    return failure();
  if (constantOf(b))
    a = b;
  return success();
}

LogicalResult shape::checkType(Operation *op, Type have, Type want,
                               StringRef name) {
  if (have == want)
    return success();
  return op->emitOpError() << name << " must have elements of type " << want
                           << " but has " << have;
}

LogicalResult shape::checkFloat(Operation *op, Type type, StringRef name) {
  if (isa<FloatType>(type))
    return success();
  return op->emitOpError() << name << " must have floats as elements but has "
                           << type;
}

LogicalResult shape::checkInt(Operation *op, Type type, StringRef name) {
  if (type.isIntOrIndex())
    return success();
  return op->emitOpError() << name << " must have integers as elements but has "
                           << type;
}

LogicalResult shape::checkBroadcastTo(Operation *op, SymbolicScope &scope,
                                      Value value, ArrayRef<Expr> dims,
                                      StringRef name) {
  ArrayRef<Expr> have = scope.dims(value);
  if (have.size() > dims.size())
    return op->emitOpError()
           << name << " has " << have.size()
           << " dimensions but may have at most " << dims.size();
  size_t shift = dims.size() - have.size();
  for (auto [i, dim] : llvm::enumerate(have)) {
    auto x = constantOf(dim), y = constantOf(dims[shift + i]);
    if (x && y && *x != 1 && *x != *y)
      return op->emitOpError() << "dimension " << i << " of " << name << " is "
                               << *x << " and does not broadcast to " << *y;
  }
  return success();
}

LogicalResult shape::checkLength(Operation *op, size_t have, size_t want,
                                 StringRef name) {
  if (have == want)
    return success();
  return op->emitOpError() << name << " must have " << want
                           << " entries but has " << have;
}

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

FailureOr<Exprs> shape::listOperand(Operation *op, SymbolicScope &scope,
                                    Value value, StringRef name,
                                    int64_t length) {
  if (failed(checkRank(op, scope, value, 1, name)) ||
      failed(checkType(op, scope.get(value).elementType,
                       IntegerType::get(op->getContext(), 64), name)))
    return failure();
  std::optional<Exprs> exprs = scope.elementsOrItems(value);
  if (!exprs && length < 0)
    return op->emitOpError()
           << "the number of dimensions depends on data: " << name
           << " has no static length";
  if (!exprs)
    return op->emitOpError()
           << name << " must have the static length " << length;
  if (length >= 0 && failed(checkLength(op, exprs->size(), length, name)))
    return failure();
  return *exprs;
}

FailureOr<Expr> shape::scalarOperand(Operation *op, SymbolicScope &scope,
                                     Value value, StringRef name) {
  if (failed(checkInt(op, scope.get(value).elementType, name)))
    return failure();
  std::optional<Exprs> exprs = scope.elementsOrItems(value);
  if (!exprs || exprs->size() != 1)
    return op->emitOpError() << name << " must have one element";
  return exprs->front();
}

LogicalResult shape::checkSizes(Operation *op, ArrayRef<Expr> sizes,
                                StringRef name) {
  for (auto [i, size] : llvm::enumerate(sizes))
    if (auto c = constantOf(size); c && *c < 0)
      return op->emitOpError()
             << name << " gives dimension " << i << " the negative size " << *c;
  return success();
}

//===----------------------------------------------------------------------===//
// Followed elements
//===----------------------------------------------------------------------===//

std::optional<Sizes> shape::smallSizes(ArrayRef<Expr> dims) {
  Sizes sizes;
  int64_t count = 1;
  bool empty = false;
  for (Expr e : dims) {
    auto c = constantOf(e);
    if (!c || *c < 0)
      return std::nullopt;
    sizes.push_back(*c);
    empty |= *c == 0;
    if (*c && llvm::MulOverflow(count, *c, count))
      return std::nullopt;
  }
  if (!empty && count > kMaxTrackedElements)
    return std::nullopt;
  return sizes;
}

void shape::forEachIndex(ArrayRef<int64_t> sizes,
                         function_ref<void(ArrayRef<int64_t>)> visit) {
  if (llvm::is_contained(sizes, 0))
    return;
  Sizes index(sizes.size(), 0);
  while (true) {
    visit(index);
    int64_t d = int64_t(sizes.size()) - 1;
    while (d >= 0 && ++index[d] == sizes[d])
      index[d--] = 0;
    if (d < 0)
      return;
  }
}

int64_t shape::position(ArrayRef<int64_t> index, ArrayRef<int64_t> sizes) {
  ArrayRef<int64_t> tail = index.take_back(sizes.size());
  int64_t at = 0;
  for (auto [i, size] : llvm::zip(tail, sizes))
    at = at * size + (size == 1 ? 0 : i);
  return at;
}

void shape::pick(const SymTensor &from, ArrayRef<int64_t> sources,
                 SymTensor &result) {
  if (from.elements) {
    Exprs exprs;
    for (int64_t i : sources)
      exprs.push_back((*from.elements)[i]);
    result.elements = std::move(exprs);
  }
  if (from.floats) {
    SmallVector<double> values;
    for (int64_t i : sources)
      values.push_back((*from.floats)[i]);
    result.floats = std::move(values);
  }
}

void shape::pickBy(const SymTensor &from, SymTensor &result,
                   function_ref<int64_t(ArrayRef<int64_t>)> source) {
  std::optional<Sizes> sizes = smallSizes(result.dims);
  if (!sizes || !isFollowed(from))
    return;
  Sizes sources;
  forEachIndex(*sizes, [&](ArrayRef<int64_t> index) {
    sources.push_back(source(index));
  });
  pick(from, sources, result);
}

/// Whether all symbols are dimensions or fit [min, max] themselves.
static bool isMadeOfDims(SymbolicScope &scope, Expr expr, int64_t min,
                         int64_t max) {
  bool fits = true;
  expr.walk([&](Expr e) {
    auto s = dyn_cast<AffineSymbolExpr>(e);
    if (!s)
      return;
    const SymbolDef &def = scope.symbols()[s.getPosition()];
    if (def.kind == SymbolDef::Item)
      fits &= def.min >= min && def.max <= max;
    for (Expr operand : def.operands)
      fits &= isMadeOfDims(scope, operand, min, max);
  });
  return fits;
}

Expr shape::asInteger(SymbolicScope &scope, Type type, Expr expr) {
  auto integer = dyn_cast<IntegerType>(type);
  if (!expr || !integer)
    return isa<IndexType>(type) ? expr : Expr();
  unsigned width = integer.getWidth();
  bool isUnsigned = integer.isUnsigned() || width == 1;
  if (width > 64)
    return Expr();
  if (auto c = constantOf(expr)) {
    if (width == 64)
      return isUnsigned && *c < 0 ? Expr() : expr;
    uint64_t bits = static_cast<uint64_t>(*c) & llvm::maxUIntN(width);
    return scope.cst(isUnsigned ? int64_t(bits)
                                : llvm::SignExtend64(bits, width));
  }
  auto [low, high] = scope.range(expr);
  if (isUnsigned && low < 0)
    return Expr();
  if (width == 64)
    return expr;
  int64_t min = isUnsigned ? 0 : llvm::minIntN(width);
  int64_t max =
      isUnsigned ? int64_t(llvm::maxUIntN(width)) : llvm::maxIntN(width);
  if (low >= min && high <= max)
    return expr;
  return width == 32 && isMadeOfDims(scope, expr, min, max) ? expr : Expr();
}

std::optional<double> shape::asFloat(Type type, double value) {
  auto floatType = dyn_cast<FloatType>(type);
  if (!floatType || floatType.getWidth() < 16 || floatType.getWidth() > 64)
    return std::nullopt;
  llvm::APFloat number(value);
  bool lost;
  number.convert(floatType.getFloatSemantics(),
                 llvm::APFloat::rmNearestTiesToEven, &lost);
  number.convert(llvm::APFloat::IEEEdouble(),
                 llvm::APFloat::rmNearestTiesToEven, &lost);
  return number.convertToDouble();
}
