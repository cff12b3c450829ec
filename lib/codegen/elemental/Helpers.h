//===- Helpers.h - What element functions have in common --------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_CODEGEN_ELEMENTAL_HELPERS_H
#define NARAE_LIB_CODEGEN_ELEMENTAL_HELPERS_H

#include "lib/codegen/Elemental.h"
#include "lib/codegen/Scalar.h"

namespace narae::codegen {

using fm::Expr;
using fm::Exprs;

/// The elements of a small 1-D integer operand; they are read at the entry
/// when they are not followed. Empty after a diagnostic.
Exprs listOf(KernelContext &k, mlir::Operation *op, Value tensor);
/// The single element of a tensor of one element, as register.
Value scalarElement(KernelContext &k, Value tensor);
/// The same, converted to an index.
Value scalarIndex(KernelContext &k, Value tensor);
/// Indices of an operand's dimensions that broadcast to `resultDims`, aligned
/// at their ends.
Indices broadcastIndices(KernelContext &k, llvm::ArrayRef<Expr> own,
                         llvm::ArrayRef<Expr> resultDims, ValueRange indices);
/// An index that a model gave: negative ones count from the end of a
/// dimension, others are clamped into it.
Value wrapIndex(KernelContext &k, Value index, Expr dim);
/// `emit` where the dimension is not empty, else zero.
Value unlessEmpty(KernelContext &k, Expr dim, mlir::Type element,
                  llvm::function_ref<Value()> emit);
/// x, or zero of the register type of `element` where not `condition`.
Value onlyIf(KernelContext &k, Value condition, mlir::Type element,
             llvm::function_ref<Value()> emit);
/// 0 <= index < dim
Value inBounds(KernelContext &k, Value index, Value dim);
/// Loops over all of `dims` with values carried around.
llvm::SmallVector<Value> reduceLoops(
    KernelContext &k, llvm::ArrayRef<Value> sizes, ValueRange init,
    llvm::function_ref<llvm::SmallVector<Value>(ValueRange, ValueRange)> body);

/// Where windows over spatial dimension `i` begin: the padding before it.
/// `window` is dilation * (kernel - 1) + 1.
Expr windowPad(KernelContext &k, llvm::StringRef autoPad,
               llvm::ArrayRef<int64_t> pads, unsigned i, unsigned spatial,
               Expr inputDim, Expr outputDim, int64_t stride, Expr window);

} // namespace narae::codegen

#endif // NARAE_LIB_CODEGEN_ELEMENTAL_HELPERS_H
