//===- FmDialect.cpp - The foundation-model graph -------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/fm/FmDialect.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace narae::fm;

#include "dialects/fm/FmDialect.cpp.inc"
#include "dialects/fm/FmInterfaces.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/fm/FmTypes.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/fm/FmOps.cpp.inc"

void FmDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "dialects/fm/FmOps.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/fm/FmTypes.cpp.inc"
      >();
}

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }
