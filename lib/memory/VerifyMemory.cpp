//===- VerifyMemory.cpp - The rung after memory ===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace narae::memory {
#define GEN_PASS_DEF_VERIFYMEMORY
#include "lib/memory/Passes.h.inc"
} // namespace narae::memory

using namespace mlir;
using namespace narae;

/// Whether `high` lies above `low`, directly or through others.
static bool isAbove(hbm::BufferOp high, hbm::BufferOp low,
                    DenseSet<Operation *> &seen) {
  for (Value v : high.getAbove()) {
    auto below = v.getDefiningOp<hbm::BufferOp>();
    if (!below || !seen.insert(below).second)
      continue;
    if (below == low || isAbove(below, low, seen))
      return true;
  }
  return false;
}

/// Two buffers that live at the same time must not overlap whatever their
/// sizes are: fixed offsets are compared, others need an order.
static LogicalResult verifyPair(hbm::BufferOp a, hbm::BufferOp b) {
  if (a.getFirst() >= b.getLast() || b.getFirst() >= a.getLast())
    return success();
  auto bytes = [](hbm::BufferOp op) {
    return fm::storageBytes(cast<RankedTensorType>(op.getTensor()));
  };
  bool isStatic = a.getDims().empty() && b.getDims().empty() &&
                  a.getAbove().empty() && b.getAbove().empty();
  if (isStatic && a.getOffset() && b.getOffset()) {
    int64_t x = *a.getOffset(), y = *b.getOffset();
    if (x + bytes(a) <= y || y + bytes(b) <= x)
      return success();
  } else {
    DenseSet<Operation *> seen, back;
    if (isAbove(a, b, seen) || isAbove(b, a, back))
      return success();
  }
  return a.emitOpError("and '")
         << b.getName() << "' live at the same time and may overlap";
}

namespace {

struct VerifyMemoryPass
    : narae::memory::impl::VerifyMemoryBase<VerifyMemoryPass> {
  void runOnOperation() override {
    bool ok = true;
    for (auto func : getOperation().getOps<func::FuncOp>()) {
      SmallVector<hbm::BufferOp> buffers;
      func.walk([&](hbm::BufferOp op) {
        if (op.getSpace() != "arena")
          return;
        if (!op.getOffset() && op.getAbove().empty()) {
          op.emitOpError("has no place after memory");
          ok = false;
        }
        buffers.push_back(op);
      });
      // All pairs are too many for very long schedules; those are checked by
      // the planner's own verifier at their planned sizes.
      if (buffers.size() > 600)
        continue;
      for (size_t i = 0; i < buffers.size(); ++i)
        for (size_t j = i + 1; j < buffers.size(); ++j)
          ok &= succeeded(verifyPair(buffers[i], buffers[j]));
    }
    if (!ok)
      signalPassFailure();
  }
};

} // namespace
