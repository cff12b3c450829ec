//===- Spaces.h - What stays in fast memory, and what moves --- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A device computes on a small memory (a scratchpad, SRAM that cores share)
// over a large one, its home. DMA engines copy between the two while steps run.
// Given the final schedule of steps, a plan says during which steps each tensor
// stays near, when each copy may begin and must have arrived, what is saved to
// its home and brought back, and what is computed again instead; so that the
// modelled time is small. Effort is bounded by counted evaluations.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_MEMORY_SPACES_SPACES_H
#define NARAE_MEMORY_SPACES_SPACES_H

#include "lib/memory/cost/Cost.h"

#include <optional>
#include <string>
#include <vector>

namespace narae::memory {

/// A tensor of the schedule.
struct Tensor {
  std::string name;
  uint64_t size = 0; ///< bytes
  /// Its home holds its value when the schedule begins: weights, inputs,
  /// caches. All others are written before they are read.
  bool startsHome = false;
  /// Its home must hold its last value at the end: outputs, caches.
  bool endsHome = false;
  /// Steps before this one cannot know that it is needed: an expert's weights
  /// before the router has run. A copy begins in it at the earliest.
  uint32_t knownFrom = 0;
  /// Time to compute it again from tensors that are near; none when it cannot
  /// be. It and they are written once.
  std::optional<Ticks> recompute;
  std::vector<uint32_t> recomputeFrom;
};

/// One step: everything it touches is near while it runs.
struct ScheduleStep {
  std::string name;
  Ticks compute = 0;
  std::vector<uint32_t> reads, writes; ///< tensors; both when updated in place
};

/// The near memory, and what connects it with home.
struct NearSpace {
  std::string name;
  uint64_t capacity = 0;  ///< bytes that plans may use
  uint64_t alignment = 1; ///< of tensors in it, a power of two
  Channel fill, drain;    ///< one DMA engine of each direction
  uint32_t fillChannels = 1, drainChannels = 1;
};

struct SpacesProblem {
  NearSpace space;
  std::vector<Tensor> tensors;
  std::vector<ScheduleStep> steps;
};

/// How a tensor comes to be near.
enum class Arrival {
  Load,     ///< copied from home
  Produce,  ///< written by its first step, which does not read it
  Recompute ///< computed again before its first step
};

/// A tensor near during steps [first, last]. Its memory is its own during
/// steps [begin, end]: the copy in may run from where step `begin` could start
/// on, the copy out must have ended before step `end + 1` starts.
struct Stay {
  uint32_t tensor = 0;
  uint32_t begin = 0, first = 0, last = 0, end = 0;
  Arrival arrival = Arrival::Load;
  bool isSpilled = false; ///< copied home after step `last`
  uint64_t offset = 0;    ///< in the near space
};

/// A copy that a DMA engine makes.
struct Transfer {
  uint32_t stay = 0;
  bool isOut = false;
  uint32_t channel = 0; ///< of its direction
  Ticks start = 0, end = 0;
};

/// When everything happens.
struct Timeline {
  std::vector<Ticks> stepStart, stepEnd;
  std::vector<Transfer> transfers; ///< in the order in which they are issued
  Ticks total = 0;
};

struct SpacesPlan {
  std::vector<Stay> stays;
  Timeline timeline;
  uint64_t peak = 0; ///< bytes of the near space
  uint64_t loadedBytes = 0, spilledBytes = 0;
  Ticks recomputed = 0; ///< time spent on computing again
  /// No plan is faster than the computing, or than the copies that every plan
  /// makes.
  Ticks computeBound = 0, trafficBound = 0;
  Ticks lowerBound() const {
    return computeBound > trafficBound ? computeBound : trafficBound;
  }
  /// Why there is no plan; stays are empty then.
  std::vector<std::string> problems;
};

struct SpacesOptions {
  /// Plans that may be tried. Zero: the first one.
  uint64_t budget = 4000;
};

/// What is wrong with the problem, one message a defect: names that are not
/// there, reads of what nobody wrote, a step that needs more than the space
/// has, rates of zero.
std::vector<std::string> check(const SpacesProblem &problem);

/// Plans. `problems` of the result says what `check` finds.
SpacesPlan planSpaces(const SpacesProblem &problem,
                      const SpacesOptions &options = {});

/// The event model: when steps and copies run, given the stays. A step starts
/// when the one before has ended, copies for it have arrived, and copies out of
/// memory that is no longer reserved have ended. Copies are issued in the order
/// of `begin`, then `first`; each takes the engine that is free first.
Timeline simulate(const SpacesProblem &problem, const std::vector<Stay> &stays);

/// What is wrong with a plan, one message a defect. Shares no code with the
/// planner and the event model: follows values from home to near and back,
/// checks that memory is never shared, and that the timeline keeps order.
std::vector<std::string> verify(const SpacesProblem &problem,
                                const SpacesPlan &plan);

/// The plan for people: what stays, what moves when, bounds.
std::string toText(const SpacesProblem &problem, const SpacesPlan &plan);

} // namespace narae::memory

#endif // NARAE_MEMORY_SPACES_SPACES_H
