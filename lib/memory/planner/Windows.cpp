//===- Windows.cpp - Packs many items by stretches of time ----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A schedule of many layers has few items that live for long. Those are placed
// first. The others are placed window by window: a search finds places for what
// starts in the window within the target, around what is there already. When it
// finds none, the window before is placed again together with this one; when
// that does not help, the target rises.
//
//===----------------------------------------------------------------------===//

#include "lib/memory/planner/Part.h"

#include <algorithm>

using namespace narae::memory;

/// An item lives for long when so many windows start in its time.
static constexpr uint32_t kLong = 4;

/// Steps of a search of one window, before and after the one before it joined.
static constexpr uint64_t kTry = 400'000, kJoinedTry = 1'500'000;

/// For placing what lives for long.
static constexpr uint64_t kGreedy = 100'000'000;

/// As good as unknown: tables of the pairs that overlap are not worth it.
static constexpr uint64_t kManyOverlaps = uint64_t(1) << 40;

namespace {
class WindowPacker {
public:
  WindowPacker(const Part &part, uint32_t itemsPerWindow);

  /// Returns false when no plan below `limit` was found.
  bool run(uint64_t target, uint64_t limit, uint64_t &budget, uint32_t threads);

  std::vector<uint64_t> offsets;

private:
  static constexpr uint64_t kUnplaced = UINT64_MAX;
  bool packWindows(size_t first, size_t last, uint64_t target, uint64_t tries,
                   uint64_t &budget, uint32_t threads);
  /// Takes the places of what starts in some windows back.
  void clear(size_t first, size_t last);
  bool placeLong(uint64_t limit);

  const Part &part;
  /// Index of the first item of each window, and the end of the last.
  std::vector<uint32_t> begins;
  std::vector<char> isLong;
  /// Those and the ones with fixed offsets.
  std::vector<uint32_t> longItems;
};
} // namespace

/// Windows begin where, of the next few times, the fewest bytes live on.
WindowPacker::WindowPacker(const Part &part, uint32_t itemsPerWindow)
    : offsets(part.items.size(), kUnplaced), part(part),
      isLong(part.items.size()) {
  uint32_t numItems = static_cast<uint32_t>(part.items.size());
  std::vector<int64_t> live(part.numSections + 1);
  for (const Item &item : part.items) {
    // What starts at a time is not what lives on from before.
    if (item.lower + 1 < item.upper) {
      live[item.lower + 1] += static_cast<int64_t>(item.size);
      live[item.upper] -= static_cast<int64_t>(item.size);
    }
  }
  for (uint32_t s = 1; s <= part.numSections; ++s)
    live[s] += live[s - 1];
  begins.push_back(0);
  while (numItems - begins.back() > 2 * itemsPerWindow) {
    uint32_t best = UINT32_MAX;
    for (uint32_t i = begins.back() + itemsPerWindow / 2;
         i < begins.back() + 3 * itemsPerWindow / 2; ++i) {
      uint32_t lower = part.items[i].lower;
      if (lower == part.items[i - 1].lower)
        continue;
      if (best == UINT32_MAX || live[lower] < live[part.items[best].lower])
        best = i;
    }
    begins.push_back(best == UINT32_MAX ? begins.back() + itemsPerWindow
                                        : best);
  }
  begins.push_back(numItems);
  for (size_t w = 0; w + 1 < begins.size(); ++w)
    for (uint32_t i = begins[w]; i < begins[w + 1]; ++i)
      isLong[i] = w + kLong + 1 < begins.size() &&
                  part.items[i].upper > part.items[begins[w + kLong]].lower;
}

/// Places what lives for long by itself. Returns false when that passes the
/// limit.
bool WindowPacker::placeLong(uint64_t limit) {
  Part own;
  own.numSections = part.numSections;
  for (uint32_t i = 0; i < part.items.size(); ++i) {
    const Item &item = part.items[i];
    if (item.size == 0)
      offsets[i] = item.fixed.value_or(0);
    if (item.size == 0 || (!item.fixed && !isLong[i]))
      continue;
    own.items.push_back(item);
    longItems.push_back(i);
  }
  if (longItems.empty())
    return true;
  own.numOverlaps = kManyOverlaps;
  PartPlan plan = placeGreedily(own, kGreedy);
  for (size_t i = 0; i < longItems.size(); ++i)
    offsets[longItems[i]] = plan.offsets[i];
  return plan.peak < limit;
}

/// Places what starts in some windows.
bool WindowPacker::packWindows(size_t first, size_t last, uint64_t target,
                               uint64_t tries, uint64_t &budget,
                               uint32_t threads) {
  std::vector<uint32_t> indices;
  uint32_t lower = UINT32_MAX, upper = 0;
  for (uint32_t i = begins[first]; i < begins[last]; ++i) {
    if (offsets[i] != kUnplaced)
      continue;
    lower = std::min(lower, part.items[i].lower);
    upper = std::max(upper, part.items[i].upper);
    indices.push_back(i);
  }
  if (indices.empty())
    return true;
  auto addPlaced = [&](uint32_t index) {
    const Item &item = part.items[index];
    if (offsets[index] != kUnplaced && item.size > 0 && item.lower < upper &&
        lower < item.upper)
      indices.push_back(index);
  };
  for (uint32_t index : longItems)
    addPlaced(index);
  size_t earliest = first > kLong + 1 ? first - kLong - 1 : 0;
  for (uint32_t i = begins[earliest]; i < begins[last]; ++i)
    if (!isLong[i] && !part.items[i].fixed)
      addPlaced(i);
  std::sort(indices.begin(), indices.end());

  Part own;
  std::vector<uint32_t> times = {lower, upper};
  for (uint32_t index : indices) {
    Item item = part.items[index];
    item.lower = std::max(item.lower, lower);
    item.upper = std::min(item.upper, upper);
    if (offsets[index] != kUnplaced)
      item.fixed = offsets[index];
    times.push_back(item.lower);
    times.push_back(item.upper);
    own.items.push_back(item);
  }
  std::sort(times.begin(), times.end());
  times.erase(std::unique(times.begin(), times.end()), times.end());
  own.numSections = static_cast<uint32_t>(times.size() - 1);
  own.numOverlaps = kManyOverlaps;
  for (Item &item : own.items)
    for (uint32_t *time : {&item.lower, &item.upper})
      *time = static_cast<uint32_t>(
          std::lower_bound(times.begin(), times.end(), *time) - times.begin());
  own.lowerBound = target;
  uint64_t granted = std::min(budget, tries), ordering = granted / 4;
  budget -= granted;
  granted -= ordering;
  PartPlan plan;
  bool isFound =
      search(own, target, granted, plan, threads) == SearchResult::Found;
  // The search is for what is tight; where there is room, an order may do.
  if (!isFound) {
    plan = placeGreedily(own, ordering);
    ordering -= std::min<uint64_t>(ordering, 4 * own.items.size());
    improve(own, target, ordering, plan);
    isFound = plan.peak <= target;
  }
  budget += granted + ordering;
  budget -= std::min<uint64_t>(budget, longItems.size() + own.items.size());
  if (!isFound)
    return false;
  for (size_t i = 0; i < indices.size(); ++i)
    offsets[indices[i]] = plan.offsets[i];
  return true;
}

void WindowPacker::clear(size_t first, size_t last) {
  for (uint32_t i = begins[first]; i < begins[last]; ++i)
    if (!isLong[i] && !part.items[i].fixed && part.items[i].size > 0)
      offsets[i] = kUnplaced;
}

bool WindowPacker::run(uint64_t target, uint64_t limit, uint64_t &budget,
                       uint32_t threads) {
  if (!placeLong(limit))
    return false;
  uint64_t step = std::max<uint64_t>(part.lowerBound / 200, 1);
  for (size_t w = 0; w + 1 < begins.size(); ++w) {
    if (packWindows(w, w + 1, target, kTry, budget, threads))
      continue;
    bool isPacked = false;
    size_t first = w;
    for (size_t back : {1, 3}) {
      if (isPacked || first == 0)
        break;
      first = w > back ? w - back : 0;
      clear(first, w);
      isPacked = packWindows(first, w + 1, target, kJoinedTry, budget, threads);
    }
    while (!isPacked) {
      target += step;
      if (target >= limit || budget == 0)
        return false;
      isPacked = packWindows(first, w + 1, target, kJoinedTry, budget, threads);
    }
  }
  return true;
}

void narae::memory::packByTime(const Part &part, uint64_t target,
                               uint64_t &budget, PartPlan &plan,
                               uint32_t threads) {
  for (uint32_t itemsPerWindow : {60, 120, 30}) {
    if (plan.peak <= target || budget == 0)
      return;
    WindowPacker packer(part, itemsPerWindow);
    if (!packer.run(target, plan.peak, budget, threads))
      continue;
    uint64_t peak = 0;
    for (size_t i = 0; i < part.items.size(); ++i)
      peak = std::max(peak, packer.offsets[i] + part.items[i].size);
    if (peak >= plan.peak)
      continue;
    plan.offsets = std::move(packer.offsets);
    plan.peak = peak;
    plan.strategy = "windows";
  }
}
