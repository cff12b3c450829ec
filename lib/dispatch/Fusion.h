//===- Fusion.h - Which ops share a kernel ------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_DISPATCH_FUSION_H
#define NARAE_LIB_DISPATCH_FUSION_H

#include "dialects/fm/FmDialect.h"

#include "llvm/ADT/SetVector.h"

namespace narae::dispatch {

/// The ops of one kernel. The root's results leave the kernel.
struct Group {
  mlir::Operation *root = nullptr;
  mlir::Operation *anchor = nullptr; ///< the op with loops of its own, if any
  llvm::SetVector<mlir::Operation *> ops;
};

/// Grows a kernel from its root towards its producers.
///
/// One op of a group may have loops of its own (the anchor); what follows it
/// up to the root must ask each of its elements once, at the root's indices
/// (an epilogue). Index arithmetic is fused into any number of users, other
/// element-wise work where it is computed once. Reductions and norms take
/// producers too; matmul-like anchors read their operands from memory.
///
/// Weights that are stored in fewer bits than they are computed in get their
/// numbers inside every kernel that reads them, whatever else is said here:
/// fm.dequantize, and casts of matrices that products and gathers read.
class Fuser {
public:
  /// `fuse` false makes every op a kernel of its own.
  Fuser(fm::SymbolicScope &scope, bool fuse) : scope(scope), fuse(fuse) {}
  Group grow(mlir::Operation *root, const llvm::DenseSet<mlir::Value> &needed);

  /// Whether an op only gives elements another shape.
  static bool isView(mlir::Operation *op);
  /// Whether the value is computed from weights and constants alone.
  bool isConstant(mlir::Value value);
  /// Whether kernels get the value as expressions, not as memory.
  bool isHostValue(mlir::Value value);

private:
  bool canFuse(mlir::Operation *producer, const Group &group,
               const llvm::DenseSet<mlir::Value> &needed);
  bool onlyUnitDims(mlir::Operation *op);
  /// Whether an op makes a weight wide or moves a wide weight.
  bool isWideWeight(mlir::Operation *op);

  fm::SymbolicScope &scope;
  bool fuse;
  llvm::DenseMap<mlir::Operation *, bool> identity;
  llvm::DenseMap<mlir::Value, bool> constants;
  llvm::DenseMap<mlir::Operation *, bool> wide;
};

} // namespace narae::dispatch

#endif // NARAE_LIB_DISPATCH_FUSION_H
