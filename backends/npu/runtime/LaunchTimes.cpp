//===- LaunchTimes.cpp - How long the launches of a queue take ------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/runtime/LaunchTimes.h"

using namespace narae;
using namespace narae::npu;

LaunchTimes::LaunchTimes(const Machine &machine) : machine(machine) {}

LaunchTimes::Key LaunchTimes::keyOf(const LoadedKernel &kernel,
                                    const std::vector<int64_t> &parameters,
                                    uint64_t data) {
  Key key = {kernel.program.get(), parameters, kernel.isStatic ? 0 : data};
  for (size_t i = 0; i < parameters.size(); ++i)
    if (kernel.isAddress[i])
      std::get<1>(key)[i] = 0;
  return key;
}

size_t LaunchTimes::kernelOf(const LoadedKernel &kernel) {
  auto [entry, isNew] = kernelNumbers.try_emplace(
      {kernel.kernel.name, kernel.program.get()}, kernels.size());
  if (isNew) {
    kernels.emplace_back();
    kernels.back().name = kernel.kernel.name;
    kernels.back().nodes = kernel.nodes;
    kernels.back().program = kernel.program;
  }
  return entry->second;
}

static LaunchSummary summarise(const TimingReport &report) {
  LaunchSummary summary;
  summary.cycles = report.cycles;
  summary.macs = report.macs;
  summary.dramBytes = report.dramBytes;
  summary.computeBound = report.computeBound;
  summary.movementBound = report.movementBound;
  summary.computeBy = report.computeBy;
  summary.movementBy = report.movementBy;
  for (const EngineReport &engine : report.engines) {
    KindTotals &kind = summary.kinds[size_t(engine.id.engine)];
    ++kind.engines;
    kind.busy += engine.busy;
    kind.control += engine.control;
    kind.idle += engine.idle;
    for (size_t i = 0; i < stallCount; ++i)
      kind.stalls[i] += engine.stalls[i];
  }
  for (const Resource &resource : report.resources)
    if (resource.name.rfind("dram ", 0) == 0)
      summary.poolBytes[resource.name] += resource.bytes;
  return summary;
}

static void addTo(std::array<KindTotals, engineCount> &sums,
                  const std::array<KindTotals, engineCount> &kinds) {
  for (size_t kind = 0; kind < sums.size(); ++kind) {
    sums[kind].engines = std::max(sums[kind].engines, kinds[kind].engines);
    sums[kind].busy += kinds[kind].busy;
    sums[kind].control += kinds[kind].control;
    sums[kind].idle += kinds[kind].idle;
    for (size_t i = 0; i < stallCount; ++i)
      sums[kind].stalls[i] += kinds[kind].stalls[i];
  }
}

void LaunchTimes::append(const Launch &launch) {
  const LaunchSummary &summary = launch.summary;
  events.push_back({now, now + summary.cycles, &launch, 0, false});
  now += summary.cycles;
  inLaunches += summary.cycles;
  KernelTimes &kernel = kernels[launch.kernel];
  ++kernel.launches;
  kernel.cycles += summary.cycles;
  kernel.computeBound += summary.computeBound;
  kernel.movementBound += summary.movementBound;
  kernel.macs += summary.macs;
  kernel.dramBytes += summary.dramBytes;
  addTo(kernel.kinds, summary.kinds);
  kernel.boundBy[summary.computeBound > summary.movementBound
                     ? summary.computeBy
                     : summary.movementBy] += summary.cycles;
  for (const auto &[pool, bytes] : summary.poolBytes)
    poolBytes[pool] += bytes;
}

bool LaunchTimes::addKnown(const LoadedKernel &kernel,
                           const std::vector<int64_t> &parameters,
                           std::optional<uint64_t> data) {
  if (!kernel.isStatic && !data)
    return false;
  auto found = known.find(keyOf(kernel, parameters, data.value_or(0)));
  if (found == known.end())
    return false;
  append(*found->second);
  return true;
}

void LaunchTimes::add(const LoadedKernel &kernel,
                      const std::vector<int64_t> &parameters,
                      std::optional<uint64_t> data,
                      const TimingReport &report) {
  launches.push_back(
      {kernelOf(kernel), parameters, kernel.isStatic, summarise(report)});
  if (kernel.isStatic || data)
    known[keyOf(kernel, parameters, data.value_or(0))] = &launches.back();
  append(launches.back());
}

double LaunchTimes::transferCycles(uint64_t bytes) const {
  return (machine.host.roundTrip + double(bytes) / machine.host.bandwidth) *
         machine.clock;
}

void LaunchTimes::addTransfer(uint64_t bytes, bool isToDevice) {
  // Weights and the like: the run has not begun.
  if (launches.empty() && isToDevice) {
    loaded += double(bytes);
    return;
  }
  (isToDevice ? toDevice : fromDevice) += double(bytes);
  double cycles = transferCycles(bytes);
  events.push_back({now, now + cycles, nullptr, bytes, isToDevice});
  now += cycles;
}
