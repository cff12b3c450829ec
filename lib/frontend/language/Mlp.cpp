//===- Mlp.cpp - Gated MLPs -----------------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/language/Graph.h"

using namespace mlir;
using namespace narae;
using namespace narae::language;

Value language::buildActivation(Graph &g, Activation activation, Value x) {
  switch (activation) {
  case Activation::Silu:
    return g.make<fm::SiluOp>(x);
  case Activation::Gelu:
    return g.make<fm::GeluOp>(x, /*tanh=*/false);
  case Activation::GeluTanh:
    return g.make<fm::GeluOp>(x, /*tanh=*/true);
  case Activation::Relu:
    return g.make<fm::ReluOp>(x);
  }
  llvm_unreachable("an activation");
}

Value language::buildGatedActivation(Graph &g, Activation activation,
                                     double limit, Value gate, Value up) {
  if (limit > 0) {
    gate = g.make<fm::MinOp>(gate, g.scalar(limit));
    up = g.make<fm::MinOp>(up, g.scalar(limit));
    up = g.make<fm::MaxOp>(up, g.scalar(-limit));
  }
  return g.product(buildActivation(g, activation, gate), up);
}

Value language::buildMlp(Graph &g, const Mlp &mlp, Value x) {
  Graph::At at(g, parentName(mlp.gate.weight), "mlp");
  Value y = buildGatedActivation(g, mlp.activation, mlp.limit,
                                 g.linear(x, mlp.gate), g.linear(x, mlp.up));
  return g.linear(y, mlp.down);
}
