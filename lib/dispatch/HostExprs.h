//===- HostExprs.h - Integer expressions in the host program -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_DISPATCH_HOSTEXPRS_H
#define NARAE_LIB_DISPATCH_HOSTEXPRS_H

#include "dialects/rt/RtDialect.h"

namespace narae::dispatch {

/// Materialises expressions of a scope as index values at the builder's
/// insertion point: `tensor.dim`, `rt.item`, arithmetic. Equal ones are left
/// to CSE.
class HostExprs {
public:
  HostExprs(mlir::OpBuilder &b, fm::SymbolicScope &scope)
      : b(b), scope(scope) {}
  mlir::Value get(mlir::Location loc, fm::Expr expr);
  llvm::SmallVector<mlir::Value> get(mlir::Location loc,
                                     llvm::ArrayRef<fm::Expr> exprs);
  /// The dynamic ones of a tensor's dimensions, as its type says.
  llvm::SmallVector<mlir::Value> dynamicDims(mlir::Location loc,
                                             mlir::Value tensor);

private:
  mlir::OpBuilder &b;
  fm::SymbolicScope &scope;
  mlir::Value symbol(mlir::Location loc, unsigned position);
};

/// The index values of all symbols of a kernel at a dispatch: the parameters
/// given and those derived from them.
llvm::SmallVector<mlir::Value> symbolValues(mlir::OpBuilder &b,
                                            mlir::Location loc,
                                            mlir::ArrayAttr symbols,
                                            mlir::ValueRange params);

/// A derived symbol's value from those of its operands.
mlir::Value derivedSymbol(mlir::OpBuilder &b, mlir::Location loc,
                          fm::SymbolDef::Kind kind, mlir::ValueRange operands);

/// rt.eval of an expression over symbol values, folded where it can be.
mlir::Value evalExpr(mlir::OpBuilder &b, mlir::Location loc, fm::Expr expr,
                     mlir::ValueRange symbols);

/// The bytes of a tensor whose dimensions, all of them, are `dims`.
mlir::Value bytesOf(mlir::OpBuilder &b, mlir::Location loc,
                    mlir::RankedTensorType type,
                    llvm::ArrayRef<mlir::Value> dims);

} // namespace narae::dispatch

#endif // NARAE_LIB_DISPATCH_HOSTEXPRS_H
