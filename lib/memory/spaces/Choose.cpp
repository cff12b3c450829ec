//===- Choose.cpp - Who leaves, and what is tried -------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/spaces/Choose.h"

#include <algorithm>

using namespace narae::memory;

namespace {

/// A time between two uses of a tensor, when it could be elsewhere.
struct Absence {
  uint32_t tensor, last, next; ///< steps on both sides
};

/// The best plan so far, and what has been spent on it.
class Search {
public:
  Search(const SpacesProblem &problem, uint64_t capacity, uint64_t budget)
      : problem(problem), capacity(capacity), budget(budget) {}

  void begin();
  void improveChoices();
  void improveTimes();

  std::vector<Stay> stays;
  Timeline timeline;

private:
  bool fits(const std::vector<Stay> &candidate) const;
  /// Whether the candidate is taken.
  bool consider(const std::vector<Stay> &candidate);
  bool tryChoices(const Choices &choices, std::vector<Stay> *tried = nullptr);
  bool move(size_t stay, int64_t begin, int64_t end);

  const SpacesProblem &problem;
  uint64_t capacity, budget;
  Choices best;
};

} // namespace

static std::vector<Absence> absencesOf(const SpacesProblem &problem,
                                       const Choices &choices) {
  std::vector<Absence> absences;
  auto uses = usesOf(problem, choices);
  for (uint32_t t = 0; t < uses.size(); ++t)
    for (size_t i = 0; i + 1 < uses[t].size(); ++i)
      absences.push_back({t, uses[t][i].step, uses[t][i + 1].step});
  return absences;
}

/// What the absence costs: to bring it back and, where home lacks it, to save
/// it; or to compute it again, if that is less.
static Ticks costOf(const SpacesProblem &problem, const Absence &absence,
                    Gap &how) {
  const Tensor &tensor = problem.tensors[absence.tensor];
  Ticks cost = transferTime(problem.space.fill, tensor.size);
  if (!tensor.startsHome)
    cost += transferTime(problem.space.drain, tensor.size);
  how = Gap::Leave;
  if (tensor.recompute && *tensor.recompute < cost) {
    how = Gap::Recompute;
    cost = *tensor.recompute;
  }
  return cost;
}

bool narae::memory::makeRoom(const SpacesProblem &problem, uint64_t capacity,
                             uint64_t reserve, Choices &choices) {
  std::vector<Stay> stays;
  // Every round one tensor leaves; computing again may bring new uses.
  size_t limit = 4;
  for (const ScheduleStep &step : problem.steps)
    limit += 4 * (step.reads.size() + step.writes.size());
  for (size_t round = 0; round < limit; ++round) {
    if (!buildStays(problem, choices, stays)) {
      // Computing again does not work out there.
      for (auto &[gap, choice] : choices)
        if (choice == Gap::Recompute)
          choice = Gap::Leave;
      continue;
    }
    std::vector<uint64_t> used = occupancy(problem, stays);
    // Steps that use all there is cannot keep room free.
    std::vector<uint64_t> needed(used.size());
    auto uses = usesOf(problem, choices);
    for (uint32_t t = 0; t < uses.size(); ++t)
      for (const Use &use : uses[t])
        needed[use.step] += nearBytes(problem, t);
    size_t full = 0;
    while (full < used.size() &&
           used[full] <= std::max(needed[full], capacity - reserve))
      ++full;
    if (full == used.size())
      return std::all_of(used.begin(), used.end(),
                         [&](uint64_t bytes) { return bytes <= capacity; });
    const Absence *cheapest = nullptr;
    Gap how = Gap::Leave;
    double least = 0;
    std::vector<Absence> absences = absencesOf(problem, choices);
    for (const Absence &absence : absences) {
      if (absence.last >= full || full >= absence.next ||
          choices.count({absence.tensor, absence.next}))
        continue;
      Gap own;
      double cost = double(costOf(problem, absence, own)) /
                    (double(nearBytes(problem, absence.tensor)) *
                     (absence.next - absence.last - 1));
      if (!cheapest || cost < least) {
        cheapest = &absence;
        least = cost;
        how = own;
      }
    }
    if (!cheapest) {
      // What is computed again for this step brings too much along.
      bool isLess = false;
      for (auto &[gap, choice] : choices)
        if (choice == Gap::Recompute && gap.second == full) {
          choice = Gap::Leave;
          isLess = true;
        }
      if (!isLess)
        return false;
      continue;
    }
    choices[{cheapest->tensor, cheapest->next}] = how;
  }
  return false;
}

bool Search::fits(const std::vector<Stay> &candidate) const {
  for (uint64_t bytes : occupancy(problem, candidate))
    if (bytes > capacity)
      return false;
  return true;
}

bool Search::consider(const std::vector<Stay> &candidate) {
  if (!stays.empty() && budget == 0)
    return false;
  budget -= budget > 0;
  Timeline own = simulate(problem, candidate);
  if (!stays.empty() && own.total >= timeline.total)
    return false;
  stays = candidate;
  timeline = std::move(own);
  return true;
}

bool Search::tryChoices(const Choices &choices, std::vector<Stay> *tried) {
  std::vector<Stay> candidate;
  if (!buildStays(problem, choices, candidate) || !fits(candidate))
    return false;
  prefetch(problem, capacity, candidate);
  if (tried)
    *tried = candidate;
  if (!consider(candidate))
    return false;
  best = choices;
  return true;
}

/// Room for what copies ahead is worth what it drives out, or it is not:
/// several amounts are tried.
void Search::begin() {
  uint64_t largest = 0;
  for (uint32_t t = 0; t < problem.tensors.size(); ++t)
    largest = std::max(largest, nearBytes(problem, t));
  for (uint64_t reserve : {uint64_t(0), largest, 2 * largest, capacity / 4,
                           capacity / 2, capacity}) {
    Choices choices;
    if (makeRoom(problem, capacity, std::min(reserve, capacity), choices))
      tryChoices(choices);
  }
}

/// One absence after the other is decided in the other ways; who then has to
/// leave instead is found again.
void Search::improveChoices() {
  for (bool improved = true; improved && budget > 0;) {
    improved = false;
    for (const Absence &absence : absencesOf(problem, best)) {
      std::pair<uint32_t, uint32_t> key{absence.tensor, absence.next};
      auto it = best.find(key);
      Gap now = it == best.end() ? Gap::Keep : it->second;
      for (Gap other : {Gap::Keep, Gap::Leave, Gap::Recompute}) {
        if (other == now || budget == 0 ||
            (other == Gap::Recompute &&
             !problem.tensors[absence.tensor].recompute))
          continue;
        Choices choices = best;
        choices[key] = other;
        improved |= tryChoices(choices);
        if (other != Gap::Keep)
          continue;
        // Kept come what may: `makeRoom` passes over decided ones.
        if (makeRoom(problem, capacity, 0, choices))
          improved |= tryChoices(choices);
      }
    }
  }
}

bool Search::move(size_t index, int64_t begin, int64_t end) {
  std::vector<Stay> candidate = stays;
  Stay &stay = candidate[index];
  int64_t low = problem.tensors[stay.tensor].knownFrom;
  int64_t high = int64_t(problem.steps.size()) - 1;
  if (index && candidate[index - 1].tensor == stay.tensor)
    low = std::max<int64_t>(low, candidate[index - 1].end + 1);
  if (index + 1 < candidate.size() &&
      candidate[index + 1].tensor == stay.tensor)
    high = int64_t(candidate[index + 1].begin) - 1;
  bool moves = begin != stay.begin;
  if ((moves && (begin < low || begin > stay.first)) || end > high ||
      end < stay.last)
    return false;
  stay.begin = uint32_t(begin);
  stay.end = uint32_t(end);
  return fits(candidate) && consider(candidate);
}

/// Copies in begin earlier or later, copies out may take longer or not.
void Search::improveTimes() {
  for (bool improved = true; improved && budget > 0;) {
    improved = false;
    for (size_t i = 0; i < stays.size() && budget > 0; ++i) {
      for (int64_t by : {-1, 1, -2, 2, -4, 4}) {
        if (stays[i].arrival == Arrival::Load)
          improved |= move(i, int64_t(stays[i].begin) + by, stays[i].end);
        if (stays[i].isSpilled)
          improved |= move(i, stays[i].begin, int64_t(stays[i].end) + by);
      }
    }
  }
}

std::vector<Stay> narae::memory::searchStays(const SpacesProblem &problem,
                                             uint64_t capacity, uint64_t budget,
                                             Timeline &timeline) {
  Search search(problem, capacity, budget);
  search.begin();
  if (search.stays.empty())
    return {};
  search.improveChoices();
  search.improveTimes();
  timeline = std::move(search.timeline);
  return std::move(search.stays);
}
