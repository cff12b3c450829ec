//===- StackOrder.cpp - Plans for sizes known later -----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/planner/StackOrder.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

using namespace narae::memory;

static uint64_t alignTo(uint64_t value, uint64_t alignment) {
  return alignment <= 1 ? value
                        : (value + alignment - 1) / alignment * alignment;
}

/// Removes edges of `buffer` that a path over another edge implies. Only paths
/// of two edges are looked for, and only below buffers with few of them.
static void dropImplied(StackOrder &result, uint32_t buffer) {
  constexpr size_t kFew = 32;
  std::vector<uint32_t> &below = result.below[buffer];
  if (below.size() < 2 || below.size() > kFew)
    return;
  std::vector<uint32_t> implied;
  for (uint32_t middle : below)
    if (result.below[middle].size() <= kFew)
      implied.insert(implied.end(), result.below[middle].begin(),
                     result.below[middle].end());
  std::sort(implied.begin(), implied.end());
  auto isImplied = [&](uint32_t other) {
    return std::binary_search(implied.begin(), implied.end(), other);
  };
  below.erase(std::remove_if(below.begin(), below.end(), isImplied),
              below.end());
}

// Buffers are dropped in ascending order of offset on a skyline, a map from
// time to the buffer that is on top there. A buffer rests on those it covers.
// At any one time the buffers that were on top form a chain, each resting on
// the one before; so any two buffers that are live at a common time are
// related. Every dropped buffer adds at most two pieces to the skyline and
// removes those it covers whole, which bounds the edges by three a buffer.
StackOrder narae::memory::order(const Problem &problem, const Plan &plan) {
  const std::vector<Buffer> &buffers = problem.buffers;
  StackOrder result;
  result.below.resize(buffers.size());
  for (const Buffer &buffer : buffers) {
    result.alignments.push_back(buffer.alignment);
    result.fixed.push_back(buffer.offset);
  }
  result.sequence.resize(buffers.size());
  std::iota(result.sequence.begin(), result.sequence.end(), 0);
  // Ends break ties, so a buffer of size zero lies below what shares its place.
  std::sort(result.sequence.begin(), result.sequence.end(),
            [&](uint32_t a, uint32_t b) {
              uint64_t endA = plan.offsets[a] + buffers[a].size;
              uint64_t endB = plan.offsets[b] + buffers[b].size;
              return std::tie(plan.offsets[a], endA, a) <
                     std::tie(plan.offsets[b], endB, b);
            });

  constexpr uint32_t kGround = UINT32_MAX;
  // Each entry reaches up to the next one's time.
  std::map<int64_t, uint32_t> skyline = {{INT64_MIN, kGround}};
  for (uint32_t index : result.sequence) {
    const Buffer &buffer = buffers[index];
    if (buffer.lower >= buffer.upper)
      continue;
    auto first = std::prev(skyline.upper_bound(buffer.lower));
    if (first->first != buffer.lower)
      first =
          skyline.emplace_hint(std::next(first), buffer.lower, first->second);
    std::vector<uint32_t> &below = result.below[index];
    auto last = first;
    uint32_t covered = kGround;
    for (; last != skyline.end() && last->first < buffer.upper; ++last) {
      covered = last->second;
      if (covered != kGround)
        below.push_back(covered);
    }
    if (last == skyline.end() || last->first != buffer.upper)
      last = skyline.emplace_hint(last, buffer.upper, covered);
    skyline.erase(std::next(first), last);
    first->second = index;

    std::sort(below.begin(), below.end());
    below.erase(std::unique(below.begin(), below.end()), below.end());
    dropImplied(result, index);
  }
  return result;
}

Placement narae::memory::evaluate(const StackOrder &order,
                                  const std::vector<uint64_t> &sizes) {
  Placement result;
  result.offsets.resize(sizes.size());
  for (uint32_t buffer : order.sequence) {
    uint64_t offset = 0;
    for (uint32_t other : order.below[buffer])
      offset = std::max(offset, result.offsets[other] + sizes[other]);
    offset = alignTo(offset, order.alignments[buffer]);
    if (order.fixed[buffer]) {
      if (offset > *order.fixed[buffer])
        result.displaced.push_back(buffer);
      offset = std::max(offset, *order.fixed[buffer]);
    }
    result.offsets[buffer] = offset;
    result.peak = std::max(result.peak, offset + sizes[buffer]);
  }
  return result;
}
