//===- SpacesTest.cpp - What stays in fast memory -------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/planner/Random.h"
#include "lib/memory/spaces/Build.h"

#include <gtest/gtest.h>

#include <functional>

using namespace narae::memory;

/// A space whose engines move a byte a picosecond.
static NearSpace space(uint64_t capacity) {
  NearSpace result;
  result.name = "sram";
  result.capacity = capacity;
  result.fill = result.drain = {1e12, 1, 0};
  return result;
}

static Tensor weight(const std::string &name, uint64_t size) {
  Tensor tensor;
  tensor.name = name;
  tensor.size = size;
  tensor.startsHome = true;
  return tensor;
}

static Tensor value(const std::string &name, uint64_t size) {
  Tensor tensor;
  tensor.name = name;
  tensor.size = size;
  return tensor;
}

static SpacesPlan planned(const SpacesProblem &problem) {
  SpacesPlan plan = planSpaces(problem);
  EXPECT_EQ(plan.problems, std::vector<std::string>());
  EXPECT_EQ(verify(problem, plan), std::vector<std::string>());
  EXPECT_GE(plan.timeline.total, plan.lowerBound());
  return plan;
}

TEST(Spaces, PrefetchOverlaps) {
  SpacesProblem p;
  p.space = space(200);
  for (int i = 0; i < 4; ++i) {
    p.tensors.push_back(weight("w" + std::to_string(i), 100));
    p.steps.push_back({"s" + std::to_string(i), 100, {uint32_t(i)}, {}});
  }
  // The first copy, then four steps that hide the others.
  SpacesPlan plan = planned(p);
  EXPECT_EQ(plan.timeline.total, 500);
  EXPECT_EQ(plan.computeBound, 400);
  EXPECT_EQ(plan.trafficBound, 400);
  EXPECT_EQ(plan.peak, 200u);
  // Room for one: nothing overlaps.
  p.space.capacity = 100;
  EXPECT_EQ(planned(p).timeline.total, 800);
}

TEST(Spaces, EnginesShareTheCopies) {
  SpacesProblem p;
  p.space = space(400);
  p.space.fillChannels = 4;
  p.steps.push_back({"s", 10, {0, 1, 2, 3}, {}});
  for (int i = 0; i < 4; ++i)
    p.tensors.push_back(weight("w" + std::to_string(i), 100));
  SpacesPlan plan = planned(p);
  EXPECT_EQ(plan.timeline.total, 110);
  EXPECT_EQ(plan.trafficBound, 100);
}

TEST(Spaces, WhatIsUsedOftenStays) {
  // One weight is used by every second step, the others once.
  SpacesProblem p;
  p.space = space(300);
  p.tensors.push_back(weight("often", 100));
  for (uint32_t i = 1; i <= 5; ++i) {
    p.tensors.push_back(weight("once" + std::to_string(i), 100));
    p.steps.push_back({"a", 100, {0}, {}});
    p.steps.push_back({"b", 100, {i}, {}});
  }
  SpacesPlan plan = planned(p);
  EXPECT_EQ(plan.loadedBytes, 600u);
  EXPECT_EQ(plan.timeline.total, 1100); // the first copy stands alone
}

TEST(Spaces, SpillsOrComputesAgain) {
  // `x` is in the way of `big`; afterwards both ways bring it back.
  SpacesProblem p;
  p.space = space(150);
  p.tensors = {value("x", 100), weight("big", 120), weight("in", 10)};
  p.steps = {
      {"make", 10, {2}, {0}}, {"use", 10, {1}, {}}, {"end", 10, {0}, {}}};
  SpacesPlan saved = planned(p);
  EXPECT_EQ(saved.spilledBytes, 100u);
  EXPECT_EQ(saved.loadedBytes, 230u); // in, big, x again
  // in 10, make 10, out 100, big 120, use 10, x 100, end 10
  EXPECT_EQ(saved.timeline.total, 360);
  p.tensors[0].recompute = 30;
  p.tensors[0].recomputeFrom = {2};
  SpacesPlan again = planned(p);
  EXPECT_EQ(again.spilledBytes, 0u);
  EXPECT_EQ(again.recomputed, 30);
  // in 10, make 10, big 120, use 10, again 30, end 10; `in` stays
  EXPECT_EQ(again.timeline.total, 190);
}

TEST(Spaces, OutputsGoHome) {
  SpacesProblem p;
  p.space = space(300);
  p.tensors = {weight("w", 100), value("y", 50)};
  p.tensors[1].endsHome = true;
  p.steps = {{"s", 10, {0}, {1}}};
  SpacesPlan plan = planned(p);
  EXPECT_EQ(plan.timeline.total, 160);
  EXPECT_EQ(plan.spilledBytes, 50u);
}

TEST(Spaces, UpdatesInPlaceAreSavedOnce) {
  SpacesProblem p;
  p.space = space(100);
  p.tensors = {weight("cache", 100)};
  p.tensors[0].endsHome = true;
  p.steps = {{"a", 10, {0}, {0}}, {"b", 10, {0}, {0}}};
  SpacesPlan plan = planned(p);
  EXPECT_EQ(plan.timeline.total, 220);
  EXPECT_EQ(plan.spilledBytes, 100u);
}

TEST(Spaces, DefectsOfProblems) {
  auto says = [](const SpacesProblem &p, const std::string &text) {
    for (const std::string &message : planSpaces(p).problems)
      if (message.find(text) != std::string::npos)
        return true;
    return false;
  };
  SpacesProblem p;
  p.space = space(100);
  p.tensors = {weight("w", 101), value("x", 1)};
  p.steps = {{"s", 1, {0}, {}}};
  EXPECT_TRUE(says(p, "step 's' needs 101 bytes near, 'sram' has 100"));
  p.steps = {{"s", 1, {1}, {}}};
  EXPECT_TRUE(says(p, "reads tensor 'x', which nothing has written"));
  p.steps = {{"s", 1, {7}, {}}};
  EXPECT_TRUE(says(p, "uses tensor 7"));
  p.steps = {{"s", -1, {}, {}}};
  EXPECT_TRUE(says(p, "less than no time"));
  p.steps = {};
  p.space.fill.bandwidth = 0;
  EXPECT_TRUE(says(p, "rates must be above 0"));
  p.space = space(100);
  p.space.alignment = 3;
  EXPECT_TRUE(says(p, "no power of two"));
  p.space = space(100);
  p.tensors[1].recompute = 1;
  p.steps = {{"s", 1, {}, {1}}, {"t", 1, {}, {1}}};
  EXPECT_TRUE(says(p, "written more than once"));
}

TEST(Spaces, NothingToDo) {
  SpacesProblem p;
  p.space = space(100);
  EXPECT_EQ(planned(p).timeline.total, 0);
  p.steps = {{"s", 5, {}, {}}};
  EXPECT_EQ(planned(p).timeline.total, 5);
}

TEST(Spaces, VerifierFindsDefects) {
  SpacesProblem p;
  p.space = space(200);
  p.tensors = {weight("a", 100), weight("b", 100), value("c", 50)};
  p.steps = {{"s", 10, {0}, {}}, {"t", 10, {1}, {2}}, {"u", 10, {2}, {}}};
  SpacesPlan good = planned(p);
  auto broken = [&](std::function<void(SpacesPlan &)> change) {
    SpacesPlan plan = good;
    change(plan);
    return !verify(p, plan).empty();
  };
  EXPECT_TRUE(broken([](SpacesPlan &plan) { plan.stays.pop_back(); }));
  EXPECT_TRUE(broken([](SpacesPlan &plan) { plan.stays[0].offset = 101; }));
  EXPECT_TRUE(broken(
      [](SpacesPlan &plan) { plan.stays[2].offset = plan.stays[1].offset; }));
  EXPECT_TRUE(broken([](SpacesPlan &plan) { plan.stays[0].isSpilled = true; }));
  EXPECT_TRUE(
      broken([](SpacesPlan &plan) { plan.stays[2].arrival = Arrival::Load; }));
  EXPECT_TRUE(broken([](SpacesPlan &plan) { plan.timeline.stepStart[0] = 0; }));
  EXPECT_TRUE(broken([](SpacesPlan &plan) { plan.timeline.stepEnd[2] -= 1; }));
  EXPECT_TRUE(
      broken([](SpacesPlan &plan) { plan.timeline.transfers[0].end -= 1; }));
  EXPECT_TRUE(
      broken([](SpacesPlan &plan) { plan.timeline.transfers.pop_back(); }));
  EXPECT_TRUE(broken([](SpacesPlan &plan) { plan.timeline.total = 1; }));
}

//===----------------------------------------------------------------------===//
// Against all plans
//===----------------------------------------------------------------------===//

namespace {
/// The least time of any plan: all choices, all times of copies.
class Exhaustive {
public:
  explicit Exhaustive(const SpacesProblem &problem) : problem(problem) {}

  Ticks run() {
    choose(0);
    return best;
  }
  uint64_t plans = 0;

private:
  void choose(size_t index) {
    std::vector<std::pair<uint32_t, uint32_t>> gaps;
    auto uses = usesOf(problem, choices);
    for (uint32_t t = 0; t < uses.size(); ++t)
      for (size_t i = 0; i + 1 < uses[t].size(); ++i)
        gaps.push_back({t, uses[t][i + 1].step});
    // Computing again adds uses behind; all are met in some order.
    size_t open = 0;
    while (open < gaps.size() && choices.count(gaps[open]))
      ++open;
    if (open == gaps.size()) {
      std::vector<Stay> stays;
      if (buildStays(problem, choices, stays))
        extend(stays, 0);
      return;
    }
    for (Gap gap : {Gap::Keep, Gap::Leave, Gap::Recompute}) {
      if (gap == Gap::Recompute && !problem.tensors[gaps[open].first].recompute)
        continue;
      choices[gaps[open]] = gap;
      choose(index + 1);
      choices.erase(gaps[open]);
    }
  }

  void extend(std::vector<Stay> &stays, size_t i) {
    for (uint64_t bytes : occupancy(problem, stays))
      if (bytes > problem.space.capacity)
        return; // longer stays need no less
    if (i == stays.size()) {
      ++plans;
      best = std::min(best, simulate(problem, stays).total);
      return;
    }
    Stay kept = stays[i];
    bool follows = i && stays[i - 1].tensor == kept.tensor;
    uint32_t low = std::max(problem.tensors[kept.tensor].knownFrom,
                            follows ? stays[i - 1].end + 1 : 0);
    bool isLast = i + 1 == stays.size() || stays[i + 1].tensor != kept.tensor;
    uint32_t high =
        isLast ? uint32_t(problem.steps.size()) - 1 : stays[i + 1].first - 1;
    if (kept.arrival != Arrival::Load)
      low = kept.first;
    if (!kept.isSpilled)
      high = kept.last;
    for (uint32_t begin = low; begin <= kept.first; ++begin)
      for (uint32_t end = kept.last; end <= high; ++end) {
        stays[i].begin = begin;
        stays[i].end = end;
        extend(stays, i + 1);
      }
    stays[i] = kept;
  }

  const SpacesProblem &problem;
  Choices choices;
  Ticks best = kMaxTicks;
};
} // namespace

static SpacesProblem randomProblem(uint64_t seed) {
  Random random(seed);
  SpacesProblem p;
  p.space = space(0);
  p.space.drain.bandwidth = 5e11;
  p.space.fill.startup = 10;
  uint32_t tensors = 3 + random.below(3), steps = 3 + random.below(3);
  for (uint32_t t = 0; t < tensors; ++t) {
    Tensor tensor = value("t" + std::to_string(t), 20 + random.below(80));
    tensor.startsHome = t < tensors / 2 || random.below(3) == 0;
    tensor.endsHome = random.below(4) == 0;
    p.tensors.push_back(tensor);
  }
  std::vector<uint32_t> writes(tensors), first(tensors, UINT32_MAX);
  for (uint32_t s = 0; s < steps; ++s) {
    ScheduleStep step{
        "s" + std::to_string(s), Ticks(random.below(200)), {}, {}};
    uint64_t need = 0;
    for (uint32_t t = 0; t < tensors; ++t) {
      bool isThere = p.tensors[t].startsHome || writes[t];
      bool reads = isThere && random.below(2), adds = random.below(5) == 0;
      if (reads)
        step.reads.push_back(t);
      if (adds || (!isThere && random.below(2))) {
        step.writes.push_back(t);
        first[t] = std::min(first[t], s);
        ++writes[t];
        reads = true;
      }
      need += reads ? p.tensors[t].size : 0;
    }
    p.space.capacity = std::max(p.space.capacity, need);
    p.steps.push_back(step);
  }
  p.space.capacity += random.below(100);
  // What is written once from what never changes can be computed again.
  for (uint32_t t = 0; t < tensors; ++t)
    if (writes[t] == 1 && !p.tensors[t].startsHome && !writes[0] && t) {
      p.tensors[t].recompute = random.below(150);
      p.tensors[t].recomputeFrom = {0};
      p.tensors[0].startsHome = true;
    }
  return p;
}

TEST(Spaces, CloseToTheOptimum) {
  Ticks sum = 0, least = 0;
  int optimal = 0, count = 0;
  for (uint64_t seed = 0; count < 120; ++seed) {
    SpacesProblem p = randomProblem(seed);
    if (!check(p).empty())
      continue;
    SpacesPlan plan = planSpaces(p);
    if (!plan.problems.empty())
      continue; // bytes fit, places do not
    Exhaustive all(p);
    Ticks best = all.run();
    ++count;
    EXPECT_EQ(verify(p, plan), std::vector<std::string>()) << "seed " << seed;
    EXPECT_GE(best, plan.lowerBound()) << "seed " << seed;
    EXPECT_GE(plan.timeline.total, best) << "seed " << seed;
    EXPECT_LE(plan.timeline.total, best + best / 4) << "seed " << seed;
    sum += plan.timeline.total;
    least += best;
    optimal += plan.timeline.total == best;
  }
  RecordProperty("optimal", optimal);
  EXPECT_GE(optimal, 108); // of 120
  EXPECT_LE(double(sum), 1.01 * double(least));
}

TEST(Spaces, SameAnswerTwice) {
  SpacesProblem p = randomProblem(3);
  EXPECT_EQ(toText(p, planSpaces(p)), toText(p, planSpaces(p)));
}

TEST(Spaces, LargeSchedules) {
  // Layers of a transformer on a scratchpad: weights once, activations between
  // neighbours, a residual stream through all.
  SpacesProblem p;
  p.space = space(4 << 20);
  p.space.alignment = 256;
  p.tensors.push_back(value("residual", 256 << 10));
  p.steps.push_back({"embed", 1000, {}, {0}});
  for (uint32_t layer = 0; layer < 100; ++layer)
    for (int part = 0; part < 4; ++part) {
      std::string name = std::to_string(layer) + "." + std::to_string(part);
      uint32_t w = uint32_t(p.tensors.size());
      p.tensors.push_back(weight("w" + name, 1 << 20));
      p.tensors.push_back(value("x" + name, 128 << 10));
      std::vector<uint32_t> reads = {w}, writes = {w + 1};
      if (part)
        reads.push_back(w - 1);
      if (part == 0 || part == 3)
        reads.push_back(0);
      if (part == 3)
        writes.push_back(0);
      p.steps.push_back({"s" + name, 500'000, reads, writes});
    }
  SpacesPlan plan = planSpaces(p, {50});
  EXPECT_EQ(plan.problems, std::vector<std::string>());
  EXPECT_EQ(verify(p, plan), std::vector<std::string>());
  // Bound by the copies of 400 MiB: nothing else shows but the last step.
  EXPECT_LE(double(plan.timeline.total), 1.01 * double(plan.lowerBound()));
}
