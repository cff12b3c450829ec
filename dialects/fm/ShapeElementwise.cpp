//===- ShapeElementwise.cpp - Shapes of element-wise ops ------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Dimensions broadcast, element types are checked; ShapeMath.cpp follows the
// elements.
//
//===----------------------------------------------------------------------===//

#include "dialects/fm/ShapeHelpers.h"

using namespace mlir;
using namespace narae::fm;
using namespace narae::fm::shape;

namespace {

/// Which element types an op takes.
enum class Takes { Numbers, Floats, Integers };

LogicalResult checkTakes(Operation *op, Type type, Takes takes) {
  bool ok = takes == Takes::Floats     ? isa<FloatType>(type)
            : takes == Takes::Integers ? type.isIntOrIndex()
                                       : type.isIntOrIndexOrFloat();
  if (ok)
    return success();
  return op->emitOpError() << "takes "
                           << (takes == Takes::Floats     ? "floats"
                               : takes == Takes::Integers ? "integers"
                                                          : "numbers")
                           << " but has elements of type " << type;
}

LogicalResult finish(Operation *op, SymbolicScope &scope, Results &results,
                     Type elementType) {
  SymTensor result{elementType, {}};
  if (failed(broadcastDims(op, scope, op->getOperands(), result.dims)))
    return failure();
  followElementwise(op, scope, result);
  results.push_back(std::move(result));
  return success();
}

LogicalResult unary(Operation *op, SymbolicScope &scope, Results &results,
                    Takes takes) {
  Type type = scope.get(op->getOperand(0)).elementType;
  if (failed(checkTakes(op, type, takes)))
    return failure();
  return finish(op, scope, results, type);
}

LogicalResult test(Operation *op, SymbolicScope &scope, Results &results) {
  Type type = scope.get(op->getOperand(0)).elementType;
  if (failed(checkTakes(op, type, Takes::Floats)))
    return failure();
  return finish(op, scope, results, IntegerType::get(op->getContext(), 1));
}

LogicalResult binary(Operation *op, SymbolicScope &scope, Results &results,
                     Takes takes) {
  Type type = scope.get(op->getOperand(0)).elementType;
  if (failed(checkTakes(op, type, takes)) ||
      failed(
          checkType(op, scope.get(op->getOperand(1)).elementType, type, "rhs")))
    return failure();
  return finish(op, scope, results, type);
}

} // namespace

#define NARAE_SHAPE(OP, HELPER, ...)                                           \
  LogicalResult OP::inferResults(SymbolicScope &scope,                         \
                                 SmallVectorImpl<SymTensor> &results) {        \
    return HELPER(getOperation(), scope, results, ##__VA_ARGS__);              \
  }

NARAE_SHAPE(AbsOp, unary, Takes::Numbers)
NARAE_SHAPE(NegOp, unary, Takes::Numbers)
NARAE_SHAPE(SignOp, unary, Takes::Numbers)
NARAE_SHAPE(ReluOp, unary, Takes::Numbers)
NARAE_SHAPE(ExpOp, unary, Takes::Floats)
NARAE_SHAPE(LogOp, unary, Takes::Floats)
NARAE_SHAPE(Log1pOp, unary, Takes::Floats)
NARAE_SHAPE(Expm1Op, unary, Takes::Floats)
NARAE_SHAPE(SqrtOp, unary, Takes::Floats)
NARAE_SHAPE(RsqrtOp, unary, Takes::Floats)
NARAE_SHAPE(ReciprocalOp, unary, Takes::Floats)
NARAE_SHAPE(SinOp, unary, Takes::Floats)
NARAE_SHAPE(CosOp, unary, Takes::Floats)
NARAE_SHAPE(TanOp, unary, Takes::Floats)
NARAE_SHAPE(AsinOp, unary, Takes::Floats)
NARAE_SHAPE(AcosOp, unary, Takes::Floats)
NARAE_SHAPE(AtanOp, unary, Takes::Floats)
NARAE_SHAPE(SinhOp, unary, Takes::Floats)
NARAE_SHAPE(CoshOp, unary, Takes::Floats)
NARAE_SHAPE(TanhOp, unary, Takes::Floats)
NARAE_SHAPE(AsinhOp, unary, Takes::Floats)
NARAE_SHAPE(AcoshOp, unary, Takes::Floats)
NARAE_SHAPE(AtanhOp, unary, Takes::Floats)
NARAE_SHAPE(ErfOp, unary, Takes::Floats)
NARAE_SHAPE(FloorOp, unary, Takes::Floats)
NARAE_SHAPE(CeilOp, unary, Takes::Floats)
NARAE_SHAPE(RoundOp, unary, Takes::Floats)
NARAE_SHAPE(TruncOp, unary, Takes::Floats)
NARAE_SHAPE(SigmoidOp, unary, Takes::Floats)
NARAE_SHAPE(SiluOp, unary, Takes::Floats)
NARAE_SHAPE(GeluOp, unary, Takes::Floats)
NARAE_SHAPE(NotOp, unary, Takes::Integers)

NARAE_SHAPE(IsNanOp, test)
NARAE_SHAPE(IsInfOp, test)

NARAE_SHAPE(AddOp, binary, Takes::Numbers)
NARAE_SHAPE(SubOp, binary, Takes::Numbers)
NARAE_SHAPE(MulOp, binary, Takes::Numbers)
NARAE_SHAPE(DivOp, binary, Takes::Numbers)
NARAE_SHAPE(ModOp, binary, Takes::Numbers)
NARAE_SHAPE(MinOp, binary, Takes::Numbers)
NARAE_SHAPE(MaxOp, binary, Takes::Numbers)
NARAE_SHAPE(AndOp, binary, Takes::Integers)
NARAE_SHAPE(OrOp, binary, Takes::Integers)
NARAE_SHAPE(XorOp, binary, Takes::Integers)
NARAE_SHAPE(ShlOp, binary, Takes::Integers)
NARAE_SHAPE(ShrOp, binary, Takes::Integers)

#undef NARAE_SHAPE

LogicalResult PowOp::inferResults(SymbolicScope &scope,
                                  SmallVectorImpl<SymTensor> &results) {
  Type base = scope.get(getLhs()).elementType;
  if (failed(checkTakes(*this, base, Takes::Numbers)) ||
      failed(
          checkTakes(*this, scope.get(getRhs()).elementType, Takes::Numbers)))
    return failure();
  return finish(*this, scope, results, base);
}

LogicalResult CmpOp::inferResults(SymbolicScope &scope,
                                  SmallVectorImpl<SymTensor> &results) {
  Type type = scope.get(getLhs()).elementType;
  if (isString(type) && getPredicate() != "eq" && getPredicate() != "ne")
    return emitOpError("compares strings for being equal or not, not by '")
           << getPredicate() << "'";
  if ((!isString(type) && failed(checkTakes(*this, type, Takes::Numbers))) ||
      failed(checkType(*this, scope.get(getRhs()).elementType, type, "rhs")) ||
      failed(checkOneOf(*this, getPredicate(), "predicate",
                        {"eq", "ne", "lt", "le", "gt", "ge"})))
    return failure();
  return finish(*this, scope, results, IntegerType::get(getContext(), 1));
}

LogicalResult SelectOp::inferResults(SymbolicScope &scope,
                                     SmallVectorImpl<SymTensor> &results) {
  Type type = scope.get(getOnTrue()).elementType;
  if (failed(checkType(*this, scope.get(getCondition()).elementType,
                       IntegerType::get(getContext(), 1), "condition")) ||
      failed(checkType(*this, scope.get(getOnFalse()).elementType, type,
                       "on_false")))
    return failure();
  return finish(*this, scope, results, type);
}

LogicalResult CastOp::inferResults(SymbolicScope &scope,
                                   SmallVectorImpl<SymTensor> &results) {
  for (Type type : {scope.get(getInput()).elementType, getTo()})
    if (!isCarriedFloat(type) &&
        failed(checkTakes(*this, type, Takes::Numbers)))
      return failure();
  if (failed(checkOneOf(*this, getRound(), "round", {"up", "down", "nearest"})))
    return failure();
  return finish(*this, scope, results, getTo());
}

LogicalResult DequantizeOp::inferResults(SymbolicScope &scope,
                                         SmallVectorImpl<SymTensor> &results) {
  Type element = scope.get(getInput()).elementType;
  Exprs dims = dimsOf(scope, getInput());
  results.push_back({Float32Type::get(getContext()), dims});
  if (blockFormatOf(element)) {
    if (getScale())
      return emitOpError("takes no scale with elements of type ")
             << element << ", whose blocks have their own";
    return success();
  }
  if (!element.isFloat8E4M3FN())
    return emitOpError("takes elements of type !fm.block or f8E4M3FN, not ")
           << element << "; use fm.cast";
  if (!getScale())
    return emitOpError("of f8E4M3FN needs a scale; use fm.cast without one");
  if (getScaleRows() < 1 || getScaleColumns() < 1)
    return emitOpError("needs scale_rows and scale_columns of at least 1");
  size_t rank = dims.size();
  if (failed(checkMinRank(*this, scope, getInput(), 2, "input")) ||
      failed(checkType(*this, scope.get(getScale()).elementType,
                       Float32Type::get(getContext()), "scale")) ||
      failed(checkRank(*this, scope, getScale(), rank, "scale")))
    return failure();
  dims[rank - 2] = scope.ceilDiv(dims[rank - 2], scope.cst(getScaleRows()));
  dims[rank - 1] = scope.ceilDiv(dims[rank - 1], scope.cst(getScaleColumns()));
  for (auto [i, dim] : llvm::enumerate(dims))
    if (failed(checkSame(*this, scope, scope.dim(getScale(), i), dim,
                         "dimension " + Twine(i) + " of the scale")))
      return failure();
  return success();
}

LogicalResult BitcastOp::inferResults(SymbolicScope &scope,
                                      SmallVectorImpl<SymTensor> &results) {
  Type from = scope.get(getInput()).elementType;
  if (!from.isIntOrFloat() || !getTo().isIntOrFloat() ||
      from.getIntOrFloatBitWidth() != getTo().getIntOrFloatBitWidth())
    return emitOpError("converts ")
           << from << " to " << getTo() << ", which has another width";
  results.push_back({getTo(), dimsOf(scope, getInput())});
  return success();
}
