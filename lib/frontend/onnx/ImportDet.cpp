//===- ImportDet.cpp - Determinants ---------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Gaussian elimination with partial pivoting, unrolled: there is no op for it,
// and matrices whose determinant a network takes are small. A step takes the
// row with the largest leading element, drops it and the first column, and
// leaves a matrix that is smaller by one.
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/Compose.h"

using namespace mlir;

namespace narae::onnx {

constexpr int64_t kMaxUnrolled = 32;

/// Row i (or a range of rows) of [batch, m, m'].
static Value rows(const Node &n, Value a, int64_t start, int64_t end) {
  return n.slice(a, 1, start, end);
}

/// The determinant of [batch, 2, 2] as [batch].
static Value twoByTwo(const Node &n, Value a) {
  auto at = [&](int64_t i, int64_t j) {
    return n.reshape(n.slice(rows(n, a, i, i + 1), 2, j, j + 1), {-1});
  };
  return n.make<fm::SubOp>(n.make<fm::MulOp>(at(0, 0), at(1, 1)),
                           n.make<fm::MulOp>(at(0, 1), at(1, 0)));
}

/// One step on [batch, m, m]: returns [batch, m-1, m-1] and multiplies `det`
/// by the pivot and by the sign of the exchange.
static Value eliminate(const Node &n, Value a, int64_t m, Value &det) {
  Value first = n.slice(a, 2, 0, 1); // [batch, m, 1]
  Value best =
      n.make<fm::ArgReduceOp>(n.make<fm::AbsOp>(first), llvm::StringRef("max"),
                              uint64_t(1), /*keep_dims=*/true);
  if (!best)
    return {};
  Value index = iota(n, {n.constInts({1, m, 1})}, 1, n.b.getI64Type());
  Value chosen = compare(n, index, "eq", best); // [batch, m, 1]
  Value zero = scalarLike(n, 0, a);
  Value pivotRow = n.reduce("sum", select(n, chosen, a, zero), {1}, true);
  // The first row takes the place of the chosen one.
  Value rest = rows(n, select(n, chosen, rows(n, a, 0, 1), a), 1, m);
  Value pivot = n.slice(pivotRow, 2, 0, 1); // [batch, 1, 1]
  Value one = scalarLike(n, 1, a);
  Value sign =
      select(n, compare(n, best, "eq", 0.0), one, scalarLike(n, -1, a));
  det = n.make<fm::MulOp>(det, n.reshape(n.make<fm::MulOp>(pivot, sign), {-1}));
  // A pivot of 0 means a determinant of 0, whatever the rest is.
  Value divisor = select(n, compare(n, pivot, "eq", 0.0), one, pivot);
  Value factor = n.make<fm::DivOp>(n.slice(rest, 2, 0, 1), divisor);
  return n.make<fm::SubOp>(
      n.slice(rest, 2, 1, m),
      n.make<fm::MulOp>(factor, n.slice(pivotRow, 2, 1, m)));
}

static LogicalResult det(Node &n) {
  if (failed(checkRank(n, 0, 2)))
    return failure();
  Value x = n.input(0);
  int64_t rank = n.rank(0);
  int64_t size = staticDim(x, rank - 1);
  if (size < 0)
    size = staticDim(x, rank - 2);
  if (size < 0 || size > kMaxUnrolled)
    return n.error() << "the size of the matrices must be known and at most "
                     << kMaxUnrolled;
  if (size == 0)
    return n.error() << "the matrices are empty";

  Value batch = rank == 2 ? constDim(n, 1) : dimProduct(n, x, 0, rank - 2);
  Value a =
      widen(n, reshapeTo(n, x, {batch, constDim(n, size), constDim(n, size)}));
  if (!a)
    return failure();
  Value result = filled(n, {batch}, 1, elementOf(a));
  for (; size > 2; --size)
    a = eliminate(n, a, size, result);
  Value last = size == 1 ? n.reshape(a, {-1}) : twoByTwo(n, a);
  result = n.cast(n.make<fm::MulOp>(result, last), n.elem(0));
  if (rank == 2)
    return n.setOutput(0, asScalar(n, result));
  return n.setOutput(0, reshapeTo(n, result, {dimsOf(n, x, 0, rank - 2)}));
}

void addDet(ImporterTable &table) { table.add("Det", checked<det, 1>); }

} // namespace narae::onnx
