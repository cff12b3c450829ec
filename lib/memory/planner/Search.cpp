//===- Search.cpp - Complete search for a peak ----------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A branch-and-bound search after MiniMalloc (Moffitt, "MiniMalloc: A
// Lightweight Memory Allocator for Hardware-Accelerated Machine Learning",
// ASPLOS 2023). It decides whether a part has a plan within a target peak:
//
// - Canonical solutions only: items are placed in ascending order of offset
//   (then rank), each as low as the items placed so far allow.
// - Dominance: an item is not placed where another that is still unplaced
//   would fit whole below its offset.
// - Section inference: what is unplaced in a section starts no lower than the
//   lowest offset that one of its items can still take.
// - Division: where a section has nothing unplaced left, the items on its two
//   sides are placed independently.
//
// Which item is tried first matters more than anything else; so several ranks
// take turns with growing budgets.
//
//===----------------------------------------------------------------------===//

#include "lib/memory/planner/Part.h"

#include <algorithm>

using namespace narae::memory;

/// Steps of the first run with each rank.
static constexpr uint64_t kFirstSlice = 1 << 19;

/// The search is as deep as there are items and keeps a list of them a level.
static constexpr size_t kMaxItems = 2000;

/// The start of an item that cannot be the next.
static constexpr uint64_t kNotNext = UINT64_MAX;

namespace {
/// One run with one rank.
class Search {
public:
  Search(const Part &part, uint64_t target, uint64_t budget)
      : offsets(part.items.size()), part(part), target(target), budget(budget),
        floors(part.numSections), remaining(part.numSections),
        lowest(part.numSections), group(part.numSections),
        start(part.items.size()), rank(part.items.size()) {
    for (const Item &item : part.items)
      for (uint32_t s = item.lower; s < item.upper; ++s)
        remaining[s] += item.size;
  }

  SearchResult run(const std::vector<uint32_t> &order) {
    for (uint32_t i = 0; i < order.size(); ++i)
      rank[order[i]] = i;
    if (solve(order, 0, 0))
      return SearchResult::Found;
    return steps > budget ? SearchResult::OutOfBudget
                          : SearchResult::Infeasible;
  }

  uint64_t steps = 0;
  std::vector<uint64_t> offsets;

private:
  bool solve(const std::vector<uint32_t> &items, uint64_t lastOffset,
             uint32_t nextRank);
  bool infer(const std::vector<uint32_t> &items, uint64_t lastOffset,
             uint32_t nextRank, uint64_t &latest);
  bool solveRest(const std::vector<uint32_t> &items, uint32_t placed);

  const Part &part;
  uint64_t target, budget;
  /// For each section: the end of what is placed, the bytes unplaced, the
  /// lowest offset of an unplaced item, and its group in a division.
  std::vector<uint64_t> floors, remaining, lowest;
  std::vector<uint32_t> group;
  /// For each item the offset that it would take as the next.
  std::vector<uint64_t> start;
  std::vector<uint32_t> rank;
};
} // namespace

/// Sets `start` and the latest start of the next item. Returns false when the
/// items cannot be placed within the target.
bool Search::infer(const std::vector<uint32_t> &items, uint64_t lastOffset,
                   uint32_t nextRank, uint64_t &latest) {
  uint64_t firstEnd = UINT64_MAX;
  uint32_t begin = UINT32_MAX, end = 0;
  for (uint32_t index : items) {
    const Item &item = part.items[index];
    uint64_t floor = 0;
    for (uint32_t s = item.lower; s < item.upper; ++s)
      floor = std::max(floor, floors[s]);
    floor = alignUp(floor, item.alignment);
    steps += item.upper - item.lower;
    begin = std::min(begin, item.lower);
    end = std::max(end, item.upper);
    if (floor < lastOffset || (floor == lastOffset && rank[index] < nextRank))
      floor = kNotNext;
    else
      firstEnd = std::min(firstEnd, floor + item.size);
    start[index] = floor;
  }
  if (firstEnd == UINT64_MAX)
    return false;
  std::fill(lowest.begin() + begin, lowest.begin() + end, UINT64_MAX);
  for (uint32_t index : items) {
    const Item &item = part.items[index];
    // What was passed over must rest on something that is placed later.
    uint64_t offset = start[index] == kNotNext ? firstEnd : start[index];
    if (offset + item.size > target)
      return false;
    for (uint32_t s = item.lower; s < item.upper; ++s)
      lowest[s] = std::min(lowest[s], offset);
  }
  latest = firstEnd - 1;
  for (uint32_t s = begin; s < end; ++s) {
    if (remaining[s] == 0)
      continue;
    if (lowest[s] + remaining[s] > target)
      return false;
    latest = std::min(latest, target - remaining[s]);
  }
  return true;
}

/// Places `items`, given by ascending rank, none of them before the offset and
/// rank of the last. When it fails, the sections are as before.
bool Search::solve(const std::vector<uint32_t> &items, uint64_t lastOffset,
                   uint32_t nextRank) {
  if (items.empty())
    return true;
  uint64_t latest;
  if (!infer(items, lastOffset, nextRank, latest) || steps > budget)
    return false;
  // Deeper levels overwrite `start`.
  std::vector<std::pair<uint32_t, uint64_t>> candidates;
  for (uint32_t index : items)
    if (start[index] <= latest)
      candidates.emplace_back(index, start[index]);
  std::vector<uint64_t> saved;
  for (auto [index, offset] : candidates) {
    const Item &item = part.items[index];
    auto first = floors.begin() + item.lower;
    auto last = floors.begin() + item.upper;
    saved.assign(first, last);
    std::fill(first, last, offset + item.size);
    for (uint32_t s = item.lower; s < item.upper; ++s)
      remaining[s] -= item.size;
    offsets[index] = offset;
    if (solveRest(items, index))
      return true;
    for (uint32_t s = item.lower; s < item.upper; ++s)
      remaining[s] += item.size;
    std::copy(saved.begin(), saved.end(), first);
    if (steps > budget)
      return false;
  }
  return false;
}

/// Places the items but `placed`, which just was, dividing them if possible.
bool Search::solveRest(const std::vector<uint32_t> &items, uint32_t placed) {
  const Item &item = part.items[placed];
  std::vector<uint32_t> rest;
  rest.reserve(items.size());
  for (uint32_t index : items)
    if (index != placed)
      rest.push_back(index);
  uint64_t offset = offsets[placed];
  uint32_t nextRank = rank[placed] + 1;
  auto sections = remaining.begin();
  if (rest.empty() || std::find(sections + item.lower, sections + item.upper,
                                uint64_t(0)) == sections + item.upper)
    return solve(rest, offset, nextRank);

  uint32_t begin = UINT32_MAX, end = 0, numGroups = 0;
  for (uint32_t index : rest) {
    begin = std::min(begin, part.items[index].lower);
    end = std::max(end, part.items[index].upper);
  }
  for (uint32_t s = begin; s < end; ++s) {
    numGroups += remaining[s] != 0 && (s == begin || remaining[s - 1] == 0);
    group[s] = numGroups;
  }
  steps += end - begin;
  std::vector<std::vector<uint32_t>> groups(numGroups);
  for (uint32_t index : rest)
    groups[group[part.items[index].lower] - 1].push_back(index);
  std::sort(
      groups.begin(), groups.end(),
      [&](const std::vector<uint32_t> &a, const std::vector<uint32_t> &b) {
        return a.size() != b.size()
                   ? a.size() < b.size()
                   : part.items[a[0]].lower < part.items[b[0]].lower;
      });
  // A later group that fails must undo the earlier ones.
  std::vector<uint64_t> savedFloors(floors.begin() + begin,
                                    floors.begin() + end);
  std::vector<uint64_t> savedRemaining(sections + begin, sections + end);
  for (const std::vector<uint32_t> &members : groups) {
    if (solve(members, offset, nextRank))
      continue;
    std::copy(savedFloors.begin(), savedFloors.end(), floors.begin() + begin);
    std::copy(savedRemaining.begin(), savedRemaining.end(), sections + begin);
    return false;
  }
  return true;
}

/// Ranks after MiniMalloc's keys, the larger the earlier: 'W' is the lifetime
/// in sections, 'A' that times the size, 'D' the lifetime in time, 'B' that
/// times the size, 'T' the most bytes that are live together with the item.
static std::vector<uint32_t> makeOrder(const Part &part,
                                       const std::vector<uint64_t> &totals,
                                       const char *keys) {
  auto key = [&](uint32_t index, char kind) -> uint64_t {
    const Item &item = part.items[index];
    uint64_t width = item.upper - item.lower;
    switch (kind) {
    case 'W':
      return width;
    case 'A':
      return width * item.size;
    case 'D':
      return item.duration;
    case 'B':
      return item.duration * item.size;
    default:
      return totals[index];
    }
  };
  // What takes no space stays at the bottom.
  std::vector<uint32_t> order;
  for (uint32_t i = 0; i < part.items.size(); ++i)
    if (part.items[i].size != 0)
      order.push_back(i);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    for (const char *kind = keys; *kind; ++kind)
      if (key(a, *kind) != key(b, *kind))
        return key(a, *kind) > key(b, *kind);
    return a < b;
  });
  return order;
}

SearchResult narae::memory::search(const Part &part, uint64_t target,
                                   uint64_t &budget, PartPlan &plan) {
  if (part.items.size() > kMaxItems)
    return SearchResult::OutOfBudget;
  std::vector<uint64_t> sections(part.numSections);
  for (const Item &item : part.items) {
    if (item.fixed)
      return SearchResult::OutOfBudget;
    for (uint32_t s = item.lower; s < item.upper; ++s)
      sections[s] += item.size;
  }
  std::vector<uint64_t> totals;
  for (const Item &item : part.items)
    totals.push_back(*std::max_element(sections.begin() + item.lower,
                                       sections.begin() + item.upper));
  const char *const kOrders[] = {"WAT", "AWT", "DBT", "TWA"};
  for (uint64_t slice = kFirstSlice;; slice *= 2) {
    for (const char *keys : kOrders) {
      if (budget == 0)
        return SearchResult::OutOfBudget;
      Search search(part, target, std::min(slice, budget));
      SearchResult result = search.run(makeOrder(part, totals, keys));
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
  }
}
