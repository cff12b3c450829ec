//===- Model.h - Several spaces, and buffers that belong together - C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A model is reduced to one `Problem` a space. What `Problem` does not know is
// expressed in what it does: a granule is a size and an alignment, buffers that
// share are one buffer, buffers that must not share are live together.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_MEMORY_PLANNER_MODEL_H
#define NARAE_MEMORY_PLANNER_MODEL_H

#include "lib/memory/planner/Planner.h"

namespace narae::memory {

/// A memory with addresses from zero.
struct Space {
  std::string name;
  /// Bytes; unlimited when not set.
  std::optional<uint64_t> capacity;
  /// Bytes of the capacity, at its end, that no buffer may use.
  uint64_t reserve = 0;
  /// A power of two: offsets are multiples of it, and sizes are rounded up.
  uint64_t granule = 1;
};

/// Buffers of one space that belong together.
struct Group {
  std::vector<uint32_t> buffers;
  /// True: they have the same offset and may be live at the same time; the
  /// group takes the largest of its sizes and is live from the first to the
  /// last time of any. False: no two have a byte in common at any time.
  bool shares = true;
};

/// What to place and where.
struct Model {
  std::vector<Space> spaces;
  std::vector<Buffer> buffers;
  /// For each buffer its space.
  std::vector<uint32_t> spaceOf;
  std::vector<Group> groups;
};

/// The plans of all spaces.
struct Solution {
  /// For each buffer.
  std::vector<uint64_t> offsets;
  /// For each space its peak, lower bound and strategy; its offsets are empty.
  std::vector<Plan> spaces;
};

/// What is wrong with the model, one message a defect: those of
/// `check(Problem)` for each space, spaces without room, granules that are no
/// power of two, and groups that contradict each other, fixed offsets or
/// spaces.
std::vector<std::string> check(const Model &model);

/// Plans each space by itself. The model has no defects. The observer is told
/// of buffers by their index in the model.
Solution allocate(const Model &model, const Options &options = {});

/// For each space, bytes that every plan of it needs.
std::vector<uint64_t> lowerBounds(const Model &model);

/// What is wrong with the solution, one message a defect. Shares no code with
/// the planner.
std::vector<std::string> verify(const Model &model, const Solution &solution);

} // namespace narae::memory

#endif // NARAE_MEMORY_PLANNER_MODEL_H
