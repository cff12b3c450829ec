//===- PlacementTest.cpp - Stacks, bank sets, leading dimensions ----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/placement/Placement.h"
#include "lib/memory/dram/Simulator.h"
#include "lib/memory/planner/Random.h"

#include <gtest/gtest.h>

#include <set>

using namespace narae;
using namespace narae::placement;

static constexpr uint64_t kMiB = 1 << 20, kGiB = uint64_t(1) << 30;

static Organisation fourStacks() {
  Organisation result;
  result.stacks = 4;
  result.capacity = 36 * kGiB;
  result.reserve = kGiB;
  result.granule = 2 * kMiB;
  result.channels = 32;
  result.banks = 64;
  result.interleave = 256;
  result.bankSets = 4;
  return result;
}

static Item item(Stream stream, int64_t units, double unitBytes) {
  Item result;
  result.name = "item";
  result.stream = stream;
  result.units = units;
  result.unitBytes = unitBytes;
  return result;
}

TEST(Placement, DealsWholeUnits) {
  // Five heads on four stacks: one stack has two.
  Placement five = place(fourStacks(), {item(Stream::Cache, 5, 10 * kMiB)});
  EXPECT_EQ(five.tightest, 0u);
  EXPECT_EQ(five.stacks[0].bytes[1], 20 * kMiB);
  for (size_t stack : {1, 2, 3})
    EXPECT_EQ(five.stacks[stack].bytes[1], 10 * kMiB);
  // A second layer's fifth head goes elsewhere.
  Placement ten = place(fourStacks(), {item(Stream::Cache, 5, 10 * kMiB),
                                       item(Stream::Cache, 5, 10 * kMiB)});
  EXPECT_EQ(ten.stacks[0].bytes[1], 30 * kMiB);
  EXPECT_EQ(ten.stacks[1].bytes[1], 30 * kMiB);
  EXPECT_EQ(ten.stacks[2].bytes[1], 20 * kMiB);
}

TEST(Placement, IsBalancedAndLosesNothing) {
  memory::Random random(5);
  for (int round = 0; round < 200; ++round) {
    Organisation organisation = fourStacks();
    organisation.stacks = 1 + random.below(7);
    organisation.capacity = uint64_t(1) << 50;
    std::vector<Item> items;
    double all = 0, largest = 0;
    for (uint64_t i = 0, n = 1 + random.below(30); i < n; ++i) {
      Item one = item(Stream(random.below(3)), 1 + random.below(40),
                      double(1 + random.below(1 << 20)));
      if (random.below(2)) {
        one.rows = 1 + random.below(50);
        one.rowBytes = one.unitBytes / one.rows;
      }
      all += one.units * one.unitBytes;
      largest = std::max(largest, one.unitBytes);
      items.push_back(one);
    }
    Placement result = place(organisation, items);
    double sum = 0, least = 1e30, most = 0, padding = 0;
    for (const StackUse &stack : result.stacks) {
      double bytes = stack.bytes[0] + stack.bytes[1] + stack.bytes[2];
      sum += bytes;
      padding = std::max(padding, stack.padding);
      least = std::min(least, bytes);
      most = std::max(most, bytes);
      EXPECT_LE(bytes + stack.padding, stack.peak + 1);
      EXPECT_LE(stack.peak, bytes + stack.padding + 3 * organisation.granule);
      EXPECT_LE(stack.peak, result.stacks[result.tightest].peak);
      // Regions follow each other and do not overlap.
      double end = 0;
      for (const Region &region : stack.regions) {
        EXPECT_GE(region.offset, end);
        end = region.offset + region.bytes;
      }
    }
    EXPECT_NEAR(sum, all, 1e-6 * all);
    EXPECT_LE(most - least, largest + 2 * padding + 1);
  }
}

TEST(Placement, TheTightestStackDecides) {
  Organisation organisation = fourStacks();
  // 140 GiB are usable in all, but a buffer of 36 GiB fits no stack.
  Placement whole =
      place(organisation, {item(Stream::Weights, 1, 36.0 * kGiB)});
  EXPECT_FALSE(whole.fits(organisation));
  Placement divided =
      place(organisation, {item(Stream::Weights, 4, 35.0 * kGiB)});
  EXPECT_TRUE(divided.fits(organisation));
  Placement more = place(organisation, {item(Stream::Weights, 4, 35.0 * kGiB),
                                        item(Stream::Cache, 1, 1)});
  EXPECT_FALSE(more.fits(organisation));
  EXPECT_EQ(more.tightest, 0u);
}

TEST(Placement, StreamsGetBankSetsOfTheirOwn) {
  // Sets of 9 GiB: weights of 17 GiB take two, the cache and the activations
  // one each.
  Organisation organisation = fourStacks();
  organisation.stacks = 1;
  auto use = [&](double weights, double cache) {
    return place(organisation, {item(Stream::Weights, 1, weights * kGiB),
                                item(Stream::Cache, 1, cache * kGiB),
                                item(Stream::Activations, 1, 0.5 * kGiB)})
        .stacks[0];
  };
  StackUse apart = use(17, 4);
  ASSERT_EQ(apart.regions.size(), 3u);
  EXPECT_EQ(toString(apart.regions[0]), "0-1");
  EXPECT_EQ(toString(apart.regions[1]), "2");
  EXPECT_EQ(toString(apart.regions[2]), "3");
  EXPECT_EQ(apart.regions[1].offset, 18.0 * kGiB);
  EXPECT_EQ(apart.shared, 0);
  // Weights of 26 GiB leave one set, which cache and activations share:
  // 4.5 of 30.5 GiB.
  EXPECT_NEAR(use(26, 4).shared, 4.5 / 30.5, 1e-9);
  // Full: 34 GiB of weights reach into the last set, 7 GiB of them; nothing
  // can keep the others away.
  EXPECT_NEAR(use(34, 0.25).shared, 7.75 / 34.75, 1e-9);
  organisation.bankSets = 1;
  EXPECT_EQ(use(17, 4).shared, 1);
}

TEST(Padding, RowsVisitAllChannelsAndBanks) {
  Organisation organisation = fourStacks();
  EXPECT_EQ(organisation.period(), 512 * 1024u);
  EXPECT_EQ(placesOfStride(organisation, 512 * 1024), 1);
  EXPECT_EQ(placesOfStride(organisation, 16 * 1024), 32);
  EXPECT_EQ(placesOfStride(organisation, 16 * 1024 + 256), 32 * 64);
  EXPECT_EQ(paddedRow(organisation, 16 * 1024), 16 * 1024 + 256u);
  EXPECT_EQ(paddedRow(organisation, 512), 768u);
  // Already good: an odd number of units, or less than one.
  EXPECT_EQ(paddedRow(organisation, 768), 768u);
  EXPECT_EQ(paddedRow(organisation, 200), 200u);
  // 48 banks: 3 must not divide either.
  organisation.banks = 48;
  EXPECT_EQ(paddedRow(organisation, 2 * 256), 5 * 256u);
  organisation.channels = 0;
  EXPECT_EQ(paddedRow(organisation, 16 * 1024), 16 * 1024u);
}

// By enumeration: the places that rows visit are those the formula counts.
TEST(Padding, CountsPlaces) {
  Organisation organisation;
  organisation.channels = 4;
  organisation.banks = 6;
  organisation.interleave = 8;
  for (uint64_t stride = 8; stride < 600; stride += 8) {
    std::set<uint64_t> places;
    for (uint64_t n = 0; n < 1000; ++n)
      places.insert(n * stride % organisation.period() / 8);
    EXPECT_EQ(placesOfStride(organisation, stride), int64_t(places.size()))
        << stride;
    uint64_t row = paddedRow(organisation, stride);
    EXPECT_EQ(placesOfStride(organisation, row), 24);
    for (uint64_t less = stride; less < row; less += 8)
      EXPECT_LT(placesOfStride(organisation, less), 24) << less;
  }
}

// What padding and sets of banks are for, in the cycle simulator.
TEST(Padding, IsWorthIt) {
  dram::Config config = dram::hbm2();
  Organisation organisation;
  organisation.channels = config.channels;
  organisation.banks = config.groups * config.banks;
  organisation.interleave = config.pageBytes;
  auto rows = [&](uint64_t stride) {
    dram::Load load;
    load.count = 8000;
    return dram::simulate(
               config,
               [=](uint64_t n) { return dram::Access{n * stride, false}; },
               load)
        .bandwidth;
  };
  uint64_t row = 256 * 1024;
  EXPECT_GT(rows(paddedRow(organisation, row)), 20 * rows(row));
}

TEST(BankSets, KeepRowsOpen) {
  dram::Config config = dram::hbm2();
  auto triad = [&](uint64_t apart) {
    dram::Load load;
    load.count = 60000;
    return dram::simulate(
               config,
               [=](uint64_t n) {
                 uint64_t array = n % 3;
                 return dram::Access{array * ((uint64_t(1) << 28) + apart) +
                                         n / 3 * 64,
                                     array == 2};
               },
               load)
        .bandwidth;
  };
  // Three arrays that begin in the same bank, and in banks of their own.
  EXPECT_GT(triad(3 * 16384), 1.1 * triad(0));
}
