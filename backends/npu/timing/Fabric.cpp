//===- Fabric.cpp - What descriptors share --------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/timing/Fabric.h"

#include <algorithm>
#include <cstdlib>
#include <limits>

using namespace narae;
using namespace narae::npu;

Fabric::Fabric(const Machine &machine)
    : machine(machine), generation(dram::findGeneration(machine.dram.kind)) {
  auto add = [&](const std::string &name, double capacity) {
    resources.push_back({name, capacity});
    return resources.size() - 1;
  };
  auto addMany = [&](const char *name, int64_t count, double capacity) {
    size_t first = resources.size();
    for (int64_t i = 0; i < count; ++i)
      add(name + std::to_string(i), capacity);
    return first;
  };
  pools = addMany("dram ", machine.dram.pools,
                  machine.dram.bandwidth / machine.clock);
  shared = addMany("shared ", machine.chiplets, machine.shared.bandwidth);
  scratchpads =
      addMany("scratchpad ", machine.allCores(), machine.scratchpad.bandwidth);
  host = add("host to device", machine.host.bandwidth / machine.clock);
  add("device to host", machine.host.bandwidth / machine.clock);
  int64_t columns = std::max<int64_t>(machine.links.columns, 1);
  for (int64_t from = 0; from < machine.chiplets; ++from)
    for (int64_t to = 0; to < machine.chiplets; ++to)
      if (std::abs(from % columns - to % columns) +
              std::abs(from / columns - to / columns) ==
          1)
        links[from * machine.chiplets + to] =
            add("link " + std::to_string(from) + " to " + std::to_string(to),
                machine.links.bandwidth / machine.clock);
}

size_t Fabric::addEngine(const EngineId &id) {
  double capacity = machine.dma.coreBytes;
  if (id.engine == Engine::ChipletDma)
    capacity = machine.dma.chipletBytes;
  if (id.engine == Engine::HostDma)
    capacity = machine.host.bandwidth / machine.clock;
  resources.push_back({describe(id), capacity});
  return resources.size() - 1;
}

size_t Fabric::memory(Space space, int32_t unit) const {
  switch (space) {
  case Space::Dram:
    return pools + size_t(unit);
  case Space::Shared:
    return shared + size_t(unit);
  default:
    return scratchpads + size_t(unit);
  }
}

int64_t Fabric::chipletOf(Space space, int32_t unit) const {
  switch (space) {
  case Space::Dram:
    return machine.chipletOfPool(unit);
  case Space::Shared:
    return unit;
  case Space::Host:
    return -1;
  default:
    return machine.chipletOfCore(unit);
  }
}

std::vector<size_t> Fabric::route(int64_t from, int64_t to) const {
  std::vector<size_t> way;
  if (from < 0 || to < 0)
    return way;
  int64_t columns = std::max<int64_t>(machine.links.columns, 1);
  auto towards = [](int64_t at, int64_t goal) { return goal > at ? 1 : -1; };
  while (from != to) {
    // Along the row first, unless the last row is too short for that.
    int64_t corner = from / columns * columns + to % columns;
    bool along = from % columns != to % columns &&
                 (corner < machine.chiplets || from / columns == to / columns);
    int64_t next = along
                       ? from + towards(from % columns, to % columns)
                       : from + columns * towards(from / columns, to / columns);
    way.push_back(links.at(from * machine.chiplets + next));
    from = next;
  }
  return way;
}

Transfer
Fabric::transfer(size_t engine, const EngineId &id,
                 const Instruction &instruction,
                 const std::function<std::optional<View>(OperandName)> &view,
                 int64_t multicast) const {
  View dst = *view(OperandName::Dst);
  bool fill = instruction.opcode == Opcode::DFill;
  View a = fill ? dst : *view(OperandName::A);
  // A scatter moves the rows that it has, not all that it could write.
  bool scatter = instruction.opcode == Opcode::DScatter;
  bool gather = instruction.opcode == Opcode::DGather;
  Transfer transfer;
  transfer.bytes = double((scatter ? a : dst).bytes());
  transfer.uses.push_back({engine, 1});
  bool hostWay = false;
  auto use = [&](const View &side, bool isSource, bool byRow) {
    if (side.space == Space::Host) {
      transfer.uses.push_back({isSource ? host : host + 1, 1});
      hostWay = true;
      return;
    }
    double weight = 1;
    if (side.space == Space::Dram)
      weight /= patternShare(generation,
                             byRow ? rowPatternOf(side) : patternOf(side));
    size_t resource = memory(side.space, side.unit);
    transfer.uses.push_back({resource, weight});
    if (side.space == Space::Dram && !isSource)
      transfer.written.push_back(resource);
  };
  if (!fill)
    use(a, /*isSource=*/true, gather);
  for (View each = dst; each.unit < dst.unit + multicast; ++each.unit)
    use(each, /*isSource=*/false, scatter);
  std::vector<size_t> way;
  if (!fill)
    way = route(chipletOf(a.space, a.unit), chipletOf(dst.space, dst.unit));
  for (size_t link : way)
    transfer.uses.push_back({link, 1});
  transfer.betweenChiplets = !way.empty();
  transfer.latency = double(machine.dma.start) +
                     double(way.size()) * machine.links.latency * machine.clock;
  if (hostWay || id.engine == Engine::HostDma)
    transfer.latency += machine.host.roundTrip * machine.clock;
  return transfer;
}

std::map<size_t, double>
Fabric::capacities(const std::vector<const Transfer *> &transfers) const {
  std::map<size_t, double> result;
  std::map<size_t, std::pair<size_t, size_t>> sharing; // all, writing
  for (const Transfer *transfer : transfers) {
    for (auto [resource, weight] : transfer->uses) {
      result[resource] = resources[resource].capacity;
      bool isPool = resource >= pools && resource < shared;
      if (isPool)
        ++sharing[resource].first;
    }
    for (size_t resource : transfer->written)
      ++sharing[resource].second;
  }
  for (auto [resource, counts] : sharing)
    result[resource] *= mixShare(generation, counts.first,
                                 double(counts.second) / double(counts.first));
  return result;
}

std::vector<double>
Fabric::divide(const std::vector<const Transfer *> &transfers) const {
  std::vector<double> rates(transfers.size(), 0);
  std::vector<bool> settled(transfers.size());
  std::map<size_t, double> left = capacities(transfers), demand;
  for (size_t unsettled = transfers.size(); unsettled > 0;) {
    demand.clear();
    for (size_t i = 0; i < transfers.size(); ++i)
      if (!settled[i])
        for (auto [resource, weight] : transfers[i]->uses)
          demand[resource] += weight;
    double level = std::numeric_limits<double>::infinity();
    for (auto [resource, weight] : demand)
      level = std::min(level, std::max(left[resource], 0.0) / weight);
    // Those that a resource at this level holds back have their share.
    std::vector<size_t> held;
    for (size_t i = 0; i < transfers.size(); ++i) {
      bool full = false;
      if (!settled[i])
        for (auto [resource, weight] : transfers[i]->uses)
          full |= left[resource] / demand[resource] <= level * (1 + 1e-9);
      if (full)
        held.push_back(i);
    }
    for (size_t i : held) {
      settled[i] = true;
      rates[i] = level;
      for (auto [resource, weight] : transfers[i]->uses)
        left[resource] -= level * weight;
    }
    unsettled -= held.size();
  }
  return rates;
}

double Fabric::bound(const Transfer &transfer) const {
  double cycles = 0;
  std::map<size_t, double> bytes;
  for (auto [resource, weight] : transfer.uses)
    bytes[resource] += transfer.bytes;
  for (auto [resource, moved] : bytes)
    cycles = std::max(cycles, moved / resources[resource].capacity);
  return cycles;
}

void Fabric::account(const Transfer &transfer) {
  for (auto [resource, weight] : transfer.uses) {
    resources[resource].bytes += transfer.bytes;
    resources[resource].occupied += transfer.bytes * weight;
  }
}
