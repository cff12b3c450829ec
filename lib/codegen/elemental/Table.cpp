//===- Table.cpp - Element functions by op --------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/Elemental.h"
#include "lib/codegen/KernelEmitter.h"

#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;

ElementEntry codegen::elementEntry(StringRef opName) {
  static const ElementTable table = [] {
    ElementTable t;
    registerElementwiseElements(t);
    registerMathElements(t);
    registerCastElements(t);
    registerDequantizeElements(t);
    registerShapeElements(t);
    registerIndexingElements(t);
    registerReduceElements(t);
    registerContractionElements(t);
    registerWindowElements(t);
    registerNormElements(t);
    registerResizeElements(t);
    registerSampleElements(t);
    registerAttentionElements(t);
    registerLanguageElements(t);
    return t;
  }();
  return table.lookup(opName);
}

bool codegen::isElementwise(Operation *op) {
  static const llvm::StringSet<> names = [] {
    ElementTable t;
    registerElementwiseElements(t);
    registerMathElements(t);
    registerCastElements(t);
    llvm::StringSet<> set;
    for (auto &entry : t)
      set.insert(entry.getKey());
    return set;
  }();
  return names.contains(op->getName().getStringRef());
}

Operation *codegen::anchorOf(rt::KernelOp kernel) {
  for (Operation &op : kernel.block().without_terminator()) {
    ElementCost cost = elementEntry(&op).cost;
    if (cost == ElementCost::Loop || cost == ElementCost::None)
      return &op;
  }
  return nullptr;
}
