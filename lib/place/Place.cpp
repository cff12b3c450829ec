//===- Place.cpp - Devices for ops ===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/place/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace narae::place {
#define GEN_PASS_DEF_PLACE
#include "lib/place/Passes.h.inc"
} // namespace narae::place

using namespace mlir;
using namespace narae;

bool place::checkSupport(ModuleOp module,
                         llvm::function_ref<bool(Operation *)> supports) {
  bool ok = true;
  module.walk([&](Operation *op) {
    if (!isa<fm::FmDialect>(op->getDialect()) ||
        isa<fm::WeightDataOp, fm::WeightOp, fm::ConstantOp, fm::YieldOp,
            fm::IfOp, fm::LoopOp, fm::StateOp, fm::StateReadOp,
            fm::StateWriteOp, fm::AttachmentOp, fm::TextOp, fm::TextSplitOp>(
            op))
      return;
    ok &= supports(op);
  });
  return ok;
}

namespace {

struct PlacePass : narae::place::impl::PlaceBase<PlacePass> {
  using PlaceBase::PlaceBase;
  void runOnOperation() override {
    for (auto func : getOperation().getOps<func::FuncOp>())
      func->setAttr("rt.device", StringAttr::get(&getContext(), device));
  }
};

} // namespace
