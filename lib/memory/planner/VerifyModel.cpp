//===- VerifyModel.cpp - Defects of solutions -----------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Looks at pairs of buffers, and shares no code with the planner on purpose.
//
//===----------------------------------------------------------------------===//

#include "lib/memory/planner/Model.h"

#include <algorithm>
#include <map>
#include <numeric>

using namespace narae::memory;

static std::string nameOf(const Model &model, uint32_t index) {
  const std::string &name = model.buffers[index].name;
  return name.empty() ? "buffer #" + std::to_string(index)
                      : "buffer '" + name + "'";
}

/// Numbers of the sets of buffers that share, the same for all of a set.
static std::vector<uint32_t> numberSets(const Model &model) {
  std::vector<uint32_t> set(model.buffers.size());
  std::iota(set.begin(), set.end(), 0);
  for (bool changes = true; changes;) {
    changes = false;
    for (const Group &group : model.groups) {
      if (!group.shares || group.buffers.empty())
        continue;
      uint32_t lowest = UINT32_MAX;
      for (uint32_t index : group.buffers)
        lowest = std::min(lowest, set[index]);
      for (uint32_t index : group.buffers) {
        changes |= set[index] != lowest;
        set[index] = lowest;
      }
    }
  }
  return set;
}

std::vector<std::string> narae::memory::verify(const Model &model,
                                               const Solution &solution) {
  std::vector<std::string> errors;
  uint32_t numBuffers = static_cast<uint32_t>(model.buffers.size());
  if (solution.offsets.size() != numBuffers ||
      solution.spaces.size() != model.spaces.size())
    return {"the solution has " + std::to_string(solution.offsets.size()) +
            " offsets and " + std::to_string(solution.spaces.size()) +
            " spaces for " + std::to_string(numBuffers) + " buffers and " +
            std::to_string(model.spaces.size()) + " spaces"};
  std::vector<uint32_t> set = numberSets(model);
  // Sets are live from their first to their last time.
  std::map<uint32_t, std::pair<int64_t, int64_t>> times;
  std::vector<uint64_t> ends(numBuffers), peaks(model.spaces.size());
  for (uint32_t i = 0; i < numBuffers; ++i) {
    const Buffer &buffer = model.buffers[i];
    const Space &space = model.spaces[model.spaceOf[i]];
    auto [it, isNew] = times.try_emplace(set[i], buffer.lower, buffer.upper);
    it->second.first = std::min(it->second.first, buffer.lower);
    it->second.second = std::max(it->second.second, buffer.upper);
    uint64_t offset = solution.offsets[i], granules = buffer.size;
    if (granules % space.granule != 0)
      granules += space.granule - granules % space.granule;
    ends[i] = offset + granules;
    uint64_t &peak = peaks[model.spaceOf[i]];
    peak = std::max(peak, ends[i]);
    std::string prefix =
        nameOf(model, i) + ": the offset " + std::to_string(offset);
    if (ends[i] < offset)
      errors.push_back(prefix + " plus the size exceeds 64 bits");
    if (offset % buffer.alignment != 0 || offset % space.granule != 0)
      errors.push_back(prefix + " is not a multiple of the alignment " +
                       std::to_string(buffer.alignment) + " and the granule " +
                       std::to_string(space.granule));
    if (buffer.offset && *buffer.offset != offset)
      errors.push_back(prefix + " is not the fixed offset " +
                       std::to_string(*buffer.offset));
    if (offset != solution.offsets[set[i]])
      errors.push_back(prefix + " is not that of " + nameOf(model, set[i]) +
                       ", with which it shares its place");
  }
  for (size_t i = 0; i < model.spaces.size(); ++i) {
    const Space &space = model.spaces[i];
    if (space.capacity && peaks[i] > *space.capacity - space.reserve)
      errors.push_back("space '" + space.name + "': the peak " +
                       std::to_string(peaks[i]) + " exceeds the capacity " +
                       std::to_string(*space.capacity) + " less the reserve " +
                       std::to_string(space.reserve));
    if (peaks[i] != solution.spaces[i].peak)
      errors.push_back("space '" + space.name +
                       "': the solution states the "
                       "peak " +
                       std::to_string(solution.spaces[i].peak) + " but has " +
                       std::to_string(peaks[i]));
  }
  auto meet = [&](uint32_t a, uint32_t b) {
    return solution.offsets[a] < ends[b] && solution.offsets[b] < ends[a];
  };
  auto report = [&](uint32_t a, uint32_t b, const char *why) {
    errors.push_back(
        nameOf(model, a) + " at [" + std::to_string(solution.offsets[a]) +
        ", " + std::to_string(ends[a]) + ") overlaps " + nameOf(model, b) +
        " at [" + std::to_string(solution.offsets[b]) + ", " +
        std::to_string(ends[b]) + ")" + why);
  };
  // In the order of their first time, with those still live before each.
  std::vector<uint32_t> order(numBuffers), live;
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return std::pair(times[set[a]].first, a) <
           std::pair(times[set[b]].first, b);
  });
  for (uint32_t index : order) {
    auto [lower, upper] = times[set[index]];
    live.erase(std::remove_if(live.begin(), live.end(),
                              [&, now = lower](uint32_t other) {
                                return times[set[other]].second <= now;
                              }),
               live.end());
    for (uint32_t other : live)
      if (set[other] != set[index] &&
          model.spaceOf[other] == model.spaceOf[index] && meet(index, other))
        report(other, index, " while both are live");
    live.push_back(index);
  }
  for (const Group &group : model.groups)
    for (size_t i = 0; i < group.buffers.size() && !group.shares; ++i)
      for (size_t j = 0; j < i; ++j)
        if (meet(group.buffers[i], group.buffers[j]))
          report(group.buffers[j], group.buffers[i],
                 ", with which it must not share");
  return errors;
}
