//===- Placement.cpp - Stacks, bank sets and leading dimensions -----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/placement/Placement.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

using namespace narae::placement;

int64_t narae::placement::placesOfStride(const Organisation &organisation,
                                         uint64_t stride) {
  uint64_t period = organisation.period();
  if (period == 0)
    return 0;
  uint64_t places = period / std::gcd(period, stride);
  return std::min<uint64_t>(places, organisation.channels * organisation.banks);
}

uint64_t narae::placement::paddedRow(const Organisation &organisation,
                                     uint64_t rowBytes) {
  int64_t all = organisation.channels * organisation.banks;
  if (organisation.period() == 0 || rowBytes == 0 ||
      placesOfStride(organisation, rowBytes) == all)
    return rowBytes;
  // Of consecutive multiples one has no factor in common with the number of
  // places: one that is 1 more than a multiple of it at the latest.
  uint64_t unit = organisation.interleave;
  uint64_t row = (rowBytes + unit - 1) / unit * unit;
  while (placesOfStride(organisation, row) != all)
    row += unit;
  return row;
}

namespace {
/// Bytes of one unit with its rows moved apart.
struct Unit {
  double bytes = 0, padding = 0;
};

/// Lays the streams of a stack out behind each other. `apart` says which begin
/// in a bank set of their own.
struct Layout {
  std::vector<Region> regions;
  double end = 0, shared = 0;
};
} // namespace

static double roundUp(double bytes, double granule) {
  return std::ceil(bytes / granule) * granule;
}

static Layout layOut(const Organisation &organisation,
                     const std::array<double, streams> &bytes,
                     const std::array<bool, streams> &apart) {
  Layout layout;
  double granule = std::max<uint64_t>(organisation.granule, 1);
  int64_t sets = std::max<int64_t>(organisation.bankSets, 1);
  double set = double(organisation.capacity) / sets;
  for (size_t i = 0; i < streams; ++i) {
    if (bytes[i] <= 0)
      continue;
    double offset = layout.end;
    if (apart[i] && !layout.regions.empty() && sets > 1)
      offset = roundUp(roundUp(offset, set), granule);
    Region region;
    region.stream = Stream(i);
    region.offset = offset;
    region.bytes = bytes[i];
    layout.end = offset + roundUp(bytes[i], granule);
    auto setOf = [&](double address) {
      return std::clamp<int64_t>(std::floor(address / set), 0, sets - 1);
    };
    region.firstSet = setOf(offset);
    region.lastSet = setOf(offset + bytes[i] - 1);
    layout.regions.push_back(region);
  }
  // Bytes of each region that lie in a set which another region touches.
  double total = 0, shared = 0;
  for (const Region &region : layout.regions) {
    total += region.bytes;
    for (int64_t s = region.firstSet; s <= region.lastSet; ++s) {
      bool isShared = false;
      for (const Region &other : layout.regions)
        isShared |= other.stream != region.stream && other.firstSet <= s &&
                    s <= other.lastSet;
      double low = std::max(region.offset, s * set);
      double high = region.offset + region.bytes;
      if (s + 1 < sets)
        high = std::min(high, (s + 1) * set);
      shared += isShared ? std::max(0.0, high - low) : 0;
    }
  }
  layout.shared = total > 0 ? shared / total : 0;
  return layout;
}

/// The order of the streams with the fewest shared bytes that fits; without
/// gaps when none does.
static void arrange(const Organisation &organisation, StackUse &stack,
                    const std::array<double, streams> &padded) {
  double granule = std::max<uint64_t>(organisation.granule, 1);
  double usable = double(organisation.capacity) - organisation.reserve;
  const std::array<bool, streams> choices[] = {{false, false, false},
                                               {false, false, true},
                                               {false, true, false},
                                               {false, true, true}};
  Layout best = layOut(organisation, padded, choices[0]);
  for (const auto &apart : choices) {
    Layout layout = layOut(organisation, padded, apart);
    if (layout.end <= usable && layout.shared < best.shared)
      best = layout;
  }
  stack.regions = best.regions;
  stack.shared = best.shared;
  for (const Region &region : best.regions)
    stack.peak += roundUp(region.bytes, granule);
}

Placement narae::placement::place(const Organisation &organisation,
                                  const std::vector<Item> &items) {
  int64_t stacks = std::max<int64_t>(organisation.stacks, 1);
  Placement result;
  result.stacks.resize(stacks);
  std::vector<Unit> units(items.size());
  std::vector<std::array<double, streams>> padded(stacks);
  std::vector<double> total(stacks, 0);
  auto give = [&](size_t item, int64_t stack, double count) {
    size_t stream = size_t(items[item].stream);
    result.stacks[stack].bytes[stream] += count * units[item].bytes;
    result.stacks[stack].padding += count * units[item].padding;
    padded[stack][stream] += count * (units[item].bytes + units[item].padding);
    total[stack] += count * (units[item].bytes + units[item].padding);
  };
  std::vector<size_t> left;
  for (size_t i = 0; i < items.size(); ++i) {
    const Item &item = items[i];
    units[i].bytes = item.unitBytes;
    uint64_t row = std::llround(std::ceil(item.rowBytes));
    uint64_t distance = paddedRow(organisation, row);
    if (item.rows > 0 && item.units * item.rows > 1 && distance != row) {
      units[i].padding = double(distance - row) * item.rows;
      result.padded.push_back({item.name, row, distance});
    }
    for (int64_t stack = 0; stack < stacks; ++stack)
      give(i, stack, item.units / stacks);
    if (item.units % stacks != 0)
      left.push_back(i);
  }
  std::sort(left.begin(), left.end(), [&](size_t a, size_t b) {
    return std::make_pair(-units[a].bytes, a) <
           std::make_pair(-units[b].bytes, b);
  });
  for (size_t i : left) {
    // A stack gets at most one more unit than another.
    std::vector<int64_t> order(stacks);
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      return std::make_pair(total[a], a) < std::make_pair(total[b], b);
    });
    for (int64_t n = 0; n < items[i].units % stacks; ++n)
      give(i, order[n], 1);
  }
  for (int64_t stack = 0; stack < stacks; ++stack) {
    arrange(organisation, result.stacks[stack], padded[stack]);
    if (result.stacks[stack].peak > result.stacks[result.tightest].peak)
      result.tightest = stack;
  }
  return result;
}

bool Placement::fits(const Organisation &organisation) const {
  return stacks.empty() || stacks[tightest].peak + organisation.reserve <=
                               double(organisation.capacity);
}

std::string narae::placement::toString(const Region &region) {
  std::string text = std::to_string(region.firstSet);
  if (region.lastSet != region.firstSet)
    text += "-" + std::to_string(region.lastSet);
  return text;
}
