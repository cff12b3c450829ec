//===- Norm.cpp - Root mean square norms ----------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/language/Graph.h"

using namespace mlir;
using namespace narae;
using namespace narae::language;

Value language::buildNorm(Graph &g, const Norm &norm, Value x) {
  if (!x)
    return {};
  Graph::At at(g, blockName(norm.scale), "norm");
  int64_t axis = cast<RankedTensorType>(x.getType()).getRank() - 1;
  Value y =
      g.make<fm::RmsNormOp>(x, g.weight(norm.scale), uint64_t(axis),
                            llvm::APFloat(norm.epsilon), norm.zeroCentred);
  if (!norm.gateDown)
    return y;
  // A gate of low rank, computed from the normed value itself.
  Value inner = g.make<fm::SiluOp>(g.linear(y, *norm.gateDown));
  Value gate = g.make<fm::SigmoidOp>(g.linear(inner, *norm.gateUp));
  return g.product(y, gate);
}
