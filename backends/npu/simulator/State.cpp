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
  }
  return "";
}

int64_t State::units(Space space) const {
  switch (space) {
  case Space::Scratchpad:
  case Space::Accumulator:
    return machine.allCores();
  case Space::Shared:
    return machine.chiplets;
  case Space::Dram:
    return machine.dram.pools;
  case Space::Host:
    return 1;
  }
  return 0;
}

int64_t State::bytes(Space space) const {
  switch (space) {
  case Space::Scratchpad:
    return machine.scratchpad.bytes;
  case Space::Accumulator:
    return machine.tensor.accumulatorBytes;
  case Space::Shared:
    return machine.shared.bytes;
  case Space::Dram:
    return machine.usableDram();
  case Space::Host:
    return int64_t(1) << 47;
  }
  return 0;
}

TrackedMemory &State::memory(Space space, int32_t unit) {
  auto [entry, isNew] = memories.try_emplace({space, unit});
  if (isNew)
    entry->second.bytes = Memory(bytes(space));
  return entry->second;
}

void State::settle() {
  for (auto &[id, memory] : memories)
    memory.tracker.settle();
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
