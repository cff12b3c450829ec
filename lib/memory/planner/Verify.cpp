//===- Verify.cpp - Defects of problems and plans -------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Shares no code with the planner on purpose.
//
//===----------------------------------------------------------------------===//

#include "lib/memory/planner/Planner.h"

#include <algorithm>
#include <map>

using namespace narae::memory;

static std::string describe(const Problem &problem, size_t index) {
  const Buffer &buffer = problem.buffers[index];
  if (buffer.name.empty())
    return "buffer #" + std::to_string(index);
  return "buffer '" + buffer.name + "'";
}

static bool isAligned(const Buffer &buffer, uint64_t offset) {
  return buffer.alignment != 0 && offset % buffer.alignment == 0;
}

/// Whether `offset + size` is not representable.
static bool overflows(const Buffer &buffer, uint64_t offset) {
  return offset + buffer.size < offset;
}

/// Sweeps over time with the live buffers of `indices` in a map by offset. The
/// map stays free of overlap: a buffer that overlaps is reported and left out.
static void findOverlaps(const Problem &problem,
                         const std::vector<uint64_t> &offsets,
                         const std::vector<uint32_t> &indices,
                         std::vector<std::string> &errors) {
  struct Event {
    int64_t time;
    bool isStart; // Ends come first.
    uint32_t buffer;
    bool operator<(const Event &other) const {
      if (time != other.time)
        return time < other.time;
      return isStart != other.isStart ? !isStart : buffer < other.buffer;
    }
  };
  std::vector<Event> events;
  for (uint32_t index : indices) {
    const Buffer &buffer = problem.buffers[index];
    if (buffer.size == 0 || buffer.lower >= buffer.upper ||
        overflows(buffer, offsets[index]))
      continue;
    events.push_back({buffer.lower, true, index});
    events.push_back({buffer.upper, false, index});
  }
  std::sort(events.begin(), events.end());

  std::map<uint64_t, uint32_t> live;
  auto endOf = [&](uint32_t index) {
    return offsets[index] + problem.buffers[index].size;
  };
  for (const Event &event : events) {
    uint64_t offset = offsets[event.buffer];
    if (!event.isStart) {
      auto it = live.find(offset);
      if (it != live.end() && it->second == event.buffer)
        live.erase(it);
      continue;
    }
    auto it = live.lower_bound(offset);
    if (it != live.begin() && endOf(std::prev(it)->second) > offset)
      --it;
    bool isFree = true;
    for (; it != live.end() && it->first < endOf(event.buffer); ++it) {
      isFree = false;
      errors.push_back(
          describe(problem, event.buffer) + " at [" + std::to_string(offset) +
          ", " + std::to_string(endOf(event.buffer)) + ") overlaps " +
          describe(problem, it->second) + " at [" + std::to_string(it->first) +
          ", " + std::to_string(endOf(it->second)) + ") at time " +
          std::to_string(event.time));
    }
    if (isFree)
      live.emplace(offset, event.buffer);
  }
}

/// Reports an offset that is misaligned, past 64 bits or past the capacity.
static void checkOffset(const Problem &problem, size_t index, uint64_t offset,
                        const char *what, std::vector<std::string> &errors) {
  const Buffer &buffer = problem.buffers[index];
  std::string prefix =
      describe(problem, index) + ": " + what + " " + std::to_string(offset);
  if (!isAligned(buffer, offset))
    errors.push_back(prefix + " is not a multiple of the alignment " +
                     std::to_string(buffer.alignment));
  if (overflows(buffer, offset))
    errors.push_back(prefix + " plus the size " + std::to_string(buffer.size) +
                     " exceeds 64 bits");
  else if (problem.capacity && offset + buffer.size > *problem.capacity)
    errors.push_back(prefix + " plus the size " + std::to_string(buffer.size) +
                     " exceeds the capacity " +
                     std::to_string(*problem.capacity));
}

std::vector<std::string> narae::memory::check(const Problem &problem) {
  std::vector<std::string> errors;
  std::vector<uint64_t> offsets(problem.buffers.size());
  std::vector<uint32_t> fixed;
  if (problem.capacity && *problem.capacity == 0)
    errors.push_back("the capacity is zero");
  // Sums of sizes and of paddings stay representable below this.
  constexpr uint64_t kLargestSum = uint64_t(1) << 62;
  uint64_t sum = 0;
  for (size_t i = 0; i < problem.buffers.size(); ++i) {
    const Buffer &buffer = problem.buffers[i];
    if (buffer.lower >= buffer.upper)
      errors.push_back(describe(problem, i) + ": the lifetime [" +
                       std::to_string(buffer.lower) + ", " +
                       std::to_string(buffer.upper) + ") is empty");
    if (buffer.alignment == 0 ||
        (buffer.alignment & (buffer.alignment - 1)) != 0)
      errors.push_back(describe(problem, i) + ": the alignment " +
                       std::to_string(buffer.alignment) +
                       " is no power of two");
    if (sum <= kLargestSum) {
      uint64_t most = std::max(buffer.size, buffer.alignment);
      sum = most > kLargestSum ? most : sum + 2 * most;
      if (sum > kLargestSum)
        errors.push_back(describe(problem, i) + ": with the size " +
                         std::to_string(buffer.size) +
                         " the buffers take more than 2^61 bytes");
    }
    if (!buffer.offset)
      continue;
    offsets[i] = *buffer.offset;
    fixed.push_back(static_cast<uint32_t>(i));
    checkOffset(problem, i, *buffer.offset, "the fixed offset", errors);
  }
  findOverlaps(problem, offsets, fixed, errors);
  return errors;
}

std::vector<std::string> narae::memory::verify(const Problem &problem,
                                               const Plan &plan) {
  std::vector<std::string> errors = check(problem);
  if (plan.offsets.size() != problem.buffers.size()) {
    errors.push_back("the plan has " + std::to_string(plan.offsets.size()) +
                     " offsets for " + std::to_string(problem.buffers.size()) +
                     " buffers");
    return errors;
  }
  uint64_t peak = 0;
  std::vector<uint32_t> all;
  for (size_t i = 0; i < problem.buffers.size(); ++i) {
    const Buffer &buffer = problem.buffers[i];
    all.push_back(static_cast<uint32_t>(i));
    checkOffset(problem, i, plan.offsets[i], "the offset", errors);
    if (buffer.offset && *buffer.offset != plan.offsets[i])
      errors.push_back(describe(problem, i) + ": the offset " +
                       std::to_string(plan.offsets[i]) +
                       " is not the fixed offset " +
                       std::to_string(*buffer.offset));
    peak = std::max(peak, plan.offsets[i] + buffer.size);
  }
  if (peak != plan.peak)
    errors.push_back("the plan states the peak " + std::to_string(plan.peak) +
                     " but has " + std::to_string(peak));
  findOverlaps(problem, plan.offsets, all, errors);
  return errors;
}
