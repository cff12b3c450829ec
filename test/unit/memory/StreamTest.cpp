//===- StreamTest.cpp - Weights that pass through -------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/spaces/Stream.h"

#include "lib/memory/planner/Random.h"

#include <gtest/gtest.h>

using namespace narae::memory;

/// A link on which `bytes` take as many picoseconds.
static const Channel kLink{1e12, 1, 0};

static Ticks modelled(const SpacesProblem &problem) {
  SpacesPlan plan = planSpaces(problem, {0});
  EXPECT_TRUE(plan.problems.empty());
  EXPECT_EQ(verify(problem, plan), std::vector<std::string>());
  EXPECT_GE(plan.timeline.total, plan.lowerBound());
  return plan.timeline.total;
}

TEST(Stream, LayersFromCold) {
  for (uint64_t bytes : {10, 100, 1000})
    for (Ticks compute : {0, 50, 100, 700})
      for (uint32_t layers : {1, 2, 3, 9})
        for (uint32_t residents : {0, 1, 2, 9}) {
          LayerStream stream{layers, residents, bytes, compute, kLink};
          EXPECT_EQ(modelled(streamProblem(stream, 1)), streamTime(stream))
              << layers << " layers, " << residents << " of them resident, "
              << bytes << " bytes, " << compute << " ps";
        }
  // 8 x 100 + 50: only the last layer's computing is not hidden.
  EXPECT_EQ(streamTime(LayerStream{8, 0, 100, 50, kLink}), 850);
}

TEST(Stream, LayersTokenByToken) {
  for (uint64_t bytes : {10, 100, 1000})
    for (Ticks compute : {1, 50, 100, 700})
      for (uint32_t layers : {1, 2, 3, 6})
        for (uint32_t residents : {0, 1, 2, 5}) {
          LayerStream stream{layers, residents, bytes, compute, kLink};
          Ticks four = modelled(streamProblem(stream, 4));
          Ticks eight = modelled(streamProblem(stream, 8));
          EXPECT_EQ(eight - four, 4 * streamTimePerToken(stream))
              << layers << " layers, " << residents << " of them resident, "
              << bytes << " bytes, " << compute << " ps";
        }
}

TEST(Stream, ExpertsWaitForTheRouter) {
  for (uint64_t bytes : {10, 100, 1000})
    for (Ticks compute : {1, 100, 700})
      for (uint32_t experts : {1, 2, 5}) {
        ExpertStream stream{4, experts, bytes, 300, compute, kLink};
        EXPECT_EQ(modelled(streamProblem(stream)), streamTime(stream));
      }
}

TEST(Stream, StartUpCounts) {
  LayerStream stream{4, 0, 100, 10, {1e12, 0.5, 30}};
  // 30 + 200 a copy; 4 of them and the last layer.
  EXPECT_EQ(streamTime(stream), 4 * 230 + 10);
  EXPECT_EQ(modelled(streamProblem(stream, 1)), 930);
}

TEST(Stream, StepsOfAnySchedule) {
  // The closed forms are what the recurrence gives where layers look alike.
  for (uint64_t bytes : {10, 100, 1000})
    for (Ticks compute : {1, 50, 100, 700})
      for (uint32_t layers : {1, 2, 3, 6})
        for (uint32_t residents : {0, 1, 2, 5}) {
          LayerStream stream{layers, residents, bytes, compute, kLink};
          std::vector<StreamStep> steps;
          for (uint32_t l = 0; l < layers; ++l)
            steps.push_back({l + residents < layers ? bytes : 0, compute});
          EXPECT_EQ(streamTime(steps, kLink, 1), streamTime(stream));
          EXPECT_EQ(streamTimePerToken(steps, kLink),
                    streamTimePerToken(stream));
        }
  ExpertStream experts{4, 3, 100, 300, 70, kLink};
  std::vector<StreamStep> steps;
  for (uint32_t l = 0; l < 4; ++l) {
    steps.push_back({0, 300});
    for (uint32_t e = 0; e < 3; ++e)
      steps.push_back({100, 70, true});
  }
  // Here each expert waits for the one before too, not for the router alone.
  EXPECT_EQ(streamTime(steps, kLink, 1), 4 * (300 + 3 * 170));
  for (uint32_t i = 0; i < steps.size(); ++i)
    steps[i].isKnownLate = i % 4 == 1;
  EXPECT_EQ(streamTime(steps, kLink, 1), streamTime(experts));
  // The event model agrees where layers differ in time and some stay.
  Random random(1);
  for (int run = 0; run < 200; ++run) {
    std::vector<StreamStep> mixed;
    for (uint64_t i = 0, n = 1 + random.below(12); i < n; ++i)
      mixed.push_back({random.below(4) ? 100u : 0u, Ticks(random.below(250))});
    EXPECT_EQ(streamTime(mixed, kLink, 2),
              modelled(streamProblem(mixed, kLink, 2)))
        << run;
  }
}

TEST(Stream, WhatStays) {
  EXPECT_EQ(residentLayers(10, 100, 1000), 10u);
  EXPECT_EQ(residentLayers(10, 100, 999), 7u); // 9 fit, 2 are buffers
  EXPECT_EQ(residentLayers(10, 100, 250), 0u);
  EXPECT_EQ(residentLayers(10, 100, 100), 0u);
  EXPECT_EQ(residentLayers(10, 0, 100), 10u);
}

TEST(Stream, ExpertsOfABatch) {
  EXPECT_DOUBLE_EQ(expertsChosen(128, 8, 1), 8);
  EXPECT_DOUBLE_EQ(expertsChosen(4, 2, 2), 3); // 4 (1 - 1/4)
  EXPECT_DOUBLE_EQ(expertsChosen(8, 8, 1), 8);
  EXPECT_NEAR(expertsChosen(128, 8, 1000), 128, 1e-9);
}
