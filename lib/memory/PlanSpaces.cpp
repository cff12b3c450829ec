//===- PlanSpaces.cpp - What lies in fast memory, and when ----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/MoveNear.h"
#include "lib/memory/Passes.h"

#include "llvm/Support/MemoryBuffer.h"

namespace narae::memory {
#define GEN_PASS_DEF_PLANSPACES
#include "lib/memory/Passes.h.inc"
} // namespace narae::memory

using namespace mlir;
using namespace narae;
using namespace narae::memory;

/// Plans that are tried where nothing is said: a plan of n steps costs about n
/// steps of work, and all of them together a second or two.
static uint64_t budgetFor(size_t steps) {
  return std::clamp<uint64_t>(400'000 / std::max<size_t>(steps, 1), 20, 4000);
}

/// The bytes of the space that no plan does without: what its fullest step
/// touches there.
static uint64_t leastBytes(const SpacesProblem &problem) {
  uint64_t most = 0;
  for (const ScheduleStep &step : problem.steps) {
    llvm::SmallDenseSet<uint32_t> touched(step.reads.begin(), step.reads.end());
    touched.insert(step.writes.begin(), step.writes.end());
    uint64_t bytes = 0;
    for (uint32_t t : touched)
      bytes += problem.tensors[t].size;
    most = std::max(most, bytes);
  }
  return most;
}

namespace {

struct PlanSpacesPass : narae::memory::impl::PlanSpacesBase<PlanSpacesPass> {
  using PlanSpacesBase::PlanSpacesBase;
  PlanSpacesPass(PlanSpacesOptions options, const NaraeBackendCompiler *backend,
                 std::string chip)
      : PlanSpacesBase(std::move(options)), backend(backend),
        chip(std::move(chip)) {}

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (!target.empty() && failed(readTarget()))
      return signalPassFailure();
    hbm::SpaceOp near = findSpace();
    if (!near)
      return;
    SymbolTable symbols(module);
    for (auto func : module.getOps<func::FuncOp>())
      if (!func.isDeclaration() && failed(plan(func, near, symbols)))
        return signalPassFailure();
  }

private:
  LogicalResult readTarget();
  hbm::SpaceOp findSpace();
  LogicalResult plan(func::FuncOp func, hbm::SpaceOp near,
                     SymbolTable &symbols);

  const NaraeBackendCompiler *backend = nullptr;
  std::string chip; ///< as the backend knows it
};

} // namespace

LogicalResult PlanSpacesPass::readTarget() {
  ModuleOp module = getOperation();
  if (!module.getOps<hbm::SpaceOp>().empty())
    return success();
  auto file = llvm::MemoryBuffer::getFile(target);
  if (!file)
    return module.emitError("cannot read target file '")
           << target << "': " << file.getError().message();
  return addSpaces(module, (*file)->getBuffer().str(), target);
}

/// The space to fill; null after a diagnostic, or where there is none.
hbm::SpaceOp PlanSpacesPass::findSpace() {
  SmallVector<hbm::SpaceOp> found;
  std::string names;
  for (auto op : getOperation().getOps<hbm::SpaceOp>()) {
    if (!op.getOver() || (!space.empty() && op.getSymName() != space))
      continue;
    auto below = SymbolTable::lookupNearestSymbolFrom<hbm::SpaceOp>(
        op, op.getOverAttr());
    if (!space.empty() || (below && !below.getOver())) {
      names += (found.empty() ? "'" : ", '") + op.getSymName().str() + "'";
      found.push_back(op);
    }
  }
  if (found.size() == 1)
    return found.front();
  if (found.size() > 1)
    getOperation().emitError("has several spaces over home, ")
        << names << ": say which one with space=NAME";
  else if (!space.empty())
    getOperation().emitError("has no space '")
        << space << "' that is over another";
  if (!found.empty() || !space.empty())
    signalPassFailure();
  return {};
}

LogicalResult PlanSpacesPass::plan(func::FuncOp func, hbm::SpaceOp near,
                                   SymbolTable &symbols) {
  if (!isStraight(func)) {
    ++numSkipped;
    return success();
  }
  Machine machine;
  machine.operations = double(std::max<int64_t>(operations, 1));
  machine.memory.bandwidth = 1e18; // near its tensors, a kernel computes
  NearSchedule schedule =
      nearSchedule(func, near, symbols, [&](const Work &work) {
        return kernelTime(backend, chip, machine, work);
      });
  Channel home = schedule.problem.space.fill;
  home.bandwidth *= schedule.problem.space.fillChannels;
  SpacesOptions options;
  options.budget =
      budget >= 0 ? uint64_t(budget) : budgetFor(schedule.commands.size());
  HomePlan planned =
      planBesideHome(schedule.problem, home, schedule.mustStay, options);
  for (const std::string &message : planned.plan.problems)
    func.emitError("no plan for '") << near.getSymName() << "': " << message;
  if (!planned.plan.problems.empty())
    return failure();
  for (const std::string &message : verify(planned.problem, planned.plan))
    return func.emitError("the plan of spaces is wrong: ") << message;

  MoveCounts counts = moveNear(func, near, symbols, schedule, planned);
  numPrefetches += counts.prefetches;
  numSpills += counts.spills;
  numReloads += counts.reloads;
  numRecomputed += counts.recomputed;
  llvm::SmallDenseSet<uint32_t> tensors;
  for (const Stay &stay : planned.plan.stays)
    tensors.insert(stay.tensor);
  numNear += tensors.size();
  OpBuilder b = OpBuilder::atBlockBegin(&func.getBody().front());
  auto result = b.create<hbm::PlanOp>(func.getLoc(), near.getSymName(),
                                      int64_t(planned.plan.peak),
                                      int64_t(leastBytes(planned.problem)),
                                      /*exact=*/true);
  result->setAttr("time", b.getI64IntegerAttr(planned.time));
  result->setAttr("time_at_home", b.getI64IntegerAttr(planned.timeAtHome));
  return success();
}

std::unique_ptr<Pass>
memory::createPlanSpaces(PlanSpacesOptions options,
                         const NaraeBackendCompiler *backend,
                         std::string chip) {
  return std::make_unique<PlanSpacesPass>(std::move(options), backend,
                                          std::move(chip));
}
