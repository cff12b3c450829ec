//===- VerifyDispatch.cpp - The rung after dispatch ===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/dispatch/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace narae::dispatch {
#define GEN_PASS_DEF_VERIFYDISPATCH
#include "lib/dispatch/Passes.h.inc"
} // namespace narae::dispatch

using namespace mlir;
using namespace narae;

namespace {

struct VerifyDispatchPass
    : narae::dispatch::impl::VerifyDispatchBase<VerifyDispatchPass> {
  void runOnOperation() override {
    bool ok = true;
    for (auto func : getOperation().getOps<func::FuncOp>())
      func.walk([&](Operation *op) {
        bool allowed =
            isa<func::FuncOp, func::ReturnOp, fm::WeightOp, fm::StateReadOp,
                fm::StateWriteOp, fm::IfOp, fm::LoopOp, fm::YieldOp,
                tensor::DimOp>(op) ||
            isa<rt::RtDialect, arith::ArithDialect>(op->getDialect());
        if (!allowed) {
          op->emitError("'")
              << op->getName() << "' is left outside kernels after dispatch";
          ok = false;
        }
      });
    if (!ok)
      signalPassFailure();
  }
};

} // namespace
