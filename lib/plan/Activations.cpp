//===- Activations.cpp - A layer-by-layer schedule's buffers --------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/plan/Plan.h"

#include <algorithm>
#include <cmath>

using namespace narae;
using namespace narae::plan;

namespace {
/// Buffers of one device over the steps of a prefill chunk.
class Schedule {
public:
  memory::Problem problem;

  /// A tensor written in step `from` and read last in step `to`.
  void add(const std::string &name, double bytes, int64_t from, int64_t to) {
    if (bytes < 1)
      return;
    memory::Buffer buffer;
    buffer.name = name;
    buffer.lower = from;
    buffer.upper = to + 1;
    buffer.size = static_cast<uint64_t>(std::ceil(bytes));
    buffer.alignment = 256;
    problem.buffers.push_back(buffer);
  }
};
} // namespace

Arena narae::plan::planActivations(const Inventory &inventory,
                                   const Options &options, int64_t pools) {
  double ways = double(options.parallel.tensor) * pools;
  double tokens =
      double(options.batch) * std::min(options.chunk, options.context);
  double element = options.precision == "f32" ? 4 : 2;
  double row = tokens * inventory.hidden * element / pools;
  LayerAttention attention;
  LayerCache cache;
  if (!inventory.attentions.empty()) {
    attention = inventory.attentions.back();
    cache = inventory.caches.back();
  }
  Schedule schedule;
  // All layers but the last look alike; the residual stream outlives them.
  double heads = std::ceil(attention.heads / ways);
  schedule.add("residual stream", row, 0, 12);
  schedule.add("norm before attention", row, 1, 2);
  schedule.add("queries", tokens * heads * attention.keyDim * element, 2, 4);
  schedule.add("keys and values",
               tokens * cache.heads * cache.elements * element / ways, 2, 3);
  schedule.add("attention", tokens * heads * attention.valueDim * element, 4,
               5);
  schedule.add("attention projected", row, 5, 6);
  schedule.add("norm before FFN", row, 7, 9);
  schedule.add("router scores", tokens * inventory.experts * 4 / pools, 8, 9);
  double width = tokens * inventory.widest * element / ways;
  schedule.add("FFN gate", width, 9, 10);
  schedule.add("FFN up", width, 9, 10);
  schedule.add("FFN product", width, 10, 11);
  schedule.add("FFN projected", row * std::max<int64_t>(inventory.chosen, 1),
               11, 12);
  schedule.add("logits",
               double(options.batch) * inventory.vocabulary * 4 / ways, 13, 14);
  memory::Plan planned = memory::allocate(schedule.problem);
  Arena arena;
  arena.peak = double(planned.peak);
  arena.lowerBound = double(planned.lowerBound);
  for (const memory::Buffer &buffer : schedule.problem.buffers)
    arena.buffers.push_back({buffer.name, double(buffer.size)});
  arena.places = schedule.problem.buffers;
  for (size_t i = 0; i < arena.places.size(); ++i)
    arena.places[i].offset = planned.offsets[i];
  return arena;
}
