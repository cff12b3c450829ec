//===- Matching.h - Helpers to match groups of fm ops --*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_GRAPH_MATCHING_H
#define NARAE_LIB_GRAPH_MATCHING_H

#include "dialects/fm/FmDialect.h"

#include "mlir/IR/PatternMatch.h"

namespace narae::graph {

/// The number that a constant tensor holds in every element.
std::optional<double> splat(mlir::Value value);
/// Whether a value is (nearly, within f32 rounding) this number everywhere.
bool isSplat(mlir::Value value, double number);

/// For a commutative op: the operand that is not `number` everywhere; null
/// when neither is that.
template <typename OpTy>
mlir::Value otherThan(mlir::Value value, double number) {
  auto op = value.getDefiningOp<OpTy>();
  if (!op)
    return {};
  if (isSplat(op.getRhs(), number))
    return op.getLhs();
  return isSplat(op.getLhs(), number) ? op.getRhs() : mlir::Value();
}

/// Splits `op(x, constant)` in either order into x and the number.
template <typename OpTy>
std::optional<std::pair<mlir::Value, double>> withConstant(mlir::Value value) {
  auto op = value.getDefiningOp<OpTy>();
  if (!op)
    return std::nullopt;
  if (auto number = splat(op.getRhs()))
    return std::make_pair(mlir::Value(op.getLhs()), *number);
  if (auto number = splat(op.getLhs()))
    return std::make_pair(mlir::Value(op.getRhs()), *number);
  return std::nullopt;
}

/// The operand of a transpose with exactly this permutation, else null.
mlir::Value transposedBy(mlir::Value value, llvm::ArrayRef<int64_t> perm);

/// A scalar times a value: x * c, x / c, or the value itself times 1.
std::pair<mlir::Value, double> scaled(mlir::Value value);

bool isF32(mlir::Value value);
int64_t rankOf(mlir::Value value);

void populateActivations(mlir::RewritePatternSet &patterns);
void populateNorms(mlir::RewritePatternSet &patterns);
void populateAttention(mlir::RewritePatternSet &patterns);
void populateMatmul(mlir::RewritePatternSet &patterns);

} // namespace narae::graph

#endif // NARAE_LIB_GRAPH_MATCHING_H
