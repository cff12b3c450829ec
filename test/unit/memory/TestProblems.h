//===- TestProblems.h - Problems for the planner's tests ------ -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_TEST_UNIT_MEMORY_TESTPROBLEMS_H
#define NARAE_TEST_UNIT_MEMORY_TESTPROBLEMS_H

#include "lib/memory/planner/Planner.h"
#include "lib/memory/planner/Random.h"

namespace narae::memory {

/// Random lifetimes, sizes and alignments; every tenth buffer takes no space.
inline Problem makeRandomProblem(uint64_t seed, uint32_t numBuffers,
                                 int64_t duration) {
  Random random(seed);
  Problem problem;
  for (uint32_t i = 0; i < numBuffers; ++i) {
    Buffer buffer;
    buffer.name = "b" + std::to_string(i);
    buffer.lower = static_cast<int64_t>(random.below(duration)) - duration / 2;
    buffer.upper = buffer.lower + 1 +
                   static_cast<int64_t>(random.below(
                       random.below(4) == 0 ? duration : duration / 10 + 1));
    buffer.size = random.below(10) == 0 ? 0 : 1 + random.below(5000);
    buffer.alignment = uint64_t(1) << random.below(9);
    problem.buffers.push_back(buffer);
  }
  return problem;
}

} // namespace narae::memory

#endif // NARAE_TEST_UNIT_MEMORY_TESTPROBLEMS_H
