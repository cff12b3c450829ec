//===- ImportSoftmax.cpp - Softmax, LogSoftmax, Hardmax -------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/Compose.h"

using namespace mlir;

namespace narae::onnx {

/// 1 at the first maximum along an axis, 0 elsewhere.
static Value hardmax(const Node &n, Value x, int64_t axis) {
  Value best = n.make<fm::ArgReduceOp>(x, llvm::StringRef("max"),
                                       uint64_t(axis), /*keep_dims=*/true);
  if (!best)
    return {};
  Values dims(rankOf(x), constDim(n, 1));
  dims[axis] = dimOf(n, x, axis);
  Value index = iota(n, dims, axis, n.b.getI64Type());
  return n.cast(compare(n, index, "eq", best), elementOf(x));
}

/// Applies `fn(x, axis)`. Before opset 13 these ops flattened their input to a
/// matrix at the axis and worked on its rows.
template <typename Fn>
static LogicalResult alongRows(Node &n, Fn fn) {
  bool flattens = n.opset < 13;
  Value x = n.input(0);
  int64_t rank = n.rank(0);
  if (rank == 0)
    return n.error() << "the input is a scalar; it has no axis";
  int64_t given = n.intAttr("axis", flattens ? 1 : -1);
  // A vector at the default axis of the old form is one column.
  auto axis = flattens && given == rank ? FailureOr<int64_t>(given)
                                        : n.axis(given, rank);
  if (failed(axis))
    return failure();
  if (!flattens || *axis == rank - 1)
    return n.setOutput(0, fn(x, *axis));
  Value matrix = n.make<fm::FlattenOp>(x, uint64_t(*axis));
  Value y = matrix ? fn(matrix, 1) : Value();
  return n.setOutput(0, y ? reshapeLike(n, y, x) : Value());
}

static LogicalResult softmax(Node &n) {
  return alongRows(n, [&](Value x, int64_t axis) {
    return n.make<fm::SoftmaxOp>(x, uint64_t(axis), /*log=*/false);
  });
}
static LogicalResult logSoftmax(Node &n) {
  return alongRows(n, [&](Value x, int64_t axis) {
    return n.make<fm::SoftmaxOp>(x, uint64_t(axis), /*log=*/true);
  });
}
static LogicalResult hardmaxNode(Node &n) {
  return alongRows(n,
                   [&](Value x, int64_t axis) { return hardmax(n, x, axis); });
}

void addSoftmax(ImporterTable &table) {
  table.add("Softmax", checked<softmax, 1>);
  table.add("LogSoftmax", checked<logSoftmax, 1>);
  table.add("Hardmax", checked<hardmaxNode, 1>);
}

} // namespace narae::onnx
