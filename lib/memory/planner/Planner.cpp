//===- Planner.cpp - Divides problems and picks strategies ----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/planner/Planner.h"
#include "lib/memory/planner/Part.h"

#include <algorithm>
#include <queue>
#include <tuple>

using namespace narae::memory;

/// Parts of so many items are packed by windows first, in so many steps for
/// each item beside the budget: what they take is in proportion to their size.
static constexpr size_t kFewestForWindows = 1000;
static constexpr uint64_t kWindowSteps = 4000;

/// More steps than these rarely improve the order of a part.
static constexpr uint64_t kMaxImproving = 1 << 20;

/// Sets the sections of the items, counts the overlaps and bounds the peak.
static void finish(Part &part, const Problem &problem) {
  std::vector<int64_t> times;
  Problem own;
  for (const Item &item : part.items) {
    const Buffer &buffer = problem.buffers[item.buffer];
    times.push_back(buffer.lower);
    times.push_back(buffer.upper);
    own.buffers.push_back(buffer);
  }
  part.lowerBound = lowerBound(own);
  std::sort(times.begin(), times.end());
  times.erase(std::unique(times.begin(), times.end()), times.end());
  part.numSections = static_cast<uint32_t>(times.size() - 1);
  std::priority_queue<uint32_t, std::vector<uint32_t>, std::greater<>> ends;
  for (Item &item : part.items) {
    const Buffer &buffer = problem.buffers[item.buffer];
    auto section = [&](int64_t time) {
      return static_cast<uint32_t>(
          std::lower_bound(times.begin(), times.end(), time) - times.begin());
    };
    item.lower = section(buffer.lower);
    item.upper = section(buffer.upper);
    while (!ends.empty() && ends.top() <= item.lower)
      ends.pop();
    part.numOverlaps += ends.size();
    ends.push(item.upper);
  }
}

std::vector<Part> narae::memory::divide(const Problem &problem) {
  const std::vector<Buffer> &buffers = problem.buffers;
  std::vector<uint32_t> order;
  for (uint32_t i = 0; i < buffers.size(); ++i)
    if (buffers[i].lower < buffers[i].upper)
      order.push_back(i);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return std::tie(buffers[a].lower, a) < std::tie(buffers[b].lower, b);
  });
  std::vector<Part> parts;
  int64_t end = 0;
  for (uint32_t index : order) {
    const Buffer &buffer = buffers[index];
    if (parts.empty() || buffer.lower >= end)
      parts.emplace_back();
    end =
        parts.back().items.empty() ? buffer.upper : std::max(end, buffer.upper);
    // Wrong alignments are for `check` to report.
    uint64_t alignment = std::max<uint64_t>(buffer.alignment, 1);
    parts.back().items.push_back(
        {0, 0, buffer.size, alignment, buffer.offset, index});
  }
  for (Part &part : parts)
    finish(part, problem);
  return parts;
}

/// Searches for the target, then for peaks between it and that of `plan`, first
/// for some just above the target: little room makes many problems easy. Half
/// of the budget goes to the target where that is all that counts. Returns
/// whether the target was reached; \p isInfeasible is set when it cannot be.
static bool searchPeak(const Part &part, uint64_t target, bool mustFit,
                       uint64_t &budget, PartPlan &plan, uint32_t threads,
                       bool &isInfeasible) {
  uint64_t slice = budget / 20, slices = mustFit ? 10 : 12;
  uint64_t failed = target;
  auto reaches = [&](uint64_t peak, uint64_t granted) {
    uint64_t rest = budget - granted;
    SearchResult result = search(part, peak, granted, plan, threads);
    bool found = result == SearchResult::Found;
    isInfeasible |= peak == target && result == SearchResult::Infeasible;
    budget = rest + granted;
    if (!found)
      failed = std::max(failed, peak);
    return found;
  };
  auto spend = [&](uint64_t peak, uint64_t count) {
    count = std::min(count, slices);
    slices -= count;
    return reaches(peak, std::min(budget, slice * count));
  };
  if (reaches(target, budget - slice * slices))
    return true;
  uint64_t share = 4;
  for (uint64_t percent : {12, 8, 5, 3, 2, 1}) {
    uint64_t peak = target + target * percent / 100;
    if (peak < plan.peak && !spend(peak, share))
      break;
    share = std::max<uint64_t>(share - 1, 2);
  }
  while (slices > 0 && plan.peak - failed > 1)
    spend(failed + (plan.peak - failed) / 2, 1);
  return plan.peak <= target;
}

Plan narae::memory::allocate(const Problem &problem, const Options &options) {
  Plan plan;
  plan.offsets.resize(problem.buffers.size());
  plan.lowerBound = lowerBound(problem);
  for (size_t i = 0; i < problem.buffers.size(); ++i) {
    const Buffer &buffer = problem.buffers[i];
    plan.offsets[i] = buffer.offset.value_or(0);
    plan.peak = std::max(plan.peak, plan.offsets[i] + buffer.size);
  }

  std::vector<Part> parts = divide(problem);
  std::vector<PartPlan> partPlans;
  for (size_t i = 0; i < parts.size(); ++i)
    partPlans.push_back(
        placeGreedily(parts[i], options.greedyBudget, options.observer, i));

  // No part needs a lower peak than the highest lower bound, nor than the
  // capacity.
  uint64_t target = std::max(plan.lowerBound, problem.capacity.value_or(0));
  uint64_t budget = options.budget;
  bool isInfeasible = false;
  std::vector<size_t> tooHigh;
  for (size_t i = 0; i < parts.size(); ++i)
    if (partPlans[i].peak > target)
      tooHigh.push_back(i);
  for (size_t i = 0; i < tooHigh.size(); ++i) {
    const Part &part = parts[tooHigh[i]];
    PartPlan &partPlan = partPlans[tooHigh[i]];
    // Equal shares of what the parts before have left. Most of a share may go
    // to the search; local improvement takes over where that finds nothing.
    uint64_t share = budget / (tooHigh.size() - i);
    if (part.items.size() >= kFewestForWindows && options.budget > 0) {
      uint64_t granted = kWindowSteps * part.items.size();
      packByTime(part, target, granted, partPlan, options.threads);
    }
    uint64_t improving = std::min(share / 8, kMaxImproving);
    budget -= share;
    share -= improving;
    std::vector<uint64_t> partial;
    uint64_t half = share / 2;
    share -= half;
    bool isPacked =
        isFull(part) && packPerfectly(part, half, partPlan, partial);
    share += half;
    if (isPacked)
      ;
    else if (!searchPeak(part, target, problem.capacity.has_value(), share,
                         partPlan, options.threads, isInfeasible))
      improve(part, target, improving, partPlan);
    if (options.observer)
      options.observer->tried(tooHigh[i], partPlan.strategy, partPlan.peak,
                              true);
    budget += share + improving;
  }

  uint64_t highest = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    for (size_t j = 0; j < parts[i].items.size(); ++j)
      plan.offsets[parts[i].items[j].buffer] = partPlans[i].offsets[j];
    if (plan.strategy.empty() || partPlans[i].peak > highest) {
      highest = partPlans[i].peak;
      plan.strategy = partPlans[i].strategy;
    }
  }
  plan.peak = 0;
  for (size_t i = 0; i < problem.buffers.size(); ++i)
    plan.peak = std::max(plan.peak, plan.offsets[i] + problem.buffers[i].size);
  if (problem.capacity)
    plan.isProvenTooLarge = plan.lowerBound > *problem.capacity ||
                            (isInfeasible && target == *problem.capacity);
  if (options.observer)
    explain(problem, plan, *options.observer);
  return plan;
}
