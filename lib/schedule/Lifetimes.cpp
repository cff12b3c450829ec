//===- Lifetimes.cpp - How long tensors live, and whose memory they take --===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A kernel that updates an operand in place gets the operand's own memory for
// its result where nobody reads the operand afterwards: `reused` holds those
// results. For all others the operand is copied into the result's memory
// first. What counts as reading a state's new value is its state_write, which
// takes effect at the end of the function.
//
// Where a kernel reads an operand element by element just before it writes the
// result's element at the same place (`shares`), it can have the operand's
// memory too: a residual stream is added to in place.
//
//===----------------------------------------------------------------------===//

#include "lib/schedule/Scheduler.h"

using namespace mlir;
using namespace narae;
using namespace narae::schedule;

/// Numbers ops in program order; an op with regions ends after them.
void Scheduler::computePositions() {
  int64_t next = 1;
  std::function<void(Block &)> number = [&](Block &block) {
    for (Operation &op : block) {
      position[&op] = next++;
      for (Region &region : op.getRegions())
        for (Block &inner : region)
          number(inner);
      endPosition[&op] = next++;
    }
  };
  number(func.getBody().front());
  Operation *end = func.getBody().front().getTerminator();
  func.walk([&](Operation *op) {
    if (auto read = dyn_cast<fm::StateReadOp>(op))
      stateReads[read.getState()].push_back(read);
    if (auto write = dyn_cast<fm::StateWriteOp>(op)) {
      stateWrites.push_back(write);
      written.insert(write.getState());
      endPosition[op] = endPosition[end];
    }
  });
}

/// The position after the last command that reads a value, through views and
/// updates in place.
int64_t Scheduler::lastUse(Value value) {
  int64_t last = 0;
  // The pieces that a concatenation is made of lie in its memory.
  auto concat = concats.find(value.getDefiningOp());
  if (concat != concats.end())
    for (Value piece : concat->second.pieces)
      last = std::max(last, lastUse(piece));
  for (Operation *user : value.getUsers()) {
    last = std::max(last, endPosition[user] + 1);
    if (auto view = dyn_cast<rt::ViewOp>(user))
      last = std::max(last, lastUse(view));
    if (auto dispatch = dyn_cast<rt::DispatchOp>(user))
      for (Value result : dispatch.getResults())
        if (reused.lookup(result) == value)
          last = std::max(last, lastUse(result));
    // What a loop reads from outside must survive every iteration.
    for (Operation *parent = user->getParentOp(); parent && parent != func;
         parent = parent->getParentOp())
      if (isa<fm::LoopOp>(parent) &&
          !parent->isProperAncestor(
              value.getDefiningOp() ? value.getDefiningOp()
                                    : value.getParentBlock()->getParentOp()))
        last = std::max(last, endPosition[parent] + 1);
  }
  return last;
}

/// The value whose memory a value has: what a chain of views and updates in
/// place begins with. All reads of a state are one value.
Value Scheduler::origin(Value value) const {
  while (true) {
    if (auto view = value.getDefiningOp<rt::ViewOp>()) {
      value = view.getInput();
    } else if (Value updated = reused.lookup(value)) {
      value = updated;
    } else if (auto read = value.getDefiningOp<fm::StateReadOp>()) {
      return stateReads.find(read.getState())->second.front();
    } else {
      return value;
    }
  }
}

bool Scheduler::canReuse(rt::DispatchOp op, Value result, Value operand) {
  Value from = origin(operand);
  if (pieces.count(result))
    return false; // its memory is a part of another's
  int64_t last = 0;
  if (auto read = from.getDefiningOp<fm::StateReadOp>()) {
    // A state that this entry does not write must stay as it is, and what one
    // iteration finds there the next one finds too.
    if (!written.contains(read.getState()) || op->getParentOfType<fm::LoopOp>())
      return false;
    for (Value other : stateReads[read.getState()])
      last = std::max(last, lastUse(other));
  } else if (from.getDefiningOp<rt::DispatchOp>()) {
    // An output's memory is as good as a copy's, and saves one.
    // What else is in a concatenation's memory stays.
    if (isReturned(result) || pieces.count(from) ||
        concats.count(from.getDefiningOp()))
      return false;
    last = lastUse(from);
  } else {
    return false; // inputs, weights and carried values are others'
  }
  int64_t reads = 0;
  for (Value input : op.getInputs())
    reads += origin(input) == from;
  return reads == 1 && last == endPosition[op] + 1;
}

/// Whether the value, or a view of it, is a result of the function.
bool Scheduler::isReturned(Value value) {
  return llvm::any_of(value.getUsers(), [&](Operation *user) {
    auto view = dyn_cast<rt::ViewOp>(user);
    return isa<func::ReturnOp>(user) || (view && isReturned(view));
  });
}

void Scheduler::planUpdates() {
  func.walk<WalkOrder::PreOrder>([&](rt::DispatchOp op) {
    auto kernel = symbols.lookup<rt::KernelOp>(op.getKernel());
    if (auto arguments = kernel.getInplace())
      for (auto [result, argument] : llvm::zip(op.getResults(), *arguments))
        if (argument >= 0 && canReuse(op, result, op.getInputs()[argument]))
          reused[result] = op.getInputs()[argument];
    // A state's memory is for its own value.
    if (auto arguments = kernel.getShares(); arguments && reuse)
      for (int64_t argument : *arguments) {
        Value operand = op.getInputs()[argument], result = op.getResult(0);
        if (!reused.lookup(result) &&
            origin(operand).getDefiningOp<rt::DispatchOp>() &&
            canReuse(op, result, operand)) {
          reused[result] = operand;
          ++shared;
        }
      }
  });
}

/// Brings states up to date at the end of the function: a value that is in
/// the state's memory already costs nothing.
void Scheduler::commitStates(Operation *end) {
  Location loc = end->getLoc();
  SmallVector<std::tuple<fm::StateWriteOp, Tensor>> pending;
  for (fm::StateWriteOp write : stateWrites) {
    Value value = write.getValue();
    auto read = origin(value).getDefiningOp<fm::StateReadOp>();
    if (read && read.getState() == write.getState())
      continue;
    Tensor from = tensorOf(value);
    if (read && written.contains(read.getState())) {
      // Another state's memory, which may change before it is read.
      auto type = cast<RankedTensorType>(value.getType());
      Tensor kept = from;
      kept.buffer = buffer(loc, type, from.dims, write.getState(), "arena",
                           position[end], endPosition[end] + 1);
      copy(loc, from, kept, type);
      from = kept;
    }
    pending.push_back({write, from});
  }
  for (auto &[write, from] : pending) {
    Tensor to = from;
    to.buffer = stateBuffer(loc, write.getStateAttr());
    copy(loc, from, to, cast<RankedTensorType>(write.getValue().getType()));
  }
}
