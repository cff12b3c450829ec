//===- Experts.cpp - Mixtures of experts ----------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/language/Graph.h"

using namespace mlir;
using namespace narae;
using namespace narae::language;

namespace {
struct Route {
  Value weights, indices; ///< [N, chosen] f32 and i32
};
} // namespace

static Route route(Graph &g, const Experts &e, Value x) {
  Graph::At at(g, blockName(e.router), "router");
  Value logits = g.make<fm::MatmulOp>(x, g.weight(e.router), Maybe{},
                                      /*transpose_lhs=*/false,
                                      /*transpose_rhs=*/true, TypeAttr());
  Maybe bias;
  if (e.choiceBias && !(bias.value = g.weight(*e.choiceBias)))
    return {};
  Value weights = g.make<fm::RouteOp>(
      logits, bias, e.scoring == Experts::Softmax ? "softmax" : "sigmoid",
      uint64_t(e.chosen), uint64_t(e.groups), uint64_t(e.chosenGroups),
      e.normalise, llvm::APFloat(e.scaling), e.droppedGroupsScoreZero);
  if (!weights)
    return {};
  return {weights, weights.getDefiningOp()->getResult(1)};
}

/// Rows times the matrices of their experts.
static Value apply(Graph &g, const Weight &weight, Value x, Value indices) {
  Graph::At at(g, blockName(weight), "experts");
  return g.make<fm::ExpertMatmulOp>(x, g.weight(weight), indices);
}

Value language::buildExperts(Graph &g, const Experts &e, Value x) {
  Graph::At at(g, parentName(e.router), "experts");
  Route chosen = route(g, e, x);
  Value gate = apply(g, e.gate, x, chosen.indices);
  Value up = apply(g, e.up, x, chosen.indices);
  Value y = buildGatedActivation(g, e.activation, e.limit, gate, up);
  y = apply(g, e.down, y, chosen.indices); // [N, chosen, hidden]
  y = g.product(y, g.unsqueeze(chosen.weights, 2));
  y = g.make<fm::ReduceOp>(y, "sum", SmallVector<int64_t>{1},
                           /*keep_dims=*/false);
  return e.shared ? g.sum(y, buildMlp(g, *e.shared, x)) : y;
}
