//===- RtDialect.cpp - The host program -----------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/rt/RtDialect.h"
#include "dialects/rt/KernelScope.h"

using namespace mlir;
using namespace narae;
using namespace narae::rt;

#include "dialects/rt/RtDialect.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/rt/RtOps.cpp.inc"

void RtDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "dialects/rt/RtOps.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// rt.kernel
//===----------------------------------------------------------------------===//

static LogicalResult verifySymbols(KernelOp op) {
  for (auto [i, attr] : llvm::enumerate(op.getSymbols())) {
    auto dict = dyn_cast<DictionaryAttr>(attr);
    auto kind = dict ? dict.getAs<StringAttr>("kind") : StringAttr();
    if (!kind || !dict.getAs<IntegerAttr>("min") ||
        !dict.getAs<IntegerAttr>("max"))
      return op.emitOpError("symbol ") << i << " needs kind, min and max";
    unsigned operands = llvm::StringSwitch<unsigned>(kind.getValue())
                            .Case("param", 0)
                            .Cases("max", "min", "equal", "less", 2)
                            .Case("select", 3)
                            .Default(~0u);
    if (operands == ~0u)
      return op.emitOpError("symbol ") << i << " has unknown kind " << kind;
    auto map = dict.getAs<AffineMapAttr>("operands");
    if ((map ? map.getValue().getNumResults() : 0) != operands)
      return op.emitOpError("symbol ")
             << i << " needs " << operands << " operands";
    if (map && map.getValue().getNumSymbols() > i)
      return op.emitOpError("symbol ") << i << " uses later symbols";
  }
  return success();
}

static LogicalResult verifyDims(KernelOp op, ArrayAttr dims, TypeRange types,
                                StringRef what) {
  if (dims.size() != types.size())
    return op.emitOpError("has ") << dims.size() << " shapes for "
                                  << types.size() << " " << what << "s";
  for (auto [i, attr, type] : llvm::enumerate(dims, types)) {
    auto map = dyn_cast<AffineMapAttr>(attr);
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!map || !tensor ||
        int64_t(map.getValue().getNumResults()) != tensor.getRank() ||
        map.getValue().getNumSymbols() > op.getSymbols().size())
      return op.emitOpError("shape of ")
             << what << " " << i << " does not fit its type " << type;
  }
  return success();
}

static LogicalResult verifyInPlace(KernelOp op) {
  auto arguments = op.getInplace();
  if (!arguments)
    return success();
  if (arguments->size() != op.yield()->getNumOperands())
    return op.emitOpError("inplace needs an entry a result");
  for (auto [i, argument] : llvm::enumerate(*arguments)) {
    if (argument == -1)
      continue;
    if (argument < 0 || argument >= op.block().getNumArguments() ||
        op.block().getArgument(argument).getType() !=
            op.yield()->getOperand(i).getType())
      return op.emitOpError("result ")
             << i << " cannot be argument " << argument << " updated";
  }
  return success();
}

static LogicalResult verifyShares(KernelOp op) {
  auto arguments = op.getShares();
  if (!arguments)
    return success();
  if (op.yield()->getNumOperands() != 1)
    return op.emitOpError("shares memory with one result only");
  auto result = cast<RankedTensorType>(op.yield()->getOperand(0).getType());
  for (int64_t argument : *arguments) {
    if (argument < 0 || argument >= op.block().getNumArguments())
      return op.emitOpError("has no argument ") << argument << " to share";
    auto type =
        dyn_cast<RankedTensorType>(op.block().getArgument(argument).getType());
    auto unit = fm::storageUnit(result.getElementType());
    auto own = type ? fm::storageUnit(type.getElementType()) : unit;
    if (!type || type.getShape() != result.getShape() ||
        own.elements != unit.elements || own.bytes != unit.bytes)
      return op.emitOpError("the result cannot take the memory of argument ")
             << argument;
  }
  return success();
}

LogicalResult KernelOp::verify() {
  if (getBody().empty() || !isa_and_nonnull<fm::YieldOp>(yield()))
    return emitOpError("must end in fm.yield");
  if (failed(verifySymbols(*this)) ||
      failed(verifyDims(*this, getArgDims(), block().getArgumentTypes(),
                        "argument")) ||
      failed(verifyInPlace(*this)) || failed(verifyShares(*this)))
    return failure();
  return verifyDims(*this, getResultDims(), yield()->getOperandTypes(),
                    "result");
}

//===----------------------------------------------------------------------===//
// rt.dispatch
//===----------------------------------------------------------------------===//

LogicalResult DispatchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto kernel =
      symbols.lookupNearestSymbolFrom<KernelOp>(*this, getKernelAttr());
  if (!kernel)
    return emitOpError("no kernel named ") << getKernel();
  if (kernel.block().getNumArguments() != getInputs().size() ||
      kernel.yield()->getNumOperands() != getNumResults())
    return emitOpError("does not match the signature of ") << getKernel();
  if (paramCount(kernel) != getParams().size())
    return emitOpError("passes ")
           << getParams().size() << " parameters, " << getKernel() << " takes "
           << paramCount(kernel);
  return success();
}

//===----------------------------------------------------------------------===//
// Others
//===----------------------------------------------------------------------===//

LogicalResult EvalOp::verify() {
  if (getMap().getNumDims() || getMap().getNumResults() != 1 ||
      getMap().getNumSymbols() != getSymbols().size())
    return emitOpError("needs a map of its symbols to one result");
  return success();
}

OpFoldResult EvalOp::fold(FoldAdaptor adaptor) {
  if (auto c = dyn_cast<AffineConstantExpr>(getMap().getResult(0)))
    return IntegerAttr::get(IndexType::get(getContext()), c.getValue());
  if (auto s = dyn_cast<AffineSymbolExpr>(getMap().getResult(0)))
    return getSymbols()[s.getPosition()];
  return {};
}

LogicalResult
ShapeValueOp::inferResults(fm::SymbolicScope &scope,
                           SmallVectorImpl<fm::SymTensor> &results) {
  fm::SymTensor tensor;
  auto type = cast<RankedTensorType>(getType());
  tensor.elementType = type.getElementType();
  for (int64_t size : type.getShape()) {
    if (ShapedType::isDynamic(size))
      return emitOpError("needs a static shape");
    tensor.dims.push_back(scope.cst(size));
  }
  if (int64_t(getElements().getNumResults()) != type.getNumElements())
    return emitOpError("has ")
           << getElements().getNumResults() << " elements for " << type;
  tensor.elements = fm::Exprs(getElements().getResults());
  results.push_back(std::move(tensor));
  return success();
}
