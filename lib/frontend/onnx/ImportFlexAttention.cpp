//===- ImportFlexAttention.cpp - ai.onnx.preview FlexAttention ------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// The op's two graphs, which change scores and probabilities, are imported in
// place: the compiler sees one composition and fuses it like any other.
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/AttentionParts.h"
#include "lib/frontend/onnx/GraphImporter.h"

using namespace mlir;
using llvm::StringRef;

namespace narae::onnx {

/// Applies the graph in the attribute to a value, or nothing without one.
static Value modified(const Node &n, StringRef name, Value value) {
  const ::onnx::AttributeProto *attr = n.attr(name);
  if (!attr || !value)
    return value;
  auto results =
      n.graph.importNested(attr->g(), {Binding::tensor(value)}, n.loc);
  if (failed(results))
    return {};
  if (results->size() != 1 || (*results)[0].kind != Binding::Tensor) {
    n.error() << name << " must have one tensor as its result";
    return {};
  }
  return n.cast((*results)[0].value, elementOf(value));
}

static LogicalResult flexAttention(Node &n) {
  for (unsigned i = 0; i < 3; ++i)
    if (failed(checkRank(n, i, 4, 4)))
      return failure();
  Value q = n.input(0);
  double scale = n.floatAttr("scale", 0);
  if (!n.has("scale"))
    scale = headScale(n, q, 0);
  Type type = wideType(n.elem(0));
  if (int64_t precision = n.intAttr("softmax_precision", 0)) {
    type = onnxType(n, precision);
    if (!type)
      return failure();
    if (!isa<FloatType>(type))
      return n.error() << "softmax_precision must be a float type";
  }
  if (!n.has("score_mod") && !n.has("prob_mod") &&
      type == wideType(n.elem(0)) && !n.elem(0).isF64())
    return n.setOutput(0, n.make<fm::AttentionOp>(q, n.input(1), n.input(2),
                                                  Maybe{}, llvm::APFloat(scale),
                                                  false, false,
                                                  llvm::APFloat(0.0)));
  Value k = repeatHeads(n, n.input(1), q), v = repeatHeads(n, n.input(2), q);
  Value scores =
      mulConst(n, matmul(n, widen(n, q), widen(n, k), false, true), scale);
  scores = modified(n, "score_mod", scores ? n.cast(scores, type) : Value());
  Value weights = n.make<fm::SoftmaxOp>(scores, uint64_t(3), /*log=*/false);
  weights = modified(n, "prob_mod", weights);
  Value y = matmul(n, weights, n.cast(v, type));
  return n.setOutput(0, y ? n.cast(y, n.elem(2)) : Value());
}

void addFlexAttention(ImporterTable &table) {
  table.add("FlexAttention", checked<flexAttention, 3>, "ai.onnx.preview");
}

} // namespace narae::onnx
