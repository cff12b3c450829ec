//===- RecognizeMatmul.cpp - Biases and transposes into matmul ===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/graph/Matching.h"

using namespace mlir;
using namespace narae;
using namespace narae::graph;

namespace {

/// matmul(a, b) + bias where the bias does not grow the result.
struct FoldMatmulBias : OpRewritePattern<fm::AddOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(fm::AddOp op,
                                PatternRewriter &rewriter) const override {
    for (auto [x, bias] : {std::make_pair(op.getLhs(), op.getRhs()),
                           std::make_pair(op.getRhs(), op.getLhs())}) {
      auto matmul = x.getDefiningOp<fm::MatmulOp>();
      if (!matmul || matmul.getBias() || !matmul->hasOneUse() ||
          rankOf(bias) != 1 || op.getType() != matmul.getType())
        continue;
      // The bias must be there when the matmul runs.
      Operation *def = bias.getDefiningOp();
      if (def && def->getBlock() == matmul->getBlock() &&
          !def->isBeforeInBlock(matmul))
        continue;
      rewriter.setInsertionPoint(matmul);
      Value fused = rewriter.create<fm::MatmulOp>(
          rewriter.getFusedLoc({matmul.getLoc(), op.getLoc()}), op.getType(),
          matmul.getLhs(), matmul.getRhs(), bias, matmul.getTransposeLhsAttr(),
          matmul.getTransposeRhsAttr(), matmul.getAccAttr());
      rewriter.replaceOp(op, fused);
      return success();
    }
    return failure();
  }
};

} // namespace

void graph::populateMatmul(RewritePatternSet &patterns) {
  patterns.add<FoldMatmulBias>(patterns.getContext());
}
