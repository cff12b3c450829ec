//===- Simulate.cpp - The event model of steps and copies -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/spaces/Spaces.h"

#include <algorithm>
#include <tuple>

using namespace narae::memory;

namespace {
/// Engines of one direction.
class Engines {
public:
  Engines(const Channel &channel, uint32_t count)
      : channel(channel), free(std::max<uint32_t>(count, 1)) {}

  Transfer issue(uint32_t stay, bool isOut, Ticks earliest, uint64_t bytes) {
    auto first = std::min_element(free.begin(), free.end());
    Transfer transfer;
    transfer.stay = stay;
    transfer.isOut = isOut;
    transfer.channel = uint32_t(first - free.begin());
    transfer.start = std::max(earliest, *first);
    transfer.end = transfer.start + transferTime(channel, bytes);
    *first = transfer.end;
    return transfer;
  }

private:
  const Channel &channel;
  std::vector<Ticks> free;
};
} // namespace

Timeline narae::memory::simulate(const SpacesProblem &problem,
                                 const std::vector<Stay> &stays) {
  size_t numSteps = problem.steps.size();
  Timeline timeline;
  timeline.stepStart.resize(numSteps);
  timeline.stepEnd.resize(numSteps);
  // Stays by the step at which something becomes possible.
  std::vector<std::vector<uint32_t>> loads(numSteps), spills(numSteps);
  std::vector<Ticks> again(numSteps);
  for (uint32_t i = 0; i < stays.size(); ++i) {
    const Stay &stay = stays[i];
    if (stay.arrival == Arrival::Load)
      loads[stay.begin].push_back(i);
    if (stay.isSpilled)
      spills[stay.last].push_back(i);
    if (stay.arrival == Arrival::Recompute)
      again[stay.first] += problem.tensors[stay.tensor].recompute.value_or(0);
  }
  Engines fill(problem.space.fill, problem.space.fillChannels);
  Engines drain(problem.space.drain, problem.space.drainChannels);
  // When all copies for a step have arrived, and all out of memory that is
  // free from it on have ended.
  std::vector<Ticks> arrived(numSteps + 1), released(numSteps + 1);
  Ticks now = 0;
  for (uint32_t s = 0; s < numSteps; ++s) {
    Ticks open = std::max(now, released[s]);
    std::sort(loads[s].begin(), loads[s].end(), [&](uint32_t a, uint32_t b) {
      return std::tie(stays[a].first, a) < std::tie(stays[b].first, b);
    });
    for (uint32_t i : loads[s]) {
      Transfer t =
          fill.issue(i, false, open, problem.tensors[stays[i].tensor].size);
      timeline.transfers.push_back(t);
      arrived[stays[i].first] = std::max(arrived[stays[i].first], t.end);
    }
    timeline.stepStart[s] = std::max(open, arrived[s]);
    now = timeline.stepStart[s] + again[s] + problem.steps[s].compute;
    timeline.stepEnd[s] = now;
    std::sort(spills[s].begin(), spills[s].end(), [&](uint32_t a, uint32_t b) {
      return std::tie(stays[a].end, a) < std::tie(stays[b].end, b);
    });
    for (uint32_t i : spills[s]) {
      Transfer t =
          drain.issue(i, true, now, problem.tensors[stays[i].tensor].size);
      timeline.transfers.push_back(t);
      released[stays[i].end + 1] = std::max(released[stays[i].end + 1], t.end);
    }
  }
  timeline.total = std::max(now, released[numSteps]);
  return timeline;
}
