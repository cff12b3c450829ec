//===- Build.cpp - Stays from choices -------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/spaces/Build.h"

#include <algorithm>
#include <tuple>

using namespace narae::memory;

std::vector<std::vector<Use>>
narae::memory::usesOf(const SpacesProblem &problem, const Choices &choices) {
  std::vector<std::map<uint32_t, Use>> uses(problem.tensors.size());
  auto add = [&](uint32_t tensor, uint32_t step, bool reads, bool writes) {
    Use &use =
        uses[tensor].try_emplace(step, Use{step, false, false}).first->second;
    use.reads |= reads;
    use.writes |= writes;
  };
  for (uint32_t s = 0; s < problem.steps.size(); ++s) {
    for (uint32_t tensor : problem.steps[s].reads)
      add(tensor, s, true, false);
    for (uint32_t tensor : problem.steps[s].writes)
      add(tensor, s, false, true);
  }
  for (const auto &[gap, choice] : choices)
    if (choice == Gap::Recompute)
      for (uint32_t from : problem.tensors[gap.first].recomputeFrom)
        add(from, gap.second, true, false);
  std::vector<std::vector<Use>> result(uses.size());
  for (size_t i = 0; i < uses.size(); ++i)
    for (const auto &[step, use] : uses[i])
      result[i].push_back(use);
  return result;
}

/// The stays of one tensor.
static void addStays(const SpacesProblem &problem, uint32_t index,
                     const std::vector<Use> &uses, const Choices &choices,
                     std::vector<Stay> &stays) {
  const Tensor &tensor = problem.tensors[index];
  bool isHome = tensor.startsHome; // home has the value
  for (size_t i = 0; i < uses.size();) {
    Stay stay;
    stay.tensor = index;
    stay.first = stay.begin = uses[i].step;
    auto chosen = choices.find({index, stay.first});
    bool again = chosen != choices.end() && chosen->second == Gap::Recompute;
    stay.arrival = !uses[i].reads ? Arrival::Produce
                   : again        ? Arrival::Recompute
                                  : Arrival::Load;
    bool isDirty = stay.arrival != Arrival::Load;
    size_t last = i;
    for (;; ++last) {
      isDirty |= uses[last].writes;
      if (last + 1 == uses.size())
        break;
      auto next = choices.find({index, uses[last + 1].step});
      if (next != choices.end() && next->second != Gap::Keep)
        break;
    }
    if (isDirty && stay.arrival != Arrival::Recompute)
      isHome = false;
    for (size_t k = i; k <= last; ++k)
      isHome = isHome && !uses[k].writes;
    stay.last = stay.end = uses[last].step;
    // Whether somebody will want what home has.
    bool isWanted = tensor.endsHome;
    if (last + 1 < uses.size()) {
      const Use &next = uses[last + 1];
      auto how = choices.find({index, next.step});
      bool recomputes = how != choices.end() && how->second == Gap::Recompute;
      isWanted = next.reads && !recomputes;
      // Computed again now, copied from home later, or wanted at the end.
      if (recomputes && tensor.endsHome)
        isWanted = true;
      for (size_t k = last + 2; recomputes && k < uses.size(); ++k) {
        auto later = choices.find({index, uses[k].step});
        isWanted |= later != choices.end() && later->second == Gap::Leave;
      }
    }
    stay.isSpilled = isWanted && !isHome;
    isHome |= stay.isSpilled;
    stays.push_back(stay);
    i = last + 1;
  }
}

std::vector<uint64_t> narae::memory::occupancy(const SpacesProblem &problem,
                                               const std::vector<Stay> &stays) {
  std::vector<uint64_t> bytes(problem.steps.size());
  for (const Stay &stay : stays)
    for (uint32_t s = stay.begin; s <= stay.end; ++s)
      bytes[s] += nearBytes(problem, stay.tensor);
  return bytes;
}

bool narae::memory::buildStays(const SpacesProblem &problem,
                               const Choices &choices,
                               std::vector<Stay> &stays) {
  stays.clear();
  std::vector<std::vector<Use>> uses = usesOf(problem, choices);
  for (uint32_t i = 0; i < uses.size(); ++i)
    addStays(problem, i, uses[i], choices, stays);
  // What is computed from must be there before: not itself computed for the
  // same step, and not written by it.
  for (const Stay &stay : stays) {
    if (stay.arrival != Arrival::Recompute)
      continue;
    for (const Stay &other : stays)
      for (uint32_t from : problem.tensors[stay.tensor].recomputeFrom)
        if (other.tensor == from && other.first == stay.first &&
            other.arrival != Arrival::Load)
          return false;
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Ahead of time
//===----------------------------------------------------------------------===//

// Copies that arrive as late as is early enough take memory for the shortest
// time. Where each would have to start for that follows from the last one
// backwards, as if computing never waited; then each begins there, or as early
// as memory allows.
void narae::memory::prefetch(const SpacesProblem &problem, uint64_t capacity,
                             std::vector<Stay> &stays) {
  uint32_t numSteps = problem.steps.size();
  std::vector<Ticks> start(numSteps + 1);
  for (uint32_t s = 0; s < numSteps; ++s)
    start[s + 1] = start[s] + problem.steps[s].compute;
  std::vector<uint32_t> loads, spills;
  std::vector<uint32_t> freeFrom(stays.size(), 0);
  std::vector<uint32_t> freeTo(stays.size(), numSteps - 1);
  for (uint32_t i = 0; i < stays.size(); ++i) {
    if (stays[i].arrival == Arrival::Load)
      loads.push_back(i);
    if (stays[i].isSpilled)
      spills.push_back(i);
    // Stays of a tensor follow each other.
    if (i && stays[i - 1].tensor == stays[i].tensor) {
      freeFrom[i] = stays[i - 1].end + 1;
      freeTo[i - 1] = stays[i].begin - 1;
    }
  }
  std::sort(loads.begin(), loads.end(), [&](uint32_t a, uint32_t b) {
    return std::tie(stays[a].first, a) < std::tie(stays[b].first, b);
  });
  std::sort(spills.begin(), spills.end(), [&](uint32_t a, uint32_t b) {
    return std::tie(stays[a].last, a) < std::tie(stays[b].last, b);
  });
  std::vector<uint64_t> used = occupancy(problem, stays);
  auto timeOf = [&](const Channel &channel, uint32_t stay, uint32_t channels) {
    Ticks time =
        transferTime(channel, problem.tensors[stays[stay].tensor].size);
    return (time + channels - 1) / channels;
  };

  // A copy out has until the engine is through with those before.
  Ticks free = 0;
  for (uint32_t i : spills) {
    Stay &stay = stays[i];
    free = std::max(free, start[stay.last + 1]) +
           timeOf(problem.space.drain, i, problem.space.drainChannels);
    uint64_t size = nearBytes(problem, stay.tensor);
    while (stay.end < freeTo[i] && start[stay.end + 1] < free &&
           used[stay.end + 1] + size <= capacity)
      used[++stay.end] += size;
    if (i + 1 < stays.size() && stays[i + 1].tensor == stay.tensor)
      freeFrom[i + 1] = stay.end + 1;
  }

  std::vector<Ticks> latest(loads.size());
  Ticks next = start[numSteps];
  for (size_t i = loads.size(); i-- > 0;) {
    next = std::min(next, start[stays[loads[i]].first]) -
           timeOf(problem.space.fill, loads[i], problem.space.fillChannels);
    latest[i] = next;
  }
  for (size_t i = 0; i < loads.size(); ++i) {
    Stay &stay = stays[loads[i]];
    uint32_t from =
        std::max(freeFrom[loads[i]], problem.tensors[stay.tensor].knownFrom);
    uint64_t size = nearBytes(problem, stay.tensor);
    while (stay.begin > from && start[stay.begin] > latest[i] &&
           used[stay.begin - 1] + size <= capacity)
      used[--stay.begin] += size;
  }
}
