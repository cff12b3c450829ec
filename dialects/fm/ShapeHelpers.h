//===- ShapeHelpers.h - What shape functions have in common -----*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Private to the Shape*.cpp files: checks that report, operands that are
// shapes, and the bookkeeping of followed elements. Axes are never negative
// in fm; importers resolve them.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_DIALECTS_FM_SHAPEHELPERS_H
#define NARAE_DIALECTS_FM_SHAPEHELPERS_H

#include "dialects/fm/FmDialect.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace narae::fm::shape {

using Results = llvm::SmallVectorImpl<SymTensor>;
using Sizes = llvm::SmallVector<int64_t>;

//===----------------------------------------------------------------------===//
// Checks: success, or failure after a diagnostic
//===----------------------------------------------------------------------===//

/// An axis in [0, rank).
llvm::LogicalResult checkAxis(mlir::Operation *op, int64_t axis, int64_t rank,
                              llvm::StringRef name = "axis");
/// Distinct axes in [0, rank).
llvm::LogicalResult checkAxes(mlir::Operation *op, llvm::ArrayRef<int64_t> axes,
                              int64_t rank);
llvm::LogicalResult checkRank(mlir::Operation *op, SymbolicScope &scope,
                              mlir::Value value, int64_t rank,
                              llvm::StringRef name);
llvm::LogicalResult checkMinRank(mlir::Operation *op, SymbolicScope &scope,
                                 mlir::Value value, int64_t rank,
                                 llvm::StringRef name);
/// Fails where an op would compute with elements that are only moved: strings,
/// and floats that MLIR has no type for.
llvm::LogicalResult checkMoves(mlir::Operation *op, SymbolicScope &scope);
/// One of the attribute's known values.
llvm::LogicalResult checkOneOf(mlir::Operation *op, llvm::StringRef value,
                               llvm::StringRef name,
                               llvm::ArrayRef<llvm::StringRef> allowed);
/// Dimensions that are not certainly different.
llvm::LogicalResult checkSame(mlir::Operation *op, SymbolicScope &scope, Expr a,
                              Expr b, const llvm::Twine &what);
/// checkSame, after which `a` is the better known of the two.
llvm::LogicalResult unify(mlir::Operation *op, SymbolicScope &scope, Expr &a,
                          Expr b, const llvm::Twine &what);
llvm::LogicalResult checkType(mlir::Operation *op, mlir::Type have,
                              mlir::Type want, llvm::StringRef name);
llvm::LogicalResult checkFloat(mlir::Operation *op, mlir::Type type,
                               llvm::StringRef name);
llvm::LogicalResult checkInt(mlir::Operation *op, mlir::Type type,
                             llvm::StringRef name);
/// A tensor that broadcasts to `dims` without changing them.
llvm::LogicalResult checkBroadcastTo(mlir::Operation *op, SymbolicScope &scope,
                                     mlir::Value value,
                                     llvm::ArrayRef<Expr> dims,
                                     llvm::StringRef name);
/// A list attribute's length.
llvm::LogicalResult checkLength(mlir::Operation *op, size_t have, size_t want,
                                llvm::StringRef name);

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

/// The elements of a 1-D i64 operand such as a shape; `length` where not -1.
llvm::FailureOr<Exprs> listOperand(mlir::Operation *op, SymbolicScope &scope,
                                   mlir::Value value, llvm::StringRef name,
                                   int64_t length = -1);
/// The only element of an integer operand of one element.
llvm::FailureOr<Expr> scalarOperand(mlir::Operation *op, SymbolicScope &scope,
                                    mlir::Value value, llvm::StringRef name);
/// A size given by the user: an error when certainly negative.
llvm::LogicalResult checkSizes(mlir::Operation *op, llvm::ArrayRef<Expr> sizes,
                               llvm::StringRef name);
inline Exprs dimsOf(SymbolicScope &scope, mlir::Value value) {
  return Exprs(scope.dims(value).begin(), scope.dims(value).end());
}

//===----------------------------------------------------------------------===//
// Followed elements
//===----------------------------------------------------------------------===//

/// The sizes when all are static and the tensor is small; none otherwise.
std::optional<Sizes> smallSizes(llvm::ArrayRef<Expr> dims);
inline bool isFollowed(const SymTensor &tensor) {
  return tensor.elements || tensor.floats;
}
/// Visits all coordinates in row-major order.
void forEachIndex(llvm::ArrayRef<int64_t> sizes,
                  llvm::function_ref<void(llvm::ArrayRef<int64_t>)> visit);
/// The row-major position of coordinates; those of missing leading dimensions
/// and of dimensions of size 1 count as 0.
int64_t position(llvm::ArrayRef<int64_t> index, llvm::ArrayRef<int64_t> sizes);
/// Element i of the result is element sources[i] of the tensor.
void pick(const SymTensor &from, llvm::ArrayRef<int64_t> sources,
          SymTensor &result);
/// pick, where every coordinate of the result says which it is.
void pickBy(const SymTensor &from, SymTensor &result,
            llvm::function_ref<int64_t(llvm::ArrayRef<int64_t>)> source);
/// An expression as a value of an integer type: wrapped when constant; null
/// when it may not fit. Dimensions are taken to fit 32 bits.
Expr asInteger(SymbolicScope &scope, mlir::Type type, Expr expr);
/// A number rounded to a float type; none for types narrower than 16 bits.
std::optional<double> asFloat(mlir::Type type, double value);

/// Follows the elements of an element-wise op whose result has its type and
/// dimensions already (ShapeMath.cpp).
void followElementwise(mlir::Operation *op, SymbolicScope &scope,
                       SymTensor &result);
/// Quotient of integers, rounded towards zero; null when it is not known
/// which way that is.
Expr truncatingDiv(SymbolicScope &scope, Expr a, Expr b);

} // namespace narae::fm::shape

#endif // NARAE_DIALECTS_FM_SHAPEHELPERS_H
