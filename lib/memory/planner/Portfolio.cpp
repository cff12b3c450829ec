//===- Portfolio.cpp - Variants of the search that take turns -------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The time that a backtracking search takes varies by orders of magnitude with
// the order of its decisions: most problems are solved almost without
// backtracking by some order. So runs are short and many, a few of them long,
// in the sequence of Luby, Sinclair and Zuckerman, "Optimal speedup of Las
// Vegas algorithms" (1993), with steeper growth.
//
//===----------------------------------------------------------------------===//

#include "lib/memory/planner/Part.h"

#include <algorithm>
#include <numeric>
#include <thread>

using namespace narae::memory;

/// The search is as deep as there are items and keeps the floors of each level.
static constexpr size_t kMaxItems = 2000;

/// So many variants have one budget; see `Search`.
static constexpr uint64_t kRound = 8;

/// Shorter runs end before a thread has started.
static constexpr uint64_t kWorthAThread = 200'000;

uint64_t narae::memory::luby(uint64_t index) {
  uint64_t power = 1;
  while (2 * power - 1 < index)
    power *= 2;
  return 2 * power - 1 == index ? power : luby(index - power + 1);
}

/// What a partial plan places, by offset; then the rest, the largest areas
/// first.
static std::vector<uint32_t> orderOf(const Part &part,
                                     const std::vector<uint64_t> &offsets) {
  std::vector<uint32_t> order(offsets.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    if (offsets[a] != offsets[b])
      return offsets[a] < offsets[b];
    double areaA = areaOf(part.items[a]), areaB = areaOf(part.items[b]);
    return areaA != areaB ? areaA > areaB : a < b;
  });
  return order;
}

namespace {
struct Run {
  uint64_t granted = 0, left = 0;
  SearchResult result = SearchResult::OutOfBudget;
  std::vector<uint64_t> offsets;
  std::vector<uint64_t> deepest;
  std::atomic<bool> isCancelled{false};
};
} // namespace

SearchResult narae::memory::search(const Part &part, uint64_t target,
                                   uint64_t &budget, PartPlan &plan,
                                   uint32_t threads) {
  if (part.items.size() > kMaxItems)
    return SearchResult::OutOfBudget;
  if (threads == 0)
    threads = std::thread::hardware_concurrency();
  // Enough to place all items with a little backtracking.
  uint64_t numItems = part.items.size();
  uint64_t shortest = std::max<uint64_t>(20'000, 12 * numItems * numItems);
  Placer placer(part);
  for (uint64_t variant = 0; budget > 0; variant += 2) {
    uint64_t growth = luby(variant / kRound + 1);
    uint64_t slice = shortest * growth * growth * growth;
    Run first, second;
    first.granted = std::min(slice, budget);
    second.granted = std::min(slice, budget - first.granted);
    auto start = [&](Run &run, uint64_t variant) {
      run.left = run.granted;
      run.result = searchVariant(part, target, variant, run.left,
                                 run.isCancelled, run.offsets, run.deepest);
    };
    // What the first finds is taken, whatever the second does meanwhile.
    if (threads > 1 && second.granted >= kWorthAThread) {
      std::thread other(start, std::ref(second), variant + 1);
      start(first, variant);
      if (first.result != SearchResult::OutOfBudget)
        second.isCancelled = true;
      other.join();
    } else {
      start(first, variant);
      if (first.result == SearchResult::OutOfBudget && second.granted > 0)
        start(second, variant + 1);
    }
    budget -= first.granted - first.left;
    Run &taken = first.result == SearchResult::OutOfBudget ? second : first;
    if (&taken == &second)
      budget -= second.granted - second.left;
    if (taken.result == SearchResult::Found) {
      plan.offsets = std::move(taken.offsets);
      plan.peak = 0;
      for (size_t i = 0; i < part.items.size(); ++i)
        plan.peak = std::max(plan.peak, plan.offsets[i] + part.items[i].size);
      plan.strategy = "search";
    }
    if (taken.result != SearchResult::OutOfBudget)
      return taken.result;
    for (const Run *run : {&first, &second}) {
      PartPlan completed;
      if (!run->deepest.empty() && plan.peak > 0 &&
          placer.place(orderOf(part, run->deepest), Fit::First, plan.peak - 1,
                       budget, completed)) {
        plan = std::move(completed);
        plan.strategy = "search, completed";
      }
    }
  }
  return SearchResult::OutOfBudget;
}
