//===- RunTimeAxes.h - Axes that are known when run only --------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_ONNX_RUNTIMEAXES_H
#define NARAE_LIB_FRONTEND_ONNX_RUNTIMEAXES_H

#include "lib/frontend/onnx/Compose.h"

namespace narae::onnx {

using ReduceFn = llvm::function_ref<mlir::Value(
    mlir::Value value, llvm::ArrayRef<int64_t> axes, bool keepDims)>;

/// Reduces over the axes in a 1-D integer tensor that is computed at run time
/// but whose length is static: an fm.if tree with a leaf for every set of axes
/// of that size. `noop` is ONNX's noop_with_empty_axes. Null after a
/// diagnostic.
mlir::Value reduceAtRunTime(const Node &n, mlir::Value value, mlir::Value axes,
                            bool keepDims, bool noop, ReduceFn reduce);

/// A boolean [count, rank] of which entry [j, i] says whether element j of the
/// 1-D tensor `axes` is axis i.
mlir::Value axisHits(const Node &n, mlir::Value axes, int64_t rank);
/// For every axis, the element of `values` at the position where `axes` names
/// it, or that of `otherwise`: all 1-D i64 tensors.
mlir::Value scatterByAxis(const Node &n, mlir::Value axes, int64_t rank,
                          mlir::Value values, mlir::Value otherwise);
mlir::Value squeezeAtRunTime(const Node &n, mlir::Value value,
                             mlir::Value axes);
mlir::Value unsqueezeAtRunTime(const Node &n, mlir::Value value,
                               mlir::Value axes);
/// ONNX Slice when axes or steps are computed at run time; `axes` and `steps`
/// may be null.
mlir::Value sliceAtRunTime(const Node &n, mlir::Value value, mlir::Value starts,
                           mlir::Value ends, mlir::Value axes,
                           mlir::Value steps);

/// `fm.if` with one result a branch; the functions emit what is in them.
mlir::Value branch(const Node &n, mlir::Value condition,
                   llvm::function_ref<mlir::Value()> onTrue,
                   llvm::function_ref<mlir::Value()> onFalse);

} // namespace narae::onnx

#endif // NARAE_LIB_FRONTEND_ONNX_RUNTIMEAXES_H
