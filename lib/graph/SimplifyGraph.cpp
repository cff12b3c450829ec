//===- SimplifyGraph.cpp - Ops that do nothing ===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/graph/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace narae::graph {
#define GEN_PASS_DEF_SIMPLIFYGRAPH
#include "lib/graph/Passes.h.inc"
} // namespace narae::graph

using namespace mlir;
using namespace narae;

namespace {

struct DropIdentityCast : OpRewritePattern<fm::CastOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(fm::CastOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getInput().getType() != op.getType())
      return failure();
    rewriter.replaceOp(op, op.getInput());
    return success();
  }
};

struct JoinTransposes : OpRewritePattern<fm::TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(fm::TransposeOp op,
                                PatternRewriter &rewriter) const override {
    ArrayRef<int64_t> perm = op.getPerm();
    bool identity = true;
    for (auto [i, p] : llvm::enumerate(perm))
      identity &= int64_t(i) == p;
    if (identity && op.getInput().getType() == op.getType()) {
      rewriter.replaceOp(op, op.getInput());
      return success();
    }
    auto inner = op.getInput().getDefiningOp<fm::TransposeOp>();
    if (!inner)
      return failure();
    SmallVector<int64_t> joined;
    for (int64_t p : perm)
      joined.push_back(inner.getPerm()[p]);
    rewriter.replaceOpWithNewOp<fm::TransposeOp>(
        op, op.getType(), inner.getInput(),
        rewriter.getDenseI64ArrayAttr(joined));
    return success();
  }
};

/// Only the last shape of a chain of reshapes counts, unless it copies
/// dimensions of its operand (0 entries).
struct JoinReshapes : OpRewritePattern<fm::ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(fm::ReshapeOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getInput().getType() == op.getType() &&
        cast<RankedTensorType>(op.getType()).hasStaticShape()) {
      rewriter.replaceOp(op, op.getInput());
      return success();
    }
    Operation *inner = op.getInput().getDefiningOp();
    if (!isa_and_nonnull<fm::ReshapeOp, fm::UnsqueezeOp, fm::SqueezeOp,
                         fm::FlattenOp>(inner) ||
        !cast<RankedTensorType>(op.getType()).hasStaticShape())
      return failure();
    auto type = cast<RankedTensorType>(op.getType());
    // With a static result the shape is written out, so no entry copies.
    auto shapeType =
        RankedTensorType::get({type.getRank()}, rewriter.getI64Type());
    Value shape = rewriter.create<fm::ConstantOp>(
        op.getLoc(), shapeType,
        DenseIntElementsAttr::get(shapeType, type.getShape()));
    rewriter.replaceOpWithNewOp<fm::ReshapeOp>(op, type, inner->getOperand(0),
                                               shape, rewriter.getUnitAttr());
    return success();
  }
};

/// A convolution over [H, 1] by a kernel [K, 1] is one over [H]: contiguous
/// rows instead of rows of one element.
struct DropUnitWidth : OpRewritePattern<fm::ConvOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(fm::ConvOp op,
                                PatternRewriter &rewriter) const override {
    auto input = cast<RankedTensorType>(op.getInput().getType());
    auto filter = cast<RankedTensorType>(op.getFilter().getType());
    auto result = cast<RankedTensorType>(op.getType());
    ArrayRef<int64_t> pads = op.getPads();
    if (input.getRank() != 4 || input.getDimSize(3) != 1 ||
        filter.getDimSize(3) != 1 || result.getDimSize(3) != 1 ||
        op.getAutoPad() != "explicit" || pads.size() != 4 || pads[1] || pads[3])
      return failure();
    auto without = [](RankedTensorType type) {
      return RankedTensorType::get(type.getShape().drop_back(),
                                   type.getElementType());
    };
    auto squeeze = [&](Value value) -> Value {
      return rewriter.create<fm::SqueezeOp>(
          op.getLoc(), without(cast<RankedTensorType>(value.getType())), value,
          rewriter.getDenseI64ArrayAttr({3}));
    };
    Value narrow = rewriter.create<fm::ConvOp>(
        op.getLoc(), without(result), squeeze(op.getInput()),
        squeeze(op.getFilter()), op.getBias(),
        rewriter.getDenseI64ArrayAttr({op.getStrides()[0]}),
        rewriter.getDenseI64ArrayAttr({pads[0], pads[2]}),
        rewriter.getDenseI64ArrayAttr({op.getDilations()[0]}),
        op.getAutoPadAttr(), op.getGroupsAttr());
    rewriter.replaceOpWithNewOp<fm::UnsqueezeOp>(
        op, result, narrow, rewriter.getDenseI64ArrayAttr({3}));
    return success();
  }
};

/// An fm.if whose condition the shape functions know becomes its branch.
LogicalResult inlineDecidedBranches(func::FuncOp func) {
  bool changed = true;
  while (changed) {
    changed = false;
    SmallVector<fm::IfOp> branches;
    func.walk<WalkOrder::PreOrder>(
        [&](fm::IfOp op) { branches.push_back(op); });
    fm::SymbolicScope scope(func.getContext());
    for (fm::IfOp op : branches) {
      auto condition = scope.constants(op.getCondition());
      if (!condition || condition->size() != 1)
        continue;
      Block &block =
          ((*condition)[0] ? op.getThenRegion() : op.getElseRegion()).front();
      SmallVector<Value> values(block.getTerminator()->getOperands());
      block.getTerminator()->erase();
      op->getBlock()->getOperations().splice(op->getIterator(),
                                             block.getOperations());
      for (auto [result, value] : llvm::zip(op.getResults(), values))
        result.replaceAllUsesWith(value);
      op->erase();
      changed = true;
      break; // others may have been inside
    }
  }
  return success();
}

/// Makes result types as static as the shape functions say, in order.
LogicalResult refineTypes(func::FuncOp func) {
  fm::SymbolicScope scope(func.getContext());
  WalkResult walked = func.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (!isa<fm::SymbolicShapeOpInterface>(op))
      return WalkResult::advance();
    if (failed(scope.add(op)))
      return WalkResult::interrupt();
    for (Value result : op->getResults())
      if (op->getNumRegions() == 0)
        result.setType(fm::typeOf(scope.get(result)));
    return WalkResult::advance();
  });
  if (walked.wasInterrupted())
    return failure();
  auto ret = cast<func::ReturnOp>(func.getBody().front().getTerminator());
  func.setType(FunctionType::get(func.getContext(), func.getArgumentTypes(),
                                 ret.getOperandTypes()));
  return success();
}

struct SimplifyGraphPass
    : narae::graph::impl::SimplifyGraphBase<SimplifyGraphPass> {
  void runOnOperation() override {
    for (auto func : getOperation().getOps<func::FuncOp>())
      if (failed(inlineDecidedBranches(func)) || failed(refineTypes(func)))
        return signalPassFailure();
    RewritePatternSet patterns(&getContext());
    patterns.add<DropIdentityCast, JoinTransposes, JoinReshapes, DropUnitWidth>(
        &getContext());
    if (failed(
            applyPatternsAndFoldGreedily(getOperation(), std::move(patterns))))
      return signalPassFailure();
  }
};

} // namespace
