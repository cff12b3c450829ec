//===- Generator.cpp - Problems with known perfect plans ------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/planner/Generator.h"
#include "lib/memory/planner/Random.h"

#include <algorithm>

using namespace narae::memory;

namespace {
/// A piece of the rectangle; addresses count units of the alignment.
struct Piece {
  int64_t lower, upper;
  uint64_t bottom, top;

  bool canCutTime() const { return upper - lower > 1; }
  bool canCutSpace() const { return top - bottom > 1; }
};
} // namespace

GeneratedProblem narae::memory::generate(const GeneratorOptions &options) {
  Random random(options.seed);
  uint64_t alignment = std::max<uint64_t>(options.alignment, 1);
  // Pieces that can be cut, and those that cannot.
  std::vector<Piece> open, closed;
  auto add = [&](const Piece &piece) {
    (piece.canCutTime() || piece.canCutSpace() ? open : closed)
        .push_back(piece);
  };
  add({0, std::max<int64_t>(options.duration, 1), 0,
       std::max<uint64_t>(options.capacity / alignment, 1)});
  while (open.size() + closed.size() < options.numBuffers && !open.empty()) {
    size_t index = random.below(open.size());
    Piece first = open[index], second = first;
    open[index] = open.back();
    open.pop_back();
    bool cutTime =
        first.canCutTime() && (!first.canCutSpace() || random.below(2) == 0);
    if (cutTime)
      first.upper = second.lower =
          first.lower + 1 +
          static_cast<int64_t>(random.below(first.upper - first.lower - 1));
    else
      first.top = second.bottom =
          first.bottom + 1 + random.below(first.top - first.bottom - 1);
    add(first);
    add(second);
  }
  open.insert(open.end(), closed.begin(), closed.end());
  for (size_t i = open.size(); i > 1; --i)
    std::swap(open[i - 1], open[random.below(i)]);

  GeneratedProblem result;
  for (const Piece &piece : open) {
    Buffer buffer;
    buffer.name = std::to_string(result.problem.buffers.size());
    buffer.lower = piece.lower;
    buffer.upper = piece.upper;
    buffer.size = (piece.top - piece.bottom) * alignment;
    buffer.alignment = alignment;
    result.problem.buffers.push_back(buffer);
    uint64_t offset = piece.bottom * alignment;
    result.solution.offsets.push_back(offset);
    result.solution.peak = std::max(result.solution.peak, offset + buffer.size);
  }
  result.problem.capacity = result.solution.peak;
  result.solution.lowerBound = result.solution.peak;
  result.solution.strategy = "generated";
  return result;
}
