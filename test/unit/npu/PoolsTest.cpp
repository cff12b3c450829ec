//===- PoolsTest.cpp - Who has which bytes of device memory ---------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/object/Object.h"
#include "backends/npu/runtime/DevicePools.h"
#include "test/unit/npu/TestMachine.h"

#include <random>

using namespace narae::npu;
using namespace narae::npu::test;

static constexpr uint64_t mebibyte = 1 << 20, gibibyte = 1 << 30;

TEST(NpuPools, LargeAllocationsTakeGranules) {
  Machine machine = builtIn("npu:rebel-quad");
  DevicePools pools(machine);
  // One stack after the other, from the emptiest on.
  for (int64_t pool = 0; pool < 4; ++pool) {
    auto address = pools.allocate(3 * mebibyte);
    ASSERT_TRUE(address.ok());
    EXPECT_EQ(poolOf(*address), pool);
    EXPECT_EQ(offsetOf(*address) % (2 * mebibyte), 0u);
    EXPECT_EQ(pools.taken(pool), 4 * mebibyte);
  }
}

TEST(NpuPools, EqualSizesGoToAllStacks) {
  Machine machine = builtIn("npu:rebel-quad");
  DevicePools pools(machine);
  // A table that is larger than all the rest keeps no layer away.
  ASSERT_TRUE(pools.allocate(gibibyte).ok());
  std::map<int64_t, int> count;
  for (int layer = 0; layer < 8; ++layer)
    for (uint64_t bytes : {6 * mebibyte, 4 * mebibyte})
      ++count[poolOf(*pools.allocate(bytes))];
  for (int64_t pool = 0; pool < 4; ++pool)
    EXPECT_EQ(count[pool], 4);
  // When it gets tight, what is left counts.
  ASSERT_TRUE(pools.allocate(26 * gibibyte).ok());
  int64_t full = 0;
  for (int64_t pool = 0; pool < 4; ++pool)
    if (pools.taken(pool) > 20 * gibibyte)
      full = pool;
  for (int i = 0; i < 8; ++i)
    EXPECT_NE(poolOf(*pools.allocate(gibibyte)), full);
}

TEST(NpuPools, SmallAllocationsShareGranules) {
  Machine machine = builtIn("npu:atom");
  DevicePools pools(machine);
  std::vector<uint64_t> addresses;
  for (int i = 0; i < 1000; ++i)
    addresses.push_back(*pools.allocate(1));
  EXPECT_EQ(pools.taken(0), 2 * mebibyte);
  EXPECT_EQ(pools.used(0), 1000 * bufferAlignment);
  for (uint64_t address : addresses)
    pools.release(address);
  EXPECT_EQ(pools.taken(0), 0u);
  // All of it is one piece again.
  EXPECT_TRUE(pools.allocate(uint64_t(machine.usableDram())).ok());
}

TEST(NpuPools, OutOfMemoryNamesStacks) {
  Machine machine = builtIn("npu:rebel-quad");
  DevicePools pools(machine);
  auto tooLarge = pools.allocate(36 * gibibyte);
  ASSERT_TRUE(tooLarge.failed());
  EXPECT_NE(tooLarge.message().find("36.00 GiB are needed in one stack"),
            std::string::npos);
  EXPECT_TRUE(pools.allocate(UINT64_MAX).failed());
  for (int i = 0; i < 4; ++i)
    ASSERT_TRUE(pools.allocate((30 - uint64_t(i)) * gibibyte).ok());
  auto failed = pools.allocate(9 * gibibyte);
  ASSERT_TRUE(failed.failed());
  EXPECT_EQ(failed.message(),
            "out of device memory: 9.00 GiB are needed in one stack, chiplet "
            "3, stack 0 has the most with 8.00 GiB in one piece; chiplet 0, "
            "stack 0 is the tightest with 5.00 GiB of 35.00 GiB left, all "
            "stacks together have 26.00 GiB");
  // What fits still fits.
  EXPECT_TRUE(pools.allocate(8 * gibibyte).ok());
}

TEST(NpuPools, RandomAllocationsLieApart) {
  Machine machine = builtIn("npu:rebel-quad");
  machine.dram.capacity = machine.dram.reserve + 64 * int64_t(mebibyte);
  DevicePools pools(machine);
  std::mt19937_64 random(7);
  std::map<uint64_t, uint64_t> live; // begin, end
  size_t refused = 0;
  for (int step = 0; step < 20000; ++step) {
    bool grows = live.empty() || random() % 100 < 55;
    if (!grows) {
      auto victim = std::next(live.begin(), int64_t(random() % live.size()));
      pools.release(victim->first);
      live.erase(victim);
      continue;
    }
    uint64_t bytes = random() % 2 ? random() % 5000 : random() % (8 * mebibyte);
    auto address = pools.allocate(bytes);
    if (address.failed()) {
      ++refused;
      continue;
    }
    uint64_t end = *address + std::max<uint64_t>(bytes, 1);
    EXPECT_LE(offsetOf(*address) + bytes, 64 * mebibyte);
    EXPECT_EQ(*address % bufferAlignment, 0u);
    auto next = live.lower_bound(*address);
    EXPECT_TRUE(next == live.end() || next->first >= end);
    EXPECT_TRUE(next == live.begin() || std::prev(next)->second <= *address);
    live[*address] = end;
  }
  EXPECT_GT(refused, 0u);
  for (auto [begin, end] : live)
    pools.release(begin);
  for (int64_t pool = 0; pool < 4; ++pool) {
    EXPECT_EQ(pools.taken(pool), 0u);
    EXPECT_EQ(pools.used(pool), 0u);
  }
  for (int64_t pool = 0; pool < 4; ++pool)
    EXPECT_TRUE(pools.allocate(64 * mebibyte).ok());
}
