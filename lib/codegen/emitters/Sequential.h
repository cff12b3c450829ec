//===- Sequential.h - Ops that are kernels of their own ---------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_CODEGEN_EMITTERS_SEQUENTIAL_H
#define NARAE_LIB_CODEGEN_EMITTERS_SEQUENTIAL_H

#include "lib/codegen/elemental/Helpers.h"

namespace narae::codegen {

/// What the emitters of single ops share: the op, and its results' memory.
/// A result that the kernel does not yield is not stored.
struct SequentialOp {
  KernelContext &k;
  mlir::Operation *op;

  /// The pointer of a result, or null.
  Value pointer(unsigned result) const;
  /// Stores at a row-major offset, or at indices.
  void store(unsigned result, Value value, Value offset) const;
  void storeAt(unsigned result, Value value, ValueRange indices) const;
  Value load(unsigned result, Value offset) const;
  /// Runs `body` in the first part only.
  void onFirstPart(llvm::function_ref<void()> body) const;
  mlir::Type element(unsigned result) const {
    return elementOf(op->getResult(result));
  }
};

/// A tensor cut along an axis: lanes (before, after) of elements.
struct Lanes {
  Lanes(KernelContext &k, llvm::ArrayRef<Expr> dims, int64_t axis);
  KernelContext &k;
  Exprs before, after;
  int64_t axis;
  Value beforeSize, afterSize;
  /// Indices of lane number `lane` (of beforeSize * afterSize) with 0 along
  /// the axis.
  Indices of(Value lane) const;
  Value count() const { return k.mulI(beforeSize, afterSize); }
};

using SequentialFn = mlir::LogicalResult (*)(const SequentialOp &s);
mlir::LogicalResult emitScatterElements(const SequentialOp &s);
mlir::LogicalResult emitScatterNd(const SequentialOp &s);
mlir::LogicalResult emitCumulative(const SequentialOp &s);
mlir::LogicalResult emitTopK(const SequentialOp &s);
mlir::LogicalResult emitNonZero(const SequentialOp &s);
mlir::LogicalResult emitUnique(const SequentialOp &s);
mlir::LogicalResult emitNonMaxSuppression(const SequentialOp &s);
mlir::LogicalResult emitRoute(const SequentialOp &s);

/// Sorts the indices 0 .. n - 1 by keys[index], stably, by merging. `order`
/// has room for 2 n i64; returns the offset in it (0 or n) of the result.
Value emitSort(KernelContext &k, const Arith &a, Value keys, Value order,
               Value n, bool descending);

} // namespace narae::codegen

#endif // NARAE_LIB_CODEGEN_EMITTERS_SEQUENTIAL_H
