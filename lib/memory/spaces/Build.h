//===- Build.h - Stays from choices --------------------------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Internal to the planner of spaces.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_MEMORY_SPACES_BUILD_H
#define NARAE_MEMORY_SPACES_BUILD_H

#include "lib/memory/spaces/Spaces.h"

#include <map>

namespace narae::memory {

/// What happens to a tensor between two steps that use it.
enum class Gap { Keep, Leave, Recompute };

/// By tensor and the step that uses it next. What is not there is kept.
using Choices = std::map<std::pair<uint32_t, uint32_t>, Gap>;

/// A use of a tensor by a step.
struct Use {
  uint32_t step;
  bool reads, writes;
};

/// Uses in the order of steps, those by computing again included.
std::vector<std::vector<Use>> usesOf(const SpacesProblem &problem,
                                     const Choices &choices);

/// The stays that the choices make, each as short as can be: copies in begin
/// when their step could start, copies out end before the next step. False
/// when a step needs more than there is.
bool buildStays(const SpacesProblem &problem, const Choices &choices,
                std::vector<Stay> &stays);

/// Lengthens stays so that copies overlap with computing, within the capacity.
void prefetch(const SpacesProblem &problem, uint64_t capacity,
              std::vector<Stay> &stays);

/// Bytes near during each step.
std::vector<uint64_t> occupancy(const SpacesProblem &problem,
                                const std::vector<Stay> &stays);

/// Bytes that a tensor takes in the near space.
inline uint64_t nearBytes(const SpacesProblem &problem, uint32_t tensor) {
  uint64_t alignment = problem.space.alignment;
  return (problem.tensors[tensor].size + alignment - 1) & ~(alignment - 1);
}

} // namespace narae::memory

#endif // NARAE_MEMORY_SPACES_BUILD_H
