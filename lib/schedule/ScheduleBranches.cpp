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
  Value condition = b.create<rt::ItemOp>(loc, b.getIndexType(),
                                         tensorOf(op.getCondition()).buffer,
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

/// Carried values live in buffers of their own, which the end of each
/// iteration overwrites. The host counts iterations in a variable.
LogicalResult Scheduler::loop(fm::LoopOp op) {
  Location loc = op.getLoc();
  Block &body = op.getBody().front();
  auto item = [&](Value tensor) -> Value {
    return b.create<rt::ItemOp>(loc, b.getIndexType(), tensorOf(tensor).buffer,
                                b.getI64IntegerAttr(0));
  };
  auto variable = [&](int64_t number) -> Value {
    return b.create<rt::VarOp>(loc, b.getIndexType(),
                               b.getI64IntegerAttr(number));
  };
  // run = condition and counter < trips, as 0 or 1.
  auto proceed = [&](Value condition, Value counter, Value trips) -> Value {
    Value below =
        b.create<arith::CmpIOp>(loc, arith::CmpIPredicate::slt, counter, trips);
    return b.create<arith::SelectOp>(loc, below, condition, constant(0));
  };
  SmallVector<Tensor> carried;
  for (auto [init, result, arg] : llvm::zip(op.getCarried(), op.getResults(),
                                            body.getArguments().drop_front())) {
    auto type = cast<RankedTensorType>(init.getType());
    Tensor from = tensorOf(init), to = from;
    bool late = llvm::any_of(dynamicDims(type, from.dims), isLate);
    to.buffer =
        buffer(loc, type, from.dims, "", late ? "dynamic" : "arena",
               position[op], std::max(lastUse(result), endPosition[op] + 1));
    if (late)
      b.create<rt::AllocateOp>(loc, to.buffer);
    copy(loc, from, to, type);
    carried.push_back(to);
    tensors[arg] = tensors[result] = to;
  }
  Value trips = item(op.getTrips());
  int64_t counter = variables++, run = variables++;
  b.create<rt::SetOp>(loc, counter, constant(0));
  b.create<rt::SetOp>(loc, run,
                      proceed(item(op.getCondition()), constant(0), trips));
  auto loop = b.create<rt::WhileOp>(loc, run);
  OpBuilder::InsertPoint after = b.saveInsertionPoint();

  b.createBlock(&loop.getBody());
  IRMapping saved = indices;
  for (Operation &inner : body.without_terminator())
    if (failed(this->op(&inner)))
      return failure();
  Operation *yield = body.getTerminator();
  Value condition = item(yield->getOperand(0));
  // A carried value may move to another's place: all are read before any is
  // overwritten.
  SmallVector<Tensor> next;
  for (auto [i, value] : llvm::enumerate(yield->getOperands().drop_front())) {
    Tensor from = tensorOf(value);
    bool moved = false;
    for (auto [j, other] : llvm::enumerate(carried))
      moved |= i != j && from.buffer == other.buffer;
    if (moved) {
      auto type = cast<RankedTensorType>(value.getType());
      Tensor kept = from;
      bool late = llvm::any_of(dynamicDims(type, from.dims), isLate);
      kept.buffer = buffer(loc, type, from.dims, "", late ? "dynamic" : "arena",
                           position[yield], endPosition[yield] + 1);
      if (late)
        b.create<rt::AllocateOp>(loc, kept.buffer);
      copy(loc, from, kept, type);
      from = kept;
    }
    next.push_back(from);
  }
  for (auto [from, to, value] :
       llvm::zip(next, carried, yield->getOperands().drop_front()))
    if (from.buffer != to.buffer)
      copy(loc, from, to, cast<RankedTensorType>(value.getType()));
  Value count = b.create<arith::AddIOp>(loc, variable(counter), constant(1));
  b.create<rt::SetOp>(loc, counter, count);
  b.create<rt::SetOp>(loc, run, proceed(condition, count, trips));
  indices = saved;
  b.restoreInsertionPoint(after);
  return success();
}
