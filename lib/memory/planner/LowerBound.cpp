//===- LowerBound.cpp - Bytes that every plan needs -----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/planner/Planner.h"

#include <algorithm>
#include <set>

using namespace narae::memory;

/// The bound from buffers aligned to at least `grain`, a power of two. Their
/// offsets are multiples of `grain`, so all of those live at one time but the
/// topmost take their size rounded up to it.
static uint64_t boundForGrain(const Problem &problem,
                              const std::vector<uint32_t> &starts,
                              const std::vector<uint32_t> &ends,
                              uint64_t grain) {
  auto padded = [&](const Buffer &buffer) {
    return (buffer.size + grain - 1) / grain * grain;
  };
  uint64_t bound = 0, live = 0;
  std::multiset<uint64_t> paddings; // Only of buffers that have one.
  auto end = ends.begin();
  for (uint32_t index : starts) {
    const Buffer &buffer = problem.buffers[index];
    for (; problem.buffers[*end].upper <= buffer.lower; ++end) {
      const Buffer &ended = problem.buffers[*end];
      if (ended.alignment < grain)
        continue;
      live -= padded(ended);
      if (uint64_t padding = padded(ended) - ended.size)
        paddings.erase(paddings.find(padding));
    }
    if (buffer.alignment < grain)
      continue;
    live += padded(buffer);
    if (uint64_t padding = padded(buffer) - buffer.size)
      paddings.insert(padding);
    bound = std::max(bound, live - (paddings.empty() ? 0 : *paddings.rbegin()));
  }
  return bound;
}

uint64_t narae::memory::lowerBound(const Problem &problem) {
  uint64_t bound = 0;
  std::set<uint64_t> grains;
  std::vector<uint32_t> starts;
  for (size_t i = 0; i < problem.buffers.size(); ++i) {
    const Buffer &buffer = problem.buffers[i];
    if (buffer.offset)
      bound = std::max(bound, *buffer.offset + buffer.size);
    if (buffer.lower >= buffer.upper || buffer.size == 0)
      continue;
    grains.insert(std::max<uint64_t>(buffer.alignment, 1));
    starts.push_back(static_cast<uint32_t>(i));
  }
  std::vector<uint32_t> ends = starts;
  std::sort(starts.begin(), starts.end(), [&](uint32_t a, uint32_t b) {
    return problem.buffers[a].lower < problem.buffers[b].lower;
  });
  std::sort(ends.begin(), ends.end(), [&](uint32_t a, uint32_t b) {
    return problem.buffers[a].upper < problem.buffers[b].upper;
  });
  for (uint64_t grain : grains)
    bound = std::max(bound, boundForGrain(problem, starts, ends, grain));
  return bound;
}
