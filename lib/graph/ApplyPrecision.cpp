//===- ApplyPrecision.cpp - Weights in the type that the user asked for ---===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A matrix or table of weights that is wider than the wanted type is rounded
// to it once, and widened where it is read:
//
//   matmul(x, w)   becomes   matmul(x, cast(cast(w : bf16) : f32))
//
// The inner cast is work on weights alone, so it happens at compile time; the
// outer one is part of the kernel that reads the weight. Products accumulate in
// the type that they had.
//
//===----------------------------------------------------------------------===//

#include "lib/graph/Passes.h"

#include "mlir/IR/Builders.h"

namespace narae::graph {
#define GEN_PASS_DEF_APPLYPRECISION
#include "lib/graph/Passes.h.inc"
} // namespace narae::graph

using namespace mlir;
using namespace narae;

/// Whether all that becomes of a weight, perhaps in another layout, is the
/// second operand of products or the table of lookups. Those are the large
/// ones, and the ones whose kernels read narrow types as they are. Anything
/// else (norms, biases, filters of convolutions) keeps its type.
static bool isMatrixOrTable(Value weight) {
  return llvm::all_of(weight.getUses(), [](OpOperand &use) {
    Operation *user = use.getOwner();
    if (isa<fm::TransposeOp>(user))
      return isMatrixOrTable(user->getResult(0));
    if (isa<fm::MatmulOp, fm::ExpertMatmulOp>(user))
      return use.getOperandNumber() == 1;
    if (isa<fm::GatherOp>(user))
      return use.getOperandNumber() == 0;
    return false;
  });
}

namespace {
struct ApplyPrecisionPass
    : narae::graph::impl::ApplyPrecisionBase<ApplyPrecisionPass> {
  using ApplyPrecisionBase::ApplyPrecisionBase;

  void runOnOperation() override {
    FloatType narrow;
    if (type == "bf16")
      narrow = FloatType::getBF16(&getContext());
    else if (type == "f16")
      narrow = FloatType::getF16(&getContext());
    else {
      emitError(getOperation().getLoc())
          << "precision '" << type
          << "' is not one of f32, bf16 and f16; leave it out to compile as "
             "stored";
      return signalPassFailure();
    }
    getOperation().walk([&](fm::WeightOp op) {
      auto stored = cast<RankedTensorType>(op.getType());
      auto wide = dyn_cast<FloatType>(stored.getElementType());
      if (!wide || !(wide.isF32() || wide.isF64()) || stored.getRank() < 2 ||
          op->use_empty() || !isMatrixOrTable(op))
        return;
      OpBuilder b(&getContext());
      b.setInsertionPointAfter(op);
      auto castTo = [&](Value value, Type element) -> Value {
        return b.create<fm::CastOp>(op.getLoc(), stored.clone(element), value,
                                    element);
      };
      Value rounded = castTo(op, narrow), read = castTo(rounded, wide);
      op.getResult().replaceAllUsesExcept(read, rounded.getDefiningOp());
      ++numWeights;
    });
  }
};
} // namespace
