//===- HbmDialect.cpp - Memory as IR --------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/hbm/HbmDialect.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace narae::hbm;

#include "dialects/hbm/HbmDialect.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/hbm/HbmTypes.cpp.inc"

/// `at 256` or `at %place`; nothing before planning.
static ParseResult
parsePlace(OpAsmParser &parser,
           std::optional<OpAsmParser::UnresolvedOperand> &place,
           IntegerAttr &offset) {
  if (failed(parser.parseOptionalKeyword("at")))
    return success();
  int64_t value;
  OptionalParseResult number = parser.parseOptionalInteger(value);
  if (number.has_value()) {
    offset = parser.getBuilder().getI64IntegerAttr(value);
    return *number;
  }
  place.emplace();
  return parser.parseOperand(*place);
}

static void printPlace(OpAsmPrinter &printer, Operation *, Value place,
                       IntegerAttr offset) {
  if (offset)
    printer << "at " << offset.getInt();
  else if (place)
    printer << "at " << place;
}

#define GET_OP_CLASSES
#include "dialects/hbm/HbmOps.cpp.inc"

void HbmDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/hbm/HbmTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/hbm/HbmOps.cpp.inc"
      >();
}

Operation *HbmDialect::materializeConstant(OpBuilder &builder, Attribute value,
                                           Type type, Location loc) {
  return arith::ConstantOp::materialize(builder, value, type, loc);
}

static bool isPowerOfTwo(int64_t value) {
  return value > 0 && llvm::isPowerOf2_64(value);
}

//===----------------------------------------------------------------------===//
// hbm.space
//===----------------------------------------------------------------------===//

LogicalResult SpaceOp::verify() {
  if (int64_t(getCapacity()) <= 0)
    return emitOpError("capacity ")
           << int64_t(getCapacity()) << " is not positive";
  if (int64_t(getReserve()) < 0 || getReserve() > getCapacity())
    return emitOpError("reserve ")
           << int64_t(getReserve()) << " is not within the capacity "
           << getCapacity();
  if (!isPowerOfTwo(getGranule()))
    return emitOpError("granule must be a power of two");
  if (int64_t(getChannels()) < 1)
    return emitOpError("needs a channel at least");
  if (int64_t(getStartup()) < 0)
    return emitOpError("a transfer cannot start before it is asked for");
  if (getOver() && (int64_t(getFill()) <= 0 || int64_t(getDrain()) <= 0))
    return emitOpError("is over '")
           << *getOver() << "': say how fast it is filled and drained";
  return success();
}

LogicalResult SpaceOp::verifySymbolUses(SymbolTableCollection &symbols) {
  llvm::SmallPtrSet<Operation *, 4> seen;
  for (SpaceOp at = *this; at.getOver();) {
    if (!seen.insert(at).second)
      return emitOpError("is over itself");
    auto below = symbols.lookupNearestSymbolFrom<SpaceOp>(at, at.getOverAttr());
    if (!below)
      return emitOpError("is over '")
             << *at.getOver() << "', which is no space";
    at = below;
  }
  return success();
}

//===----------------------------------------------------------------------===//
// hbm.buffer
//===----------------------------------------------------------------------===//

static bool isBuiltIn(StringRef space) {
  return space == "arena" || space == "output" || space == "dynamic";
}

static LogicalResult verifyDims(Operation *op, Type tensor, size_t dims) {
  auto type = dyn_cast<RankedTensorType>(tensor);
  if (!type)
    return op->emitOpError("needs a ranked tensor type");
  if (type.getNumDynamicDims() != int64_t(dims))
    return op->emitOpError("has ")
           << dims << " sizes for " << type.getNumDynamicDims()
           << " dynamic dimensions";
  return success();
}

LogicalResult BufferOp::verify() {
  if (failed(verifyDims(*this, getTensor(), getDims().size())))
    return failure();
  if (getFirst() >= getLast())
    return emitOpError("lifetime [")
           << getFirst() << ", " << getLast() << ") is empty";
  if (!isPowerOfTwo(getAlign()))
    return emitOpError("alignment must be a power of two");
  if (getOffset() && getPlace())
    return emitOpError("has two places");
  if (getOffset() && (*getOffset() < 0 || *getOffset() % getAlign()))
    return emitOpError("offset ")
           << *getOffset() << " is not aligned to " << getAlign();
  return success();
}

LogicalResult BufferOp::verifySymbolUses(SymbolTableCollection &symbols) {
  if (isBuiltIn(getSpace()))
    return success();
  auto name = StringAttr::get(getContext(), getSpace());
  if (!symbols.lookupNearestSymbolFrom<SpaceOp>(*this, name))
    return emitOpError("unknown space '") << getSpace() << "'";
  return success();
}

/// A place that is a number.
LogicalResult BufferOp::canonicalize(BufferOp op, PatternRewriter &rewriter) {
  auto number =
      op.getPlace() ? getConstantIntValue(op.getPlace()) : std::nullopt;
  if (!number || *number < 0 || *number % int64_t(op.getAlign()))
    return failure();
  rewriter.modifyOpInPlace(op, [&] {
    op.getPlaceMutable().clear();
    op.setOffset(*number);
  });
  return success();
}

//===----------------------------------------------------------------------===//
// hbm.alias
//===----------------------------------------------------------------------===//

LogicalResult AliasOp::verify() {
  if (auto offset =
          getOffset() ? getConstantIntValue(getOffset()) : std::nullopt;
      offset && *offset < 0)
    return emitOpError("begins before the memory it is part of");
  return verifyDims(*this, getTensor(), getDims().size());
}

/// The whole of something of the same type.
OpFoldResult AliasOp::fold(FoldAdaptor) {
  if (getOffset())
    return {};
  auto isSame = [&](auto define) {
    return define && define.getTensor() == getTensor() &&
           llvm::equal(define.getDims(), getDims());
  };
  if (isSame(getOf().getDefiningOp<BufferOp>()) ||
      isSame(getOf().getDefiningOp<AliasOp>()))
    return getOf();
  return {};
}

/// Parts of parts are parts, and a part at 0 needs no offset.
LogicalResult AliasOp::canonicalize(AliasOp op, PatternRewriter &rewriter) {
  Value offset = op.getOffset();
  if (offset && getConstantIntValue(offset) == 0) {
    rewriter.modifyOpInPlace(op, [&] { op.getOffsetMutable().clear(); });
    return success();
  }
  auto outer = op.getOf().getDefiningOp<AliasOp>();
  if (!outer)
    return failure();
  Value sum = offset ? offset : outer.getOffset();
  if (offset && outer.getOffset())
    sum = rewriter.createOrFold<arith::AddIOp>(op.getLoc(), outer.getOffset(),
                                               offset);
  rewriter.replaceOpWithNewOp<AliasOp>(op, op.getType(), outer.getOf(),
                                       op.getDims(), sum, op.getTensorAttr());
  return success();
}

//===----------------------------------------------------------------------===//
// hbm.align
//===----------------------------------------------------------------------===//

LogicalResult AlignOp::verify() {
  if (!isPowerOfTwo(getTo()))
    return emitOpError("alignment must be a power of two");
  return success();
}

OpFoldResult AlignOp::fold(FoldAdaptor adaptor) {
  uint64_t to = getTo();
  if (auto value = dyn_cast_or_null<IntegerAttr>(adaptor.getValue())) {
    APInt number = value.getValue();
    // Beyond 64 bits there is nothing to round up to.
    if (number.isNegative() || number.ugt(uint64_t(INT64_MAX) - (to - 1)))
      return {};
    return IntegerAttr::get(getType(),
                            llvm::alignTo(number.getZExtValue(), to));
  }
  if (to == 1)
    return getValue();
  // What is aligned to more already.
  auto inner = getValue().getDefiningOp<AlignOp>();
  if (inner && inner.getTo() >= to)
    return inner.getResult();
  return {};
}
