//===- ShapeText.cpp - Shapes of functions of strings ---------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/fm/ShapeHelpers.h"

using namespace mlir;
using namespace narae::fm;
using namespace narae::fm::shape;

LogicalResult shape::checkMoves(Operation *op, SymbolicScope &scope) {
  Type type;
  for (Value operand : op->getOperands()) {
    Type element = scope.get(operand).elementType;
    if (isString(element) || isCarriedFloat(element))
      type = element;
  }
  if (!type)
    return success();
  bool moves = isa<IfOp, LoopOp, ReshapeOp, FlattenOp, UnsqueezeOp, SqueezeOp,
                   TransposeOp, BroadcastOp, TileOp, ConcatOp, SliceOp, PadOp,
                   GatherOp, GatherElementsOp, GatherNdOp, TriluOp, OneHotOp,
                   ReverseSequenceOp, SelectOp, ShapeOfOp, SizeOfOp>(op);
  // A number that is 0 is the empty string.
  if (isString(type))
    moves |= isa<TextOp, TextSplitOp, CmpOp, NonZeroOp>(op);
  else
    moves |= isa<CastOp>(op);
  if (auto scatter = dyn_cast<ScatterElementsOp>(op))
    moves = scatter.getReduction() == "none";
  if (auto scatter = dyn_cast<ScatterNdOp>(op))
    moves = scatter.getReduction() == "none";
  if (moves)
    return success();
  return op->emitOpError("does not work on elements of type ")
         << type << ", which are only moved"
         << (isString(type) ? ", compared and given to fm.text" : " and cast");
}

/// Types that strings are parsed as, and formatted from.
static bool isParsed(Type type) {
  return type.isF32() || type.isF64() || type.isInteger(64);
}

/// The types of operands and result that a function has.
static LogicalResult checkTypes(TextOp op, Type from) {
  StringRef function = op.getFunction();
  Type to = op.getTo();
  bool fits = function == "parse" ? isString(from) && isParsed(to)
              : function == "format"
                  ? (isParsed(from) || from.isInteger(1)) && isString(to)
              : function == "match" ? isString(from) && to.isInteger(1)
              : function == "count" ? isString(from) && to.isSignlessInteger(64)
                                    : isString(from) && isString(to);
  if (fits)
    return success();
  return op.emitOpError("'") << function << "' does not make elements of type "
                             << to << " from those of type " << from;
}

LogicalResult TextOp::inferResults(SymbolicScope &scope,
                                   SmallVectorImpl<SymTensor> &results) {
  if (failed(checkOneOf(
          *this, getFunction(), "function",
          {"lower", "upper", "concat", "count", "match", "parse", "format"})) ||
      failed(checkLength(*this, getInputs().size(),
                         getFunction() == "concat" ? 2 : 1, "inputs")))
    return failure();
  Exprs dims = dimsOf(scope, getInputs().front());
  for (Value input : getInputs()) {
    if (failed(checkTypes(*this, scope.get(input).elementType)) ||
        failed(checkRank(*this, scope, input, dims.size(), "input")))
      return failure();
    for (auto [i, dim] : llvm::enumerate(dims))
      if (failed(unify(*this, scope, dim, scope.dim(input, i),
                       "dimension " + Twine(i) + " of the inputs")))
        return failure();
  }
  results.push_back({getTo(), dims});
  return success();
}

LogicalResult TextSplitOp::inferResults(SymbolicScope &scope,
                                        SmallVectorImpl<SymTensor> &results) {
  Type type = scope.get(getInput()).elementType;
  Exprs dims = dimsOf(scope, getInput());
  if (!isString(type))
    return emitOpError("takes strings but has elements of type ") << type;
  auto sizes = listOperand(*this, scope, getShape(), "shape", dims.size() + 1);
  if (failed(sizes) || failed(checkSizes(*this, *sizes, "shape")))
    return failure();
  for (auto [i, dim] : llvm::enumerate(dims))
    if (failed(checkSame(*this, scope, (*sizes)[i], dim,
                         "dimension " + Twine(i) + " of the shape")))
      return failure();
  dims.push_back(sizes->back());
  results.push_back({type, dims});
  return success();
}
