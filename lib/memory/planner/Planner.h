//===- Planner.h - Offsets for buffers with lifetimes --------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The planner places buffers, each live during a half-open interval of time,
// in one flat address space so that no two live buffers overlap. It knows
// nothing of LLVM, MLIR or models; it is deterministic and never reads a
// clock: effort is bounded by counted steps.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_MEMORY_PLANNER_PLANNER_H
#define NARAE_MEMORY_PLANNER_PLANNER_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace narae::memory {

/// A buffer to place.
struct Buffer {
  /// Shown in messages and written as the `id` column of CSV files.
  std::string name;
  /// First time at which the buffer is live.
  int64_t lower = 0;
  /// First time at which it no longer is; greater than `lower`.
  int64_t upper = 0;
  /// Bytes. A buffer of zero bytes overlaps nothing.
  uint64_t size = 0;
  /// A power of two that divides the offset.
  uint64_t alignment = 1;
  /// When set, the offset that the plan must use.
  std::optional<uint64_t> offset;
};

/// What to place, and where it has to fit.
struct Problem {
  std::vector<Buffer> buffers;
  /// Bytes available. `allocate` stops improving a plan that fits.
  std::optional<uint64_t> capacity;
};

/// Where a buffer cannot lie, because of another one.
struct Rejection {
  uint64_t offset;
  /// Index of the lowest buffer in the way.
  uint32_t blocker;
};

/// Is told what `allocate` decides.
class Observer {
public:
  virtual ~Observer() = default;
  /// An order or a search was tried on an independent part of the problem.
  /// \param peak of its plan; none when it was given up above the best peak.
  virtual void tried(size_t part, const std::string &strategy,
                     std::optional<uint64_t> peak, bool isKept) = 0;
  /// The final place of a buffer, in ascending order of offset, and the lower
  /// offsets at the ground and on other buffers where it does not fit; at most
  /// `kMaxRejections`.
  virtual void placed(uint32_t buffer, uint64_t offset,
                      const std::vector<Rejection> &rejected) = 0;
  static constexpr size_t kMaxRejections = 16;
};

/// How much work `allocate` may do.
struct Options {
  /// Steps spent on improving the best greedy plan, over all independent parts
  /// of the problem together. A step is one look at a placed buffer or at one
  /// section of time; about a thousand million of them take a second. Zero
  /// returns the best greedy plan.
  uint64_t budget = 13'000'000;
  /// Steps that the greedy orders of one independent part may take together.
  /// When they do not suffice, the rest of the orders stack buffers without
  /// looking for gaps. Reached by parts of about a hundred thousand buffers.
  uint64_t greedyBudget = 600'000'000;
  /// At most so many threads; 0: as many as the machine has. The plan does not
  /// depend on it.
  uint32_t threads = 0;
  /// When set, is told every decision, from the calling thread.
  Observer *observer = nullptr;
};

/// Offsets for the buffers of a problem, in its order.
struct Plan {
  std::vector<uint64_t> offsets;
  /// Largest `offset + size`, in bytes.
  uint64_t peak = 0;
  /// `lowerBound` of the problem: no plan has a smaller peak.
  uint64_t lowerBound = 0;
  /// What found the part of the plan with the highest peak: "size, first fit",
  /// "improved", "search".
  std::string strategy;
  /// True when no plan fits the problem's capacity: the lower bound passes it,
  /// or the complete search found none. False when the plan fits, and when the
  /// budget ended before either was known.
  bool isProvenTooLarge = false;

  /// True when no plan can have a smaller peak.
  bool isOptimal() const { return peak == lowerBound; }
};

/// Places the buffers of `problem`. The plan is the best of several greedy
/// orders, improved within `options.budget`; it is never worse than the best
/// greedy plan. Improving ends at the capacity, or at the lower bound when
/// there is none. The plan may exceed the capacity: compare `peak`. For a
/// problem in which `check` finds nothing and a plan that fits its capacity,
/// `verify` finds nothing. Fixed offsets are kept whatever they are.
Plan allocate(const Problem &problem, const Options &options = {});

/// Bytes that every valid plan needs: the maximum over time of the sizes that
/// are live together, counting the padding that alignment forces between them,
/// and the highest end of a buffer with a fixed offset.
uint64_t lowerBound(const Problem &problem);

/// What is wrong with the problem itself, one message a defect: a capacity of
/// zero, empty lifetimes, sizes that add up to more than 2^61 bytes (a quarter
/// of what 64 bits hold, so that no sum overflows), alignments that are no
/// power of two, fixed offsets that are not aligned, that overlap each other or
/// that pass the capacity.
std::vector<std::string> check(const Problem &problem);

/// What is wrong with the plan, one message a defect; empty when it is valid.
/// Shares no code with the planner. Checks the problem too (see `check`), the
/// number of offsets, overlap in time and space, alignment, fixed offsets, the
/// capacity and the stated peak. For an invalid plan at least one overlap is
/// listed, not necessarily all of them.
std::vector<std::string> verify(const Problem &problem, const Plan &plan);

} // namespace narae::memory

#endif // NARAE_MEMORY_PLANNER_PLANNER_H
