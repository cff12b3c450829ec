//===- Placer.cpp - Places buffers one by one -----------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/planner/Part.h"

#include <algorithm>

using namespace narae::memory;

/// Up to this many pairs, who overlaps whom is stored.
static constexpr uint64_t kMaxStoredOverlaps = 4'000'000;

/// Above this, keeping the placed items in order costs more than it saves.
static constexpr size_t kMaxDenseItems = 20'000;

Placer::Placer(const Part &part) : part(part) {
  size_t numItems = part.items.size();
  isPlaced.resize(numItems);
  offsets.resize(numItems);
  isDense = numItems <= kMaxDenseItems &&
            16 * part.numOverlaps > uint64_t(numItems) * numItems;
  if (isDense)
    return;
  if (part.numOverlaps > kMaxStoredOverlaps) {
    while (numLeaves < numItems)
      numLeaves *= 2;
    largestUpper.resize(2 * numLeaves);
    return;
  }
  // Items are in ascending order of `lower`: those that overlap an item and
  // come after it follow it directly.
  auto forEachPair = [&](auto visit) {
    for (uint32_t i = 0; i < numItems; ++i)
      for (uint32_t j = i + 1;
           j < numItems && part.items[j].lower < part.items[i].upper; ++j)
        visit(i, j);
  };
  firstNeighbour.resize(numItems + 1);
  forEachPair([&](uint32_t i, uint32_t j) {
    ++firstNeighbour[i + 1];
    ++firstNeighbour[j + 1];
  });
  for (size_t i = 0; i < numItems; ++i)
    firstNeighbour[i + 1] += firstNeighbour[i];
  neighbours.resize(2 * part.numOverlaps);
  std::vector<uint32_t> next(firstNeighbour.begin(), firstNeighbour.end() - 1);
  forEachPair([&](uint32_t i, uint32_t j) {
    neighbours[next[i]++] = j;
    neighbours[next[j]++] = i;
  });
}

/// Collects the placed items of [begin, numStarted) that end after `lower`.
void Placer::collectBelow(uint32_t node, uint32_t begin, uint32_t end,
                          uint32_t numStarted, uint32_t lower) {
  ++steps;
  if (begin >= numStarted || largestUpper[node] <= lower)
    return;
  if (end - begin == 1) {
    occupied.emplace_back(offsets[begin],
                          offsets[begin] + part.items[begin].size);
    return;
  }
  uint32_t middle = begin + (end - begin) / 2;
  collectBelow(2 * node, begin, middle, numStarted, lower);
  collectBelow(2 * node + 1, middle, end, numStarted, lower);
}

/// Sets `occupied` to the places that `item` must avoid, in ascending order.
void Placer::collect(uint32_t item) {
  occupied.clear();
  if (isDense) {
    auto [lower, upper] =
        std::pair(part.items[item].lower, part.items[item].upper);
    for (const Place &place : places)
      if (place.lower < upper && lower < place.upper)
        occupied.emplace_back(place.offset, place.end);
    steps += places.size() + 1;
    return;
  }
  if (!largestUpper.empty()) {
    auto started = std::partition_point(
        part.items.begin(), part.items.end(), [&](const Item &other) {
          return other.lower < part.items[item].upper;
        });
    collectBelow(1, 0, numLeaves, started - part.items.begin(),
                 part.items[item].lower);
  } else {
    for (uint32_t i = firstNeighbour[item]; i < firstNeighbour[item + 1]; ++i) {
      uint32_t other = neighbours[i];
      if (isPlaced[other])
        occupied.emplace_back(offsets[other],
                              offsets[other] + part.items[other].size);
    }
    steps += firstNeighbour[item + 1] - firstNeighbour[item];
  }
  steps += 4 * occupied.size() + 1;
  std::sort(occupied.begin(), occupied.end());
}

void Placer::insert(uint32_t item) {
  isPlaced[item] = true;
  if (isDense) {
    Place place = {offsets[item], offsets[item] + part.items[item].size,
                   part.items[item].lower, part.items[item].upper};
    auto next = std::upper_bound(
        places.begin(), places.end(), place,
        [](const Place &a, const Place &b) { return a.offset < b.offset; });
    places.insert(next, place);
  }
  if (largestUpper.empty())
    return;
  uint32_t upper = part.items[item].upper;
  for (uint32_t node = numLeaves + item; node != 0; node /= 2)
    largestUpper[node] = std::max(largestUpper[node], upper);
}

uint64_t Placer::findOffset(const Item &item, Fit fit) {
  uint64_t end = 0, best = UINT64_MAX, bestGap = UINT64_MAX;
  for (const auto &[otherOffset, otherEnd] : occupied) {
    uint64_t offset = alignUp(end, item.alignment);
    if (offset + item.size <= otherOffset && otherOffset - end < bestGap) {
      if (fit == Fit::First)
        return offset;
      best = offset;
      bestGap = otherOffset - end;
    }
    end = std::max(end, otherEnd);
  }
  return best != UINT64_MAX ? best : alignUp(end, item.alignment);
}

bool Placer::place(const std::vector<uint32_t> &order, Fit fit, uint64_t limit,
                   uint64_t &budget, PartPlan &plan) {
  std::fill(isPlaced.begin(), isPlaced.end(), 0);
  places.clear();
  std::fill(largestUpper.begin(), largestUpper.end(), 0);
  uint64_t peak = 0;
  steps = order.size();
  for (uint32_t index : order) {
    const Item &item = part.items[index];
    if (!item.fixed)
      continue;
    offsets[index] = *item.fixed;
    insert(index);
    peak = std::max(peak, *item.fixed + item.size);
  }
  bool isComplete = true;
  for (uint32_t index : order) {
    const Item &item = part.items[index];
    if (item.fixed)
      continue;
    // What takes no space is in nobody's way at the bottom.
    offsets[index] = 0;
    if (item.size == 0)
      continue;
    collect(index);
    offsets[index] = findOffset(item, fit);
    peak = std::max(peak, offsets[index] + item.size);
    if (peak > limit || steps > budget) {
      isComplete = false;
      break;
    }
    insert(index);
  }
  budget -= std::min(budget, steps);
  if (isComplete) {
    plan.offsets = offsets;
    plan.peak = peak;
  }
  return isComplete;
}

namespace {
/// Maximum over ranges, where ranges are only ever raised.
class Skyline {
public:
  explicit Skyline(uint32_t size) {
    while (numLeaves < size)
      numLeaves *= 2;
    highest.resize(2 * numLeaves);
    raisedTo.resize(2 * numLeaves);
  }

  uint64_t query(uint32_t begin, uint32_t end) {
    return visit(1, 0, numLeaves, begin, end, 0);
  }
  void raise(uint32_t begin, uint32_t end, uint64_t height) {
    visit(1, 0, numLeaves, begin, end, height);
  }

private:
  uint64_t visit(uint32_t node, uint32_t nodeBegin, uint32_t nodeEnd,
                 uint32_t begin, uint32_t end, uint64_t height) {
    if (nodeEnd <= begin || end <= nodeBegin)
      return 0;
    highest[node] = std::max(highest[node], height);
    if (begin <= nodeBegin && nodeEnd <= end) {
      raisedTo[node] = std::max(raisedTo[node], height);
      return highest[node];
    }
    uint32_t middle = nodeBegin + (nodeEnd - nodeBegin) / 2;
    return std::max({raisedTo[node],
                     visit(2 * node, nodeBegin, middle, begin, end, height),
                     visit(2 * node + 1, middle, nodeEnd, begin, end, height)});
  }

  uint32_t numLeaves = 1;
  /// Highest anywhere below a node, and what its whole range was raised to.
  std::vector<uint64_t> highest, raisedTo;
};
} // namespace

void Placer::stack(const std::vector<uint32_t> &order, PartPlan &plan) {
  Skyline skyline(part.numSections);
  plan.offsets.assign(part.items.size(), 0);
  plan.peak = 0;
  for (bool fixed : {true, false}) {
    for (uint32_t index : order) {
      const Item &item = part.items[index];
      if (item.fixed.has_value() != fixed || (!fixed && item.size == 0))
        continue;
      uint64_t offset = fixed ? *item.fixed
                              : alignUp(skyline.query(item.lower, item.upper),
                                        item.alignment);
      plan.offsets[index] = offset;
      plan.peak = std::max(plan.peak, offset + item.size);
      skyline.raise(item.lower, item.upper, offset + item.size);
    }
  }
}
