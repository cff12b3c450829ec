//===- Spaces.cpp - Problems, bounds and plans for people -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/planner/Planner.h"
#include "lib/memory/spaces/Choose.h"

#include <algorithm>
#include <cstdio>
#include <set>

using namespace narae::memory;

static bool isRate(const Channel &channel) {
  return channel.bandwidth > 0 && channel.efficiency > 0 &&
         channel.efficiency <= 1 && channel.startup >= 0;
}

static void checkTensor(const SpacesProblem &problem, const Tensor &tensor,
                        std::vector<std::string> &problems) {
  if (tensor.recompute && *tensor.recompute < 0)
    problems.push_back("tensor '" + tensor.name +
                       "': computing it again takes less than no time");
  for (uint32_t from : tensor.recomputeFrom)
    if (from >= problem.tensors.size())
      problems.push_back("tensor '" + tensor.name +
                         "' is computed from tensor " + std::to_string(from) +
                         ", which there is not");
}

std::vector<std::string> narae::memory::check(const SpacesProblem &problem) {
  std::vector<std::string> problems;
  const NearSpace &space = problem.space;
  if (!isRate(space.fill) || !isRate(space.drain))
    problems.push_back("space '" + space.name +
                       "': rates must be above 0, efficiencies at most 1");
  if (space.fillChannels == 0 || space.drainChannels == 0)
    problems.push_back("space '" + space.name + "': no DMA engine");
  if (space.alignment == 0 || (space.alignment & (space.alignment - 1)))
    problems.push_back("space '" + space.name +
                       "': the alignment is no power of two");
  for (const Tensor &tensor : problem.tensors)
    checkTensor(problem, tensor, problems);
  if (!problems.empty())
    return problems;
  std::vector<uint32_t> writes(problem.tensors.size());
  for (const ScheduleStep &step : problem.steps) {
    std::set<uint32_t> touched;
    if (step.compute < 0)
      problems.push_back("step '" + step.name + "' takes less than no time");
    for (const auto *list : {&step.reads, &step.writes})
      for (uint32_t t : *list) {
        if (t >= problem.tensors.size())
          problems.push_back("step '" + step.name + "' uses tensor " +
                             std::to_string(t) + ", which there is not");
        else
          touched.insert(t);
      }
    for (uint32_t t : step.reads)
      if (t < writes.size() && !writes[t] && !problem.tensors[t].startsHome)
        problems.push_back("step '" + step.name + "' reads tensor '" +
                           problem.tensors[t].name +
                           "', which nothing has written");
    for (uint32_t t : step.writes)
      if (t < writes.size())
        ++writes[t];
    uint64_t need = 0;
    for (uint32_t t : touched)
      need += nearBytes(problem, t);
    if (need > space.capacity)
      problems.push_back("step '" + step.name + "' needs " +
                         std::to_string(need) + " bytes near, '" + space.name +
                         "' has " + std::to_string(space.capacity) +
                         ": divide it into smaller steps");
  }
  for (uint32_t t = 0; t < problem.tensors.size(); ++t) {
    const Tensor &tensor = problem.tensors[t];
    if (!tensor.recompute)
      continue;
    bool once = writes[t] == 1 && !tensor.startsHome;
    for (uint32_t from : tensor.recomputeFrom)
      once &= from != t && writes[from] + problem.tensors[from].startsHome == 1;
    if (!once)
      problems.push_back("tensor '" + tensor.name +
                         "' cannot be computed again: it or what it comes "
                         "from is written more than once");
  }
  return problems;
}

/// The copies of every plan: in, what is read before it is written; out, what
/// home must have at the end.
static void setBounds(const SpacesProblem &problem, SpacesPlan &plan) {
  Ticks in = 0, out = 0;
  auto uses = usesOf(problem, {});
  for (uint32_t t = 0; t < uses.size(); ++t) {
    if (uses[t].empty())
      continue;
    const Tensor &tensor = problem.tensors[t];
    bool isWritten = std::any_of(uses[t].begin(), uses[t].end(),
                                 [](const Use &use) { return use.writes; });
    if (uses[t].front().reads)
      in += transferTime(problem.space.fill, tensor.size);
    if (tensor.endsHome && isWritten)
      out += transferTime(problem.space.drain, tensor.size);
  }
  plan.trafficBound = std::max(
      (in + problem.space.fillChannels - 1) / problem.space.fillChannels,
      (out + problem.space.drainChannels - 1) / problem.space.drainChannels);
  for (const ScheduleStep &step : problem.steps)
    plan.computeBound += step.compute;
}

/// Offsets of stays. False when they do not fit, though their bytes do.
static bool place(const SpacesProblem &problem, SpacesPlan &plan) {
  Problem packing;
  packing.capacity = problem.space.capacity;
  for (const Stay &stay : plan.stays) {
    Buffer buffer;
    buffer.name = problem.tensors[stay.tensor].name;
    buffer.lower = stay.begin;
    buffer.upper = int64_t(stay.end) + 1;
    buffer.size = nearBytes(problem, stay.tensor);
    buffer.alignment = problem.space.alignment;
    packing.buffers.push_back(std::move(buffer));
  }
  Plan placed = allocate(packing);
  if (placed.peak > problem.space.capacity)
    return false;
  plan.peak = placed.peak;
  for (size_t i = 0; i < plan.stays.size(); ++i)
    plan.stays[i].offset = placed.offsets[i];
  return true;
}

SpacesPlan narae::memory::planSpaces(const SpacesProblem &problem,
                                     const SpacesOptions &options) {
  SpacesPlan plan;
  plan.problems = check(problem);
  if (!plan.problems.empty())
    return plan;
  setBounds(problem, plan);
  // Where the bytes fit but no placement is found, a little room helps.
  for (uint64_t percent : {100, 97, 93, 88, 80, 70}) {
    uint64_t capacity = problem.space.capacity / 100 * percent +
                        problem.space.capacity % 100 * percent / 100;
    plan.stays = searchStays(problem, capacity, options.budget, plan.timeline);
    if (problem.steps.empty() || (!plan.stays.empty() && place(problem, plan)))
      break;
    plan.stays.clear();
  }
  if (plan.stays.empty() && !problem.steps.empty()) {
    bool any = std::any_of(problem.steps.begin(), problem.steps.end(),
                           [](const ScheduleStep &step) {
                             return !step.reads.empty() || !step.writes.empty();
                           });
    if (any)
      plan.problems.push_back("found no placement in '" + problem.space.name +
                              "'");
    plan.timeline = simulate(problem, {});
    return plan;
  }
  for (const Stay &stay : plan.stays) {
    const Tensor &tensor = problem.tensors[stay.tensor];
    plan.loadedBytes += stay.arrival == Arrival::Load ? tensor.size : 0;
    plan.spilledBytes += stay.isSpilled ? tensor.size : 0;
    if (stay.arrival == Arrival::Recompute)
      plan.recomputed += *tensor.recompute;
  }
  return plan;
}

std::string narae::memory::toText(const SpacesProblem &problem,
                                  const SpacesPlan &plan) {
  std::string text;
  char line[256];
  auto add = [&](auto... arguments) {
    std::snprintf(line, sizeof(line), arguments...);
    text += line;
  };
  auto us = [](Ticks ticks) { return double(ticks) / 1e6; };
  for (const std::string &message : plan.problems)
    text += message + "\n";
  add("%s: %llu of %llu bytes; %.3f us, bound %.3f (compute %.3f, traffic "
      "%.3f)\n",
      problem.space.name.c_str(), (unsigned long long)plan.peak,
      (unsigned long long)problem.space.capacity, us(plan.timeline.total),
      us(plan.lowerBound()), us(plan.computeBound), us(plan.trafficBound));
  add("copied in %llu bytes, out %llu; computed again %.3f us\n",
      (unsigned long long)plan.loadedBytes,
      (unsigned long long)plan.spilledBytes, us(plan.recomputed));
  for (const Stay &stay : plan.stays) {
    static constexpr const char *kHow[] = {"load", "produce", "recompute"};
    add("  %-24.24s at %llu, steps [%u, %u]: %s",
        problem.tensors[stay.tensor].name.c_str(),
        (unsigned long long)stay.offset, stay.first, stay.last,
        kHow[int(stay.arrival)]);
    if (stay.arrival == Arrival::Load)
      add(" from step %u on", stay.begin);
    if (stay.isSpilled)
      add(", saved by the end of step %u", stay.end);
    text += "\n";
  }
  return text;
}
