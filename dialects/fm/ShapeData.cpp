//===- ShapeData.cpp - Shapes of constants, shape ops and generators ------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Where followed elements begin (constants, shape_of), the ops that keep
// elements in place (reshape and its kin), and those that make tensors.
//
//===----------------------------------------------------------------------===//

#include "dialects/fm/ShapeHelpers.h"

#include <cmath>

using namespace mlir;
using namespace narae::fm;
using namespace narae::fm::shape;

static Type i64Of(Operation *op) {
  return IntegerType::get(op->getContext(), 64);
}

/// The operand's elements under new dimensions.
static void keepElements(SymbolicScope &scope, Value input, SymTensor &result) {
  const SymTensor &from = scope.get(input);
  result.elements = from.elements;
  result.floats = from.floats;
}

//===----------------------------------------------------------------------===//
// Sources
//===----------------------------------------------------------------------===//

void narae::fm::followConstant(SymbolicScope &scope, Attribute value,
                               SymTensor &tensor) {
  auto dense = dyn_cast_or_null<DenseElementsAttr>(value);
  if (!dense || dense.getNumElements() > kMaxTrackedElements)
    return;
  Type type = dense.getElementType();
  if (type.isIntOrIndex()) {
    bool isUnsigned = type.isUnsignedInteger() || type.isInteger(1);
    Exprs exprs;
    for (const APInt &v : dense.getValues<APInt>()) {
      if (v.getBitWidth() > 64 || (isUnsigned && v.getActiveBits() > 63))
        return;
      exprs.push_back(
          scope.cst(isUnsigned ? v.getZExtValue() : v.getSExtValue()));
    }
    tensor.elements = std::move(exprs);
  } else if (asFloat(type, 0)) {
    SmallVector<double> numbers;
    for (APFloat v : dense.getValues<APFloat>()) {
      bool lost;
      v.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lost);
      numbers.push_back(v.convertToDouble());
    }
    tensor.floats = std::move(numbers);
  }
}

/// The type of a constant tensor's value, as a tensor.
static SymTensor ofType(SymbolicScope &scope, RankedTensorType type) {
  SymTensor tensor{type.getElementType(), {}};
  for (int64_t size : type.getShape())
    tensor.dims.push_back(scope.cst(size));
  return tensor;
}

LogicalResult ConstantOp::inferResults(SymbolicScope &scope,
                                       SmallVectorImpl<SymTensor> &results) {
  auto type = dyn_cast<RankedTensorType>(getValue().getType());
  if (!type || !type.hasStaticShape())
    return emitOpError("the value must be a tensor of static shape");
  SymTensor result = ofType(scope, type);
  followConstant(scope, getValue(), result);
  results.push_back(std::move(result));
  return success();
}

LogicalResult WeightOp::inferResults(SymbolicScope &scope,
                                     SmallVectorImpl<SymTensor> &results) {
  // The type is compared with the symbol's once, by the verifier: looking
  // symbols up takes time in modules of many.
  auto type = dyn_cast<RankedTensorType>(getResult().getType());
  if (!type || !type.hasStaticShape()) {
    auto data = dyn_cast_or_null<WeightDataOp>(
        SymbolTable::lookupNearestSymbolFrom(*this, getDataAttr()));
    if (!data)
      return emitOpError("there is no fm.weight_data @") << getData();
    type = cast<RankedTensorType>(data.getType());
  }
  results.push_back(ofType(scope, type));
  return success();
}

LogicalResult ShapeOfOp::inferResults(SymbolicScope &scope,
                                      SmallVectorImpl<SymTensor> &results) {
  ArrayRef<Expr> dims = scope.dims(getInput());
  int64_t rank = dims.size();
  auto clamp = [&](int64_t i) {
    return std::clamp<int64_t>(i < 0 ? i + rank : i, 0, rank);
  };
  int64_t start = clamp(getStart());
  int64_t end = getEnd() ? clamp(*getEnd()) : rank;
  int64_t count = std::max<int64_t>(0, end - start);
  SymTensor result{i64Of(*this), {scope.cst(count)}};
  ArrayRef<Expr> part = dims.slice(start, count);
  result.elements = Exprs(part.begin(), part.end());
  results.push_back(std::move(result));
  return success();
}

LogicalResult SizeOfOp::inferResults(SymbolicScope &scope,
                                     SmallVectorImpl<SymTensor> &results) {
  SymTensor result{i64Of(*this), {}};
  result.elements = Exprs{scope.product(scope.dims(getInput()))};
  results.push_back(std::move(result));
  return success();
}

//===----------------------------------------------------------------------===//
// Other dimensions for the same elements
//===----------------------------------------------------------------------===//

LogicalResult ReshapeOp::inferResults(SymbolicScope &scope,
                                      SmallVectorImpl<SymTensor> &results) {
  FailureOr<Exprs> shape = listOperand(*this, scope, getShape(), "shape");
  if (failed(shape))
    return failure();
  Exprs from = dimsOf(scope, getInput());
  Expr count = scope.product(from), zero = scope.cst(0), minus = scope.cst(-1);
  // Zeros copy; `open` entries are -1, or may be when the program runs.
  Exprs dims;
  SmallVector<size_t> open;
  std::optional<size_t> inferred;
  for (auto [i, e] : llvm::enumerate(*shape)) {
    auto c = constantOf(e);
    if (c && *c < -1)
      return emitOpError("shape has the negative size ") << *c;
    if (c && *c == -1) {
      if (inferred)
        return emitOpError("shape has more than one -1");
      inferred = i;
    }
    auto [low, high] = scope.range(e);
    if (!getAllowZero() && low <= 0 && high >= 0) {
      if (i < from.size())
        e = scope.select(scope.equal(e, zero), from[i], e);
      else if (c)
        return emitOpError("shape copies dimension ")
               << i << " of an operand with " << from.size() << " dimensions";
    }
    if (low < 0 && !(c && *c == -1))
      open.push_back(i);
    dims.push_back(e);
  }
  auto others = [&](size_t skip) {
    Expr product = scope.cst(1);
    for (auto [i, e] : llvm::enumerate(dims))
      if (i != skip)
        product = scope.mul(product, e);
    return product;
  };
  if (inferred) {
    Expr known = others(*inferred);
    auto c = constantOf(count), k = constantOf(known);
    if (c && k && *c && (*k == 0 || *c % *k != 0))
      return emitOpError("cannot reshape ")
             << *c << " elements in rows of " << *k;
    dims[*inferred] = scope.floorDiv(count, known);
  } else if (open.size() == 1 && scope.range(others(open[0])).first > 0) {
    // Whatever the entry says, this is what it has to mean.
    dims[open[0]] = scope.floorDiv(count, others(open[0]));
  } else {
    Exprs resolved(dims);
    for (size_t i : open)
      resolved[i] = scope.select(scope.equal((*shape)[i], minus),
                                 scope.floorDiv(count, others(i)), dims[i]);
    dims = resolved;
  }
  auto have = constantOf(count), want = constantOf(scope.product(dims));
  if (have && want && *have != *want)
    return emitOpError("cannot reshape ")
           << *have << " elements to a shape of " << *want;
  SymTensor result{scope.get(getInput()).elementType, dims};
  keepElements(scope, getInput(), result);
  results.push_back(std::move(result));
  return success();
}

LogicalResult FlattenOp::inferResults(SymbolicScope &scope,
                                      SmallVectorImpl<SymTensor> &results) {
  ArrayRef<Expr> dims = scope.dims(getInput());
  int64_t axis = getAxis();
  if (failed(checkAxis(*this, axis, dims.size() + 1)))
    return failure();
  SymTensor result{scope.get(getInput()).elementType,
                   {scope.product(dims.take_front(axis)),
                    scope.product(dims.drop_front(axis))}};
  keepElements(scope, getInput(), result);
  results.push_back(std::move(result));
  return success();
}

LogicalResult UnsqueezeOp::inferResults(SymbolicScope &scope,
                                        SmallVectorImpl<SymTensor> &results) {
  ArrayRef<Expr> dims = scope.dims(getInput());
  int64_t rank = dims.size() + getAxes().size();
  if (failed(checkAxes(*this, getAxes(), rank)))
    return failure();
  SymTensor result{scope.get(getInput()).elementType, {}};
  for (int64_t i = 0; i < rank; ++i) {
    bool isNew = llvm::is_contained(getAxes(), i);
    result.dims.push_back(isNew ? scope.cst(1) : dims.front());
    dims = dims.drop_front(!isNew);
  }
  keepElements(scope, getInput(), result);
  results.push_back(std::move(result));
  return success();
}

LogicalResult SqueezeOp::inferResults(SymbolicScope &scope,
                                      SmallVectorImpl<SymTensor> &results) {
  ArrayRef<Expr> dims = scope.dims(getInput());
  if (failed(checkAxes(*this, getAxes(), dims.size())))
    return failure();
  SymTensor result{scope.get(getInput()).elementType, {}};
  for (auto [i, dim] : llvm::enumerate(dims)) {
    if (!llvm::is_contained(getAxes(), int64_t(i)))
      result.dims.push_back(dim);
    else if (auto c = constantOf(dim); c && *c != 1)
      return emitOpError("dimension ") << i << " must be 1 but is " << *c;
  }
  keepElements(scope, getInput(), result);
  results.push_back(std::move(result));
  return success();
}

//===----------------------------------------------------------------------===//
// Generators
//===----------------------------------------------------------------------===//

LogicalResult FillOp::inferResults(SymbolicScope &scope,
                                   SmallVectorImpl<SymTensor> &results) {
  FailureOr<Exprs> shape = listOperand(*this, scope, getShape(), "shape");
  if (failed(shape) || failed(checkSizes(*this, *shape, "shape")))
    return failure();
  Type type = getValue().getType();
  if (!isa<IntegerAttr, FloatAttr>(getValue()))
    return emitOpError("value must be a number but is ") << getValue();
  SymTensor result{type, *shape}, one{type, {}};
  followConstant(scope,
                 DenseElementsAttr::get(RankedTensorType::get({}, type),
                                        ArrayRef<Attribute>{getValue()}),
                 one);
  pickBy(one, result, [](ArrayRef<int64_t>) { return 0; });
  results.push_back(std::move(result));
  return success();
}

/// The number of steps from start to limit.
static Expr stepCount(SymbolicScope &scope, Expr start, Expr limit,
                      Expr delta) {
  Expr zero = scope.cst(0);
  Expr up = scope.ceilDiv(scope.sub(limit, start), delta);
  Expr down = scope.ceilDiv(scope.sub(start, limit), scope.sub(zero, delta));
  auto [low, high] = scope.range(delta);
  if (low > 0)
    return scope.max(zero, up);
  if (high < 0)
    return scope.max(zero, down);
  return scope.max(zero, scope.select(scope.less(zero, delta), up, down));
}

LogicalResult RangeOp::inferResults(SymbolicScope &scope,
                                    SmallVectorImpl<SymTensor> &results) {
  Type type = scope.get(getStart()).elementType;
  SymTensor result{type, {}};
  for (Value value : getOperands())
    if (failed(checkType(*this, scope.get(value).elementType, type,
                         "every operand")))
      return failure();
  if (isa<FloatType>(type)) {
    auto start = scope.floats(getStart()), limit = scope.floats(getLimit()),
         delta = scope.floats(getDelta());
    if (!start || !limit || !delta)
      return emitOpError("the number of elements depends on floats that are "
                         "known only when the program runs");
    if (start->size() != 1 || limit->size() != 1 || delta->size() != 1)
      return emitOpError("every operand must have one element");
    double first = start->front(), step = delta->front();
    double count = std::ceil((limit->front() - first) / step);
    if (!(count < 1e15))
      return emitOpError("does not end: delta is ") << step;
    int64_t size = std::max(0.0, count);
    result.dims = {scope.cst(size)};
    if (size <= kMaxTrackedElements) {
      result.floats.emplace();
      for (int64_t i = 0; i < size; ++i)
        result.floats->push_back(
            asFloat(type, first + step * i).value_or(first));
    }
    results.push_back(std::move(result));
    return success();
  }
  Exprs bounds;
  for (auto [value, name] : {std::make_pair(getStart(), "start"),
                             {getLimit(), "limit"},
                             {getDelta(), "delta"}}) {
    FailureOr<Expr> bound = scalarOperand(*this, scope, value, name);
    if (failed(bound))
      return failure();
    bounds.push_back(*bound);
  }
  Expr start = bounds[0], delta = bounds[2];
  if (constantOf(delta) == 0)
    return emitOpError("does not end: delta is 0");
  result.dims = {stepCount(scope, start, bounds[1], delta)};
  if (std::optional<Sizes> sizes = smallSizes(result.dims)) {
    Exprs exprs;
    for (int64_t i = 0; i < sizes->front(); ++i)
      exprs.push_back(asInteger(
          scope, type, scope.add(start, scope.mul(delta, scope.cst(i)))));
    if (!llvm::is_contained(exprs, Expr()))
      result.elements = std::move(exprs);
  }
  results.push_back(std::move(result));
  return success();
}

LogicalResult IotaOp::inferResults(SymbolicScope &scope,
                                   SmallVectorImpl<SymTensor> &results) {
  FailureOr<Exprs> shape = listOperand(*this, scope, getShape(), "shape");
  if (failed(shape) || failed(checkSizes(*this, *shape, "shape")) ||
      failed(checkAxis(*this, getAxis(), shape->size())))
    return failure();
  if (!getType().isIntOrIndexOrFloat())
    return emitOpError("type must be a number's but is ") << getType();
  SymTensor result{getType(), *shape};
  std::optional<Sizes> sizes = smallSizes(*shape);
  if (sizes && getType().isIntOrIndex()) {
    Exprs exprs;
    forEachIndex(*sizes, [&](ArrayRef<int64_t> index) {
      exprs.push_back(asInteger(scope, getType(), scope.cst(index[getAxis()])));
    });
    if (!llvm::is_contained(exprs, Expr()))
      result.elements = std::move(exprs);
  }
  results.push_back(std::move(result));
  return success();
}

LogicalResult OneHotOp::inferResults(SymbolicScope &scope,
                                     SmallVectorImpl<SymTensor> &results) {
  const SymTensor &indices = scope.get(getIndices());
  const SymTensor &values = scope.get(getValues());
  FailureOr<Expr> depth = scalarOperand(*this, scope, getDepth(), "depth");
  if (failed(depth) || failed(checkSizes(*this, *depth, "depth")) ||
      failed(checkAxis(*this, getAxis(), indices.dims.size() + 1)) ||
      failed(checkRank(*this, scope, getValues(), 1, "values")) ||
      failed(checkSame(*this, scope, values.dims[0], scope.cst(2),
                       "the two values and their number")))
    return failure();
  SymTensor result{values.elementType, indices.dims};
  result.dims.insert(result.dims.begin() + getAxis(), *depth);
  std::optional<Sizes> sizes = smallSizes(result.dims);
  if (sizes && indices.elements && values.elements) {
    Sizes from(*sizes);
    from.erase(from.begin() + getAxis());
    Exprs exprs;
    forEachIndex(*sizes, [&](ArrayRef<int64_t> at) {
      Sizes where(at.begin(), at.end());
      Expr slot = scope.cst(where[getAxis()]);
      where.erase(where.begin() + getAxis());
      Expr e = (*indices.elements)[position(where, from)];
      e = scope.select(scope.less(e, scope.cst(0)), scope.add(e, *depth), e);
      exprs.push_back(scope.select(scope.equal(e, slot), (*values.elements)[1],
                                   (*values.elements)[0]));
    });
    result.elements = std::move(exprs);
  }
  results.push_back(std::move(result));
  return success();
}
