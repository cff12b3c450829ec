//===- State.cpp - What a running program changes -------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/simulator/State.h"

using namespace narae::npu;

const char *narae::npu::faultText(FaultKind kind) {
  switch (kind) {
  case FaultKind::OutOfRange:
    return "out of range";
  case FaultKind::Misaligned:
    return "misaligned";
  case FaultKind::Uninitialised:
    return "uninitialised read";
  case FaultKind::BeforeArrival:
    return "access before a descriptor has arrived";
  case FaultKind::MissingSync:
    return "missing synchronisation";
  case FaultKind::Overlap:
    return "overlap";
  case FaultKind::Shape:
    return "shape";
  case FaultKind::Type:
    return "type";
  case FaultKind::Reach:
    return "memory out of reach";
  case FaultKind::Index:
    return "index out of range";
  case FaultKind::Arithmetic:
    return "division by zero";
  case FaultKind::Semaphore:
    return "semaphore";
  case FaultKind::AmbiguousWait:
    return "ambiguous wait";
  case FaultKind::Deadlock:
    return "deadlock";
  case FaultKind::InstructionLimit:
    return "instruction limit";
  case FaultKind::Device:
    return "device failure";
  }
  return "";
}

State::State(Machine description) : machine(std::move(description)) {
  for (Space space : {Space::Scratchpad, Space::Accumulator, Space::Shared,
                      Space::Dram, Space::Host})
    trackers.emplace_back(size_t(units(space)));
}

Tracker &State::tracker(Space space, int32_t unit) {
  std::unique_ptr<Tracker> &tracker = trackers[size_t(space)][size_t(unit)];
  if (!tracker)
    tracker = std::make_unique<Tracker>();
  return *tracker;
}

void State::settle() {
  for (auto &units : trackers)
    for (std::unique_ptr<Tracker> &tracker : units)
      if (tracker)
        tracker->settle();
}

int64_t State::chipletOf(const EngineId &id) const {
  switch (id.engine) {
  case Engine::Tensor:
  case Engine::Vector:
  case Engine::CoreDma:
    return machine.chipletOfCore(id.unit);
  case Engine::ChipletDma:
    return id.unit;
  case Engine::HostDma:
    return -1;
  }
  return -1;
}

int32_t State::ownUnit(const EngineId &id, Space space) const {
  int64_t chiplet = chipletOf(id);
  switch (space) {
  case Space::Scratchpad:
  case Space::Accumulator:
    return id.engine == Engine::ChipletDma || chiplet < 0 ? -1 : id.unit;
  case Space::Shared:
    return int32_t(chiplet);
  case Space::Dram:
    return chiplet < 0 ? -1 : int32_t(chiplet * machine.poolsPerChiplet());
  case Space::Host:
    return 0;
  }
  return -1;
}
