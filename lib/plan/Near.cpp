//===- Near.cpp - What happens in the memory over a pool ------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/spaces/Stream.h"
#include "lib/plan/NearUse.h"
#include "lib/plan/Work.h"

#include <algorithm>
#include <cmath>
#include <set>

using namespace narae;
using namespace narae::plan;

/// Plans that are tried for a step: its schedule repeats, so the first ones are
/// nearly as good as all.
static constexpr uint64_t kBudget = 20;
/// Layers in a row that are planned, so that copies for one run beside another.
static constexpr int kLayers = 3;
/// Tiles of one tensor; larger ones beyond.
static constexpr double kMostTiles = 64;

NearProblem::NearProblem(const Hardware &hardware) {
  const NearMemory &near = hardware.near;
  memory::NearSpace &space = problem.space;
  space.name = near.name;
  space.capacity = uint64_t(near.capacity.value - near.reserve.value);
  space.alignment = near.granule;
  // Engines together are no faster than the memory below.
  double share = hardware.memory.derated() / near.channels;
  memory::Ticks startup = memory::ticks(near.startup.value);
  space.fill = {std::min(near.fill.value, share), 1, startup};
  space.drain = {std::min(near.drain.value, share), 1, startup};
  space.fillChannels = space.drainChannels = uint32_t(near.channels);
  home = {hardware.memory.derated(), 1, 0};
}

uint32_t NearProblem::add(const std::string &name, double bytes, Kind kind) {
  memory::Tensor tensor;
  tensor.name = name;
  tensor.size = uint64_t(std::ceil(std::max(bytes, 0.0)));
  tensor.startsHome = kind != Kind::Activations;
  problem.tensors.push_back(tensor);
  kinds.push_back(kind);
  return uint32_t(problem.tensors.size() - 1);
}

void NearProblem::step(const std::string &name, double operations, double rate,
                       std::vector<uint32_t> reads,
                       std::vector<uint32_t> writes) {
  problem.steps.push_back({name, memory::ticks(operations / rate),
                           std::move(reads), std::move(writes)});
}

void NearProblem::tiles(const std::string &name, double bytes, Kind kind,
                        double operations, double rate, uint32_t input,
                        uint32_t output) {
  // An engine brings the next tile while this one is used.
  double largest =
      double(problem.space.capacity) / (4.0 * problem.space.fillChannels);
  double count =
      std::clamp(std::ceil(bytes / std::max(largest, 1.0)), 1.0, kMostTiles);
  for (int i = 0; i < int(count); ++i) {
    std::vector<uint32_t> reads = {input};
    if (bytes >= 1)
      reads.push_back(
          add(count > 1 ? name + ", tile " + std::to_string(i) : name,
              bytes / count, kind));
    if (i > 0)
      reads.push_back(output);
    step(name, operations / count, rate, reads, {output});
  }
}

NearUse NearProblem::plan(const std::string &name) const {
  memory::HomePlan planned =
      memory::planBesideHome(problem, home, {}, {kBudget});
  NearUse use;
  use.step = name;
  const memory::SpacesPlan &plan = planned.plan;
  use.peak = double(plan.peak);
  use.copied = double(plan.loadedBytes + plan.spilledBytes);
  use.atHome = double(planned.homeBytes);
  use.seconds = memory::seconds(planned.time);
  use.secondsAtHome = memory::seconds(planned.timeAtHome);
  use.bound = memory::seconds(plan.lowerBound());
  // The fullest moment.
  size_t steps = problem.steps.size();
  std::vector<double> live(steps);
  for (const memory::Stay &stay : plan.stays) {
    memory::Buffer buffer;
    buffer.name = problem.tensors[stay.tensor].name;
    buffer.lower = stay.begin;
    buffer.upper = int64_t(stay.end) + 1;
    buffer.size = problem.tensors[stay.tensor].size;
    buffer.offset = stay.offset;
    for (uint32_t s = stay.begin; s <= stay.end; ++s)
      live[s] += double(buffer.size);
    use.places.push_back(std::move(buffer));
    static const char *names[] = {"weights", "cache", "activations"};
    use.kinds.push_back(names[size_t(kinds[stay.tensor])]);
  }
  size_t fullest = std::max_element(live.begin(), live.end()) - live.begin();
  double *parts[] = {&use.weights, &use.cache, &use.activations};
  for (const memory::Stay &stay : plan.stays)
    if (stay.begin <= fullest && fullest <= stay.end)
      *parts[size_t(kinds[stay.tensor])] +=
          double(problem.tensors[stay.tensor].size);
  for (const memory::ScheduleStep &step : planned.problem.steps) {
    std::set<uint32_t> touched(step.reads.begin(), step.reads.end());
    touched.insert(step.writes.begin(), step.writes.end());
    double bytes = 0;
    for (uint32_t t : touched)
      bytes += double(problem.tensors[t].size);
    use.lowerBound = std::max(use.lowerBound, bytes);
  }
  return use;
}

namespace {
/// What a layer reads of its matrices and computes with them, on one pool.
struct LayerWork {
  double attention = 0, attentionOperations = 0;
  double ffn = 0, ffnOperations = 0;
};
} // namespace

static LayerWork workOf(const Inventory &inventory, const Hardware &hardware,
                        const Options &options, int64_t layer, double tokens) {
  LayerWork work;
  for (const Matrix &matrix : inventory.matrices) {
    if (matrix.layer != layer || matrix.active == 0)
      continue;
    double share =
        poolShare(inventory, matrix, options.parallel, hardware.memory.pools);
    double bytes =
        share * matrixBytes(matrix, options.precision) *
        memory::expertsChosen(double(matrix.count), matrix.active, tokens);
    double operations =
        2 * share * matrix.active * matrix.rows * matrix.columns * tokens;
    bool isFfn = matrix.split == Split::Width || matrix.split == Split::Experts;
    (isFfn ? work.ffn : work.attention) += bytes;
    (isFfn ? work.ffnOperations : work.attentionOperations) += operations;
  }
  return work;
}

static NearUse planStep(const Inventory &inventory, const Hardware &hardware,
                        const Plan &plan, const Stage &stage,
                        const StepSize &size) {
  const Options &options = plan.options;
  double pools = hardware.memory.pools;
  double ways = options.parallel.tensor * pools;
  std::string type = computeType(inventory, options.precision);
  double rate =
      hardware.peakOf(type).value * hardware.computeEfficiency.value / pools;
  // The layer that reads most stands for all.
  int64_t layer = stage.first;
  LayerWork work;
  for (int64_t l = stage.first; l < stage.last; ++l) {
    LayerWork one = workOf(inventory, hardware, options, l, size.tokens);
    if (one.attention + one.ffn > work.attention + work.ffn) {
      work = one;
      layer = l;
    }
  }
  const LayerCache &cache = inventory.caches[layer];
  const LayerAttention &attention = inventory.attentions[layer];
  double element = options.precision == "f32" ? 4 : 2;
  double row = size.tokens * inventory.hidden * element / pools;
  double heads = std::ceil(attention.heads / ways);
  double kept = cache.window > 0 ? std::min<double>(size.context, cache.window)
                                 : size.context;
  double cached = options.batch * kept * cache.heads * cache.elements *
                  cacheBytes(options.kvType) *
                  poolShare(cache, options.parallel, hardware.memory.pools);
  double dims = attention.keyDim + attention.valueDim;
  using Kind = NearProblem::Kind;
  NearProblem problem(hardware);
  uint32_t stream = problem.add("residual stream", row, Kind::Activations);
  problem.step("embedding", 0, rate, {}, {stream});
  for (int i = 0; i < kLayers; ++i) {
    std::string of = " of layer " + std::to_string(layer);
    auto activation = [&](const char *name, double bytes) {
      return problem.add(name, bytes, Kind::Activations);
    };
    uint32_t norm = activation("norm before attention", row);
    uint32_t queries = activation(
        "queries, keys and values",
        size.tokens *
            (heads * attention.keyDim + cache.heads * cache.elements / ways) *
            element);
    uint32_t mixed = activation("attention", size.tokens * heads *
                                                 attention.valueDim * element);
    uint32_t second = activation("norm before FFN", row);
    uint32_t hidden =
        activation("FFN", size.tokens * inventory.widest * element / ways);
    problem.step("norm", 0, rate, {stream}, {norm});
    problem.tiles("projections" + of, work.attention, Kind::Weights,
                  work.attentionOperations, rate, norm, queries);
    problem.tiles("cache" + of, cached, Kind::Cache,
                  2 * size.tokens * kept * heads * dims, rate, queries, mixed);
    problem.step("residual", 0, rate, {stream, mixed}, {stream});
    problem.step("norm", 0, rate, {stream}, {second});
    problem.tiles("FFN" + of, work.ffn, Kind::Weights, work.ffnOperations, rate,
                  second, hidden);
    problem.step("residual", 0, rate, {stream, hidden}, {stream});
  }
  NearUse use = problem.plan(size.isPrefill ? "prefill" : "decode");
  double layers = double(stage.last - stage.first) / kLayers;
  use.copied /= kLayers;
  use.atHome /= kLayers;
  double scale = layers * (size.isPrefill ? prefillChunks(options) : 1);
  for (double *time : {&use.seconds, &use.secondsAtHome, &use.bound})
    *time *= scale;
  return use;
}

std::vector<NearUse> narae::plan::planNear(const Inventory &inventory,
                                           const Hardware &hardware,
                                           const Plan &plan) {
  if (hardware.near.name.empty() || inventory.attentions.empty())
    return {};
  size_t stage =
      plan.spaces[plan.tightest].device / plan.options.parallel.tensor;
  return {planStep(inventory, hardware, plan, plan.stages[stage],
                   prefillStep(plan.options)),
          planStep(inventory, hardware, plan, plan.stages[stage],
                   decodeStep(plan.options, double(plan.options.context)))};
}
