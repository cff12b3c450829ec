//===- RunTimeAxes.h - Reductions over axes known when run ------*- C++ -*-===//
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

/// `fm.if` with one result a branch; the functions emit what is in them.
mlir::Value branch(const Node &n, mlir::Value condition,
                   llvm::function_ref<mlir::Value()> onTrue,
                   llvm::function_ref<mlir::Value()> onFalse);

} // namespace narae::onnx

#endif // NARAE_LIB_FRONTEND_ONNX_RUNTIMEAXES_H
