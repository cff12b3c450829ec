//===- MoveNear.cpp - A plan of spaces as IR ------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/MoveNear.h"

using namespace mlir;
using namespace narae;
using namespace narae::memory;

namespace {
/// Rewrites one function.
class Mover {
public:
  Mover(func::FuncOp func, hbm::SpaceOp space, SymbolTable &symbols,
        const NearSchedule &schedule, const HomePlan &plan)
      : func(func), space(space), symbols(symbols), schedule(schedule),
        plan(plan), b(func.getContext()), starts(schedule.commands) {}
  MoveCounts run();

private:
  void makeBuffers();
  void computeAgain();
  void redirect(Operation *command, uint32_t step, const Stay *result);
  Value nearOf(Value buffer, uint32_t step, const Stay *result);
  void number();
  int64_t startOf(uint32_t step) const;
  void makeCopies();
  void setNearLives();
  void setHomeLives();
  void dropUnused();

  func::FuncOp func;
  hbm::SpaceOp space;
  SymbolTable &symbols;
  const NearSchedule &schedule;
  const HomePlan &plan;
  OpBuilder b;
  MoveCounts counts;
  std::vector<Value> home;            ///< by tensor, where it is known
  std::vector<hbm::BufferOp> buffers; ///< by stay
  /// By step: its command, or the first one that is computed again for it.
  std::vector<Operation *> starts;
  DenseMap<Operation *, int64_t> numbers;
  int64_t count = 0; ///< of commands
};
} // namespace

/// Near buffers come first in the function, and what is copied from: a copy
/// may begin long before the first command that uses it.
void Mover::makeBuffers() {
  b.setInsertionPointToStart(&func.getBody().front());
  home.resize(schedule.roots.size());
  buffers.resize(plan.plan.stays.size());
  for (auto [i, stay] : llvm::enumerate(plan.plan.stays)) {
    Operation *root = schedule.roots[stay.tensor];
    if (!home[stay.tensor]) {
      if (isa<rt::WeightOp, rt::StateOp>(root))
        home[stay.tensor] = b.clone(*root)->getResult(0);
      else
        home[stay.tensor] = root->getResult(0);
      if (isa<hbm::BufferOp, rt::ArgOp>(root))
        root->moveBefore(b.getBlock(), b.getInsertionPoint());
    }
    buffers[i] = b.create<hbm::BufferOp>(
        root->getLoc(), hbm::BufferType::get(b.getContext()), ValueRange(),
        Value(), TypeAttr::get(tensorOf(root, symbols)),
        b.getStringAttr(plan.problem.tensors[stay.tensor].name),
        space.getSymNameAttr(), b.getI64IntegerAttr(0), b.getI64IntegerAttr(1),
        b.getI64IntegerAttr(schedule.problem.space.alignment),
        b.getI64IntegerAttr(stay.offset));
  }
}

/// The near memory of what an operand means during a step; null where that
/// stays home.
/// \param result the stay that a kernel computes again, if it does.
Value Mover::nearOf(Value buffer, uint32_t step, const Stay *result) {
  auto found = schedule.numbers.find(memoryOf(buffer));
  if (found == schedule.numbers.end() || plan.staysHome[found->second])
    return {};
  Value near;
  for (auto [i, stay] : llvm::enumerate(plan.plan.stays))
    if (stay.tensor == found->second && stay.first <= step &&
        step <= stay.last &&
        (!result || result == &stay || stay.tensor != result->tensor))
      near = buffers[i];
  if (!near)
    return {};
  // Parts of it are the same parts.
  SmallVector<hbm::AliasOp> parts;
  while (auto alias = buffer.getDefiningOp<hbm::AliasOp>()) {
    parts.push_back(alias);
    buffer = alias.getOf();
  }
  for (hbm::AliasOp part : llvm::reverse(parts))
    near = b.create<hbm::AliasOp>(part.getLoc(), part.getType(), near,
                                  part.getDims(), part.getOffset(),
                                  part.getTensorAttr());
  return near;
}

void Mover::redirect(Operation *command, uint32_t step, const Stay *result) {
  if (!isa<rt::LaunchOp, rt::CopyOp>(command))
    return;
  b.setInsertionPoint(command);
  for (OpOperand &operand : command->getOpOperands())
    if (isa<hbm::BufferType>(operand.get().getType()))
      if (Value near = nearOf(operand.get(), step, result))
        operand.set(near);
}

/// Kernels that run again do so right before the step that needs it.
void Mover::computeAgain() {
  for (const Stay &stay : plan.plan.stays) {
    if (stay.arrival != Arrival::Recompute)
      continue;
    // The producer: the first stay's first step.
    Operation *producer = nullptr;
    for (const Stay &other : plan.plan.stays)
      if (other.tensor == stay.tensor && other.arrival == Arrival::Produce)
        producer = schedule.commands[other.first];
    b.setInsertionPoint(schedule.commands[stay.first]);
    Operation *again = b.clone(*producer);
    redirect(again, stay.first, &stay);
    if (starts[stay.first] == schedule.commands[stay.first])
      starts[stay.first] = again;
    ++counts.recomputed;
  }
}

void Mover::number() {
  for (Operation &op : func.getBody().front())
    if (isCommand(&op))
      numbers[&op] = ++count;
}

int64_t Mover::startOf(uint32_t step) const {
  return step < starts.size() ? numbers.lookup(starts[step]) : count + 1;
}

/// In the order in which engines take them; between two commands those home
/// come first, for what comes in may take their memory.
void Mover::makeCopies() {
  DenseMap<Operation *, Operation *> lastOut;
  std::vector<bool> wasSaved(schedule.roots.size());
  std::vector<const Transfer *> order;
  for (const Transfer &copy : plan.plan.timeline.transfers)
    order.push_back(&copy);
  auto isBefore = [&](const Transfer *x, const Transfer *y) {
    auto at = [&](const Transfer *copy) {
      const Stay &stay = plan.plan.stays[copy->stay];
      return std::make_tuple(copy->isOut ? stay.last + 1 : stay.begin,
                             !copy->isOut,
                             copy - plan.plan.timeline.transfers.data());
    };
    return at(x) < at(y);
  };
  llvm::sort(order, isBefore);
  for (const Transfer *copy : order) {
    const Stay &stay = plan.plan.stays[copy->stay];
    Value near = buffers[copy->stay], far = home[stay.tensor];
    Location loc = near.getLoc();
    if (copy->isOut) {
      Operation *command = schedule.commands[stay.last];
      Operation *&last = lastOut[command];
      b.setInsertionPointAfter(last ? last : command);
      last =
          b.create<hbm::SpillOp>(loc, near, far, copy->channel,
                                 startOf(stay.last + 1), startOf(stay.end + 1));
      wasSaved[stay.tensor] = true;
      ++counts.spills;
      continue;
    }
    b.setInsertionPoint(starts[stay.begin]);
    int64_t first = startOf(stay.begin), last = startOf(stay.first);
    if (wasSaved[stay.tensor]) {
      b.create<hbm::ReloadOp>(loc, far, near, copy->channel, first, last);
      ++counts.reloads;
    } else {
      b.create<hbm::PrefetchOp>(loc, far, near, copy->channel, first, last);
      ++counts.prefetches;
    }
  }
}

void Mover::setNearLives() {
  for (auto [buffer, stay] : llvm::zip(buffers, plan.plan.stays)) {
    buffer.setFirst(startOf(stay.begin));
    buffer.setLast(startOf(stay.end + 1));
  }
}

void Mover::dropUnused() {
  for (Operation &op :
       llvm::make_early_inc_range(llvm::reverse(func.getBody().front())))
    if (isa<hbm::AliasOp, hbm::BufferOp, rt::WeightOp, rt::StateOp>(op) &&
        op.use_empty())
      op.erase();
}

/// From the first command or copy that touches a buffer to the last one.
void Mover::setHomeLives() {
  DenseMap<Operation *, std::pair<int64_t, int64_t>> lives;
  auto touch = [&](Value buffer, int64_t first, int64_t last) {
    auto [entry, isNew] =
        lives.try_emplace(rootOf(buffer), std::make_pair(first, last));
    entry->second.first = std::min(entry->second.first, first);
    entry->second.second = std::max(entry->second.second, last);
  };
  auto move = [&](auto op) {
    for (Value buffer : {op.getFrom(), op.getTo()})
      touch(buffer, op.getFirst(), op.getLast());
  };
  for (Operation &op : func.getBody().front()) {
    if (auto prefetch = dyn_cast<hbm::PrefetchOp>(op))
      move(prefetch);
    else if (auto reload = dyn_cast<hbm::ReloadOp>(op))
      move(reload);
    else if (auto spill = dyn_cast<hbm::SpillOp>(op))
      move(spill);
    else if (isCommand(&op))
      for (Value operand : op.getOperands())
        if (isa<hbm::BufferType>(operand.getType()))
          touch(operand, numbers[&op], numbers[&op] + 1);
  }
  func.walk([&](hbm::BufferOp op) {
    auto found = lives.find(op);
    if (op.getSpace() == space.getSymName() || found == lives.end())
      return;
    auto [first, last] = found->second;
    // The caller and the session keep results.
    if (op.getSpace() == "output")
      last = count + 1;
    op.setFirst(first);
    op.setLast(std::max(last, first + 1));
  });
}

MoveCounts Mover::run() {
  makeBuffers();
  computeAgain();
  for (auto [step, command] : llvm::enumerate(schedule.commands))
    redirect(command, uint32_t(step), nullptr);
  number();
  setNearLives();
  makeCopies();
  dropUnused();
  setHomeLives();
  return counts;
}

MoveCounts memory::moveNear(func::FuncOp func, hbm::SpaceOp space,
                            SymbolTable &symbols, const NearSchedule &schedule,
                            const HomePlan &plan) {
  return Mover(func, space, symbols, schedule, plan).run();
}
