//===- PerfectTest.cpp - Parts that fill their bound at all times ---------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/planner/OrderTree.h"
#include "lib/memory/planner/Part.h"
#include "lib/memory/planner/Random.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <numeric>

using namespace narae::memory;

namespace {

constexpr int64_t kEnd = 8;

/// As many bytes are live at all times, but there is not always a plan without
/// a gap: what ends need not lie together.
Problem makeFullProblem(uint64_t seed) {
  Random random(seed);
  Problem problem;
  std::vector<size_t> live;
  auto start = [&](int64_t now, uint64_t bytes, size_t count) {
    for (; bytes > 0; --count) {
      uint64_t size = count <= 1 ? bytes : 1 + random.below(bytes);
      live.push_back(problem.buffers.size());
      problem.buffers.push_back({"", now, kEnd, size, 1, {}});
      bytes -= size;
    }
  };
  start(0, seed % 2 == 0 ? 8 : 1000, 4);
  for (int64_t now = 1; now < kEnd; ++now) {
    uint64_t bytes = 0;
    for (int i = 0; i < 2; ++i) {
      size_t ended = random.below(live.size());
      if (problem.buffers[live[ended]].lower == now)
        continue;
      problem.buffers[live[ended]].upper = now;
      bytes += problem.buffers[live[ended]].size;
      live.erase(live.begin() + static_cast<std::ptrdiff_t>(ended));
      if (live.empty())
        break;
    }
    start(now, bytes, 2);
  }
  return problem;
}

/// Whether there is a plan without a gap: keeps all orders of what is live that
/// have a past.
bool hasPerfectPlan(const Problem &problem) {
  using Places = std::map<uint32_t, uint64_t>;
  std::vector<Places> before = {{}};
  for (int64_t now = 0; now < kEnd; ++now) {
    std::vector<uint32_t> live;
    for (uint32_t i = 0; i < problem.buffers.size(); ++i)
      if (problem.buffers[i].lower <= now && now < problem.buffers[i].upper)
        live.push_back(i);
    std::vector<Places> after;
    do {
      Places places;
      uint64_t end = 0;
      for (uint32_t buffer : live) {
        places[buffer] = end;
        end += problem.buffers[buffer].size;
      }
      auto follows = [&](const Places &past) {
        return std::all_of(past.begin(), past.end(), [&](const auto &place) {
          auto it = places.find(place.first);
          return it == places.end() || it->second == place.second;
        });
      };
      if (std::any_of(before.begin(), before.end(), follows))
        after.push_back(places);
    } while (std::next_permutation(live.begin(), live.end()));
    before = std::move(after);
  }
  return !before.empty();
}

TEST(Perfect, AgreesWithEnumeration) {
  size_t numFound = 0, numImpossible = 0;
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    Problem problem = makeFullProblem(seed);
    std::vector<Part> parts = divide(problem);
    if (parts.size() > 1)
      continue;
    ASSERT_TRUE(isFull(parts.front()));
    uint64_t budget = 10'000'000;
    PartPlan plan;
    std::vector<uint64_t> partial;
    bool isFound = packPerfectly(parts.front(), budget, plan, partial);
    EXPECT_EQ(isFound, hasPerfectPlan(problem)) << seed;
    (isFound ? numFound : numImpossible) += 1;
    if (!isFound)
      continue;
    Plan whole;
    whole.offsets.resize(problem.buffers.size());
    for (size_t i = 0; i < plan.offsets.size(); ++i)
      whole.offsets[parts.front().items[i].buffer] = plan.offsets[i];
    whole.peak = plan.peak;
    EXPECT_EQ(verify(problem, whole), std::vector<std::string>()) << seed;
  }
  EXPECT_GT(numFound, 100u);
  EXPECT_GT(numImpossible, 100u);
}

// Neither waste at any time nor a padding nor a fixed offset.
TEST(Perfect, KnowsWhatIsFull) {
  Problem problem;
  problem.buffers = {
      {"a", 0, 2, 4, 1, {}}, {"b", 2, 3, 4, 1, {}}, {"c", 0, 3, 4, 4, {}}};
  EXPECT_TRUE(isFull(divide(problem).front()));
  problem.buffers[1].size = 3;
  EXPECT_FALSE(isFull(divide(problem).front()));
  problem.buffers[1].size = 4;
  problem.buffers[2].alignment = 8;
  EXPECT_FALSE(isFull(divide(problem).front()));
  problem.buffers[2].alignment = 4;
  problem.buffers[2].offset = 0;
  EXPECT_FALSE(isFull(divide(problem).front()));
}

/// All orders in which each set is consecutive, sets being replaced by one leaf
/// each, against the tree: whether there is one.
TEST(OrderTree, AgreesWithEnumeration) {
  constexpr uint32_t kLeaves = 6;
  for (uint64_t seed = 0; seed < 500; ++seed) {
    Random random(seed);
    OrderTree tree;
    std::vector<OrderTree::Node> leaves;
    for (uint32_t i = 0; i < kLeaves; ++i)
      leaves.push_back(tree.addLeaf(i));
    OrderTree::Node root = tree.addAnyOrder(leaves);
    std::vector<std::vector<uint32_t>> orders(1);
    orders[0].resize(kLeaves);
    std::iota(orders[0].begin(), orders[0].end(), 0);
    while (true) {
      std::vector<uint32_t> next = orders.back();
      if (!std::next_permutation(next.begin(), next.end()))
        break;
      orders.push_back(next);
    }
    // Each set of two or more is replaced by two new leaves in any order.
    uint32_t numLeaves = kLeaves;
    for (int round = 0; round < 6; ++round) {
      std::vector<uint32_t> live = orders.front();
      std::vector<char> isMarked(numLeaves + 2);
      size_t numMarked = 2 + random.below(2);
      for (size_t i = 0; i < numMarked; ++i)
        isMarked[live[random.below(live.size())]] = true;
      std::vector<std::vector<uint32_t>> left;
      uint32_t first = numLeaves, second = numLeaves + 1;
      for (const std::vector<uint32_t> &order : orders) {
        auto isIn = [&](uint32_t leaf) { return isMarked[leaf] != 0; };
        auto begin = std::find_if(order.begin(), order.end(), isIn);
        auto end = std::find_if_not(begin, order.end(), isIn);
        if (std::any_of(end, order.end(), isIn))
          continue;
        for (bool isSwapped : {false, true}) {
          std::vector<uint32_t> changed(order.begin(), begin);
          changed.push_back(isSwapped ? second : first);
          changed.push_back(isSwapped ? first : second);
          changed.insert(changed.end(), end, order.end());
          left.push_back(changed);
        }
      }
      std::sort(left.begin(), left.end());
      left.erase(std::unique(left.begin(), left.end()), left.end());
      OrderTree::Block block;
      OrderTree::Node fresh =
          tree.addAnyOrder({tree.addLeaf(first), tree.addLeaf(second)});
      std::optional<OrderTree::Node> changed =
          tree.replace(root, isMarked, fresh, block);
      ASSERT_EQ(changed.has_value(), !left.empty()) << seed;
      if (!changed)
        break;
      root = *changed;
      orders = std::move(left);
      numLeaves += 2;
      std::vector<uint32_t> order;
      tree.appendLeaves(root, order);
      EXPECT_TRUE(std::binary_search(orders.begin(), orders.end(), order))
          << seed;
    }
  }
}

} // namespace
