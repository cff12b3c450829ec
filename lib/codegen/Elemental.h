//===- Elemental.h - One element of an op's result --------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The decomposition of each fm op, once: how an element of its result is
// computed from elements of its operands. Fusion, fallbacks for rare types
// and the loops of every backend stand on it.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_CODEGEN_ELEMENTAL_H
#define NARAE_LIB_CODEGEN_ELEMENTAL_H

#include "lib/codegen/KernelContext.h"

namespace narae::codegen {

/// Emits the element of result `result` at `indices`; null after a diagnostic.
using ElementFn = Value (*)(KernelContext &k, mlir::Operation *op,
                            unsigned result, ValueRange indices);

/// What fusion may do with an op.
enum class ElementCost {
  None,  ///< no element function: the op needs a kernel of its own
  Free,  ///< index arithmetic only: fuse into any number of users
  Cheap, ///< a few operations an element: may be computed twice
  Once,  ///< transcendental or long: fuse where each element is asked once
  Loop   ///< loops inside (reductions, matmul ...): an anchor, not fused
};

struct ElementEntry {
  ElementFn fn = nullptr;
  ElementCost cost = ElementCost::None;
};

/// The entry of an op's name ("fm.add").
ElementEntry elementEntry(llvm::StringRef opName);
inline ElementEntry elementEntry(mlir::Operation *op) {
  return elementEntry(op->getName().getStringRef());
}

/// Whether an op is element-wise: operands broadcast to the result, and each
/// element comes from the operands' elements at the same place.
bool isElementwise(mlir::Operation *op);

/// Registration; each family is a file in lib/codegen/elemental/.
using ElementTable = llvm::StringMap<ElementEntry>;
void registerElementwiseElements(ElementTable &table);
void registerMathElements(ElementTable &table);
void registerCastElements(ElementTable &table);
void registerDequantizeElements(ElementTable &table);
void registerShapeElements(ElementTable &table);
void registerIndexingElements(ElementTable &table);
void registerReduceElements(ElementTable &table);
void registerContractionElements(ElementTable &table);
void registerWindowElements(ElementTable &table);
void registerNormElements(ElementTable &table);
void registerResizeElements(ElementTable &table);
void registerSampleElements(ElementTable &table);
void registerAttentionElements(ElementTable &table);
void registerLanguageElements(ElementTable &table);

} // namespace narae::codegen

#endif // NARAE_LIB_CODEGEN_ELEMENTAL_H
