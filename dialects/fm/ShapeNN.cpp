//===- ShapeNN.cpp - Shapes of matmuls, norms, attention, recurrence ------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/fm/ShapeHelpers.h"

using namespace mlir;
using namespace narae::fm;
using namespace narae::fm::shape;

//===----------------------------------------------------------------------===//
// Matmul
//===----------------------------------------------------------------------===//

/// The element type of a product.
static FailureOr<Type> productType(Operation *op, SymbolicScope &scope,
                                   Value lhs, Value rhs,
                                   std::optional<Type> acc) {
  Type a = scope.get(lhs).elementType, b = scope.get(rhs).elementType;
  if (!a.isIntOrFloat())
    return op->emitOpError("takes numbers but has elements of type ") << a;
  if (!acc) {
    if (failed(checkType(op, b, a, "rhs")))
      return failure();
    return a;
  }
  bool floats = isa<FloatType>(*acc);
  if (!acc->isIntOrFloat() || isa<FloatType>(a) != floats ||
      isa<FloatType>(b) != floats)
    return op->emitOpError("cannot accumulate ")
           << a << " times " << b << " in " << *acc;
  return *acc;
}

/// Leading dimensions broadcast, then M and N; checks the bias against them.
static LogicalResult finishProduct(Operation *op, SymbolicScope &scope,
                                   Type type, ArrayRef<Expr> lhsBatch,
                                   ArrayRef<Expr> rhsBatch, Expr m, Expr n,
                                   Value bias, Results &results) {
  SymTensor result{type, Exprs(lhsBatch.begin(), lhsBatch.end())};
  if (failed(broadcastDims(op, scope, rhsBatch, result.dims)))
    return failure();
  result.dims.append({m, n});
  if (bias &&
      (failed(checkType(op, scope.get(bias).elementType, type, "bias")) ||
       failed(checkBroadcastTo(op, scope, bias, result.dims, "bias"))))
    return failure();
  results.push_back(std::move(result));
  return success();
}

LogicalResult MatmulOp::inferResults(SymbolicScope &scope,
                                     SmallVectorImpl<SymTensor> &results) {
  if (failed(checkMinRank(*this, scope, getLhs(), 2, "lhs")) ||
      failed(checkMinRank(*this, scope, getRhs(), 2, "rhs")))
    return failure();
  FailureOr<Type> type =
      productType(*this, scope, getLhs(), getRhs(), getAcc());
  if (failed(type))
    return failure();
  ArrayRef<Expr> lhs = scope.dims(getLhs()), rhs = scope.dims(getRhs());
  Expr m = lhs[lhs.size() - 2], k = lhs.back();
  Expr k2 = rhs[rhs.size() - 2], n = rhs.back();
  if (getTransposeLhs())
    std::swap(m, k);
  if (getTransposeRhs())
    std::swap(k2, n);
  if (failed(checkSame(*this, scope, k, k2, "inner dimensions")))
    return failure();
  return finishProduct(*this, scope, *type, lhs.drop_back(2), rhs.drop_back(2),
                       m, n, getBias(), results);
}

LogicalResult
PackedMatmulOp::inferResults(SymbolicScope &scope,
                             SmallVectorImpl<SymTensor> &results) {
  if (failed(checkMinRank(*this, scope, getLhs(), 2, "lhs")) ||
      failed(checkMinRank(*this, scope, getRhs(), 3, "rhs")))
    return failure();
  FailureOr<Type> type =
      productType(*this, scope, getLhs(), getRhs(), getAcc());
  if (failed(type))
    return failure();
  FailureOr<Exprs> n = listOperand(*this, scope, getN(), "n", 1);
  if (failed(n) || failed(checkSizes(*this, *n, "n")))
    return failure();
  ArrayRef<Expr> lhs = scope.dims(getLhs()), rhs = scope.dims(getRhs());
  Expr m = lhs[lhs.size() - 2], k = lhs.back();
  if (getTransposeLhs())
    std::swap(m, k);
  if (failed(checkSame(*this, scope, k, rhs[rhs.size() - 2],
                       "inner dimensions")) ||
      failed(checkSame(*this, scope, rhs[rhs.size() - 3],
                       scope.ceilDiv(n->front(), rhs.back()),
                       "the number of panels and that for n")))
    return failure();
  return finishProduct(*this, scope, *type, lhs.drop_back(2), rhs.drop_back(3),
                       m, n->front(), getBias(), results);
}

//===----------------------------------------------------------------------===//
// Norms
//===----------------------------------------------------------------------===//

LogicalResult SoftmaxOp::inferResults(SymbolicScope &scope,
                                      SmallVectorImpl<SymTensor> &results) {
  const SymTensor &input = scope.get(getInput());
  if (failed(checkAxis(*this, getAxis(), input.dims.size())) ||
      failed(checkFloat(*this, input.elementType, "input")))
    return failure();
  results.push_back({input.elementType, input.dims});
  return success();
}

static LogicalResult norm(Operation *op, SymbolicScope &scope, Value value,
                          int64_t axis, Value scale, Value bias,
                          Results &results) {
  const SymTensor &input = scope.get(value);
  if (failed(checkAxis(op, axis, input.dims.size())) ||
      failed(checkFloat(op, input.elementType, "input")))
    return failure();
  for (auto [operand, name] : {std::make_pair(scale, "scale"), {bias, "bias"}})
    if (operand &&
        (failed(checkFloat(op, scope.get(operand).elementType, name)) ||
         failed(checkBroadcastTo(op, scope, operand, input.dims, name))))
      return failure();
  results.push_back({input.elementType, input.dims});
  return success();
}

LogicalResult LayerNormOp::inferResults(SymbolicScope &scope,
                                        SmallVectorImpl<SymTensor> &results) {
  return norm(*this, scope, getInput(), getAxis(), getScale(), getBias(),
              results);
}

LogicalResult RmsNormOp::inferResults(SymbolicScope &scope,
                                      SmallVectorImpl<SymTensor> &results) {
  return norm(*this, scope, getInput(), getAxis(), getScale(), Value(),
              results);
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

LogicalResult AttentionOp::inferResults(SymbolicScope &scope,
                                        SmallVectorImpl<SymTensor> &results) {
  const SymTensor &query = scope.get(getQuery());
  if (failed(checkRank(*this, scope, getQuery(), 4, "query")) ||
      failed(checkRank(*this, scope, getKey(), 4, "key")) ||
      failed(checkRank(*this, scope, getValue(), 4, "value")) ||
      failed(checkFloat(*this, query.elementType, "query")) ||
      failed(checkType(*this, scope.get(getKey()).elementType,
                       query.elementType, "key")) ||
      failed(checkType(*this, scope.get(getValue()).elementType,
                       query.elementType, "value")))
    return failure();
  Exprs q = query.dims, k = dimsOf(scope, getKey()),
        v = dimsOf(scope, getValue());
  if (getQBshd())
    std::swap(q[1], q[2]);
  if (getKvBshd()) {
    std::swap(k[1], k[2]);
    std::swap(v[1], v[2]);
  }
  Expr batch = q[0];
  if (failed(unify(*this, scope, batch, k[0], "batches of query and key")) ||
      failed(unify(*this, scope, batch, v[0], "batches of query and value")) ||
      failed(checkSame(*this, scope, k[1], v[1], "heads of key and value")) ||
      failed(
          checkSame(*this, scope, q[3], k[3], "head sizes of query and key")) ||
      failed(checkSame(*this, scope, k[2], v[2], "lengths of key and value")))
    return failure();
  auto heads = constantOf(q[1]), groups = constantOf(k[1]);
  if (heads && groups && (*groups == 0 ? *heads != 0 : *heads % *groups != 0))
    return emitOpError() << *heads << " query heads are not a multiple of "
                         << *groups << " key heads";
  if (getMask() &&
      (failed(checkType(*this, scope.get(getMask()).elementType,
                        Float32Type::get(getContext()), "mask")) ||
       failed(checkBroadcastTo(*this, scope, getMask(),
                               {batch, q[1], q[2], k[2]}, "mask"))))
    return failure();
  Exprs dims{batch, q[1], q[2], v[3]};
  if (getOutBshd())
    std::swap(dims[1], dims[2]);
  results.push_back({query.elementType, dims});
  return success();
}

//===----------------------------------------------------------------------===//
// Recurrence
//===----------------------------------------------------------------------===//

LogicalResult RecurrentOp::inferResults(SymbolicScope &scope,
                                        SmallVectorImpl<SymTensor> &results) {
  if (failed(checkOneOf(*this, getKind(), "kind", {"lstm", "gru", "rnn"})) ||
      failed(checkOneOf(*this, getDirection(), "direction",
                        {"forward", "reverse", "bidirectional"})) ||
      failed(checkRank(*this, scope, getInput(), 3, "input")) ||
      failed(checkRank(*this, scope, getR(), 3, "r")))
    return failure();
  Type type = scope.get(getInput()).elementType;
  if (failed(checkFloat(*this, type, "input")))
    return failure();
  int64_t gates = getKind() == "lstm" ? 4 : getKind() == "gru" ? 3 : 1;
  Expr directions = scope.cst(getDirection() == "bidirectional" ? 2 : 1);
  Exprs input = dimsOf(scope, getInput());
  Expr hidden = scope.dim(getR(), 2), time = input[0], batch = input[1];
  auto check = [&](Value value, StringRef name, Exprs want,
                   Type element) -> LogicalResult {
    if (!value)
      return success();
    if (failed(checkRank(*this, scope, value, want.size(), name)) ||
        failed(checkType(*this, scope.get(value).elementType, element, name)))
      return failure();
    for (auto [i, dim] : llvm::enumerate(want))
      if (failed(checkSame(*this, scope, scope.dim(value, i), dim,
                           "dimension " + Twine(i) + " of " + name +
                               " and its size")))
        return failure();
    return success();
  };
  auto times = [&](int64_t factor) {
    return scope.mul(hidden, scope.cst(factor));
  };
  if (failed(check(getW(), "w", {directions, times(gates), input[2]}, type)) ||
      failed(check(getR(), "r", {directions, times(gates), hidden}, type)) ||
      failed(check(getBias(), "bias", {directions, times(2 * gates)}, type)) ||
      failed(check(getLengths(), "lengths", {batch},
                   IntegerType::get(getContext(), 32))) ||
      failed(check(getH0(), "h0", {directions, batch, hidden}, type)) ||
      failed(check(getC0(), "c0", {directions, batch, hidden}, type)) ||
      failed(check(getPeepholes(), "peepholes", {directions, times(3)}, type)))
    return failure();
  results.push_back({type, {time, directions, batch, hidden}});
  results.push_back({type, {directions, batch, hidden}});
  results.push_back({type, {directions, batch, hidden}});
  return success();
}
