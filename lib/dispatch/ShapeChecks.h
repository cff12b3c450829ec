//===- ShapeChecks.h - What must hold of sizes at run time -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_DISPATCH_SHAPECHECKS_H
#define NARAE_LIB_DISPATCH_SHAPECHECKS_H

#include "dialects/fm/FmDialect.h"

#include <set>

namespace narae::dispatch {

/// Emits `rt.check`s for what an op's kernel takes for granted of its
/// operands' sizes and that the shape functions could not prove: broadcast
/// dimensions are equal or 1, reshapes keep the number of elements, inner
/// dimensions of products agree. A check is emitted once a function, at its
/// start when it depends on the sizes of inputs alone.
class ShapeChecks {
public:
  explicit ShapeChecks(fm::SymbolicScope &scope) : scope(scope) {}
  void add(mlir::Operation *op);

private:
  void equal(mlir::Operation *op, fm::Expr a, fm::Expr b,
             const llvm::Twine &what);
  void broadcasts(mlir::Operation *op, llvm::ArrayRef<fm::Expr> from,
                  llvm::ArrayRef<fm::Expr> to);
  void require(mlir::Operation *op, fm::Expr a, fm::Expr b, bool orOne,
               const llvm::Twine &what);

  /// Whether an expression depends on the sizes of the function's inputs alone.
  bool isEarly(fm::Expr expr);

  fm::SymbolicScope &scope;
  mlir::Operation *firstOp = nullptr; ///< of the function, before any check
  std::set<std::tuple<const void *, const void *, bool>> seen;
};

} // namespace narae::dispatch

#endif // NARAE_LIB_DISPATCH_SHAPECHECKS_H
