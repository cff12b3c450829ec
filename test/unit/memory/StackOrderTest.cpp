//===- StackOrderTest.cpp - Plans for sizes known later -------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/planner/StackOrder.h"
#include "TestProblems.h"

#include <gtest/gtest.h>

using namespace narae::memory;

namespace {

std::vector<uint64_t> sizesOf(const Problem &problem) {
  std::vector<uint64_t> sizes;
  for (const Buffer &buffer : problem.buffers)
    sizes.push_back(buffer.size);
  return sizes;
}

/// The problem with other sizes, and the placement as a plan for it.
std::vector<std::string> verifySizes(Problem problem,
                                     const std::vector<uint64_t> &sizes,
                                     const Placement &placement) {
  for (size_t i = 0; i < sizes.size(); ++i)
    problem.buffers[i].size = sizes[i];
  Plan plan;
  plan.offsets = placement.offsets;
  plan.peak = placement.peak;
  return verify(problem, plan);
}

TEST(StackOrder, WorkedExample) {
  // d | . d d d
  // c | c c c .     c rests on a and b; that d rests on b follows.
  // b | . . b b
  // a | a a . .
  Problem problem;
  problem.buffers = {{"a", 0, 2, 100, 16, {}},
                     {"b", 2, 4, 90, 16, {}},
                     {"c", 0, 3, 50, 64, {}},
                     {"d", 1, 4, 10, 16, {}}};
  Plan plan;
  plan.offsets = {0, 0, 128, 192};
  plan.peak = 202;
  ASSERT_EQ(verify(problem, plan), std::vector<std::string>());
  StackOrder stack = order(problem, plan);
  EXPECT_EQ(stack.sequence, (std::vector<uint32_t>{1, 0, 2, 3}));
  EXPECT_EQ(stack.below[0], std::vector<uint32_t>());
  EXPECT_EQ(stack.below[1], std::vector<uint32_t>());
  EXPECT_EQ(stack.below[2], (std::vector<uint32_t>{0, 1}));
  EXPECT_EQ(stack.below[3], (std::vector<uint32_t>{2}));
  // c: 100 align 64 = 128; d: 128 + 50 = 178 align 16 = 192.
  EXPECT_EQ(evaluate(stack, sizesOf(problem)).offsets,
            (std::vector<uint64_t>{0, 0, 128, 192}));
  // c: 200 align 64 = 256; d: 256 + 1 = 257 align 16 = 272; peak + 10.
  Placement placement = evaluate(stack, {1, 200, 1, 10});
  EXPECT_EQ(placement.offsets, (std::vector<uint64_t>{0, 0, 256, 272}));
  EXPECT_EQ(placement.peak, 282u);
}

TEST(StackOrder, RelatesAllPairsThatOverlapInTime) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    Problem problem = makeRandomProblem(seed, 60, 50);
    Plan plan = allocate(problem, {/*budget=*/0});
    StackOrder stack = order(problem, plan);
    size_t numBuffers = problem.buffers.size();
    std::vector<std::vector<bool>> isBelow(numBuffers,
                                           std::vector<bool>(numBuffers));
    for (uint32_t buffer : stack.sequence)
      for (uint32_t other : stack.below[buffer]) {
        isBelow[buffer][other] = true;
        for (size_t i = 0; i < numBuffers; ++i)
          if (isBelow[other][i])
            isBelow[buffer][i] = true;
      }
    for (size_t i = 0; i < numBuffers; ++i)
      for (size_t j = 0; j < i; ++j) {
        const Buffer &a = problem.buffers[i], &b = problem.buffers[j];
        if (a.lower < b.upper && b.lower < a.upper) {
          EXPECT_NE(isBelow[i][j], isBelow[j][i]) << a.name << " " << b.name;
        }
      }
  }
}

TEST(StackOrder, KeepsOverlapsApartForRandomSizes) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Problem problem = makeRandomProblem(seed, 10 + seed * 3, 200);
    Plan plan = allocate(problem, {/*budget=*/10000});
    ASSERT_EQ(verify(problem, plan), std::vector<std::string>());
    StackOrder stack = order(problem, plan);
    size_t numEdges = 0;
    for (const std::vector<uint32_t> &below : stack.below)
      numEdges += below.size();
    EXPECT_LE(numEdges, 3 * problem.buffers.size());

    Placement nominal = evaluate(stack, sizesOf(problem));
    EXPECT_LE(nominal.peak, plan.peak);
    for (size_t i = 0; i < plan.offsets.size(); ++i)
      EXPECT_LE(nominal.offsets[i], plan.offsets[i]);
    EXPECT_EQ(verifySizes(problem, sizesOf(problem), nominal),
              std::vector<std::string>());

    Random random(seed);
    for (int round = 0; round < 10; ++round) {
      std::vector<uint64_t> sizes;
      for (size_t i = 0; i < problem.buffers.size(); ++i)
        sizes.push_back(random.below(uint64_t(1) << random.below(30)));
      EXPECT_EQ(verifySizes(problem, sizes, evaluate(stack, sizes)),
                std::vector<std::string>());
    }
  }
}

TEST(StackOrder, ReportsFixedOffsetsThatAreTooLow) {
  Problem problem;
  problem.buffers = {{"a", 0, 4, 10, 1, {}}, {"b", 0, 4, 10, 1, 100}};
  Plan plan = allocate(problem);
  ASSERT_EQ(plan.offsets, (std::vector<uint64_t>{0, 100}));
  StackOrder stack = order(problem, plan);
  Placement fits = evaluate(stack, {100, 1});
  EXPECT_EQ(fits.offsets, (std::vector<uint64_t>{0, 100}));
  EXPECT_TRUE(fits.displaced.empty());
  Placement displaced = evaluate(stack, {101, 1});
  EXPECT_EQ(displaced.offsets, (std::vector<uint64_t>{0, 101}));
  EXPECT_EQ(displaced.displaced, std::vector<uint32_t>{1});
}

} // namespace
