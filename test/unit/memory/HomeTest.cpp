//===- HomeTest.cpp - What steps touch where it lies ----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/spaces/Home.h"
#include "lib/memory/planner/Random.h"

#include <gtest/gtest.h>

using namespace narae::memory;

/// Engines that move a byte a picosecond.
static const Channel kHome = {1e12, 1, 0};

static SpacesProblem problemOf(uint64_t capacity) {
  SpacesProblem problem;
  problem.space.name = "sram";
  problem.space.capacity = capacity;
  problem.space.fill = problem.space.drain = kHome;
  return problem;
}

static uint32_t add(SpacesProblem &problem, uint64_t size, bool startsHome) {
  Tensor tensor;
  tensor.name = "t" + std::to_string(problem.tensors.size());
  tensor.size = size;
  tensor.startsHome = startsHome;
  problem.tensors.push_back(tensor);
  return uint32_t(problem.tensors.size() - 1);
}

TEST(Home, WhatIsLargerThanTheSpaceStays) {
  SpacesProblem p = problemOf(100);
  uint32_t weight = add(p, 1000, true), x = add(p, 10, true),
           y = add(p, 10, false), z = add(p, 10, false);
  p.steps.push_back({"first", 5, {weight, x}, {y}});
  p.steps.push_back({"second", 5, {x, y}, {z}});
  HomePlan plan = planBesideHome(p, kHome, {});
  EXPECT_TRUE(plan.staysHome[weight]);
  EXPECT_EQ(plan.staysHome[x] + plan.staysHome[y] + plan.staysHome[z], 0);
  // x is copied (10), the weight passes beside computing (1,000), then 5.
  EXPECT_EQ(plan.time, 1015);
  // 1,000 + 10 + 10, and 3 x 10 beside 5.
  EXPECT_EQ(plan.timeAtHome, 1050);
}

TEST(Home, AStepThatNeedsTooMuchLeavesItsLargestHome) {
  SpacesProblem p = problemOf(100);
  uint32_t a = add(p, 60, true), b = add(p, 50, true), c = add(p, 40, false);
  for (int i = 0; i < 3; ++i)
    p.steps.push_back({"s", 1, {a, b}, {c}});
  HomePlan plan = planBesideHome(p, kHome, {});
  EXPECT_TRUE(plan.staysHome[a]);
  EXPECT_FALSE(plan.staysHome[b]);
  EXPECT_FALSE(plan.staysHome[c]);
  EXPECT_EQ(plan.time, 50 + 3 * 60);
}

TEST(Home, WhatOthersSeeStays) {
  SpacesProblem p = problemOf(100);
  uint32_t a = add(p, 10, false), b = add(p, 10, false);
  p.steps.push_back({"make", 1, {}, {a}});
  for (int i = 0; i < 5; ++i)
    p.steps.push_back({"use", 1, {a}, {b}});
  EXPECT_FALSE(planBesideHome(p, kHome, {}).staysHome[a]);
  HomePlan plan = planBesideHome(p, kHome, {true, false});
  EXPECT_TRUE(plan.staysHome[a]);
  EXPECT_EQ(plan.plan.problems, std::vector<std::string>());
}

TEST(Home, NeverSlowerThanAtHome) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Random random(seed);
    SpacesProblem p = problemOf(50 + random.next() % 200);
    for (int i = 0; i < 8; ++i)
      add(p, 1 + random.next() % 120, true);
    uint64_t computing = 0;
    for (int s = 0; s < 12; ++s) {
      ScheduleStep step;
      step.name = "s" + std::to_string(s);
      step.compute = Ticks(random.next() % 50);
      computing += uint64_t(step.compute);
      for (uint32_t t = 0; t < 8; ++t) {
        if (random.next() % 4 == 0)
          step.reads.push_back(t);
        if (random.next() % 8 == 0)
          step.writes.push_back(t);
      }
      p.steps.push_back(step);
    }
    HomePlan plan = planBesideHome(p, kHome, {}, {200});
    EXPECT_EQ(plan.plan.problems, std::vector<std::string>());
    EXPECT_EQ(verify(plan.problem, plan.plan), std::vector<std::string>());
    EXPECT_LE(plan.time, plan.timeAtHome);
    EXPECT_GE(uint64_t(plan.time), computing);
  }
}
