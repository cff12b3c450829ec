//===- ScheduleBranches.cpp - Branches and loops of the host program ===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/schedule/Scheduler.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace narae;
using namespace narae::schedule;

/// Both branches write the results to the same buffers. A dimension that
/// differs between them is a host variable that each branch sets.
LogicalResult Scheduler::branch(fm::IfOp op) {
  Location loc = op.getLoc();
  Value condition = b.create<rt::ItemOp>(
      loc, b.getIndexType(), tensorOf(op.getCondition()).buffer,
      b.getI64IntegerAttr(0));
  auto branch = b.create<rt::IfOp>(loc, condition);
  OpBuilder::InsertPoint after = b.saveInsertionPoint();

  // Schedule both, and see what they yield.
  Region *regions[] = {&op.getThenRegion(), &op.getElseRegion()};
  Region *targets[] = {&branch.getThenRegion(), &branch.getElseRegion()};
  SmallVector<SmallVector<Tensor>> yielded(2);
  for (int side = 0; side < 2; ++side) {
    b.createBlock(targets[side]);
    Block &old = regions[side]->front();
    IRMapping saved = indices; // inner index values do not leave the branch
    for (Operation &inner : old.without_terminator())
      if (failed(this->op(&inner)))
        return failure();
    for (Value value : old.getTerminator()->getOperands())
      yielded[side].push_back(tensorOf(value));
    indices = saved;
  }

  SmallVector<Tensor> results(op.getNumResults());
  SmallVector<SmallVector<int64_t>> setters(op.getNumResults());
  for (auto [i, result] : llvm::enumerate(op.getResults())) {
    auto type = cast<RankedTensorType>(result.getType());
    b.setInsertionPoint(branch);
    bool late = false;
    for (int64_t d = 0; d < type.getRank(); ++d) {
      setters[i].push_back(-1);
      Value x = yielded[0][i].dims[d], y = yielded[1][i].dims[d];
      auto outside = [&](Value v) {
        return !branch->isAncestor(v.getParentBlock()->getParentOp());
      };
      if (!type.isDynamicDim(d)) {
        results[i].dims.push_back(constant(type.getDimSize(d)));
      } else if (x == y && outside(x)) {
        results[i].dims.push_back(x);
        late = late || isLate(x);
      } else {
        setters[i][d] = variables++;
        results[i].dims.push_back(b.create<rt::VarOp>(
            loc, b.getIndexType(), b.getI64IntegerAttr(setters[i][d])));
        late = true;
      }
    }
    std::string name;
    if (auto node = op->getLoc()->findInstanceOf<NameLoc>())
      name = node.getName().str();
    results[i].buffer =
        buffer(loc, type, results[i].dims, name, late ? "dynamic" : "arena",
               position[op], std::max(lastUse(result), endPosition[op] + 1));
    for (int side = 0; side < 2; ++side) {
      b.setInsertionPointToEnd(&targets[side]->front());
      const Tensor &from = yielded[side][i];
      for (int64_t d = 0; d < type.getRank(); ++d)
        if (setters[i][d] >= 0)
          b.create<rt::SetOp>(loc, setters[i][d], from.dims[d]);
      if (late)
        b.create<rt::AllocateOp>(loc, results[i].buffer);
      copy(loc, from, results[i], type);
    }
    tensors[result] = results[i];
  }
  b.restoreInsertionPoint(after);
  return success();
}

LogicalResult Scheduler::loop(fm::LoopOp op) {
  return op.emitOpError("loops that do not unroll are not scheduled yet; give "
                        "the trip count as a constant");
}
