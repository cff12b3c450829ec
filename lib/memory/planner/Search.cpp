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
// - A dead end names the sections that it depends on. A decision that changed
//   nothing there is undone without trying its alternatives (conflict-directed
//   backjumping; Prosser, 1993).
//
// Only plans in which every item rests on another or on the ground are
// considered; all others can be lowered to one of them.
//
//===----------------------------------------------------------------------===//

#include "lib/memory/planner/Part.h"
#include "lib/memory/planner/Random.h"

#include <algorithm>

using namespace narae::memory;

/// Floor of a section in which everything is placed, start of a placed item.
static constexpr uint64_t kFull = UINT64_MAX;

namespace {
/// A range of sections.
struct Range {
  uint32_t lower, upper;

  void extend(const Range &other) {
    lower = std::min(lower, other.lower);
    upper = std::max(upper, other.upper);
  }
  bool contains(uint32_t section) const {
    return lower <= section && section < upper;
  }
  bool isDisjoint(const Range &other) const {
    return upper <= other.lower || other.upper <= lower;
  }
};

/// Bytes that are taken from the beginning.
struct Place {
  uint64_t offset, end;
};

/// One run of one variant: four ranks with two rules to choose valleys each,
/// then the same with ranks varied at random.
class Search {
public:
  Search(const Part &part, uint64_t target, uint64_t budget, uint64_t variant,
         const std::atomic<bool> &isCancelled);

  SearchResult run() {
    if (!isTooHigh && settle({0, part.numSections}) && solve())
      return SearchResult::Found;
    return hasEnded() ? SearchResult::OutOfBudget : SearchResult::Infeasible;
  }

  uint64_t steps = 0;
  std::vector<uint64_t> offsets;
  /// The offsets when the fewest bytes were left to place; `kFull` for what was
  /// not placed.
  std::vector<uint64_t> deepest;

private:
  /// A valley and the section at one of its ends.
  struct Choice {
    uint32_t section, lower, upper;
  };

  bool hasEnded() const {
    return steps > budget || isCancelled.load(std::memory_order_relaxed);
  }
  void avoidFixed();
  uint64_t firstFrom(uint32_t index, uint64_t floor) const;
  bool solve();
  bool descend(const Range &changed, Range &reasons, bool &isElsewhere);
  bool settle(const Range &changed);
  bool raiseStart(uint32_t index, uint64_t floor);
  bool raiseFloor(uint32_t section);
  bool hasRoom(uint32_t section, uint64_t floor) const;
  bool chooseValley(Choice &choice);
  uint32_t countFitting(const Choice &choice, uint32_t limit);
  bool fits(uint32_t index, const Choice &choice) const {
    const Range &lifetime = lifetimes[index];
    return lifetime.lower >= choice.lower && lifetime.upper <= choice.upper &&
           lifetime.contains(choice.section);
  }

  const Part &part;
  uint64_t target, budget;
  const std::atomic<bool> &isCancelled;
  bool prefersLow, startsRight;
  /// A fixed offset passes the target.
  bool isTooHigh = false;
  /// What the last `settle` changed: sections, and whole lifetimes of items.
  Range touched = {0, 0};
  /// After a failed `solve`: any state that has the same floors of, and starts
  /// of items in these sections is a dead end too.
  Range failed = {0, 0};
  /// For each section its floor; for each item the lowest offset it can take,
  /// or `kFull` when it is placed.
  /// `settle` keeps them consistent.
  std::vector<uint64_t> floors, start;
  /// For each section the bytes of its unplaced items, and all of its items.
  std::vector<uint64_t> remaining;
  std::vector<std::vector<uint32_t>> covering;
  /// For each section the places of its items with fixed offsets; for each item
  /// those that share its time, in ascending order. Empty when there are none.
  std::vector<std::vector<Place>> fixedIn, avoided;
  /// Sections whose floor rose and whose items have not been told.
  std::vector<uint32_t> dirty;
  /// Items by falling rank, in which those to place are tried.
  std::vector<uint32_t> order;
  std::vector<Range> lifetimes;
  size_t numUnplaced = 0;
  /// Bytes times sections of what is unplaced, and their minimum so far.
  double left = 0, fewestLeft = 0;
};
} // namespace

Search::Search(const Part &part, uint64_t target, uint64_t budget,
               uint64_t variant, const std::atomic<bool> &isCancelled)
    : offsets(part.items.size()), part(part), target(target), budget(budget),
      isCancelled(isCancelled), prefersLow(variant / 4 % 2),
      startsRight(variant / 8 % 2), floors(part.numSections),
      start(part.items.size()), remaining(part.numSections),
      covering(part.numSections) {
  Random random(variant / 8);
  std::vector<double> rank;
  for (uint32_t i = 0; i < part.items.size(); ++i) {
    const Item &item = part.items[i];
    lifetimes.push_back({item.lower, item.upper});
    double width = item.upper - item.lower;
    double size = static_cast<double>(item.size);
    double ranks[] = {areaOf(item), width, size, width * areaOf(item)};
    double factor = variant < 8 ? 1 : 1 + random.below(1000) / 1000.0;
    rank.push_back(ranks[variant % 4] * factor);
    // What takes no space stays at the bottom.
    if (item.size == 0 || item.fixed) {
      start[i] = kFull;
      offsets[i] = item.fixed.value_or(0);
      isTooHigh |= offsets[i] + item.size > target;
      continue;
    }
    order.push_back(i);
    left += areaOf(item);
    for (uint32_t s = item.lower; s < item.upper; ++s) {
      remaining[s] += item.size;
      covering[s].push_back(i);
    }
  }
  avoidFixed();
  numUnplaced = order.size();
  fewestLeft = left;
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return rank[a] != rank[b] ? rank[a] > rank[b] : a < b;
  });
}

void Search::avoidFixed() {
  std::vector<std::pair<Place, Range>> fixed;
  for (const Item &item : part.items)
    if (item.fixed && item.size > 0)
      fixed.push_back(
          {{*item.fixed, *item.fixed + item.size}, {item.lower, item.upper}});
  if (fixed.empty())
    return;
  std::sort(fixed.begin(), fixed.end(), [](const auto &a, const auto &b) {
    return a.first.offset < b.first.offset;
  });
  fixedIn.resize(part.numSections);
  avoided.resize(part.items.size());
  for (const auto &[place, lifetime] : fixed)
    for (uint32_t s = lifetime.lower; s < lifetime.upper; ++s)
      fixedIn[s].push_back(place);
  for (uint32_t index : order)
    for (const auto &[place, lifetime] : fixed)
      if (!lifetime.isDisjoint(lifetimes[index]))
        avoided[index].push_back(place);
  for (uint32_t index : order)
    start[index] = firstFrom(index, 0);
  steps += fixed.size() * order.size() / 4;
}

/// The lowest offset from the floor on at which nothing fixed is in the way.
uint64_t Search::firstFrom(uint32_t index, uint64_t floor) const {
  const Item &item = part.items[index];
  uint64_t offset = alignUp(floor, item.alignment);
  if (!avoided.empty())
    for (const Place &place : avoided[index])
      if (place.offset < offset + item.size && offset < place.end)
        offset = alignUp(place.end, item.alignment);
  return offset;
}

/// Whether what is unplaced in the section may fit above the floor.
bool Search::hasRoom(uint32_t section, uint64_t floor) const {
  uint64_t end = floor + remaining[section];
  if (!fixedIn.empty())
    for (const Place &place : fixedIn[section])
      if (place.end > floor)
        end += place.end - std::max(place.offset, floor);
  return end <= target;
}

/// An item cannot lie below a floor. Returns false when it does not fit.
bool Search::raiseStart(uint32_t index, uint64_t floor) {
  uint64_t old = start[index];
  if (floor <= old)
    return true;
  const Item &item = part.items[index];
  start[index] = firstFrom(index, floor);
  touched.extend({item.lower, item.upper});
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
    lowest = std::min(lowest, start[index]);
  if (lowest <= floors[section])
    return true;
  floors[section] = lowest;
  if (lowest == kFull)
    return true;
  dirty.push_back(section);
  return hasRoom(section, lowest);
}

/// Restores consistency after the floors of the sections rose or items of
/// these sections were placed. Returns false when what is unplaced cannot fit.
bool Search::settle(const Range &changed) {
  touched = changed;
  dirty.clear();
  for (uint32_t s = changed.lower; s < changed.upper; ++s)
    dirty.push_back(s);
  auto tellItems = [&] {
    while (!dirty.empty()) {
      uint32_t section = dirty.back();
      dirty.pop_back();
      steps += covering[section].size() / 4 + 1;
      if (floors[section] == kFull)
        continue;
      for (uint32_t index : covering[section])
        if (!raiseStart(index, floors[section]))
          return false;
    }
    return true;
  };
  if (!tellItems())
    return false;
  for (uint32_t s = changed.lower; s < changed.upper; ++s)
    if (floors[s] != kFull &&
        (!raiseFloor(s) || (floors[s] != kFull && !hasRoom(s, floors[s]))))
      return false;
  return tellItems();
}

/// The number of unplaced items that lie within the valley. Counts no further
/// than \p limit.
uint32_t Search::countFitting(const Choice &choice, uint32_t limit) {
  uint32_t count = 0, looked = 0;
  for (uint32_t i : covering[choice.section]) {
    count += start[i] != kFull && fits(i, choice);
    ++looked;
    if (count >= limit)
      break;
  }
  steps += looked / 4;
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
    uint32_t left = lower, right = upper - 1;
    for (uint32_t section :
         {startsRight ? right : left, startsRight ? left : right}) {
      Choice candidate = {section, lower, upper};
      double height = static_cast<double>(floor) / target;
      if (isFound && prefersLow && 4 * height >= best)
        continue;
      uint32_t limit =
          isFound && !prefersLow ? static_cast<uint32_t>(best) + 1 : UINT32_MAX;
      uint32_t numFitting = countFitting(candidate, limit);
      bool mayWaste = floor + remaining[section] < target;
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

/// Settles a decision and places the rest. When that fails, adds what it
/// depends on to \p reasons; sets \p isElsewhere when the decision has no part
/// in it: other choices fail for the same reasons, which `failed` holds.
bool Search::descend(const Range &changed, Range &reasons, bool &isElsewhere) {
  isElsewhere = false;
  bool isConsistent = settle(changed);
  Range own = touched;
  if (isConsistent) {
    if (solve())
      return true;
    isElsewhere = failed.isDisjoint(own);
    reasons.extend(failed);
  }
  reasons.extend(own);
  return false;
}

/// Places all unplaced items. When it fails, `floors` and `start` are of no
/// use.
bool Search::solve() {
  if (numUnplaced == 0)
    return true;
  if (left < fewestLeft) {
    fewestLeft = left;
    deepest = offsets;
    for (uint32_t index : order)
      if (start[index] != kFull)
        deepest[index] = kFull;
  }
  Choice choice = {0, 0, 0};
  if (hasEnded() || !chooseValley(choice))
    return false;

  // What may be placed, and the lowest offset otherwise possible: that of an
  // item that reaches out of the valley or is not aligned to its bottom, or the
  // end of one beside the section, on which one that is not placed now rests.
  uint64_t floor = floors[choice.section], next = kFull, end = kFull;
  std::vector<uint32_t> candidates;
  for (uint32_t index : order) {
    if (start[index] == kFull)
      continue;
    const Range &lifetime = lifetimes[index];
    if (!lifetime.contains(choice.section)) {
      if (!lifetime.isDisjoint({choice.lower, choice.upper}))
        end = std::min(end, start[index] + part.items[index].size);
    } else if (fits(index, choice) && start[index] == floor) {
      candidates.push_back(index);
      if (!avoided.empty())
        for (const Place &place : avoided[index])
          if (place.end > floor)
            end = std::min(end, place.end);
    } else {
      next = std::min(next, start[index]);
    }
  }
  if (!candidates.empty())
    next = std::min(next, end);

  steps += order.size() / 4;
  // A valley is one because of what is beside it.
  Range reasons = {choice.lower - (choice.lower > 0),
                   std::min(choice.upper + 1, part.numSections)};
  bool isElsewhere = false;
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
    start[candidates[i]] = kFull;
    offsets[candidates[i]] = floor;
    --numUnplaced;
    left -= areaOf(item);
    if (descend({item.lower, item.upper}, reasons, isElsewhere))
      return true;
    ++numUnplaced;
    left += areaOf(item);
    floors = savedFloors;
    start = savedStart;
    for (uint32_t s = item.lower; s < item.upper; ++s)
      remaining[s] += item.size;
    if (isElsewhere || hasEnded())
      return false;
  }
  if (next != kFull && hasRoom(choice.section, next)) {
    floors[choice.section] = next;
    if (descend({choice.section, choice.section + 1}, reasons, isElsewhere))
      return true;
    if (isElsewhere)
      return false;
  }
  failed = reasons;
  return false;
}

SearchResult narae::memory::searchVariant(const Part &part, uint64_t target,
                                          uint64_t variant, uint64_t &budget,
                                          const std::atomic<bool> &isCancelled,
                                          std::vector<uint64_t> &offsets,
                                          std::vector<uint64_t> &deepest) {
  Search search(part, target, budget, variant, isCancelled);
  SearchResult result = search.run();
  budget -= std::min(budget, search.steps);
  if (result == SearchResult::Found)
    offsets = std::move(search.offsets);
  if (result == SearchResult::OutOfBudget)
    deepest = std::move(search.deepest);
  return result;
}
