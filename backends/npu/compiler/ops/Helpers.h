//===- Helpers.h - For emitters of ops ------------------------- -*- C++
//-*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_COMPILER_OPS_HELPERS_H
#define NARAE_BACKENDS_NPU_COMPILER_OPS_HELPERS_H

#include "backends/npu/compiler/Registry.h"

namespace narae::npu {

inline mlir::Type elementOf(mlir::Value value) {
  return mlir::cast<mlir::ShapedType>(value.getType()).getElementType();
}
inline ElementType typeOf(mlir::Value value) {
  return *scratchpadType(elementOf(value));
}
inline bool isFloat(mlir::Value value) {
  return mlir::isa<mlir::FloatType>(elementOf(value));
}

/// The tiles of all operands of an op that broadcasts them.
mlir::FailureOr<llvm::SmallVector<Tile, 3>>
operandTiles(TileBuilder &b, mlir::Operation *op, const Access &access);

/// An integer tile brought back into a type narrower than 32 bits, as wrapping
/// arithmetic leaves it; others as they are.
Tile wrap(TileBuilder &b, const Tile &tile, mlir::Type element);

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_COMPILER_OPS_HELPERS_H
