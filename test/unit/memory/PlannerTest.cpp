//===- PlannerTest.cpp - Placing buffers ----------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestProblems.h"
#include "lib/memory/planner/Csv.h"
#include "lib/memory/planner/Generator.h"
#include "lib/memory/planner/Part.h"

#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <numeric>
#include <sstream>

using namespace narae::memory;

namespace {

const std::vector<std::string> kNoErrors;

TEST(LowerBound, CountsAlignmentAndFixedOffsets) {
  Problem problem;
  EXPECT_EQ(lowerBound(problem), 0u);
  problem.buffers = {{"a", 0, 2, 100, 1, {}}, {"b", 1, 3, 50, 1, {}}};
  EXPECT_EQ(lowerBound(problem), 150u);
  problem.buffers.push_back({"c", 2, 4, 120, 1, {}});
  EXPECT_EQ(lowerBound(problem), 170u);
  // Two of them rounded up to 64, the last not: 128 + 64 - 28 or - 14.
  for (Buffer &buffer : problem.buffers)
    buffer.alignment = 64;
  EXPECT_EQ(lowerBound(problem), 178u);
  // A small alignment may fill the padding of a large one: 10 is no part of it.
  problem.buffers.push_back({"d", 0, 4, 10, 1, {}});
  EXPECT_EQ(lowerBound(problem), 180u);
  problem.buffers[3].offset = 1000;
  EXPECT_EQ(lowerBound(problem), 1010u);
}

TEST(Check, ListsDefects) {
  Problem problem;
  problem.capacity = 100;
  problem.buffers = {{"a", 2, 2, 1, 1, {}},
                     {"b", 0, 1, 1, 3, {}},
                     {"c", 0, 1, 1, 4, 2},
                     {"", 0, 1, 50, 1, 60},
                     {"e", 0, 2, 50, 1, 40}};
  EXPECT_EQ(check(problem),
            (std::vector<std::string>{
                "buffer 'a': the lifetime [2, 2) is empty",
                "buffer 'b': the alignment 3 is no power of two",
                "buffer 'c': the fixed offset 2 is not a multiple of the "
                "alignment 4",
                "buffer #3: the fixed offset 60 plus the size 50 exceeds the "
                "capacity 100",
                "buffer 'e' at [40, 90) overlaps buffer #3 at [60, 110) at "
                "time 0"}));
}

TEST(Verify, ListsDefects) {
  Problem problem;
  problem.capacity = 64;
  problem.buffers = {
      {"a", 0, 2, 32, 16, {}}, {"b", 1, 3, 32, 16, {}}, {"c", 2, 4, 16, 16, 0}};
  Plan plan;
  plan.offsets = {0, 32, 0};
  plan.peak = 64;
  EXPECT_EQ(verify(problem, plan), kNoErrors);
  plan.offsets = {0, 31, 16};
  plan.peak = 64;
  EXPECT_EQ(verify(problem, plan),
            (std::vector<std::string>{
                "buffer 'b': the offset 31 is not a multiple of the alignment "
                "16",
                "buffer 'c': the offset 16 is not the fixed offset 0",
                "the plan states the peak 64 but has 63",
                "buffer 'b' at [31, 63) overlaps buffer 'a' at [0, 32) at "
                "time 1",
            }));
  plan.offsets = {48, 0, 0};
  plan.peak = 80;
  EXPECT_EQ(verify(problem, plan),
            (std::vector<std::string>{
                "buffer 'a': the offset 48 plus the size 32 exceeds the "
                "capacity 64",
                "buffer 'c' at [0, 16) overlaps buffer 'b' at [0, 32) at time "
                "2"}));
  plan.offsets.pop_back();
  EXPECT_EQ(verify(problem, plan),
            std::vector<std::string>{"the plan has 2 offsets for 3 buffers"});
}

TEST(Allocate, HandlesSmallProblems) {
  Problem problem;
  Plan empty = allocate(problem);
  EXPECT_EQ(empty.peak, 0u);
  EXPECT_TRUE(empty.offsets.empty());
  problem.buffers = {{"a", 0, 1, 7, 1, {}}};
  EXPECT_EQ(allocate(problem).offsets, std::vector<uint64_t>{0});
  // The lifetimes touch: both lie at the bottom.
  problem.buffers.push_back({"b", 1, 2, 9, 1, {}});
  Plan plan = allocate(problem);
  EXPECT_EQ(plan.offsets, (std::vector<uint64_t>{0, 0}));
  EXPECT_EQ(plan.peak, 9u);
  EXPECT_TRUE(plan.isOptimal());
}

TEST(Allocate, KeepsFixedOffsets) {
  Problem problem;
  problem.buffers = {
      {"a", 0, 4, 10, 8, {}}, {"b", 0, 4, 10, 1, 16}, {"c", 2, 6, 14, 8, {}}};
  Plan plan = allocate(problem);
  EXPECT_EQ(verify(problem, plan), kNoErrors);
  // c fits below b: [0, 14), and a above: 26 align 8; or a below, c above.
  EXPECT_EQ(plan.offsets[1], 16u);
  EXPECT_EQ(plan.peak, 42u);
}

TEST(Allocate, RandomProblemsVerify) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Problem problem = makeRandomProblem(seed, 1 + seed * 4, 10 + seed * 20);
    Plan greedy = allocate(problem, {/*budget=*/0});
    Plan plan = allocate(problem, {/*budget=*/20000});
    EXPECT_EQ(verify(problem, greedy), kNoErrors);
    EXPECT_EQ(verify(problem, plan), kNoErrors);
    EXPECT_LE(plan.peak, greedy.peak);
    EXPECT_GE(plan.peak, plan.lowerBound);
    EXPECT_EQ(allocate(problem, {/*budget=*/20000}).offsets, plan.offsets);

    // Some of the offsets found, given as fixed, stay possible.
    for (size_t i = 0; i < problem.buffers.size(); i += 5)
      problem.buffers[i].offset = plan.offsets[i];
    EXPECT_EQ(check(problem), kNoErrors);
    EXPECT_EQ(verify(problem, allocate(problem, {/*budget=*/20000})),
              kNoErrors);
  }
}

// The structures for many and for dense overlaps, and the fallback for both.
TEST(Allocate, LargeProblemsVerify) {
  Problem sparse = makeRandomProblem(1, 20000, 20000);
  EXPECT_EQ(verify(sparse,
                   allocate(sparse, {/*budget=*/0, /*greedyBudget=*/20000000})),
            kNoErrors);
  Problem chain;
  for (int i = 0; i < 100000; ++i)
    chain.buffers.push_back({"", i, i + 2, uint64_t(1 + i % 7), 1, {}});
  Plan plan = allocate(chain);
  EXPECT_EQ(verify(chain, plan), kNoErrors);
  EXPECT_LE(plan.peak, 18u);
  Problem dense = makeRandomProblem(2, 21000, 100);
  EXPECT_EQ(
      verify(dense, allocate(dense, {/*budget=*/0, /*greedyBudget=*/5000000})),
      kNoErrors);
}

TEST(Generator, PlansArePerfect) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    GeneratorOptions options;
    options.numBuffers = 2 + 5 * seed;
    options.seed = seed;
    options.alignment = uint64_t(1) << seed % 10;
    GeneratedProblem generated = generate(options);
    EXPECT_EQ(generated.problem.buffers.size(), options.numBuffers);
    EXPECT_EQ(verify(generated.problem, generated.solution), kNoErrors);
    EXPECT_EQ(lowerBound(generated.problem), generated.solution.peak);

    generated.problem.capacity.reset();
    Plan plan = allocate(generated.problem, {/*budget=*/20000});
    EXPECT_EQ(verify(generated.problem, plan), kNoErrors);
    EXPECT_EQ(plan.lowerBound, generated.solution.peak);
  }
  GeneratorOptions tiny;
  tiny.duration = 2;
  tiny.capacity = 2;
  EXPECT_EQ(generate(tiny).problem.buffers.size(), 4u);
}

// Small enough for the search to be complete.
TEST(Search, SolvesSmallPerfectProblems) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    GeneratorOptions options;
    options.numBuffers = 10 + seed % 20;
    options.duration = 30;
    options.seed = seed;
    options.alignment = uint64_t(1) << seed % 10;
    GeneratedProblem generated = generate(options);
    Plan plan = allocate(generated.problem, {/*budget=*/100'000'000});
    EXPECT_EQ(verify(generated.problem, plan), kNoErrors) << seed;
    EXPECT_TRUE(plan.isOptimal()) << seed;
  }
}

/// Peaks over the bound of perfect packings, in thousandths, ascending.
std::vector<uint64_t> excess(Pattern pattern, uint32_t numProblems,
                             uint32_t fewest, uint32_t most) {
  std::vector<uint64_t> result;
  for (uint32_t i = 0; i < numProblems; ++i) {
    GeneratorOptions options;
    options.pattern = pattern;
    options.numBuffers = fewest + i * 37 % (most - fewest + 1);
    options.seed = i;
    GeneratedProblem generated = generate(options);
    EXPECT_EQ(verify(generated.problem, generated.solution), kNoErrors);
    generated.problem.capacity.reset();
    Plan plan = allocate(generated.problem);
    EXPECT_EQ(verify(generated.problem, plan), kNoErrors);
    result.push_back((plan.peak - plan.lowerBound) * 1000 / plan.lowerBound);
  }
  std::sort(result.begin(), result.end());
  return result;
}

class Quality : public testing::TestWithParam<Pattern> {};

TEST_P(Quality, SmallPerfectPackings) {
  EXPECT_LE(excess(GetParam(), 50, 3, 50).back(), 10u);
}

TEST_P(Quality, LargePerfectPackings) {
  std::vector<uint64_t> thousandths = excess(GetParam(), 50, 50, 300);
  uint64_t sum =
      std::accumulate(thousandths.begin(), thousandths.end(), uint64_t(0));
  EXPECT_LE(sum, 20 * thousandths.size());
  EXPECT_LE(thousandths[thousandths.size() * 19 / 20], 50u);
  EXPECT_LE(thousandths.back(), 100u);
}

INSTANTIATE_TEST_SUITE_P(Patterns, Quality,
                         testing::Values(Pattern::Cuts, Pattern::Spirals,
                                         Pattern::Heap));

TEST(Allocate, DoesNotDependOnThreads) {
  for (uint64_t seed = 0; seed < 12; ++seed) {
    GeneratorOptions generator;
    generator.numBuffers = 60 + 20 * seed;
    generator.seed = seed;
    generator.pattern = static_cast<Pattern>(seed % 3);
    Problem problem = generate(generator).problem;
    if (seed % 2 == 0)
      problem.capacity.reset();
    Options options;
    options.threads = 1;
    Plan one = allocate(problem, options);
    options.threads = 2;
    Plan two = allocate(problem, options);
    EXPECT_EQ(one.offsets, two.offsets);
    EXPECT_EQ(one.strategy, two.strategy);
  }
}

/// The smallest peak of all plans in which items rest on each other: one of
/// those that place the buffers one by one at the lowest free offset.
uint64_t smallestPeak(const Problem &problem) {
  std::vector<uint32_t> order(problem.buffers.size());
  std::iota(order.begin(), order.end(), 0);
  uint64_t best = UINT64_MAX;
  do {
    std::vector<uint64_t> offsets(order.size());
    uint64_t peak = 0;
    for (size_t i = 0; i < order.size(); ++i) {
      const Buffer &buffer = problem.buffers[order[i]];
      uint64_t offset = 0;
      for (size_t j = 0; j < i; ++j) {
        const Buffer &other = problem.buffers[order[j]];
        if (other.lower < buffer.upper && buffer.lower < other.upper)
          offset = std::max(offset, offsets[order[j]] + other.size);
      }
      uint64_t mask = buffer.alignment - 1;
      offsets[order[i]] = (offset + mask) & ~mask;
      peak = std::max(peak, offsets[order[i]] + buffer.size);
    }
    best = std::min(best, peak);
  } while (std::next_permutation(order.begin(), order.end()));
  return best;
}

TEST(Search, AgreesWithEnumeration) {
  size_t numAboveBound = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Random random(seed);
    Problem problem;
    for (int i = 0; i < 6; ++i) {
      int64_t lower = static_cast<int64_t>(random.below(5));
      problem.buffers.push_back(
          {"",
           lower,
           lower + 1 + static_cast<int64_t>(random.below(3)),
           1 + random.below(6),
           uint64_t(1) << (seed % 2 * random.below(3)),
           {}});
    }
    uint64_t smallest = smallestPeak(problem);
    EXPECT_LE(lowerBound(problem), smallest);
    numAboveBound += lowerBound(problem) < smallest;
    bool isTooLow = false;
    for (const Part &part : divide(problem)) {
      uint64_t budget = 100'000'000;
      PartPlan plan;
      EXPECT_EQ(search(part, smallest, budget, plan), SearchResult::Found);
      EXPECT_LE(plan.peak, smallest);
      SearchResult below = search(part, smallest - 1, budget, plan);
      EXPECT_NE(below, SearchResult::OutOfBudget);
      isTooLow |= below == SearchResult::Infeasible;
    }
    EXPECT_TRUE(isTooLow) << seed;
  }
  EXPECT_GT(numAboveBound, 0u);
}

/// One of the challenging problems of "MiniMalloc: A Lightweight Memory
/// Allocator for Hardware-Accelerated Machine Learning" (ASPLOS 2023).
struct MiniMallocCase {
  const char *file;
  size_t numBuffers;
  uint64_t bound;
  /// Highest peak accepted, and that of the greedy plan by size alone, both in
  /// thousandths of the capacity.
  uint64_t peak, greedyBySize;
};

class MiniMalloc : public testing::TestWithParam<MiniMallocCase> {};

TEST_P(MiniMalloc, Verifies) {
  const MiniMallocCase &expected = GetParam();
  std::ifstream file(std::string(NARAE_MINIMALLOC_DIR "/") + expected.file);
  std::stringstream text;
  text << file.rdbuf();
  std::vector<std::string> errors;
  auto problem = readCsv(text.str(), errors);
  ASSERT_EQ(errors, kNoErrors);
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->buffers.size(), expected.numBuffers);
  EXPECT_EQ(lowerBound(*problem), expected.bound);
  Plan greedy = allocate(*problem, {/*budget=*/0});
  EXPECT_EQ(verify(*problem, greedy), kNoErrors);
  EXPECT_LE(greedy.peak * 1000 / 1048576, expected.greedyBySize);
  problem->capacity = 1048576;
  Plan plan = allocate(*problem, {/*budget=*/200'000'000});
  if (expected.peak == 1000) {
    EXPECT_EQ(plan.strategy, "search");
    EXPECT_EQ(verify(*problem, plan), kNoErrors);
  }
  problem->capacity.reset();
  EXPECT_EQ(verify(*problem, plan), kNoErrors);
  EXPECT_LE(plan.peak * 1000, 1048576 * expected.peak);
  EXPECT_LE(plan.peak, greedy.peak);
}

INSTANTIATE_TEST_SUITE_P(
    Challenging, MiniMalloc,
    testing::Values(MiniMallocCase{"A.1048576.csv", 154, 1048576, 1000, 1290},
                    MiniMallocCase{"B.1048576.csv", 170, 1048576, 1000, 1347},
                    MiniMallocCase{"C.1048576.csv", 203, 1039360, 1000, 1352},
                    MiniMallocCase{"D.1048576.csv", 213, 986112, 1000, 1231},
                    MiniMallocCase{"E.1048576.csv", 215, 1048576, 1000, 1369},
                    MiniMallocCase{"F.1048576.csv", 296, 1048576, 1000, 1375}),
    [](const testing::TestParamInfo<MiniMallocCase> &info) {
      return std::string(1, info.param.file[0]);
    });

} // namespace
