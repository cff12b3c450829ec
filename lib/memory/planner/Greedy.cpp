//===- Greedy.cpp - Greedy orders and their local improvement -------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/planner/Part.h"
#include "lib/memory/planner/Random.h"

#include <algorithm>
#include <numeric>
#include <tuple>

using namespace narae::memory;

namespace {
struct Strategy {
  const char *firstFit, *bestFit, *stacked;
  /// Whether `a` is placed before `b`; ties are broken by index.
  bool (*isBefore)(const Item &a, const Item &b);
};
} // namespace

static uint32_t lifetime(const Item &item) { return item.upper - item.lower; }

static const Strategy kStrategies[] = {
    {"size, first fit", "size, best fit", "size, stacked",
     [](const Item &a, const Item &b) {
       return a.size != b.size ? a.size > b.size : lifetime(a) > lifetime(b);
     }},
    {"area, first fit", "area, best fit", "area, stacked",
     [](const Item &a, const Item &b) { return areaOf(a) > areaOf(b); }},
    {"lifetime, first fit", "lifetime, best fit", "lifetime, stacked",
     [](const Item &a, const Item &b) {
       return lifetime(a) != lifetime(b) ? lifetime(a) > lifetime(b)
                                         : a.size > b.size;
     }},
    {"start, first fit", "start, best fit", "start, stacked",
     [](const Item &a, const Item &b) {
       return a.lower != b.lower ? a.lower < b.lower : a.upper > b.upper;
     }},
    {"end, first fit", "end, best fit", "end, stacked",
     [](const Item &a, const Item &b) {
       return a.upper != b.upper ? a.upper > b.upper : a.lower < b.lower;
     }},
};

PartPlan narae::memory::placeGreedily(const Part &part, uint64_t budget,
                                      Observer *observer, size_t index) {
  Placer placer(part);
  PartPlan best, candidate;
  auto keepBetter = [&](const char *strategy, bool isComplete) {
    bool isKept = isComplete && candidate.peak < best.peak;
    if (observer)
      observer->tried(index, strategy,
                      isComplete ? std::optional(candidate.peak) : std::nullopt,
                      isKept);
    if (!isKept)
      return;
    std::swap(best, candidate);
    best.strategy = strategy;
  };
  std::vector<uint32_t> order(part.items.size());
  for (const Strategy &strategy : kStrategies) {
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
      if (strategy.isBefore(part.items[a], part.items[b]))
        return true;
      return a < b && !strategy.isBefore(part.items[b], part.items[a]);
    });
    keepBetter(strategy.firstFit,
               placer.place(order, Fit::First, best.peak, budget, candidate));
    keepBetter(strategy.bestFit,
               placer.place(order, Fit::Best, best.peak, budget, candidate));
    if (budget == 0) {
      placer.stack(order, candidate);
      keepBetter(strategy.stacked, true);
    }
    if (best.peak <= part.lowerBound)
      break;
  }
  return best;
}

// A hill climber in the space of orders, in the manner of the allocator of
// Arm's Vela compiler: an item that reaches the peak, or one below it, trades
// places with one that comes earlier; the change stays unless it raises the
// peak.
void narae::memory::improve(const Part &part, uint64_t target, uint64_t &budget,
                            PartPlan &plan) {
  size_t numItems = part.items.size();
  if (numItems < 2 || plan.peak <= target)
    return;
  Placer placer(part);
  Random random(numItems);
  std::vector<uint32_t> order(numItems), position(numItems);
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return std::tie(plan.offsets[a], a) < std::tie(plan.offsets[b], b);
  });
  PartPlan current = plan, candidate;
  uint32_t item = 0;
  while (budget > 0 && plan.peak > target) {
    for (uint32_t i = 0; i < numItems; ++i)
      position[order[i]] = i;
    // The highest items, from a random start so that each gets its turn.
    uint32_t start = static_cast<uint32_t>(random.below(numItems));
    for (uint32_t i = 0; i < numItems; ++i) {
      item = (start + i) % numItems;
      if (current.offsets[item] + part.items[item].size == current.peak)
        break;
    }
    // Sometimes one that shares its time instead.
    if (random.below(2) == 0) {
      uint32_t other = static_cast<uint32_t>(random.below(numItems));
      if (part.items[other].lower < part.items[item].upper &&
          part.items[item].lower < part.items[other].upper)
        item = other;
    }
    uint32_t from = position[item];
    uint32_t to = static_cast<uint32_t>(random.below(numItems));
    if (from == to)
      continue;
    bool rotates = random.below(2) == 0;
    auto move = [&](uint32_t from, uint32_t to) {
      auto begin = order.begin();
      if (!rotates)
        std::swap(order[from], order[to]);
      else if (from < to)
        std::rotate(begin + from, begin + from + 1, begin + to + 1);
      else
        std::rotate(begin + to, begin + from, begin + from + 1);
    };
    move(from, to);
    if (!placer.place(order, Fit::First, current.peak, budget, candidate)) {
      move(to, from);
      continue;
    }
    std::swap(current, candidate);
    if (current.peak < plan.peak) {
      plan = current;
      plan.strategy = "improved";
    }
  }
}
