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

/// Divides a rectangle; addresses count units of the alignment.
class Divider {
public:
  explicit Divider(const GeneratorOptions &options)
      : options(options), random(options.seed),
        height(std::max<uint64_t>(
            options.capacity / std::max<uint64_t>(options.alignment, 1), 1)) {}

  std::vector<Piece> cut();
  std::vector<Piece> simulateHeap();

private:
  void add(const Piece &piece) {
    (piece.canCutTime() || piece.canCutSpace() ? open : closed)
        .push_back(piece);
  }
  /// A number of [lower + 1, upper), which is not empty.
  template <typename T>
  T between(T lower, T upper) {
    return lower + 1 +
           static_cast<T>(
               random.below(static_cast<uint64_t>(upper - lower) - 1));
  }
  void cutInTwo(Piece piece);
  void cutSpiral(const Piece &piece);
  void fill(uint64_t bottom, uint64_t top, uint64_t count, int64_t now,
            std::vector<Piece> &out);

  const GeneratorOptions &options;
  Random random;
  uint64_t height;
  /// Pieces that can be cut, and those that cannot.
  std::vector<Piece> open, closed;
};
} // namespace

void Divider::cutInTwo(Piece first) {
  Piece second = first;
  if (first.canCutTime() && (!first.canCutSpace() || random.below(2) == 0))
    first.upper = second.lower = between(first.lower, first.upper);
  else
    first.top = second.bottom = between(first.bottom, first.top);
  add(first);
  add(second);
}

/// Four pieces around one, each reaching past the end of the next.
void Divider::cutSpiral(const Piece &piece) {
  int64_t left = between(piece.lower, piece.upper - 1);
  int64_t right = between(left, piece.upper);
  uint64_t bottom = between(piece.bottom, piece.top - 1);
  uint64_t top = between(bottom, piece.top);
  add({left, right, bottom, top});
  if (random.below(2) == 0) {
    add({piece.lower, right, piece.bottom, bottom});
    add({right, piece.upper, piece.bottom, top});
    add({left, piece.upper, top, piece.top});
    add({piece.lower, left, bottom, piece.top});
  } else {
    add({left, piece.upper, piece.bottom, bottom});
    add({piece.lower, left, piece.bottom, top});
    add({piece.lower, right, top, piece.top});
    add({right, piece.upper, bottom, piece.top});
  }
}

std::vector<Piece> Divider::cut() {
  add({0, std::max<int64_t>(options.duration, 1), 0, height});
  while (open.size() + closed.size() < options.numBuffers && !open.empty()) {
    size_t index = random.below(open.size());
    Piece piece = open[index];
    open[index] = open.back();
    open.pop_back();
    // Both middles lie strictly inside with room for an edge on each side.
    bool hasRoom =
        piece.upper - piece.lower > 3 && piece.top - piece.bottom > 3;
    if (options.pattern == Pattern::Spirals && hasRoom && random.below(3) == 0)
      cutSpiral(piece);
    else
      cutInTwo(piece);
  }
  open.insert(open.end(), closed.begin(), closed.end());
  return open;
}

/// Fills [bottom, top) with up to `count` pieces that start now.
void Divider::fill(uint64_t bottom, uint64_t top, uint64_t count, int64_t now,
                   std::vector<Piece> &out) {
  std::vector<uint64_t> edges = {bottom, top};
  while (--count > 0)
    edges.push_back(bottom + random.below(top - bottom));
  std::sort(edges.begin(), edges.end());
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  for (size_t i = 0; i + 1 < edges.size(); ++i)
    out.push_back({now, now, edges[i], edges[i + 1]});
}

std::vector<Piece> Divider::simulateHeap() {
  std::vector<Piece> live, ended;
  int64_t now = 0;
  uint64_t count = std::max<uint64_t>(options.numBuffers, 1);
  fill(0, height, std::min<uint64_t>(4 + random.below(16), count), now, live);
  while (live.size() + ended.size() < count) {
    now += 1 + static_cast<int64_t>(random.below(3));
    size_t first = random.below(live.size());
    size_t last = std::min<size_t>(live.size(), first + 1 + random.below(3));
    std::vector<Piece> fresh;
    uint64_t room = count - live.size() - ended.size();
    fill(live[first].bottom, live[last - 1].top,
         std::min<uint64_t>(1 + random.below(last - first + 1), room), now,
         fresh);
    for (size_t i = first; i < last; ++i) {
      live[i].upper = now;
      ended.push_back(live[i]);
    }
    live.erase(live.begin() + first, live.begin() + last);
    live.insert(live.begin() + first, fresh.begin(), fresh.end());
  }
  for (Piece &piece : live) {
    piece.upper = now + 1;
    ended.push_back(piece);
  }
  return ended;
}

GeneratedProblem narae::memory::generate(const GeneratorOptions &options) {
  uint64_t alignment = std::max<uint64_t>(options.alignment, 1);
  Divider divider(options);
  std::vector<Piece> pieces =
      options.pattern == Pattern::Heap ? divider.simulateHeap() : divider.cut();
  Random random(~options.seed);
  for (size_t i = pieces.size(); i > 1; --i)
    std::swap(pieces[i - 1], pieces[random.below(i)]);

  GeneratedProblem result;
  for (const Piece &piece : pieces) {
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
