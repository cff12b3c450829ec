//===- Placement.h - Stacks, bank sets and leading dimensions ---*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Where software decides which stack of memory holds what. Each buffer is dealt
// out over the stacks, so that all of them serve a step together; in a stack,
// weights, caches and activations get banks of their own, so that streams that
// run at the same time do not close each other's rows; and matrices get leading
// dimensions that do not come back to the same bank. No LLVM, no MLIR.
//===----------------------------------------------------------------------===//

#ifndef NARAE_MEMORY_PLACEMENT_PLACEMENT_H
#define NARAE_MEMORY_PLACEMENT_PLACEMENT_H

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace narae::placement {

/// The stacks of one device, all alike, and what is inside of one.
struct Organisation {
  int64_t stacks = 1;
  uint64_t capacity = 0, reserve = 0; ///< bytes of a stack
  uint64_t granule = 1;               ///< of allocations, bytes
  /// From the low bits of an address up: `interleave` bytes in a channel, the
  /// channels, the banks of each. Zero channels: not known.
  int64_t channels = 0, banks = 0;
  uint64_t interleave = 0;
  /// Sets of banks that the top bits of an address select. A set has banks of
  /// every bank group: a stream in a single group waits tCCD_L for each column.
  int64_t bankSets = 1;

  /// Bytes after which addresses come back to the same bank, in a new row.
  uint64_t period() const { return interleave * channels * banks; }
};

/// What runs at the same time.
enum class Stream { Weights, Cache, Activations };
inline constexpr size_t streams = 3;

struct Item {
  std::string name;
  Stream stream = Stream::Weights;
  /// Whole parts that may lie in different stacks: rows, heads, experts.
  int64_t units = 1;
  double unitBytes = 0;
  /// Rows of a unit that follow each other in memory and are read side by
  /// side, and the bytes of one. No rows: it is read in one piece.
  int64_t rows = 0;
  double rowBytes = 0;
};

/// A stream's part of a stack.
struct Region {
  Stream stream = Stream::Weights;
  double offset = 0, bytes = 0; ///< with padding, before rounding
  int64_t firstSet = 0, lastSet = 0;
};

struct StackUse {
  std::array<double, streams> bytes{}; ///< without padding
  double padding = 0;
  std::vector<Region> regions; ///< those that are not empty, by offset
  double peak = 0;             ///< the regions, each in whole granules
  /// Share of the bytes that lie in a bank set with another stream's.
  double shared = 0;
};

/// A matrix whose rows were moved apart.
struct Padded {
  std::string name;
  uint64_t from = 0, to = 0; ///< bytes from a row to the next
};

struct Placement {
  std::vector<StackUse> stacks;
  size_t tightest = 0; ///< the stack with the highest peak
  std::vector<Padded> padded;
  bool fits(const Organisation &organisation) const;
};

/// Pairs of a channel and a bank that rows `stride` bytes apart visit before
/// they come back: period / gcd(period, stride), at most channels x banks.
int64_t placesOfStride(const Organisation &organisation, uint64_t stride);

/// The least distance of rows, at least `rowBytes`, at which rows visit all
/// channels and banks. `rowBytes` itself where channels are not known.
uint64_t paddedRow(const Organisation &organisation, uint64_t rowBytes);

/// Deals the items out. Each stack gets units / stacks of an item; what is left
/// goes, the largest first, to the stack with the fewest bytes, so that no two
/// differ by more than the largest unit.
Placement place(const Organisation &organisation,
                const std::vector<Item> &items);

/// "0", "0-2".
std::string toString(const Region &region);

} // namespace narae::placement

#endif // NARAE_MEMORY_PLACEMENT_PLACEMENT_H
