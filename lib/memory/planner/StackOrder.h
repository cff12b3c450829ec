//===- StackOrder.h - Plans for sizes known later ------------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Sizes that depend on dynamic dimensions are known when the program runs. The
// plan for nominal sizes decides then only who lies below whom; an offset is
// the highest end of the buffers below, rounded up to the alignment.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_MEMORY_PLANNER_STACKORDER_H
#define NARAE_MEMORY_PLANNER_STACKORDER_H

#include "lib/memory/planner/Planner.h"

namespace narae::memory {

/// Who lies below whom. Of two buffers that overlap in time, one lies below
/// the other through a chain of `below`; so `evaluate` separates them whatever
/// their sizes are.
struct StackOrder {
  /// All buffers, each after those below it.
  std::vector<uint32_t> sequence;
  /// For each buffer those it rests on, in ascending order of index. Holds at
  /// most three entries a buffer on average.
  std::vector<std::vector<uint32_t>> below;
  /// Copied from the problem.
  std::vector<uint64_t> alignments;
  std::vector<std::optional<uint64_t>> fixed;
};

/// Offsets for given sizes.
struct Placement {
  std::vector<uint64_t> offsets;
  uint64_t peak = 0;
  /// Buffers with a fixed offset that is too low for the sizes below it. They
  /// are placed higher than they must be: the sizes are not acceptable.
  std::vector<uint32_t> displaced;
};

/// Reads the order off a plan without defects, in O(n log n).
StackOrder order(const Problem &problem, const Plan &plan);

/// `offset(b) = align(max(end of those below b), alignment(b))`, or the fixed
/// offset where that is higher. No two buffers that overlap in time overlap in
/// space. With the sizes of the plan, no offset is higher than the plan's.
/// \param sizes bytes, one for each buffer.
Placement evaluate(const StackOrder &order, const std::vector<uint64_t> &sizes);

} // namespace narae::memory

#endif // NARAE_MEMORY_PLANNER_STACKORDER_H
