//===- DevicePools.cpp - Who has which bytes of device memory -------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/runtime/DevicePools.h"
#include "backends/npu/object/Object.h"

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <tuple>

using namespace narae;
using namespace narae::npu;

static uint64_t roundUp(uint64_t value, uint64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

std::string npu::formatBytes(uint64_t bytes) {
  const char *units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  double value = double(bytes);
  size_t unit = 0;
  for (; value >= 1024 && unit < 4; ++unit)
    value /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, unit ? "%.2f %s" : "%.0f %s", value,
                units[unit]);
  return text;
}

DevicePools::DevicePools(const Machine &machine)
    : granule(std::max(uint64_t(machine.dram.granule), bufferAlignment)),
      capacity(uint64_t(machine.usableDram()) / granule * granule),
      chiplets(machine.chiplets), pools(size_t(machine.dram.pools)) {
  for (Pool &pool : pools)
    if (capacity)
      pool.granules[0] = capacity;
}

std::string DevicePools::nameOf(int64_t pool) const {
  int64_t each = int64_t(pools.size()) / chiplets;
  return "chiplet " + std::to_string(pool / each) + ", stack " +
         std::to_string(pool % each);
}

/// The smallest range that holds it, the first of equals.
bool DevicePools::take(Ranges &ranges, uint64_t bytes, uint64_t &begin) {
  auto best = ranges.end();
  for (auto it = ranges.begin(); it != ranges.end(); ++it)
    if (it->second >= bytes &&
        (best == ranges.end() || it->second < best->second))
      best = it;
  if (best == ranges.end())
    return false;
  begin = best->first;
  uint64_t left = best->second - bytes;
  ranges.erase(best);
  if (left)
    ranges[begin + bytes] = left;
  return true;
}

void DevicePools::give(Ranges &ranges, uint64_t begin, uint64_t bytes) {
  auto next = ranges.lower_bound(begin);
  if (next != ranges.end() && begin + bytes == next->first) {
    bytes += next->second;
    next = ranges.erase(next);
  }
  if (next != ranges.begin()) {
    auto previous = std::prev(next);
    if (previous->first + previous->second == begin) {
      previous->second += bytes;
      return;
    }
  }
  ranges[begin] = bytes;
}

bool DevicePools::allocateIn(Pool &pool, uint64_t bytes, uint64_t &offset) {
  if (!isSmall(bytes)) {
    if (!take(pool.granules, bytes, offset))
      return false;
    pool.taken += bytes;
  } else if (!take(pool.shared, bytes, offset)) {
    uint64_t whole = 0;
    if (!take(pool.granules, granule, whole))
      return false;
    pool.taken += granule;
    give(pool.shared, whole, granule);
    take(pool.shared, bytes, offset);
  }
  pool.sizes[offset] = bytes;
  ++pool.alike[bytes];
  pool.used += bytes;
  return true;
}

std::vector<size_t> DevicePools::preferred(uint64_t bytes) const {
  std::vector<size_t> order(pools.size());
  std::iota(order.begin(), order.end(), size_t(0));
  bool isTight = false;
  for (const Pool &pool : pools)
    isTight |= pool.taken + bytes > capacity / 4 * 3;
  auto key = [&](size_t i) {
    auto found = pools[i].alike.find(bytes);
    uint64_t alike = found == pools[i].alike.end() ? 0 : found->second;
    return std::make_tuple(isTight ? 0 : alike, pools[i].used, i);
  };
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return key(a) < key(b); });
  return order;
}

Expected<uint64_t> DevicePools::allocate(uint64_t bytes) {
  if (bytes > capacity)
    return outOfMemory(bytes);
  uint64_t rounded = roundUp(std::max<uint64_t>(bytes, 1), bufferAlignment);
  if (!isSmall(rounded))
    rounded = roundUp(rounded, granule);
  for (size_t pool : preferred(rounded)) {
    uint64_t offset = 0;
    if (allocateIn(pools[pool], rounded, offset))
      return flatAddress(int64_t(pool), offset);
  }
  return outOfMemory(bytes);
}

void DevicePools::release(uint64_t address) {
  Pool &pool = pools[size_t(poolOf(address))];
  uint64_t offset = offsetOf(address);
  auto found = pool.sizes.find(offset);
  if (found == pool.sizes.end())
    return;
  uint64_t bytes = found->second;
  pool.sizes.erase(found);
  if (--pool.alike[bytes] == 0)
    pool.alike.erase(bytes);
  pool.used -= bytes;
  if (!isSmall(bytes)) {
    pool.taken -= bytes;
    give(pool.granules, offset, bytes);
    return;
  }
  give(pool.shared, offset, bytes);
  // Granules that nobody shares any more are whole again.
  auto range = std::prev(pool.shared.upper_bound(offset));
  uint64_t begin = range->first, end = begin + range->second;
  uint64_t first = roundUp(begin, granule), last = end / granule * granule;
  if (first >= last)
    return;
  pool.shared.erase(range);
  if (begin < first)
    pool.shared[begin] = first - begin;
  if (end > last)
    pool.shared[last] = end - last;
  pool.taken -= last - first;
  give(pool.granules, first, last - first);
}

Status DevicePools::outOfMemory(uint64_t bytes) const {
  uint64_t most = 0;
  size_t roomiest = 0, tightest = 0;
  uint64_t all = 0;
  for (size_t i = 0; i < pools.size(); ++i) {
    for (const Ranges *ranges : {&pools[i].granules, &pools[i].shared})
      for (auto [begin, size] : *ranges)
        if (size > most) {
          most = size;
          roomiest = i;
        }
    if (pools[i].taken > pools[tightest].taken)
      tightest = i;
    all += capacity - pools[i].taken;
  }
  return Status::error("out of device memory: " + formatBytes(bytes) +
                       " are needed in one stack, " +
                       nameOf(int64_t(roomiest)) + " has the most with " +
                       formatBytes(most) + " in one piece; " +
                       nameOf(int64_t(tightest)) + " is the tightest with " +
                       formatBytes(capacity - pools[tightest].taken) + " of " +
                       formatBytes(capacity) +
                       " left, all stacks together have " + formatBytes(all));
}
