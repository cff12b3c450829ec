//===- Streaming.cpp - Weights that come from the host --------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/plan/Streaming.h"
#include "lib/memory/spaces/Stream.h"
#include "lib/plan/Work.h"

#include <algorithm>
#include <cmath>

using namespace narae;
using namespace narae::plan;

namespace {
/// The weights that a device of a stage holds, in bytes.
struct Held {
  std::vector<double> layers; ///< all of a layer
  double all = 0;             ///< with what is outside of the layers
  double experts = 0;         ///< routed ones of all layers
  double expert = 0;          ///< the largest one
};

/// One way to stream, for one stage.
struct Way {
  bool isPossible = false, isByExpert = false;
  double share = 0; ///< of the layers' or the experts' bytes that is streamed
  double buffers = 0, resident = 0;
};
} // namespace

static Held heldBy(const Inventory &inventory, const Hardware &hardware,
                   const Plan &plan, size_t stage) {
  Held held;
  int64_t first = plan.stages[stage].first, pools = hardware.memory.pools;
  held.layers.assign(plan.stages[stage].last - first, 0);
  for (size_t i = 0; i < inventory.matrices.size(); ++i) {
    const Matrix &matrix = inventory.matrices[i];
    if (!holds(inventory, plan.stages, stage, i))
      continue;
    double share =
        pools * poolShare(inventory, matrix, plan.options.parallel, pools);
    double one = matrixBytes(matrix, plan.options.precision);
    double bytes = share * matrix.count * one;
    held.all += bytes;
    if (matrix.layer >= 0)
      held.layers[matrix.layer - first] += bytes;
    if (matrix.split == Split::Experts) {
      held.experts += bytes;
      // Gate, up and down of an expert come together; where experts are not
      // divided by device, each device has its part of all.
      double ways =
          double(plan.options.parallel.tensor) / plan.options.parallel.expert;
      held.expert = std::max(held.expert, 3 * one / ways);
    }
  }
  return held;
}

/// Solves for the share that has to be streamed.
static Way solve(const Held &held, double available, bool byExpert) {
  Way way;
  way.isByExpert = byExpert;
  double missing = held.all - available;
  if (byExpert) {
    way.buffers = 2 * held.expert;
    way.share = held.experts > 0 ? (missing + way.buffers) / held.experts : 2;
  } else {
    double largest = 0, sum = 0;
    for (double layer : held.layers) {
      largest = std::max(largest, layer);
      sum += layer;
    }
    // held.all - share * sum + 2 * share * largest = available
    double gained = sum - 2 * largest;
    way.share = gained > 0 ? missing / gained : 2;
    way.buffers = 2 * way.share * largest;
  }
  way.share = std::max(way.share, 0.0);
  way.isPossible = way.share <= 1 && available > 0;
  double streamed = byExpert ? held.experts : 0;
  if (!byExpert)
    for (double layer : held.layers)
      streamed += layer;
  way.resident = held.all - way.share * streamed;
  return way;
}

/// Bytes that a device of a stage holds of a layer: of experts, and of the
/// rest.
static std::pair<double, double> layerBytes(const Inventory &inventory,
                                            const Hardware &hardware,
                                            const Plan &plan, int64_t layer) {
  double experts = 0, rest = 0;
  int64_t pools = hardware.memory.pools;
  for (const Matrix &matrix : inventory.matrices)
    if (matrix.layer == layer && matrix.active > 0) {
      double bytes =
          pools * poolShare(inventory, matrix, plan.options.parallel, pools) *
          matrix.count * matrixBytes(matrix, plan.options.precision);
      (matrix.split == Split::Experts ? experts : rest) += bytes;
    }
  return {experts, rest};
}

/// Seconds of a step of a stage, and the bytes that come from the host.
static double stepTime(const Inventory &inventory, const Hardware &hardware,
                       const Plan &plan, size_t stage, const Held &held,
                       const Way &way, const StepSize &step, double &bytes) {
  std::string type = computeType(inventory, plan.options.precision);
  int64_t first = plan.stages[stage].first;
  std::vector<memory::StreamStep> steps;
  auto add = [&](double copied, double computed, bool isKnownLate) {
    steps.push_back(
        {uint64_t(std::llround(copied)), memory::ticks(computed), isKnownLate});
    bytes += copied;
  };
  for (const Part &part :
       partsOf(inventory, hardware, plan.options, plan.stages, stage, step)) {
    Seconds s = secondsOf(part.work, hardware, plan.options, type, false);
    double time = std::max(s.compute, s.memory) + s.link;
    if (part.layer < 0 || !way.isByExpert) {
      add(part.layer < 0 ? 0 : way.share * held.layers[part.layer - first],
          time, false);
      continue;
    }
    // What the layer reads of experts is what it reads beyond the rest.
    auto [experts, rest] = layerBytes(inventory, hardware, plan, part.layer);
    double read = std::clamp(part.work.weights * hardware.memory.pools - rest,
                             0.0, experts);
    double copied = way.share * read;
    if (copied < 1) {
      add(0, time, false);
      continue;
    }
    // Attention and router first, then an expert after the other.
    double before = time * rest / (rest + read);
    int64_t count = std::max<int64_t>(1, std::llround(copied / held.expert));
    add(0, before, false);
    for (int64_t i = 0; i < count; ++i)
      add(copied / count, (time - before) / count, i == 0);
  }
  memory::Channel host;
  host.bandwidth = hardware.host.value;
  return memory::seconds(memory::streamTimePerToken(steps, host));
}

Streaming narae::plan::planStreaming(const Inventory &inventory,
                                     const Hardware &hardware,
                                     const Plan &plan) {
  Streaming best;
  double pools = hardware.memory.pools, granule = hardware.memory.granule;
  auto roundUp = [&](double b) { return std::ceil(b / granule) * granule; };
  for (bool byExpert : {false, true}) {
    Streaming one;
    one.unit = byExpert ? "expert" : "layer";
    bool isPossible = true;
    double slowest = 0, sum = 0;
    for (size_t stage = 0; isPossible && stage < plan.stages.size(); ++stage) {
      double available = 1e300;
      for (const Space &space : plan.spaces)
        if (size_t(space.device / plan.options.parallel.tensor) == stage)
          available = std::min(
              available,
              pools * (std::floor((space.capacity - space.reserve) / granule) *
                           granule -
                       roundUp(space.cache) - roundUp(space.activations) -
                       2 * granule));
      Held held = heldBy(inventory, hardware, plan, stage);
      Way way = solve(held, available, byExpert);
      isPossible = way.isPossible;
      double bytes = 0, ignored = 0;
      one.decode +=
          stepTime(inventory, hardware, plan, stage, held, way,
                   decodeStep(plan.options, plan.options.context), bytes);
      double chunk = stepTime(inventory, hardware, plan, stage, held, way,
                              prefillStep(plan.options), ignored);
      slowest = std::max(slowest, chunk);
      sum += chunk;
      one.tokenBytes = std::max(one.tokenBytes, bytes);
      one.resident.push_back(way.resident);
      one.buffers = std::max(one.buffers, way.buffers);
      one.hostBytes = std::max(one.hostBytes, held.all - way.resident);
    }
    one.prefill = sum + (prefillChunks(plan.options) - 1) * slowest;
    if (isPossible && (best.unit.empty() || one.decode < best.decode))
      best = one;
  }
  return best;
}

void narae::plan::streamWeights(const Inventory &inventory,
                                const Hardware &hardware, Plan &plan) {
  Streaming streaming = planStreaming(inventory, hardware, plan);
  if (streaming.unit.empty())
    return;
  double pools = hardware.memory.pools, granule = hardware.memory.granule;
  auto roundUp = [&](double b) { return std::ceil(b / granule) * granule; };
  plan.fits = true;
  for (Space &space : plan.spaces) {
    size_t stage = space.device / plan.options.parallel.tensor;
    space.weights = (streaming.resident[stage] + streaming.buffers) / pools;
    space.padding = 0;
    space.regions.clear();
    space.peak = roundUp(space.weights) + roundUp(space.cache) +
                 roundUp(space.activations);
    space.lowerBound = std::min(space.lowerBound, space.peak);
    plan.fits &= space.fits();
  }
  plan.padded.clear();
  plan.roomTokens = plan.roomSequences = 0;
  double link = streaming.tokenBytes / hardware.host.value;
  if (link >= plan.decode.bound) {
    plan.decode.bound = link;
    plan.decode.boundBy = "host link";
  }
  if (streaming.prefill > plan.prefill.estimate)
    plan.prefill.estimate = streaming.prefill;
  plan.decode.estimate = streaming.decode;
  plan.streaming = streaming;
}
