//===- Part.h - An independent part of a problem -------------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Internal to the planner: what the strategies share.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_MEMORY_PLANNER_PART_H
#define NARAE_MEMORY_PLANNER_PART_H

#include "lib/memory/planner/Planner.h"

#include <atomic>

namespace narae::memory {

inline uint64_t alignUp(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) & ~(alignment - 1);
}

/// A buffer of a part. Time is compressed to sections between the events of
/// the part, numbered from 0.
struct Item {
  uint32_t lower, upper;
  uint64_t size, alignment;
  std::optional<uint64_t> fixed;
  uint32_t buffer; ///< index in the problem
};

/// Bytes times sections, which may exceed 64 bits.
inline double areaOf(const Item &item) {
  return static_cast<double>(item.size) * (item.upper - item.lower);
}

/// Buffers that share no time with the others of the problem.
struct Part {
  /// In ascending order of `lower`.
  std::vector<Item> items;
  uint32_t numSections = 0;
  /// The number of pairs of items that overlap in time.
  uint64_t numOverlaps = 0;
  /// No plan of the part has a smaller peak.
  uint64_t lowerBound = 0;
};

/// Offsets of the items of a part.
struct PartPlan {
  std::vector<uint64_t> offsets;
  uint64_t peak = UINT64_MAX;
  const char *strategy = "";
};

/// Divides the problem at times where nothing is live. Buffers without a
/// lifetime are left out.
std::vector<Part> divide(const Problem &problem);

/// Which gap an item takes; above all others when it fits into none.
enum class Fit { First, Best };

/// Answers which placed items overlap an item in time, and places items.
class Placer {
public:
  explicit Placer(const Part &part);

  /// Places the items in the given order after those with fixed offsets.
  /// Returns false when the peak would pass `limit` or the steps taken
  /// `budget`, which is reduced by them; the offsets are of no use then.
  bool place(const std::vector<uint32_t> &order, Fit fit, uint64_t limit,
             uint64_t &budget, PartPlan &plan);

  /// Places each item on top of what is already there, in O(log n) an item.
  void stack(const std::vector<uint32_t> &order, PartPlan &plan);

private:
  void collect(uint32_t item);
  void collectBelow(uint32_t node, uint32_t begin, uint32_t end,
                    uint32_t numStarted, uint32_t lower);
  void insert(uint32_t item);
  uint64_t findOffset(const Item &item, Fit fit);

  const Part &part;
  /// The overlapping items of each, when there are few enough in all.
  std::vector<uint32_t> neighbours, firstNeighbour;
  /// When most pairs overlap, the placed items in ascending order of offset.
  struct Place {
    uint64_t offset, end;
    uint32_t lower, upper;
  };
  bool isDense = false;
  std::vector<Place> places;
  /// Otherwise a segment tree over the items with the largest `upper` of those
  /// that are placed.
  std::vector<uint32_t> largestUpper;
  uint32_t numLeaves = 1;
  std::vector<char> isPlaced;
  std::vector<uint64_t> offsets;
  /// Offset and end of the items collected.
  std::vector<std::pair<uint64_t, uint64_t>> occupied;
  uint64_t steps = 0;
};

/// The best of several orders. Always finds a plan: orders that the budget does
/// not suffice for are stacked.
/// \param observer may be null; is told of each order as of part `index`.
PartPlan placeGreedily(const Part &part, uint64_t budget,
                       Observer *observer = nullptr, size_t index = 0);

/// Tells the observer where each buffer lies and why not lower.
void explain(const Problem &problem, const Plan &plan, Observer &observer);

/// Local search over orders from that of `plan` until the peak is at most
/// `target` or `budget` is used up.
void improve(const Part &part, uint64_t target, uint64_t &budget,
             PartPlan &plan);

/// The sequence 1, 1, 2, 1, 1, 2, 4, ... from index 1 of Luby, Sinclair and
/// Zuckerman.
uint64_t luby(uint64_t index);

/// Whether the bytes live at any time are the part's bound, without paddings
/// and fixed offsets.
bool isFull(const Part &part);

/// Looks for a plan without a gap of a part that `isFull`. Sets `plan` when it
/// finds one, otherwise `partial` to offsets up to some time, `UINT64_MAX` for
/// items that start later. `budget` is reduced by the steps taken.
bool packPerfectly(const Part &part, uint64_t &budget, PartPlan &plan,
                   std::vector<uint64_t> &partial);

enum class SearchResult { Found, Infeasible, OutOfBudget };

/// One run of the complete search: whether there is a plan whose peak is at
/// most `target`. `variant` selects the order of decisions. `budget` is reduced
/// by the steps taken. A run that is cancelled ends as out of budget. When the
/// budget ran out, `deepest` are the offsets of the best partial plan,
/// `UINT64_MAX` for what is not in it.
SearchResult searchVariant(const Part &part, uint64_t target, uint64_t variant,
                           uint64_t &budget,
                           const std::atomic<bool> &isCancelled,
                           std::vector<uint64_t> &offsets,
                           std::vector<uint64_t> &deepest);

/// Complete search for a plan whose peak is at most `target`: variants take
/// turns, two at a time where there are threads for it. The result does not
/// depend on the number of threads (0: as many as the machine has). Sets `plan`
/// only when it finds one. Gives up at once on large parts.
SearchResult search(const Part &part, uint64_t target, uint64_t &budget,
                    PartPlan &plan, uint32_t threads = 0);

/// Packs a part of many items by complete searches of one stretch of time after
/// the other, in which what was placed before stays where it is. Sets `plan`
/// when that is better. `budget` is reduced by the steps taken.
void packByTime(const Part &part, uint64_t target, uint64_t &budget,
                PartPlan &plan, uint32_t threads = 0);

} // namespace narae::memory

#endif // NARAE_MEMORY_PLANNER_PART_H
