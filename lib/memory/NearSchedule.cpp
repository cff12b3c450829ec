//===- NearSchedule.cpp - A function as a problem of spaces ---------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/NearSchedule.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/ADT/SmallSet.h"

using namespace mlir;
using namespace narae;
using namespace narae::memory;

/// Of buffers, everywhere.
static constexpr uint64_t kAlignment = 64;

namespace {
class StepList {
public:
  StepList(hbm::SpaceOp space, SymbolTable &symbols, const KernelTime &time)
      : symbols(symbols), time(time) {
    NearSpace &near = result.problem.space;
    near.name = space.getSymName().str();
    near.capacity = space.getCapacity() - space.getReserve();
    near.alignment = std::max<uint64_t>(kAlignment, space.getGranule());
    Ticks startup = Ticks(space.getStartup()) * (kTicksPerSecond / 1000000000);
    near.fill = {double(space.getFill()), 1, startup};
    near.drain = {double(space.getDrain()), 1, startup};
    near.fillChannels = near.drainChannels = space.getChannels();
  }

  void add(Operation *command);
  void findRecomputable();

  NearSchedule result;

private:
  uint32_t tensor(Value buffer);

  SymbolTable &symbols;
  const KernelTime &time;
  std::vector<uint32_t> writes;            ///< by tensor
  std::vector<std::vector<uint32_t>> from; ///< its producer's operands
  std::vector<bool> isPure; ///< made whole by one kernel from other tensors
  std::vector<uint32_t> producer;
};
} // namespace

uint32_t StepList::tensor(Value buffer) {
  auto [entry, isNew] = result.numbers.try_emplace(
      memoryOf(buffer), uint32_t(result.problem.tensors.size()));
  if (!isNew)
    return entry->second;
  Operation *root = rootOf(buffer);
  Tensor tensor;
  RankedTensorType type = memory::tensorOf(root, symbols);
  bool isKnown = type && type.hasStaticShape();
  tensor.size = isKnown ? fm::storageBytes(type) : 0;
  tensor.startsHome = !isa<hbm::BufferOp>(root);
  if (auto op = dyn_cast<hbm::BufferOp>(root)) {
    tensor.name = op.getName().str();
    tensor.endsHome = op.getSpace() == "output";
    isKnown &= op.getSpace() == "arena" || op.getSpace() == "output";
  } else if (auto op = dyn_cast<rt::ArgOp>(root)) {
    tensor.name = op.getName().str();
  } else if (auto op = dyn_cast<rt::WeightOp>(root)) {
    tensor.name = op.getData().str();
  } else if (auto op = dyn_cast<rt::StateOp>(root)) {
    tensor.name = op.getData().str();
    tensor.endsHome = true;
  }
  result.problem.tensors.push_back(std::move(tensor));
  result.mustStay.push_back(!isKnown ||
                            result.problem.tensors.back().size == 0);
  result.roots.push_back(root);
  writes.push_back(0);
  from.emplace_back();
  isPure.push_back(false);
  producer.push_back(0);
  return entry->second;
}

void StepList::add(Operation *command) {
  ScheduleStep step;
  SmallVector<Access> accesses = accessesOf(command, symbols);
  // What the host does sees buffers where they are at home; naming a result
  // is no access.
  if (accesses.empty() && !isa<rt::OutputOp>(command))
    for (Value operand : command->getOperands())
      if (isa<hbm::BufferType>(operand.getType()))
        result.mustStay[tensor(operand)] = true;
  Work work;
  SmallVector<uint32_t> reads;
  uint32_t number = uint32_t(result.problem.steps.size());
  for (const Access &access : accesses) {
    uint32_t t = tensor(access.buffer);
    const Tensor &touched = result.problem.tensors[t];
    // The rest of what is written in part must be kept.
    bool keeps = access.isPart && (writes[t] || touched.startsHome);
    if (access.reads && !writes[t] && !touched.startsHome)
      result.mustStay[t] = true; // what it reads is nobody's
    if (access.reads || keeps)
      step.reads.push_back(t);
    if (access.writes)
      step.writes.push_back(t);
    if (access.reads)
      reads.push_back(t);
    (access.writes ? work.bytesWritten : work.bytesRead) += touched.size;
  }
  for (const Access &access : accesses)
    if (access.writes) {
      uint32_t t = tensor(access.buffer);
      isPure[t] = !writes[t]++ && !access.reads && !access.isPart &&
                  isa<rt::LaunchOp>(command) && !llvm::is_contained(reads, t);
      from[t].assign(reads.begin(), reads.end());
      producer[t] = number;
    }
  if (auto launch = dyn_cast<rt::LaunchOp>(command)) {
    work.kernel = launch.getKernel().str();
    auto amount =
        launch.getWork() ? getConstantIntValue(launch.getWork()) : std::nullopt;
    work.operations = amount ? double(*amount) : 0;
    step.name = work.kernel;
    step.compute = time(work);
  } else {
    step.name = command->getName().stripDialect().str();
  }
  result.problem.steps.push_back(std::move(step));
  result.commands.push_back(command);
}

/// A kernel with one result can run again while its operands have not changed.
void StepList::findRecomputable() {
  std::vector<Tensor> &tensors = result.problem.tensors;
  for (uint32_t t = 0; t < tensors.size(); ++t) {
    if (!isPure[t] || writes[t] != 1 || tensors[t].startsHome)
      continue;
    auto launch = cast<rt::LaunchOp>(result.commands[producer[t]]);
    bool isSteady = launch.getOutputs().size() == 1 &&
                    llvm::all_of(from[t], [&](uint32_t source) {
                      return writes[source] + tensors[source].startsHome == 1;
                    });
    if (!isSteady)
      continue;
    tensors[t].recompute = result.problem.steps[producer[t]].compute;
    tensors[t].recomputeFrom = from[t];
    llvm::sort(tensors[t].recomputeFrom);
    auto &list = tensors[t].recomputeFrom;
    list.erase(std::unique(list.begin(), list.end()), list.end());
  }
}

NearSchedule memory::nearSchedule(func::FuncOp func, hbm::SpaceOp space,
                                  SymbolTable &symbols,
                                  const KernelTime &kernelTime) {
  StepList list(space, symbols, kernelTime);
  for (Operation &op : func.getBody().front())
    if (isCommand(&op))
      list.add(&op);
  list.findRecomputable();
  return std::move(list.result);
}
