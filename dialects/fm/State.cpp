//===- State.cpp - Model state, weights' sources, attachments -------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/fm/FmDialect.h"

#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace narae::fm;

/// A {file, offset, length} dictionary, as attribute `pieces` has them.
static bool isPiece(Attribute attr) {
  auto dict = dyn_cast<DictionaryAttr>(attr);
  if (!dict || dict.size() != 3)
    return false;
  auto file = dict.getAs<StringAttr>("file");
  auto offset = dict.getAs<IntegerAttr>("offset");
  auto length = dict.getAs<IntegerAttr>("length");
  auto isCount = [](IntegerAttr attr) {
    return attr && attr.getType().isSignlessInteger(64) && attr.getInt() >= 0;
  };
  return file && !file.empty() && isCount(offset) && isCount(length);
}

LogicalResult WeightDataOp::verify() {
  auto type = dyn_cast<RankedTensorType>(getType());
  if (!type || !type.hasStaticShape())
    return emitOpError("the type must be a tensor of static shape");
  if (int64_t(getOffset()) < 0 || int64_t(getLength()) < 0)
    return emitOpError("offset and length must not be negative");
  if (getAbsent() && (getPieces() || !getFile().empty()))
    return emitOpError("is absent but says where its bytes are");
  if (!getPieces())
    return success();
  if (!getFile().empty())
    return emitOpError("has pieces and a file of its own");
  int64_t total = 0;
  for (auto [i, attr] : llvm::enumerate(*getPieces())) {
    if (!isPiece(attr))
      return emitOpError("piece ")
             << i << " must be {file, offset, length}, none negative";
    int64_t length =
        cast<DictionaryAttr>(attr).getAs<IntegerAttr>("length").getInt();
    if (llvm::AddOverflow(total, length, total))
      return emitOpError("the pieces are longer than 2^63 bytes");
  }
  if (total != int64_t(getLength()))
    return emitOpError("the pieces have ")
           << total << " bytes, length says " << getLength();
  return success();
}

LogicalResult StateOp::verify() {
  auto type = dyn_cast<RankedTensorType>(getType());
  if (!type || !type.hasStaticShape())
    return emitOpError("the type must be a tensor of static shape");
  if (!llvm::is_contained({"plain", "growing", "ring"}, getKind()))
    return emitOpError("unknown kind '")
           << getKind() << "', expected one of: plain, growing, ring";
  if (getWindow().has_value() != (getKind() == "ring"))
    return emitOpError("a window is what a ring has, and nothing else");
  if (getWindow() && int64_t(*getWindow()) <= 0)
    return emitOpError("the window must be positive");
  int64_t axis = getAxis();
  if (getKind() != "plain" && (axis < 1 || axis >= type.getRank()))
    return emitOpError("axis ")
           << axis << " is not in [1, " << type.getRank() << ")";
  return success();
}

LogicalResult AttachmentOp::verify() {
  if (int64_t(getOffset()) < 0 || int64_t(getLength()) < 0)
    return emitOpError("offset and length must not be negative");
  return success();
}

/// Compares an op's type with that of the symbol it names.
static LogicalResult verifyType(Operation *op, Type have, Type want,
                                FlatSymbolRefAttr name) {
  if (have == want)
    return success();
  return op->emitOpError("has type ")
         << have << " but @" << name.getValue() << " is " << want;
}

LogicalResult WeightOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto data =
      symbols.lookupNearestSymbolFrom<WeightDataOp>(*this, getDataAttr());
  if (!data)
    return emitOpError("there is no fm.weight_data @") << getData();
  return verifyType(*this, getType(), data.getType(), getDataAttr());
}

LogicalResult StateReadOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto state = symbols.lookupNearestSymbolFrom<StateOp>(*this, getStateAttr());
  if (!state)
    return emitOpError("there is no fm.state @") << getState();
  return verifyType(*this, getType(), state.getType(), getStateAttr());
}

LogicalResult StateReadOp::inferResults(SymbolicScope &scope,
                                        SmallVectorImpl<SymTensor> &results) {
  auto type = dyn_cast<RankedTensorType>(getResult().getType());
  if (!type || !type.hasStaticShape()) {
    auto state = dyn_cast_or_null<StateOp>(
        SymbolTable::lookupNearestSymbolFrom(*this, getStateAttr()));
    if (!state)
      return emitOpError("there is no fm.state @") << getState();
    type = cast<RankedTensorType>(state.getType());
  }
  SymTensor tensor{type.getElementType(), {}};
  for (int64_t size : type.getShape())
    tensor.dims.push_back(scope.cst(size));
  results.push_back(std::move(tensor));
  return success();
}

/// Whether a value may have a type: dimensions that are not known may be right.
static bool mayBe(RankedTensorType have, RankedTensorType want) {
  if (have.getElementType() != want.getElementType() ||
      have.getRank() != want.getRank())
    return false;
  for (auto [size, wanted] : llvm::zip(have.getShape(), want.getShape()))
    if (!ShapedType::isDynamic(size) && size != wanted)
      return false;
  return true;
}

LogicalResult StateWriteOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto state = symbols.lookupNearestSymbolFrom<StateOp>(*this, getStateAttr());
  if (!state)
    return emitOpError("there is no fm.state @") << getState();
  for (Operation *other = (*this)->getPrevNode(); other;
       other = other->getPrevNode()) {
    auto write = dyn_cast<StateWriteOp>(other);
    if (write && write.getStateAttr() == getStateAttr())
      return emitOpError("@") << getState() << " is written twice in one entry";
  }
  auto type = cast<RankedTensorType>(state.getType());
  if (mayBe(getValue().getType(), type))
    return success();
  return verifyType(*this, getValue().getType(), type, getStateAttr());
}

LogicalResult StateWriteOp::inferResults(SymbolicScope &,
                                         SmallVectorImpl<SymTensor> &) {
  if (!isa_and_nonnull<FunctionOpInterface>((*this)->getParentOp()))
    return emitOpError("must be in the entry's own block, not in a branch or "
                       "a loop");
  return success();
}
