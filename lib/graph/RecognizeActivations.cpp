//===- RecognizeActivations.cpp - GELU and SiLU ===//
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

/// 1 + erf(x / sqrt 2), or with tanh: 1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)).
/// Returns x and whether it is the tanh form.
std::optional<std::pair<Value, bool>> matchGate(Value value) {
  Value inner = otherThan<fm::AddOp>(value, 1.0);
  if (!inner)
    return std::nullopt;
  if (auto erf = inner.getDefiningOp<fm::ErfOp>()) {
    auto [x, factor] = scaled(erf.getInput());
    if (std::abs(factor - 0.70710678118654752) < 1e-5)
      return std::make_pair(x, false);
    return std::nullopt;
  }
  auto tanh = inner.getDefiningOp<fm::TanhOp>();
  if (!tanh)
    return std::nullopt;
  auto [sum, factor] = scaled(tanh.getInput());
  if (std::abs(factor - 0.7978845608028654) > 1e-5)
    return std::nullopt;
  auto add = sum.getDefiningOp<fm::AddOp>();
  if (!add)
    return std::nullopt;
  for (auto [x, cubic] : {std::make_pair(add.getLhs(), add.getRhs()),
                          std::make_pair(add.getRhs(), add.getLhs())}) {
    auto [cube, c] = scaled(cubic);
    if (std::abs(c - 0.044715) > 1e-6)
      continue;
    auto pow = cube.getDefiningOp<fm::PowOp>();
    if (pow && pow.getLhs() == x && isSplat(pow.getRhs(), 3.0))
      return std::make_pair(Value(x), true);
  }
  return std::nullopt;
}

/// x * 0.5 * gate(x) in any order of the factors.
struct RecognizeGelu : OpRewritePattern<fm::MulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(fm::MulOp op,
                                PatternRewriter &rewriter) const override {
    // The three factors: flatten at most two levels of products.
    SmallVector<Value> factors{op.getLhs(), op.getRhs()};
    for (unsigned i = 0; i < factors.size() && factors.size() < 4; ++i)
      if (auto product = factors[i].getDefiningOp<fm::MulOp>()) {
        factors[i] = product.getLhs();
        factors.push_back(product.getRhs());
        --i;
      }
    if (factors.size() != 3)
      return failure();
    std::optional<std::pair<Value, bool>> gate;
    bool half = false;
    Value x;
    for (Value factor : factors) {
      if (!half && isSplat(factor, 0.5))
        half = true;
      else if (auto found = gate ? std::nullopt : matchGate(factor))
        gate = found;
      else
        x = factor;
    }
    if (!half || !gate || gate->first != x || x.getType() != op.getType())
      return failure();
    auto gelu = rewriter.replaceOpWithNewOp<fm::GeluOp>(op, op.getType(), x,
                                                        UnitAttr());
    if (gate->second)
      gelu.setTanh(true);
    return success();
  }
};

struct RecognizeSilu : OpRewritePattern<fm::MulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(fm::MulOp op,
                                PatternRewriter &rewriter) const override {
    for (auto [x, gate] : {std::make_pair(op.getLhs(), op.getRhs()),
                           std::make_pair(op.getRhs(), op.getLhs())}) {
      auto sigmoid = gate.getDefiningOp<fm::SigmoidOp>();
      if (!sigmoid || sigmoid.getInput() != x || x.getType() != op.getType())
        continue;
      rewriter.replaceOpWithNewOp<fm::SiluOp>(op, op.getType(), x);
      return success();
    }
    return failure();
  }
};

} // namespace

void graph::populateActivations(RewritePatternSet &patterns) {
  patterns.add<RecognizeGelu, RecognizeSilu>(patterns.getContext());
}
