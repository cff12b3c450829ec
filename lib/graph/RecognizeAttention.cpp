//===- RecognizeAttention.cpp - softmax(q k^T) v ===//
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

/// What feeds one softmax: q, the transposed k, the mask and the scale.
struct Scores {
  Value query, keyTransposed, mask;
  double scale = 1;
};

/// scale * (q @ kT) + mask, with the scale anywhere among them.
std::optional<Scores> matchScores(Value value) {
  Scores scores;
  auto outer = scaled(value);
  auto add = outer.first.getDefiningOp<fm::AddOp>();
  // A scale outside the sum would scale the mask as well.
  if (add && outer.second != 1.0)
    return std::nullopt;
  if (add) {
    for (auto [product, mask] :
         {std::make_pair(Value(add.getLhs()), Value(add.getRhs())),
          std::make_pair(Value(add.getRhs()), Value(add.getLhs()))}) {
      auto inner = scaled(product);
      if (inner.first.getDefiningOp<fm::MatmulOp>() && isF32(mask) &&
          product.getType() == add.getType()) {
        scores.mask = mask;
        outer = inner;
        break;
      }
    }
  }
  auto matmul = outer.first.getDefiningOp<fm::MatmulOp>();
  if (!matmul || matmul.getBias() || matmul.getTransposeLhs() ||
      matmul.getTransposeRhs() || rankOf(matmul) != 4 ||
      rankOf(matmul.getLhs()) != 4 || rankOf(matmul.getRhs()) != 4)
    return std::nullopt;
  auto q = scaled(matmul.getLhs());
  auto k = scaled(matmul.getRhs());
  scores.query = q.first;
  scores.keyTransposed = k.first;
  scores.scale = outer.second * q.second * k.second;
  if (rankOf(q.first) != 4 || rankOf(k.first) != 4)
    return std::nullopt;
  return scores;
}

RankedTensorType permuted(Value value, ArrayRef<int64_t> perm) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape;
  for (int64_t p : perm)
    shape.push_back(type.getDimSize(p));
  return RankedTensorType::get(shape, type.getElementType());
}

Value transpose(PatternRewriter &rewriter, Location loc, Value value,
                ArrayRef<int64_t> perm) {
  return rewriter.create<fm::TransposeOp>(loc, permuted(value, perm), value,
                                          rewriter.getDenseI64ArrayAttr(perm));
}

struct RecognizeAttention : OpRewritePattern<fm::MatmulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(fm::MatmulOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getBias() || op.getTransposeLhs() || op.getTransposeRhs() ||
        rankOf(op) != 4 || rankOf(op.getRhs()) != 4 || !isF32(op))
      return failure();
    auto softmax = op.getLhs().getDefiningOp<fm::SoftmaxOp>();
    if (!softmax || softmax.getLog() || softmax.getAxis() != 3 ||
        !softmax->hasOneUse() || rankOf(softmax) != 4)
      return failure();
    auto scores = matchScores(softmax.getInput());
    if (!scores)
      return failure();
    // Batch and head dimensions must not broadcast between q, k and v.
    auto shape = [](Value v) {
      return cast<RankedTensorType>(v.getType()).getShape();
    };
    for (Value v : {scores->keyTransposed, Value(op.getRhs())})
      for (int d : {0, 1})
        if (shape(v)[d] != shape(scores->query)[d])
          return failure();

    Location loc = rewriter.getFusedLoc({softmax.getLoc(), op.getLoc()});
    Value q = scores->query, v = op.getRhs(), k;
    bool qBshd = false, kvBshd = false;
    const int64_t swapMiddle[] = {0, 2, 1, 3}, toKeyT[] = {0, 2, 3, 1},
                  swapLast[] = {0, 1, 3, 2};
    if (Value plain = transposedBy(q, swapMiddle)) {
      q = plain;
      qBshd = true;
    }
    Value kPlain = transposedBy(scores->keyTransposed, toKeyT);
    // Or a transpose of the last two over one of the middle two.
    if (!kPlain)
      if (Value kHeads = transposedBy(scores->keyTransposed, swapLast))
        kPlain = transposedBy(kHeads, swapMiddle);
    Value vPlain = transposedBy(v, swapMiddle);
    if (kPlain && vPlain) {
      k = kPlain;
      v = vPlain;
      kvBshd = true;
    } else if (Value direct = transposedBy(scores->keyTransposed, swapLast)) {
      k = direct;
    } else {
      k = transpose(rewriter, loc, scores->keyTransposed, swapLast);
    }
    auto attention = rewriter.create<fm::AttentionOp>(
        loc, op.getType(), q, k, v, scores->mask,
        rewriter.getF64FloatAttr(scores->scale), UnitAttr(), UnitAttr(),
        rewriter.getF64FloatAttr(0.0), UnitAttr(), UnitAttr(), UnitAttr());
    attention.setQBshd(qBshd);
    attention.setKvBshd(kvBshd);
    rewriter.replaceOp(op, attention.getResult());
    return success();
  }
};

/// transpose(attention) where it puts heads beside their values.
struct FoldOutputTranspose : OpRewritePattern<fm::TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(fm::TransposeOp op,
                                PatternRewriter &rewriter) const override {
    auto attention = op.getInput().getDefiningOp<fm::AttentionOp>();
    if (!attention || attention.getOutBshd() || !attention->hasOneUse() ||
        op.getPerm() != ArrayRef<int64_t>{0, 2, 1, 3})
      return failure();
    rewriter.setInsertionPoint(attention);
    auto fresh = cast<fm::AttentionOp>(rewriter.clone(*attention));
    fresh.setOutBshd(true);
    fresh.getResult().setType(cast<RankedTensorType>(op.getType()));
    rewriter.replaceOp(op, fresh.getResult());
    rewriter.eraseOp(attention);
    return success();
  }
};

} // namespace

void graph::populateAttention(RewritePatternSet &patterns) {
  patterns.add<RecognizeAttention, FoldOutputTranspose>(patterns.getContext());
}
