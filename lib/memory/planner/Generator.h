//===- Generator.h - Problems with known perfect plans -------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_MEMORY_PLANNER_GENERATOR_H
#define NARAE_MEMORY_PLANNER_GENERATOR_H

#include "lib/memory/planner/Planner.h"

namespace narae::memory {

/// How the rectangle of all times and all addresses is divided.
enum class Pattern {
  /// A piece is cut in two, at a random time or address, again and again.
  Cuts,
  /// Also into five around a middle, which no straight cuts can make.
  Spirals,
  /// As a heap that is always full: some neighbours end at a time and others
  /// take their room. `duration` is not used.
  Heap
};

/// What to generate.
struct GeneratorOptions {
  uint32_t numBuffers = 100;
  /// Length of the time axis; the more, the longer it can be cut.
  int64_t duration = 1000;
  /// Bytes, a multiple of `alignment`: the capacity of the problem.
  uint64_t capacity = 1 << 20;
  /// Of every buffer; sizes are multiples of it.
  uint64_t alignment = 1;
  uint64_t seed = 0;
  Pattern pattern = Pattern::Cuts;
};

/// A problem and a plan without a gap for it.
struct GeneratedProblem {
  Problem problem;
  Plan solution;
};

/// Cuts the rectangle of all times and all addresses into buffers, in random
/// order, so that the peak of the solution, the capacity and the lower bound
/// are equal. The same options give the same problem on every platform. Has
/// fewer buffers than asked when no piece can be cut further.
GeneratedProblem generate(const GeneratorOptions &options);

} // namespace narae::memory

#endif // NARAE_MEMORY_PLANNER_GENERATOR_H
