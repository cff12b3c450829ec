//===- ImportLoss.cpp - Losses --------------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/Compose.h"

using namespace mlir;

namespace narae::onnx {

/// -logProbability[n, target[n, ..], ..] * weight[target[n, ..]], reduced.
/// Targets that are `ignore_index` count as nothing.
static Value likelihoodLoss(const Node &n, Value logProbabilities) {
  std::string reduction = n.strAttr("reduction", "mean");
  if (reduction != "none" && reduction != "sum" && reduction != "mean") {
    n.error() << "reduction is '" << reduction
              << "'; it must be none, sum or mean";
    return {};
  }
  if (!logProbabilities)
    return {};
  Type type = elementOf(logProbabilities);
  Value target = n.cast(n.input(1), n.b.getI64Type());
  bool ignores = n.has("ignore_index");
  Value counts; // i1, which targets count
  if (ignores) {
    counts = compare(n, target, "ne", double(n.intAttr("ignore_index", 0)));
    target = select(n, counts, target, scalarLike(n, 0, target));
  }
  Value picked = n.make<fm::GatherElementsOp>(
      logProbabilities, n.unsqueeze(target, {1}), uint64_t(1));
  Value loss = n.make<fm::NegOp>(n.squeeze(picked, {1}));
  Value weight;
  if (n.hasInput(2))
    weight =
        n.cast(n.make<fm::GatherOp>(n.input(2), target, uint64_t(0)), type);
  if (ignores) {
    Value zero = n.constScalar(0, type);
    weight = select(n, counts, weight ? weight : n.constScalar(1, type), zero);
  }
  if (weight)
    loss = n.make<fm::MulOp>(loss, weight);
  if (reduction == "none" || !loss)
    return loss;
  auto axes = axesFrom(0, rankOf(loss));
  if (reduction == "sum")
    return n.reduce("sum", loss, axes, /*keepDims=*/false);
  if (!weight)
    return n.reduce("mean", loss, axes, /*keepDims=*/false);
  return n.make<fm::DivOp>(n.reduce("sum", loss, axes, false),
                           n.reduce("sum", weight, axes, false));
}

static LogicalResult checkShapes(const Node &n) {
  if (failed(checkRank(n, 0, 2)) ||
      failed(checkRank(n, 1, n.rank(0) - 1, n.rank(0) - 1)))
    return failure();
  return n.hasInput(2) ? checkRank(n, 2, 1, 1) : success();
}

static LogicalResult negativeLogLikelihood(Node &n) {
  if (failed(checkShapes(n)))
    return failure();
  Value loss = likelihoodLoss(n, widen(n, n.input(0)));
  return n.setOutput(0, loss ? n.cast(loss, n.elem(0)) : Value());
}

static LogicalResult softmaxCrossEntropy(Node &n) {
  if (failed(checkShapes(n)))
    return failure();
  Value logs = n.make<fm::SoftmaxOp>(widen(n, n.input(0)), uint64_t(1),
                                     /*log=*/true);
  Value loss = likelihoodLoss(n, logs);
  if (failed(n.setOutput(0, loss ? n.cast(loss, n.elem(0)) : Value())))
    return failure();
  return n.hasOutput(1) ? n.setOutput(1, n.cast(logs, n.elem(0))) : success();
}

void registerLoss(ImporterTable &table) {
  table.add("NegativeLogLikelihoodLoss", checked<negativeLogLikelihood, 2>);
  table.add("SoftmaxCrossEntropyLoss", checked<softmaxCrossEntropy, 2>);
}

} // namespace narae::onnx
