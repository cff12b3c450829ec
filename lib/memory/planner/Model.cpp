//===- Model.cpp - Plans several spaces -----------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/planner/Model.h"
#include "lib/memory/planner/Part.h"

#include <algorithm>
#include <numeric>

using namespace narae::memory;

namespace {
/// The problem of one space.
struct Reduced {
  Problem problem;
  /// For each buffer of the problem those of the model that share its place.
  std::vector<std::vector<uint32_t>> members;
};

/// Passes decisions on under the indices of the model.
class Renumber : public Observer {
public:
  Renumber(Observer &observer, const Reduced &reduced)
      : observer(observer), reduced(reduced) {}

  void tried(size_t part, const std::string &strategy,
             std::optional<uint64_t> peak, bool isKept) override {
    observer.tried(part, strategy, peak, isKept);
  }
  void placed(uint32_t buffer, uint64_t offset,
              const std::vector<Rejection> &rejected) override {
    std::vector<Rejection> renumbered = rejected;
    for (Rejection &rejection : renumbered)
      rejection.blocker = reduced.members[rejection.blocker].front();
    for (uint32_t member : reduced.members[buffer])
      observer.placed(member, offset, renumbered);
  }

private:
  Observer &observer;
  const Reduced &reduced;
};
} // namespace

/// For each buffer the first of those that it shares its place with.
static std::vector<uint32_t> findLeaders(const Model &model) {
  std::vector<uint32_t> leaders(model.buffers.size());
  std::iota(leaders.begin(), leaders.end(), 0);
  auto find = [&](uint32_t index) {
    while (leaders[index] != index)
      index = leaders[index] = leaders[leaders[index]];
    return index;
  };
  for (const Group &group : model.groups)
    for (uint32_t index : group.buffers)
      if (group.shares) {
        uint32_t a = find(group.buffers.front()), b = find(index);
        leaders[std::max(a, b)] = std::min(a, b);
      }
  for (uint32_t i = 0; i < leaders.size(); ++i)
    leaders[i] = find(i);
  return leaders;
}

/// \param separates makes buffers that must not share live together.
static Reduced reduce(const Model &model, uint32_t space, bool separates) {
  const Space &properties = model.spaces[space];
  std::vector<uint32_t> leaders = findLeaders(model);
  std::vector<uint32_t> position(model.buffers.size());
  Reduced result;
  for (uint32_t i = 0; i < model.buffers.size(); ++i) {
    if (model.spaceOf[i] != space)
      continue;
    Buffer buffer = model.buffers[i];
    buffer.alignment = std::max(buffer.alignment, properties.granule);
    buffer.size = alignUp(buffer.size, properties.granule);
    if (leaders[i] == i) {
      position[i] = static_cast<uint32_t>(result.members.size());
      result.problem.buffers.push_back(buffer);
      result.members.push_back({i});
      continue;
    }
    position[i] = position[leaders[i]];
    result.members[position[i]].push_back(i);
    Buffer &whole = result.problem.buffers[position[i]];
    whole.lower = std::min(whole.lower, buffer.lower);
    whole.upper = std::max(whole.upper, buffer.upper);
    whole.size = std::max(whole.size, buffer.size);
    whole.alignment = std::max(whole.alignment, buffer.alignment);
    if (buffer.offset)
      whole.offset = buffer.offset;
  }
  // A buffer may be in several groups: extend until nothing changes.
  for (bool changes = separates; changes;) {
    changes = false;
    for (const Group &group : model.groups) {
      if (group.shares || group.buffers.empty() ||
          model.spaceOf[group.buffers.front()] != space)
        continue;
      int64_t lower = INT64_MAX, upper = INT64_MIN;
      for (uint32_t index : group.buffers) {
        const Buffer &buffer = result.problem.buffers[position[index]];
        lower = std::min(lower, buffer.lower);
        upper = std::max(upper, buffer.upper);
      }
      for (uint32_t index : group.buffers) {
        Buffer &buffer = result.problem.buffers[position[index]];
        changes |= buffer.lower != lower || buffer.upper != upper;
        buffer.lower = lower;
        buffer.upper = upper;
      }
    }
  }
  if (properties.capacity)
    result.problem.capacity = *properties.capacity - properties.reserve;
  return result;
}

std::vector<uint64_t> narae::memory::lowerBounds(const Model &model) {
  std::vector<uint64_t> bounds;
  for (uint32_t space = 0; space < model.spaces.size(); ++space)
    bounds.push_back(lowerBound(reduce(model, space, false).problem));
  for (const Group &group : model.groups) {
    uint64_t sum = 0;
    for (uint32_t index : group.buffers)
      sum += model.buffers[index].size;
    if (!group.shares && !group.buffers.empty()) {
      uint64_t &bound = bounds[model.spaceOf[group.buffers.front()]];
      bound = std::max(bound, sum);
    }
  }
  return bounds;
}

Solution narae::memory::allocate(const Model &model, const Options &options) {
  Solution solution;
  solution.offsets.resize(model.buffers.size());
  std::vector<uint64_t> bounds = lowerBounds(model);
  for (uint32_t space = 0; space < model.spaces.size(); ++space) {
    Reduced reduced = reduce(model, space, true);
    Options own = options;
    std::optional<Renumber> renumber;
    if (options.observer)
      own.observer = &renumber.emplace(*options.observer, reduced);
    Plan plan = allocate(reduced.problem, own);
    for (size_t i = 0; i < reduced.members.size(); ++i)
      for (uint32_t member : reduced.members[i])
        solution.offsets[member] = plan.offsets[i];
    plan.offsets.clear();
    // Of the problem as it was asked; the proof holds for it alone.
    bool isExact = plan.lowerBound == bounds[space];
    plan.lowerBound = bounds[space];
    std::optional<uint64_t> capacity = reduced.problem.capacity;
    plan.isProvenTooLarge = (plan.isProvenTooLarge && isExact) ||
                            (capacity && plan.lowerBound > *capacity);
    solution.spaces.push_back(plan);
  }
  return solution;
}

std::vector<std::string> narae::memory::check(const Model &model) {
  std::vector<std::string> errors;
  auto nameOf = [&](uint32_t index) {
    const std::string &name = model.buffers[index].name;
    return name.empty() ? "buffer #" + std::to_string(index)
                        : "buffer '" + name + "'";
  };
  for (const Space &space : model.spaces) {
    std::string prefix = "space '" + space.name + "': ";
    if (space.granule == 0 || (space.granule & (space.granule - 1)) != 0)
      errors.push_back(prefix + "the granule " + std::to_string(space.granule) +
                       " is no power of two");
    if (space.capacity && *space.capacity == 0)
      errors.push_back(prefix + "the capacity is zero");
    else if (space.capacity && space.reserve >= *space.capacity)
      errors.push_back(prefix + "the reserve " + std::to_string(space.reserve) +
                       " leaves nothing of the capacity " +
                       std::to_string(*space.capacity));
  }
  if (model.spaceOf.size() != model.buffers.size()) {
    errors.push_back("there are " + std::to_string(model.spaceOf.size()) +
                     " spaces for " + std::to_string(model.buffers.size()) +
                     " buffers");
    return errors;
  }
  for (uint32_t i = 0; i < model.buffers.size(); ++i)
    if (model.spaceOf[i] >= model.spaces.size())
      errors.push_back(nameOf(i) + ": there is no space #" +
                       std::to_string(model.spaceOf[i]));
  for (size_t i = 0; i < model.groups.size(); ++i)
    for (uint32_t index : model.groups[i].buffers) {
      uint32_t first = model.groups[i].buffers.front();
      std::string prefix = "group #" + std::to_string(i) + ": ";
      if (index >= model.buffers.size() || first >= model.buffers.size())
        errors.push_back(prefix + "there is no buffer #" +
                         std::to_string(index));
      else if (model.spaceOf[index] != model.spaceOf[first])
        errors.push_back(prefix + nameOf(index) + " and " + nameOf(first) +
                         " are in different spaces");
    }
  if (!errors.empty())
    return errors;

  std::vector<uint32_t> leaders = findLeaders(model);
  std::vector<std::optional<uint32_t>> fixed(model.buffers.size());
  for (uint32_t i = 0; i < model.buffers.size(); ++i) {
    if (!model.buffers[i].offset)
      continue;
    std::optional<uint32_t> &other = fixed[leaders[i]];
    if (other && model.buffers[*other].offset != model.buffers[i].offset)
      errors.push_back(nameOf(*other) + " and " + nameOf(i) +
                       " share their place but have the fixed offsets " +
                       std::to_string(*model.buffers[*other].offset) + " and " +
                       std::to_string(*model.buffers[i].offset));
    other = i;
  }
  for (const Group &group : model.groups) {
    if (group.shares)
      continue;
    for (size_t i = 0; i < group.buffers.size(); ++i)
      for (size_t j = 0; j < i; ++j)
        if (leaders[group.buffers[i]] == leaders[group.buffers[j]])
          errors.push_back(nameOf(group.buffers[j]) + " and " +
                           nameOf(group.buffers[i]) +
                           " must share and must not share");
  }
  for (uint32_t i = 0; i < model.buffers.size(); ++i) {
    // Merging buffers would hide these.
    if (model.buffers[i].lower >= model.buffers[i].upper)
      errors.push_back(nameOf(i) + ": the lifetime [" +
                       std::to_string(model.buffers[i].lower) + ", " +
                       std::to_string(model.buffers[i].upper) + ") is empty");
    if (model.buffers[i].size > uint64_t(1) << 61)
      errors.push_back(nameOf(i) + ": the size " +
                       std::to_string(model.buffers[i].size) +
                       " exceeds 2^61 bytes");
    uint64_t alignment = model.buffers[i].alignment;
    if (alignment == 0 || (alignment & (alignment - 1)) != 0)
      errors.push_back(nameOf(i) + ": the alignment " +
                       std::to_string(alignment) + " is no power of two");
  }
  if (!errors.empty())
    return errors;
  for (uint32_t space = 0; space < model.spaces.size(); ++space)
    for (const std::string &error : check(reduce(model, space, true).problem))
      errors.push_back("space '" + model.spaces[space].name + "': " + error);
  return errors;
}
