//===- ShapeParts.h - What importers of data movement share -----*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_ONNX_SHAPEPARTS_H
#define NARAE_LIB_FRONTEND_ONNX_SHAPEPARTS_H

#include "lib/frontend/onnx/Compose.h"

namespace narae::onnx {

/// Sorted axes in [0, rank) from the attribute `axes` or, in later operator
/// sets, from an input; none when neither is there. Fails when they are not
/// known now.
llvm::FailureOr<std::optional<llvm::SmallVector<int64_t>>>
axesOf(const Node &n, unsigned input, int64_t rank);

/// Sizes of the parts of a split: from the attribute `split`, the input, or
/// equal ones.
llvm::LogicalResult splitSizes(const Node &n, unsigned input, int64_t axis,
                               int64_t parts, Values &sizes);

/// The first `count` (a scalar or one-element tensor) entries along an axis.
mlir::Value prefix(const Node &n, mlir::Value value, int64_t axis,
                   mlir::Value count);

/// Indices of what is not zero: [rank, count].
mlir::Value trueIndices(const Node &n, mlir::Value value);

void addGenerators(ImporterTable &table); // Constant, Range, EyeLike ...
void addPads(ImporterTable &table);       // Pad, CenterCropPad

} // namespace narae::onnx

#endif // NARAE_LIB_FRONTEND_ONNX_SHAPEPARTS_H
