//===- VerifyGraph.cpp - The rung after graph ===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/graph/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace narae::graph {
#define GEN_PASS_DEF_VERIFYGRAPH
#include "lib/graph/Passes.h.inc"
} // namespace narae::graph

using namespace mlir;
using namespace narae;

namespace {

struct VerifyGraphPass : narae::graph::impl::VerifyGraphBase<VerifyGraphPass> {
  void runOnOperation() override {
    bool ok = true;
    for (auto func : getOperation().getOps<func::FuncOp>()) {
      fm::SymbolicScope scope(&getContext());
      func.walk<WalkOrder::PreOrder>([&](Operation *op) {
        if (isa<fm::SymbolicShapeOpInterface>(op))
          ok &= succeeded(scope.add(op));
        else if (!isa<func::FuncOp, func::ReturnOp, fm::YieldOp>(op)) {
          op->emitError("'") << op->getName() << "' is left after graph";
          ok = false;
        }
      });
    }
    if (!ok)
      signalPassFailure();
  }
};

} // namespace
