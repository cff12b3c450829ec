//===- RecognizeOps.cpp - The recognition pass ===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/graph/Matching.h"
#include "lib/graph/Passes.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace narae::graph {
#define GEN_PASS_DEF_RECOGNIZEOPS
#include "lib/graph/Passes.h.inc"
} // namespace narae::graph

using namespace mlir;
using namespace narae;

namespace {

struct RecognizeOpsPass
    : narae::graph::impl::RecognizeOpsBase<RecognizeOpsPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    graph::populateActivations(patterns);
    graph::populateNorms(patterns);
    graph::populateAttention(patterns);
    graph::populateMatmul(patterns);
    if (failed(applyPatternsAndFoldGreedily(getOperation(),
                                            std::move(patterns)))) {
      getOperation().emitError("recognition did not come to an end");
      return signalPassFailure();
    }
    getOperation().walk([&](Operation *op) {
      numAttention += isa<fm::AttentionOp>(op);
      numNorms += isa<fm::LayerNormOp, fm::RmsNormOp>(op);
    });
  }
};

} // namespace
