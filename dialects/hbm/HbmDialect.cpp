//===- HbmDialect.cpp - Memory as IR --------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/hbm/HbmDialect.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace narae::hbm;

#include "dialects/hbm/HbmDialect.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/hbm/HbmTypes.cpp.inc"
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

LogicalResult BufferOp::verify() {
  auto type = dyn_cast<RankedTensorType>(getTensor());
  if (!type)
    return emitOpError("needs a ranked tensor type");
  if (type.getNumDynamicDims() != int64_t(getDims().size()))
    return emitOpError("has ")
           << getDims().size() << " sizes for " << type.getNumDynamicDims()
           << " dynamic dimensions";
  if (getFirst() >= getLast())
    return emitOpError("lifetime [")
           << getFirst() << ", " << getLast() << ") is empty";
  if (getSpace() != "arena" && getSpace() != "output" &&
      getSpace() != "dynamic")
    return emitOpError("unknown space '") << getSpace() << "'";
  if (getAlign() <= 0 || (getAlign() & (getAlign() - 1)))
    return emitOpError("alignment must be a power of two");
  if (getOffset() && (*getOffset() < 0 || *getOffset() % getAlign()))
    return emitOpError("offset ")
           << *getOffset() << " is not aligned to " << getAlign();
  return success();
}
