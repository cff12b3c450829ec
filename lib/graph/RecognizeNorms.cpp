//===- RecognizeNorms.cpp - Layer and RMS norm ===//
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

/// mean over the last dimension, kept; returns the operand.
Value meanOfRows(Value value) {
  auto op = value.getDefiningOp<fm::ReduceOp>();
  if (!op || op.getKind() != "mean" || !op.getKeepDims())
    return {};
  int64_t rank = rankOf(op.getInput());
  return op.getAxes() == ArrayRef<int64_t>{rank - 1} ? op.getInput() : Value();
}

/// x * x or x ^ 2; returns x.
Value squareOf(Value value) {
  if (auto mul = value.getDefiningOp<fm::MulOp>())
    return mul.getLhs() == mul.getRhs() ? mul.getLhs() : Value();
  auto pow = value.getDefiningOp<fm::PowOp>();
  return pow && isSplat(pow.getRhs(), 2.0) ? pow.getLhs() : Value();
}

/// y / sqrt(mean(s^2) + eps), or y * rsqrt(...): y, s and eps.
struct Normalised {
  Value value, squared;
  double epsilon;
};
std::optional<Normalised> matchNormalised(Operation *op) {
  Value numerator, root;
  if (auto div = dyn_cast<fm::DivOp>(op)) {
    numerator = div.getLhs();
    if (auto sqrt = div.getRhs().getDefiningOp<fm::SqrtOp>())
      root = sqrt.getInput();
  } else if (auto mul = dyn_cast<fm::MulOp>(op)) {
    for (auto [x, y] : {std::make_pair(mul.getLhs(), mul.getRhs()),
                        std::make_pair(mul.getRhs(), mul.getLhs())}) {
      Value inner;
      if (auto rsqrt = y.getDefiningOp<fm::RsqrtOp>())
        inner = rsqrt.getInput();
      else if (auto reciprocal = y.getDefiningOp<fm::ReciprocalOp>())
        if (auto sqrt = reciprocal.getInput().getDefiningOp<fm::SqrtOp>())
          inner = sqrt.getInput();
      if (inner) {
        numerator = x;
        root = inner;
      }
    }
  }
  if (!root)
    return std::nullopt;
  auto sum = withConstant<fm::AddOp>(root);
  if (!sum || sum->second <= 0)
    return std::nullopt;
  Value squares = meanOfRows(sum->first);
  Value squared = squares ? squareOf(squares) : Value();
  if (!squared)
    return std::nullopt;
  return Normalised{numerator, squared, sum->second};
}

/// x - mean(x); returns x.
Value centred(Value value) {
  auto sub = value.getDefiningOp<fm::SubOp>();
  return sub && meanOfRows(sub.getRhs()) == sub.getLhs() ? sub.getLhs()
                                                         : Value();
}

struct RecognizeNorm : RewritePattern {
  explicit RecognizeNorm(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), 2, context) {}
  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const override {
    auto found = matchNormalised(op);
    if (!found || found->value.getType() != op->getResult(0).getType() ||
        !isF32(found->value))
      return failure();
    Type type = op->getResult(0).getType();
    IntegerAttr axis = rewriter.getI64IntegerAttr(rankOf(found->value) - 1);
    FloatAttr epsilon = rewriter.getF64FloatAttr(found->epsilon);
    Value x = centred(found->value), y = centred(found->squared);
    if (x && x == y) {
      rewriter.replaceOpWithNewOp<fm::LayerNormOp>(op, type, x, Value(),
                                                   Value(), axis, epsilon);
      return success();
    }
    if (found->value == found->squared) {
      rewriter.replaceOpWithNewOp<fm::RmsNormOp>(
          op, type, found->value, Value(), axis, epsilon, UnitAttr());
      return success();
    }
    return failure();
  }
};

/// A vector over the last dimension of `like`.
bool isRowVector(Value value, Value like) {
  auto type = cast<RankedTensorType>(value.getType());
  auto row = cast<RankedTensorType>(like.getType());
  return type.getRank() == 1 && row.getRank() >= 1 && !type.isDynamicDim(0) &&
         type.getDimSize(0) == row.getDimSize(row.getRank() - 1);
}

/// norm(x) * scale
template <typename NormOp>
struct FoldScale : OpRewritePattern<fm::MulOp> {
  using OpRewritePattern<fm::MulOp>::OpRewritePattern;
  LogicalResult matchAndRewrite(fm::MulOp op,
                                PatternRewriter &rewriter) const override {
    for (auto [x, scale] : {std::make_pair(op.getLhs(), op.getRhs()),
                            std::make_pair(op.getRhs(), op.getLhs())}) {
      auto norm = x.template getDefiningOp<NormOp>();
      if (!norm || norm.getScale() || !norm->hasOneUse() ||
          !isRowVector(scale, x) || op.getType() != norm.getType() ||
          int64_t(norm.getAxis()) != rankOf(x) - 1)
        continue;
      if constexpr (std::is_same_v<NormOp, fm::LayerNormOp>) {
        if (norm.getBias())
          continue;
        rewriter.replaceOpWithNewOp<NormOp>(op, op.getType(), norm.getInput(),
                                            scale, Value(), norm.getAxisAttr(),
                                            norm.getEpsilonAttr());
      } else {
        rewriter.replaceOpWithNewOp<NormOp>(op, op.getType(), norm.getInput(),
                                            scale, norm.getAxisAttr(),
                                            norm.getEpsilonAttr(), UnitAttr());
      }
      return success();
    }
    return failure();
  }
};

/// layer_norm(x) * scale + bias
struct FoldBias : OpRewritePattern<fm::AddOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(fm::AddOp op,
                                PatternRewriter &rewriter) const override {
    for (auto [x, bias] : {std::make_pair(op.getLhs(), op.getRhs()),
                           std::make_pair(op.getRhs(), op.getLhs())}) {
      auto norm = x.getDefiningOp<fm::LayerNormOp>();
      if (!norm || !norm.getScale() || norm.getBias() || !norm->hasOneUse() ||
          !isRowVector(bias, x) || op.getType() != norm.getType() ||
          int64_t(norm.getAxis()) != rankOf(x) - 1)
        continue;
      rewriter.replaceOpWithNewOp<fm::LayerNormOp>(
          op, op.getType(), norm.getInput(), norm.getScale(), bias,
          norm.getAxisAttr(), norm.getEpsilonAttr());
      return success();
    }
    return failure();
  }
};

} // namespace

void graph::populateNorms(RewritePatternSet &patterns) {
  patterns.add<RecognizeNorm, FoldScale<fm::LayerNormOp>,
               FoldScale<fm::RmsNormOp>, FoldBias>(patterns.getContext());
}
