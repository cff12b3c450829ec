//===- ShapeControl.cpp - Shapes of if and loop ---------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Regions are inferred op by op in the scope around them, whose symbols they
// share. A dimension on which the branches of an `if` differ is a symbol that
// the host learns from the branch taken.
//
//===----------------------------------------------------------------------===//

#include "dialects/fm/ShapeHelpers.h"

using namespace mlir;
using namespace narae::fm;
using namespace narae::fm::shape;

/// The yield that ends a region; null after a diagnostic. Verifiers call this
/// on regions nobody has looked at yet.
static YieldOp yieldOf(Operation *op, Region &region, size_t count) {
  if (!region.hasOneBlock() || region.front().empty() ||
      !isa<YieldOp>(region.front().back())) {
    op->emitOpError("a region must be one block that ends with fm.yield");
    return {};
  }
  auto yield = cast<YieldOp>(region.front().back());
  if (failed(checkLength(op, yield.getValues().size(), count,
                         "what a region yields")))
    return {};
  for (Value value : yield.getValues())
    if (!isa<RankedTensorType>(value.getType())) {
      op->emitOpError("a region must yield ranked tensors but yields ")
          << value.getType();
      return {};
    }
  return yield;
}

static LogicalResult addRegion(SymbolicScope &scope, Region &region) {
  for (Operation &op : region.front())
    if (failed(scope.add(&op)))
      return failure();
  return success();
}

/// Element types and ranks agree, and static sizes.
static LogicalResult checkCompatible(Operation *op, Type a, Type b,
                                     const Twine &what) {
  auto x = cast<RankedTensorType>(a), y = cast<RankedTensorType>(b);
  if (x.getElementType() == y.getElementType() &&
      succeeded(verifyCompatibleShape(x, y)))
    return success();
  return op->emitOpError() << what << " must agree: " << a << " and " << b;
}

static LogicalResult checkCondition(Operation *op, RankedTensorType type) {
  if (failed(checkType(op, type.getElementType(),
                       IntegerType::get(op->getContext(), 1), "condition")))
    return failure();
  if (type.hasStaticShape() && type.getNumElements() != 1)
    return op->emitOpError("condition must have one element but is ") << type;
  return success();
}

//===----------------------------------------------------------------------===//
// If
//===----------------------------------------------------------------------===//

LogicalResult IfOp::inferResults(SymbolicScope &scope,
                                 SmallVectorImpl<SymTensor> &results) {
  if (failed(checkCondition(*this, typeOf(scope.get(getCondition())))))
    return failure();
  YieldOp yields[2];
  for (auto [i, region] : llvm::enumerate((*this)->getRegions())) {
    yields[i] = yieldOf(*this, region, getNumResults());
    if (!yields[i] || failed(addRegion(scope, region)))
      return failure();
  }
  for (unsigned i = 0; i < getNumResults(); ++i) {
    const SymTensor &a = scope.get(yields[0].getValues()[i]);
    const SymTensor &b = scope.get(yields[1].getValues()[i]);
    if (a.elementType != b.elementType || a.dims.size() != b.dims.size())
      return emitOpError("element types and ranks of result ")
             << i << " must agree in both branches: " << typeOf(a) << " and "
             << typeOf(b);
    SymTensor result{a.elementType, {}};
    for (unsigned d = 0; d < a.dims.size(); ++d) {
      if (a.dims[d] == b.dims[d]) {
        result.dims.push_back(a.dims[d]);
        continue;
      }
      auto [aMin, aMax] = scope.range(a.dims[d]);
      auto [bMin, bMax] = scope.range(b.dims[d]);
      // Results of one op are told apart by the value, dimensions by index.
      SymbolDef def{SymbolDef::Result,
                    getResult(i),
                    d,
                    {},
                    std::max<int64_t>(0, std::min(aMin, bMin)),
                    std::max(aMax, bMax),
                    ""};
      result.dims.push_back(scope.symbol(def));
    }
    if (a.elements && a.elements == b.elements)
      result.elements = a.elements;
    if (a.floats && a.floats == b.floats)
      result.floats = a.floats;
    results.push_back(std::move(result));
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Loop
//===----------------------------------------------------------------------===//

/// The arguments and yielded values of a loop's body, by their types.
static LogicalResult checkLoop(LoopOp loop) {
  size_t count = loop.getCarried().size();
  YieldOp yield = yieldOf(loop, loop.getBody(), count + 1);
  if (!yield)
    return failure();
  Block &body = loop.getBody().front();
  if (failed(checkLength(loop, body.getNumArguments(), count + 1,
                         "the body's arguments")) ||
      failed(checkLength(loop, loop.getNumResults(), count, "results")))
    return failure();
  for (BlockArgument arg : body.getArguments())
    if (!isa<RankedTensorType>(arg.getType()))
      return loop.emitOpError("the body's arguments must be ranked tensors");
  Type i64 = RankedTensorType::get({}, IntegerType::get(loop.getContext(), 64));
  if (body.getArgument(0).getType() != i64)
    return loop.emitOpError("the iteration number must be ")
           << i64 << " but is " << body.getArgument(0).getType();
  if (failed(checkCondition(
          loop, cast<RankedTensorType>(yield.getValues()[0].getType()))))
    return failure();
  for (auto [i, value] : llvm::enumerate(loop.getCarried())) {
    if (failed(checkCompatible(
            loop, value.getType(), body.getArgument(i + 1).getType(),
            "carried value " + Twine(i) + " and the body's argument")) ||
        failed(checkCompatible(
            loop, value.getType(), yield.getValues()[i + 1].getType(),
            "carried value " + Twine(i) + " and what the body yields")))
      return failure();
  }
  return success();
}

LogicalResult LoopOp::inferResults(SymbolicScope &scope,
                                   SmallVectorImpl<SymTensor> &results) {
  if (failed(checkLoop(*this)) ||
      failed(checkCondition(*this, typeOf(scope.get(getCondition())))) ||
      failed(checkType(*this, scope.get(getTrips()).elementType,
                       IntegerType::get(getContext(), 64), "trips")) ||
      failed(scalarOperand(*this, scope, getTrips(), "trips")))
    return failure();
  Block &body = getBody().front();
  scope.set(body.getArgument(0), {IntegerType::get(getContext(), 64), {}});
  // Dimensions stay from one iteration to the next, elements do not.
  for (auto [i, value] : llvm::enumerate(getCarried()))
    scope.set(body.getArgument(i + 1),
              {scope.get(value).elementType, dimsOf(scope, value)});
  if (failed(addRegion(scope, getBody())))
    return failure();
  auto yield = cast<YieldOp>(body.back());
  for (auto [i, value] : llvm::enumerate(getCarried())) {
    Exprs before = dimsOf(scope, value),
          after = dimsOf(scope, yield.getValues()[i + 1]);
    for (auto [d, pair] : llvm::enumerate(llvm::zip(before, after)))
      if (auto [x, y] = pair; x != y)
        return emitOpError("dimension ")
               << d << " of carried value " << i << " must stay "
               << scope.str(x) << " but becomes " << scope.str(y);
    results.push_back({scope.get(value).elementType, before});
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Verification
//===----------------------------------------------------------------------===//

LogicalResult narae::fm::verifyRegions(Operation *op) {
  for (Value operand : op->getOperands())
    if (!isa<RankedTensorType>(operand.getType()))
      return op->emitOpError("operands must be ranked tensors");
  if (auto loop = dyn_cast<LoopOp>(op)) {
    if (failed(checkLoop(loop)) ||
        failed(checkCondition(
            op, cast<RankedTensorType>(loop.getCondition().getType()))))
      return failure();
    for (auto [i, value] : llvm::enumerate(loop.getCarried()))
      if (failed(checkCompatible(op, value.getType(),
                                 loop.getResult(i).getType(),
                                 "carried value and result " + Twine(i))))
        return failure();
    return success();
  }
  auto branch = cast<IfOp>(op);
  if (failed(checkCondition(
          op, cast<RankedTensorType>(branch.getCondition().getType()))))
    return failure();
  for (Region &region : op->getRegions()) {
    YieldOp yield = yieldOf(op, region, op->getNumResults());
    if (!yield)
      return failure();
    for (unsigned i = 0; i < op->getNumResults(); ++i) {
      Type want = op->getResult(i).getType(),
           have = yield.getValues()[i].getType();
      if (failed(checkCompatible(
              op, have, want, "what a branch yields and result " + Twine(i))))
        return failure();
    }
  }
  return success();
}
