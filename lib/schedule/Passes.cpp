//===- Passes.cpp - Passes of the schedule phase ===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/schedule/Passes.h"
#include "lib/schedule/Scheduler.h"

#include "mlir/IR/SymbolTable.h"

namespace narae::schedule {
#define GEN_PASS_DEF_SCHEDULE
#define GEN_PASS_DEF_VERIFYSCHEDULE
#include "lib/schedule/Passes.h.inc"
} // namespace narae::schedule

using namespace mlir;
using namespace narae;

namespace {

struct SchedulePass : narae::schedule::impl::ScheduleBase<SchedulePass> {
  using ScheduleBase::ScheduleBase;
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    llvm::StringSet<> before, after;
    getOperation().walk(
        [&](rt::DispatchOp op) { before.insert(op.getKernel()); });
    for (auto func : getOperation().getOps<func::FuncOp>()) {
      schedule::Scheduler scheduler(func, symbols, reuse);
      if (failed(scheduler.run()))
        return signalPassFailure();
      numShared += scheduler.sharedResults();
      numPieces += scheduler.concatPieces();
    }
    // Concatenations that nobody makes need no kernel.
    getOperation().walk([&](rt::LaunchOp op) { after.insert(op.getKernel()); });
    for (auto kernel :
         llvm::make_early_inc_range(getOperation().getOps<rt::KernelOp>()))
      if (before.contains(kernel.getSymName()) &&
          !after.contains(kernel.getSymName()))
        symbols.erase(kernel);
  }
};

struct VerifySchedulePass
    : narae::schedule::impl::VerifyScheduleBase<VerifySchedulePass> {
  void runOnOperation() override {
    bool ok = true;
    for (auto func : getOperation().getOps<func::FuncOp>())
      func.walk([&](Operation *op) {
        auto isTensor = [](Type t) { return isa<TensorType>(t); };
        if (llvm::any_of(op->getOperandTypes(), isTensor) ||
            llvm::any_of(op->getResultTypes(), isTensor)) {
          op->emitError("tensors are left after schedule");
          ok = false;
        }
      });
    if (!ok)
      signalPassFailure();
  }
};

} // namespace
