//===- Home.cpp - What steps touch where it lies --------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/spaces/Home.h"
#include "lib/memory/spaces/Build.h"

#include <algorithm>
#include <set>

using namespace narae::memory;

static std::set<uint32_t> touchedBy(const ScheduleStep &step) {
  std::set<uint32_t> touched(step.reads.begin(), step.reads.end());
  touched.insert(step.writes.begin(), step.writes.end());
  return touched;
}

/// Where the tensors of a step do not fit together, the largest stay home.
static void makeStepsFit(const SpacesProblem &problem,
                         std::vector<bool> &staysHome) {
  for (const ScheduleStep &step : problem.steps) {
    std::vector<uint32_t> near;
    uint64_t need = 0;
    for (uint32_t t : touchedBy(step))
      if (!staysHome[t]) {
        near.push_back(t);
        need += nearBytes(problem, t);
      }
    std::sort(near.begin(), near.end(), [&](uint32_t a, uint32_t b) {
      uint64_t one = problem.tensors[a].size, other = problem.tensors[b].size;
      return one != other ? one > other : a < b;
    });
    for (size_t i = 0; i < near.size() && need > problem.space.capacity; ++i) {
      staysHome[near[i]] = true;
      need -= nearBytes(problem, near[i]);
    }
  }
}

/// The problem of what is left.
static HomePlan withoutHome(const SpacesProblem &problem, const Channel &home,
                            const std::vector<bool> &staysHome) {
  HomePlan result;
  result.problem = problem;
  result.staysHome = staysHome;
  // What a kernel names twice it reads once.
  auto take = [&](std::vector<uint32_t> &list) {
    std::set<uint32_t> taken;
    uint64_t bytes = 0;
    for (uint32_t t : list)
      if (staysHome[t] && taken.insert(t).second)
        bytes += problem.tensors[t].size;
    list.erase(std::remove_if(list.begin(), list.end(),
                              [&](uint32_t t) { return staysHome[t]; }),
               list.end());
    return bytes;
  };
  for (ScheduleStep &step : result.problem.steps) {
    uint64_t bytes = take(step.reads) + take(step.writes);
    result.homeBytes += bytes;
    step.compute = std::max(step.compute, transferTime(home, bytes));
  }
  for (uint32_t t = 0; t < problem.tensors.size(); ++t) {
    Tensor &tensor = result.problem.tensors[t];
    uint64_t bytes = take(tensor.recomputeFrom);
    if (staysHome[t])
      tensor.recompute.reset();
    else if (tensor.recompute)
      tensor.recompute = std::max(*tensor.recompute, transferTime(home, bytes));
  }
  return result;
}

HomePlan narae::memory::planBesideHome(const SpacesProblem &problem,
                                       const Channel &home,
                                       const std::vector<bool> &mustStay,
                                       const SpacesOptions &options) {
  size_t count = problem.tensors.size();
  std::vector<uint32_t> uses(count);
  std::vector<bool> written(count);
  for (const ScheduleStep &step : problem.steps) {
    for (uint32_t t : touchedBy(step))
      ++uses[t];
    for (uint32_t t : step.writes)
      written[t] = true;
  }
  auto plan = [&](uint64_t largest, bool keepsOnce, HomePlan &result) {
    std::vector<bool> staysHome(count);
    for (uint32_t t = 0; t < count; ++t)
      staysHome[t] = (t < mustStay.size() && mustStay[t]) ||
                     nearBytes(problem, t) > largest ||
                     (!keepsOnce && uses[t] < 2 &&
                      (problem.tensors[t].endsHome ||
                       (problem.tensors[t].startsHome && !written[t])));
    makeStepsFit(problem, staysHome);
    if (staysHome == result.staysHome)
      return;
    result = withoutHome(problem, home, staysHome);
    result.plan = planSpaces(result.problem, options);
    uint64_t moved =
        result.plan.loadedBytes + result.plan.spilledBytes + result.homeBytes;
    result.time =
        std::max(result.plan.timeline.total, transferTime(home, moved));
  };
  HomePlan best;
  plan(0, false, best);
  Ticks timeAtHome = best.time;
  bool isFirst = true;
  uint64_t capacity = problem.space.capacity;
  HomePlan other;
  std::vector<std::string> problems;
  for (auto [largest, keepsOnce] :
       {std::pair(capacity, true), std::pair(capacity, false),
        std::pair(capacity / 2, true), std::pair(capacity / 4, true),
        std::pair(capacity / 4, false)}) {
    plan(largest, keepsOnce, other);
    if (other.plan.problems.empty() && other.time < best.time)
      best = other;
    if (isFirst) // what is wrong with the problem itself
      problems = check(other.problem);
    isFirst = false;
  }
  best.timeAtHome = timeAtHome;
  if (!problems.empty())
    best.plan.problems = problems;
  return best;
}
