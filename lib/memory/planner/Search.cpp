//===- Search.cpp - Complete search for a peak ----------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A branch-and-bound search that decides whether a part has a plan within a
// target peak. It fills valleys of the skyline of what is placed:
//
// - Every section has a floor: nothing unplaced lies lower. It is the end of
//   what is placed, raised to the lowest offset that an unplaced item of the
//   section can still take. Floor plus unplaced bytes must not pass the target.
// - A valley is a run of sections with one floor between higher ones. What
//   covers a point of its bottom lies within the valley, directly on it. So at
//   one end of the valley, either one of those items is placed, or the section
//   wastes space up to the next offset possible, and its floor rises.
// - The valley with the fewest choices comes first. Decisions that follow each
//   other are thus about the same place, and a dead end is left where it arose,
//   which searches that place in order of offset do not do.
//
// Only plans in which every item rests on another or on the ground are
// considered; all others can be lowered to one of them. Several ranks and rules
// to choose a valley take turns with growing budgets.
//
//===----------------------------------------------------------------------===//

#include "lib/memory/planner/Part.h"
#include "lib/memory/planner/Random.h"

#include <algorithm>

using namespace narae::memory;

/// The search is as deep as there are items and keeps the floors of each level.
static constexpr size_t kMaxItems = 2000;

/// Floor of a section in which everything is placed.
static constexpr uint64_t kFull = UINT64_MAX;

namespace {
/// One run of one variant: four ranks with two rules to choose valleys each,
/// then the same with ranks varied at random.
class Search {
public:
  Search(const Part &part, uint64_t target, uint64_t budget, uint64_t variant);

  SearchResult run() {
    if (settle(0, part.numSections) && solve())
      return SearchResult::Found;
    return steps > budget ? SearchResult::OutOfBudget
                          : SearchResult::Infeasible;
  }

  uint64_t steps = 0;
  std::vector<uint64_t> offsets;

private:
  /// A valley and the section at one of its ends.
  struct Choice {
    uint32_t section, lower, upper;
  };

  bool solve();
  bool settle(uint32_t lower, uint32_t upper);
  bool raiseStart(uint32_t index, uint64_t floor);
  bool raiseFloor(uint32_t section);
  bool chooseValley(Choice &choice);
  uint32_t countFitting(const Choice &choice) const;
  bool fits(uint32_t index, const Choice &choice) const {
    const Item &item = part.items[index];
    return item.lower >= choice.lower && item.upper <= choice.upper &&
           covers(item, choice.section);
  }
  static bool covers(const Item &item, uint32_t section) {
    return item.lower <= section && section < item.upper;
  }

  const Part &part;
  uint64_t target, budget;
  bool prefersLow;
  /// For each section its floor; for each item the lowest offset it can take.
  /// `settle` keeps them consistent.
  std::vector<uint64_t> floors, start;
  /// For each section the bytes of its unplaced items, and all of its items.
  std::vector<uint64_t> remaining;
  std::vector<std::vector<uint32_t>> covering;
  /// Sections whose floor rose and whose items have not been told.
  std::vector<uint32_t> dirty;
  /// Items by falling rank, in which those to place are tried.
  std::vector<uint32_t> order;
  std::vector<char> isPlaced;
  size_t numUnplaced = 0;
};
} // namespace

Search::Search(const Part &part, uint64_t target, uint64_t budget,
               uint64_t variant)
    : offsets(part.items.size()), part(part), target(target), budget(budget),
      prefersLow(variant / 4 % 2), floors(part.numSections),
      start(part.items.size()), remaining(part.numSections),
      covering(part.numSections), isPlaced(part.items.size()) {
  Random random(variant / 8);
  std::vector<double> rank;
  for (uint32_t i = 0; i < part.items.size(); ++i) {
    const Item &item = part.items[i];
    double width = item.upper - item.lower;
    double size = static_cast<double>(item.size);
    double ranks[] = {width * size, width, size, width * width * size};
    double factor = variant < 8 ? 1 : 1 + random.below(1000) / 1000.0;
    rank.push_back(ranks[variant % 4] * factor);
    // What takes no space stays at the bottom.
    isPlaced[i] = item.size == 0;
    if (isPlaced[i])
      continue;
    order.push_back(i);
    for (uint32_t s = item.lower; s < item.upper; ++s) {
      remaining[s] += item.size;
      covering[s].push_back(i);
    }
  }
  numUnplaced = order.size();
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return rank[a] != rank[b] ? rank[a] > rank[b] : a < b;
  });
}

/// An item cannot lie below a floor. Returns false when it does not fit.
bool Search::raiseStart(uint32_t index, uint64_t floor) {
  const Item &item = part.items[index];
  uint64_t old = start[index];
  if (floor <= old)
    return true;
  start[index] = alignUp(floor, item.alignment);
  if (start[index] + item.size > target)
    return false;
  // It may have been what kept the floors of its sections down.
  steps += item.upper - item.lower;
  for (uint32_t s = item.lower; s < item.upper; ++s)
    if (floors[s] < start[index] && floors[s] >= old && !raiseFloor(s))
      return false;
  return true;
}

/// The floor of a section is no lower than the lowest start of its unplaced
/// items. Returns false when they do not fit above it.
bool Search::raiseFloor(uint32_t section) {
  uint64_t lowest = kFull;
  steps += covering[section].size() / 4 + 1;
  for (uint32_t index : covering[section])
    if (!isPlaced[index])
      lowest = std::min(lowest, start[index]);
  if (lowest <= floors[section])
    return true;
  floors[section] = lowest;
  if (lowest == kFull)
    return true;
  dirty.push_back(section);
  return lowest + remaining[section] <= target;
}

/// Restores consistency after the floors of [lower, upper) rose or items of
/// these sections were placed. Returns false when what is unplaced cannot fit.
bool Search::settle(uint32_t lower, uint32_t upper) {
  dirty.clear();
  for (uint32_t s = lower; s < upper; ++s)
    dirty.push_back(s);
  auto tellItems = [&] {
    while (!dirty.empty()) {
      uint32_t section = dirty.back();
      dirty.pop_back();
      steps += covering[section].size() / 4 + 1;
      if (floors[section] == kFull)
        continue;
      for (uint32_t index : covering[section])
        if (!isPlaced[index] && !raiseStart(index, floors[section]))
          return false;
    }
    return true;
  };
  if (!tellItems())
    return false;
  for (uint32_t s = lower; s < upper; ++s)
    if (floors[s] != kFull &&
        (!raiseFloor(s) ||
         (floors[s] != kFull && floors[s] + remaining[s] > target)))
      return false;
  return tellItems();
}

uint32_t Search::countFitting(const Choice &choice) const {
  uint32_t count = 0;
  for (uint32_t i : covering[choice.section])
    count += !isPlaced[i] && fits(i, choice);
  return count;
}

/// Finds the end of a valley with the fewest choices, or a low one with few.
bool Search::chooseValley(Choice &choice) {
  double best = 0;
  bool isFound = false;
  for (uint32_t lower = 0, upper; lower < part.numSections; lower = upper) {
    uint64_t floor = floors[lower];
    for (upper = lower + 1; upper < part.numSections && floors[upper] == floor;)
      ++upper;
    if (floor == kFull || (lower > 0 && floors[lower - 1] < floor) ||
        (upper < part.numSections && floors[upper] < floor))
      continue;
    for (uint32_t section : {lower, upper - 1}) {
      Choice candidate = {section, lower, upper};
      uint32_t numFitting = countFitting(candidate);
      steps += covering[section].size() / 4;
      bool mayWaste = floor + remaining[section] < target;
      double height = static_cast<double>(floor) / target;
      double score = prefersLow
                         ? 4 * height + numFitting / 1024.0
                         : numFitting + (mayWaste ? 0.5 : 0) + height / 1024.0;
      if (isFound && score >= best)
        continue;
      isFound = true;
      best = score;
      choice = candidate;
    }
  }
  steps += part.numSections / 4;
  return isFound;
}

/// Places all unplaced items. When it fails, `floors` and `start` are of no
/// use.
bool Search::solve() {
  if (numUnplaced == 0)
    return true;
  Choice choice;
  if (steps > budget || !chooseValley(choice))
    return false;

  // What may be placed, and the lowest offset otherwise possible: that of an
  // item that reaches out of the valley or is not aligned to its bottom, or the
  // end of one beside the section, on which one that is not placed now rests.
  uint64_t floor = floors[choice.section], next = kFull, end = kFull;
  std::vector<uint32_t> candidates;
  for (uint32_t index : order) {
    const Item &item = part.items[index];
    if (isPlaced[index])
      continue;
    if (!covers(item, choice.section)) {
      if (item.lower < choice.upper && choice.lower < item.upper)
        end = std::min(end, start[index] + item.size);
    } else if (fits(index, choice) && start[index] == floor) {
      candidates.push_back(index);
    } else {
      next = std::min(next, start[index]);
    }
  }
  if (!candidates.empty())
    next = std::min(next, end);

  steps += order.size() / 4;
  std::vector<uint64_t> savedFloors = floors, savedStart = start;
  for (size_t i = 0; i < candidates.size(); ++i) {
    const Item &item = part.items[candidates[i]];
    auto isTwin = [&](uint32_t other) {
      const Item &twin = part.items[other];
      return twin.lower == item.lower && twin.upper == item.upper &&
             twin.size == item.size && twin.alignment == item.alignment;
    };
    if (std::any_of(candidates.begin(), candidates.begin() + i, isTwin))
      continue;
    for (uint32_t s = item.lower; s < item.upper; ++s) {
      floors[s] = floor + item.size;
      remaining[s] -= item.size;
    }
    isPlaced[candidates[i]] = true;
    offsets[candidates[i]] = floor;
    --numUnplaced;
    if (settle(item.lower, item.upper) && solve())
      return true;
    ++numUnplaced;
    isPlaced[candidates[i]] = false;
    floors = savedFloors;
    start = savedStart;
    for (uint32_t s = item.lower; s < item.upper; ++s)
      remaining[s] += item.size;
    if (steps > budget)
      return false;
  }
  if (next == kFull || next + remaining[choice.section] > target)
    return false;
  floors[choice.section] = next;
  return settle(choice.section, choice.section + 1) && solve();
}

SearchResult narae::memory::search(const Part &part, uint64_t target,
                                   uint64_t &budget, PartPlan &plan,
                                   uint64_t firstSlice) {
  if (part.items.size() > kMaxItems)
    return SearchResult::OutOfBudget;
  for (const Item &item : part.items)
    if (item.fixed)
      return SearchResult::OutOfBudget;
  for (uint64_t variant = 0; budget > 0; ++variant) {
    // Doubles each time all variants had their turn.
    uint64_t slice = firstSlice << std::min<uint64_t>(variant / 8, 30);
    Search search(part, target, std::min(slice, budget), variant);
    SearchResult result = search.run();
    budget -= std::min(budget, search.steps);
    if (result == SearchResult::Found) {
      plan.offsets = search.offsets;
      plan.peak = 0;
      for (size_t i = 0; i < part.items.size(); ++i)
        plan.peak = std::max(plan.peak, plan.offsets[i] + part.items[i].size);
      plan.strategy = "search";
    }
    if (result != SearchResult::OutOfBudget)
      return result;
  }
  return SearchResult::OutOfBudget;
}
