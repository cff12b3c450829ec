//===- VerifySpaces.cpp - Defects of plans of spaces ----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Shares no code with the planner and the event model on purpose: versions of
// values are followed, bytes compared in pairs, times compared with what they
// wait for.
//
//===----------------------------------------------------------------------===//

#include "lib/memory/spaces/Spaces.h"

#include <algorithm>

using namespace narae::memory;

namespace {
class Verifier {
public:
  Verifier(const SpacesProblem &problem, const SpacesPlan &plan)
      : problem(problem), plan(plan) {}

  std::vector<std::string> run();

private:
  void checkShapes();
  void checkValues(uint32_t tensor);
  void checkRecompute(const Stay &stay);
  void checkMemory();
  void checkSteps();
  void checkTransfers();
  void fail(const Stay &stay, const std::string &what) {
    errors.push_back("tensor '" + problem.tensors[stay.tensor].name +
                     "' near in steps [" + std::to_string(stay.first) + ", " +
                     std::to_string(stay.last) + "]: " + what);
  }

  const SpacesProblem &problem;
  const SpacesPlan &plan;
  std::vector<std::string> errors;
};
} // namespace

void Verifier::checkShapes() {
  for (const Stay &stay : plan.stays)
    if (stay.tensor >= problem.tensors.size() || stay.begin > stay.first ||
        stay.first > stay.last || stay.last > stay.end ||
        stay.end >= problem.steps.size())
      errors.push_back("a stay that is no interval of steps");
  if (plan.timeline.stepStart.size() != problem.steps.size() ||
      plan.timeline.stepEnd.size() != problem.steps.size())
    errors.push_back("the timeline has not every step once");
  for (const Transfer &transfer : plan.timeline.transfers)
    if (transfer.stay >= plan.stays.size())
      errors.push_back("a copy of nothing");
}

static bool contains(const std::vector<uint32_t> &list, uint32_t value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

/// Follows the versions of a tensor: which one is near, which one home has.
void Verifier::checkValues(uint32_t index) {
  const Tensor &tensor = problem.tensors[index];
  std::vector<const Stay *> stays;
  for (const Stay &stay : plan.stays)
    if (stay.tensor == index)
      stays.push_back(&stay);
  std::sort(stays.begin(), stays.end(),
            [](const Stay *a, const Stay *b) { return a->first < b->first; });
  int version = tensor.startsHome ? 0 : -1, near = -2, home = version;
  size_t next = 0;
  const Stay *now = nullptr;
  for (uint32_t s = 0; s < problem.steps.size(); ++s) {
    if (next < stays.size() && stays[next]->first == s) {
      now = stays[next++];
      if (next > 1 && stays[next - 2]->end >= now->begin)
        fail(*now, "overlaps its own last stay");
      if (now->arrival == Arrival::Load) {
        if (home == -1 || home != version)
          fail(*now, "copied from home, which does not have its value");
        if (now->begin < tensor.knownFrom)
          fail(*now, "copied before it is known to be needed");
        near = home;
      } else if (now->arrival == Arrival::Recompute) {
        if (!tensor.recompute)
          fail(*now, "computed again, which it cannot be");
        if (version == -1)
          fail(*now, "computed again before it was computed");
        checkRecompute(*now);
        near = version;
      } else {
        near = -2;
      }
    }
    bool reads = contains(problem.steps[s].reads, index);
    bool writes = contains(problem.steps[s].writes, index);
    if ((reads || writes) && (!now || now->last < s)) {
      errors.push_back("step '" + problem.steps[s].name + "' uses '" +
                       tensor.name + "', which is not near");
      return;
    }
    if (reads && near != version)
      fail(*now, "step '" + problem.steps[s].name + "' reads an old value");
    if (writes)
      near = ++version;
    if (now && now->last == s && now->isSpilled)
      home = near;
  }
  if (tensor.endsHome && version >= 0 && home != version)
    errors.push_back("home lacks the last value of '" + tensor.name + "'");
}

/// What it is computed from is near, and was before its first step.
void Verifier::checkRecompute(const Stay &stay) {
  for (uint32_t from : problem.tensors[stay.tensor].recomputeFrom) {
    bool isNear = false;
    for (const Stay &other : plan.stays)
      isNear |= other.tensor == from && other.first <= stay.first &&
                stay.first <= other.last &&
                (other.first < stay.first || other.arrival == Arrival::Load);
    if (!isNear)
      fail(stay, "computed again without '" + problem.tensors[from].name + "'");
  }
}

void Verifier::checkMemory() {
  for (size_t i = 0; i < plan.stays.size(); ++i) {
    const Stay &a = plan.stays[i];
    uint64_t size = problem.tensors[a.tensor].size;
    if (a.offset % problem.space.alignment)
      fail(a, "not aligned");
    if (a.offset > problem.space.capacity ||
        size > problem.space.capacity - a.offset)
      fail(a, "beyond the end of the space");
    for (size_t j = i + 1; j < plan.stays.size(); ++j) {
      const Stay &b = plan.stays[j];
      bool together = a.begin <= b.end && b.begin <= a.end;
      if (together && a.offset < b.offset + problem.tensors[b.tensor].size &&
          b.offset < a.offset + size)
        fail(a, "shares memory with '" + problem.tensors[b.tensor].name + "'");
    }
  }
}

void Verifier::checkSteps() {
  const Timeline &t = plan.timeline;
  std::vector<Ticks> work;
  for (const ScheduleStep &step : problem.steps)
    work.push_back(step.compute);
  for (const Stay &stay : plan.stays)
    if (stay.arrival == Arrival::Recompute)
      work[stay.first] += *problem.tensors[stay.tensor].recompute;
  for (size_t s = 0; s < work.size(); ++s) {
    Ticks before = s ? t.stepEnd[s - 1] : 0;
    if (t.stepStart[s] < before || t.stepEnd[s] != t.stepStart[s] + work[s])
      errors.push_back("step '" + problem.steps[s].name +
                       "' is not in its time");
    if (t.total < t.stepEnd[s])
      errors.push_back("the end comes before that of step '" +
                       problem.steps[s].name + "'");
  }
}

void Verifier::checkTransfers() {
  const Timeline &t = plan.timeline;
  std::vector<int> in(plan.stays.size()), out(plan.stays.size());
  for (const Transfer &copy : t.transfers) {
    const Stay &stay = plan.stays[copy.stay];
    const NearSpace &space = problem.space;
    const Channel &channel = copy.isOut ? space.drain : space.fill;
    ++(copy.isOut ? out : in)[copy.stay];
    Ticks moving = Ticks(double(problem.tensors[stay.tensor].size) /
                         (channel.bandwidth * channel.efficiency) *
                         double(kTicksPerSecond));
    if (copy.end - copy.start < moving)
      fail(stay, "copied faster than the engine is");
    if (copy.channel >= (copy.isOut ? space.drainChannels : space.fillChannels))
      fail(stay, "copied by an engine that is not there");
    if (t.total < copy.end)
      fail(stay, "copied after the end");
    if (copy.isOut) {
      if (copy.start < t.stepEnd[stay.last])
        fail(stay, "saved before it is final");
      if (stay.end + 1 < problem.steps.size() &&
          t.stepStart[stay.end + 1] < copy.end)
        fail(stay, "still saved when its memory is another's");
    } else {
      if (stay.begin && copy.start < t.stepEnd[stay.begin - 1])
        fail(stay, "copied in before its memory is free");
      if (t.stepStart[stay.first] < copy.end)
        fail(stay, "used before it has arrived");
    }
    for (const Transfer &other : t.transfers) {
      if (&other == &copy)
        continue;
      if (other.isOut == copy.isOut && other.channel == copy.channel &&
          other.start < copy.end && copy.start < other.end)
        fail(stay, "shares its engine");
      // Memory that is copied out of is filled again only after that.
      const Stay &later = plan.stays[other.stay];
      bool reuses =
          copy.isOut && !other.isOut && later.begin > stay.end &&
          later.offset < stay.offset + problem.tensors[stay.tensor].size &&
          stay.offset < later.offset + problem.tensors[later.tensor].size;
      if ((reuses || (copy.isOut && !other.isOut &&
                      later.tensor == stay.tensor && later.begin > stay.end)) &&
          other.start < copy.end)
        fail(later, "copied in before '" + problem.tensors[stay.tensor].name +
                        "' is saved");
    }
  }
  for (size_t i = 0; i < plan.stays.size(); ++i)
    if (in[i] != (plan.stays[i].arrival == Arrival::Load) ||
        out[i] != plan.stays[i].isSpilled)
      fail(plan.stays[i], "not copied as often as it should be");
}

std::vector<std::string> Verifier::run() {
  checkShapes();
  if (!errors.empty())
    return std::move(errors);
  for (uint32_t i = 0; i < problem.tensors.size(); ++i)
    checkValues(i);
  checkMemory();
  checkSteps();
  checkTransfers();
  return std::move(errors);
}

std::vector<std::string> narae::memory::verify(const SpacesProblem &problem,
                                               const SpacesPlan &plan) {
  return Verifier(problem, plan).run();
}
