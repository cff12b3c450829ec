//===- Supports.cpp - Which ops this backend has kernels for --------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/Configure.h"

#include "dialects/fm/Storage.h"
#include "lib/codegen/Elemental.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;

/// Ops that need no kernel: control flow and shapes are the host program's.
static bool isHostOp(Operation *op) {
  return isa<fm::IfOp, fm::LoopOp, fm::YieldOp, fm::WeightOp, fm::ConstantOp,
             fm::ShapeOfOp, fm::SizeOfOp>(op);
}

/// Ops that move elements without looking at them, and conversions: they take
/// types that nothing computes in.
static bool takesStorageTypes(Operation *op) {
  return isa<fm::CastOp, fm::BitcastOp, fm::DequantizeOp>(op) ||
         elementEntry(op).cost == ElementCost::Free;
}

/// Caches may be quantised.
static bool isCacheType(Operation *op, Type element) {
  return isa<fm::CacheUpdateOp, fm::CachedAttentionOp>(op) &&
         fm::blockFormatOf(element) == fm::BlockFormat::Q8_0;
}

static LogicalResult checkType(Operation *op, Type type, StringRef backend) {
  Type element = getElementTypeOrSelf(type);
  if (isCacheType(op, element))
    return success();
  if (element.isF64() || element.isF32() || element.isF16() ||
      element.isBF16() || element.isIndex())
    return success();
  // Only ops that know these accept them.
  if (fm::blockFormatOf(element) || fm::isString(element) ||
      fm::isCarriedFloat(element))
    return success();
  unsigned width = element.isIntOrFloat() ? element.getIntOrFloatBitWidth() : 0;
  if (isa<IntegerType>(element)) {
    if (width == 1 || width == 8 || width == 16 || width == 32 || width == 64)
      return success();
    if (width >= 2 && width < 8 && takesStorageTypes(op))
      return success();
  } else if (isa<FloatType>(element) && width <= 8 && takesStorageTypes(op)) {
    return success();
  }
  InFlightDiagnostic error = op->emitError()
                             << op->getName() << " on elements of type "
                             << element << " is not supported on " << backend;
  if (isa<FloatType, IntegerType>(element))
    error << "; cast the operands to "
          << (isa<FloatType>(element) ? "f32" : "i64")
          << " (fm.cast) and the result back";
  else
    error << "; split it into real tensors";
  return error;
}

/// A kernel that does just this op. Constants among the operands come along,
/// the others are arguments; sizes that are not static are parameters.
static OwningOpRef<ModuleOp> probeKernel(Operation *op, StringRef backend) {
  MLIRContext *context = op->getContext();
  OwningOpRef<ModuleOp> module = ModuleOp::create(op->getLoc());
  OpBuilder b(context);
  SmallVector<Attribute> symbols;
  auto dims = [&](TypeRange types) {
    SmallVector<Attribute> maps;
    for (Type type : types) {
      SmallVector<AffineExpr> exprs;
      for (int64_t size : cast<RankedTensorType>(type).getShape()) {
        if (!ShapedType::isDynamic(size)) {
          exprs.push_back(getAffineConstantExpr(size, context));
          continue;
        }
        exprs.push_back(getAffineSymbolExpr(symbols.size(), context));
        symbols.push_back(b.getDictionaryAttr(
            {b.getNamedAttr("kind", b.getStringAttr("param")),
             b.getNamedAttr("min", b.getI64IntegerAttr(0)),
             b.getNamedAttr("max", b.getI64IntegerAttr(fm::kUnbounded))}));
      }
      maps.push_back(AffineMapAttr::get(
          AffineMap::get(0, symbols.size(), exprs, context)));
    }
    return b.getArrayAttr(maps);
  };
  IRMapping mapping;
  auto block = std::make_unique<Block>();
  SmallVector<Operation *> constants;
  for (Value operand : op->getOperands()) {
    if (mapping.contains(operand))
      continue;
    Operation *source = operand.getDefiningOp();
    if (isa_and_nonnull<fm::ConstantOp>(source)) {
      constants.push_back(source);
      mapping.map(operand, operand);
    } else {
      mapping.map(operand, block->addArgument(operand.getType(), op->getLoc()));
    }
  }
  ArrayAttr argDims = dims(block->getArgumentTypes());
  ArrayAttr resultDims = dims(op->getResultTypes());
  b.setInsertionPointToEnd(block.get());
  for (Operation *constant : constants)
    b.clone(*constant, mapping);
  Operation *copy = b.clone(*op, mapping);
  b.create<fm::YieldOp>(op->getLoc(), copy->getResults());
  b.setInsertionPointToEnd(module->getBody());
  auto kernel = b.create<rt::KernelOp>(
      op->getLoc(), "probe", b.getArrayAttr(symbols), argDims, resultDims,
      b.getArrayAttr({}), backend, DictionaryAttr(), AffineMapAttr(),
      AffineMapAttr(), FlatSymbolRefAttr(), DenseI64ArrayAttr(),
      DenseI64ArrayAttr());
  kernel.getBody().push_back(block.release());
  return module;
}

LogicalResult codegen::checkSupported(Operation *op, const Emitters &emitters,
                                      const MachineModel &machine,
                                      StringRef backend) {
  if (isHostOp(op))
    return success();
  for (Type type : op->getOperandTypes())
    if (failed(checkType(op, type, backend)))
      return failure();
  for (Type type : op->getResultTypes())
    if (failed(checkType(op, type, backend)))
      return failure();
  if (elementEntry(op).cost != ElementCost::None)
    return success();
  OwningOpRef<ModuleOp> module = probeKernel(op, backend);
  auto kernel = *module->getOps<rt::KernelOp>().begin();
  for (auto &emitter : emitters)
    if (emitter->matches(kernel, machine))
      return success();
  return op->emitError() << op->getName() << " has no code generator on "
                         << backend
                         << "; express it by other ops, or place it on "
                            "another device";
}
