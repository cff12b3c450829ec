//===- Plan.cpp - Memory and time of a model on devices -------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/plan/Stacks.h"
#include "lib/plan/Streaming.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace narae::plan;

/// What a token adds to the caches of a layer, in bytes.
static double bytesPerToken(const LayerCache &cache, const std::string &type) {
  return cache.heads * cache.elements * cacheBytes(type);
}

double narae::plan::cachedBytes(const Inventory &inventory,
                                const Hardware &hardware,
                                const Options &options, int64_t layer) {
  const LayerCache &cache = inventory.caches[layer];
  double tokens = options.context;
  if (cache.window > 0)
    tokens = std::min(tokens, double(cache.window + options.chunk - 1));
  return options.batch * tokens * bytesPerToken(cache, options.kvType) *
         poolShare(cache, options.parallel, hardware.memory.pools);
}

static void findLargest(const Inventory &inventory, const Hardware &hardware,
                        const Arena &arena, size_t stage, Plan &plan) {
  const Options &options = plan.options;
  int64_t pools = hardware.memory.pools;
  std::vector<LargeBuffer> all = arena.buffers;
  for (size_t i = 0; i < inventory.matrices.size(); ++i) {
    const Matrix &matrix = inventory.matrices[i];
    if (holds(inventory, plan.stages, stage, i))
      all.push_back(
          {matrix.name,
           matrix.count * matrixBytes(matrix, options.precision) *
               poolShare(inventory, matrix, options.parallel, pools)});
  }
  for (int64_t l = plan.stages[stage].first; l < plan.stages[stage].last; ++l)
    all.push_back({"cache of layer " + std::to_string(l),
                   cachedBytes(inventory, hardware, options, l)});
  keepLargest(std::move(all), plan);
}

/// Tokens and sequences for which the tightest space has room.
static void findRoom(const Inventory &inventory, const Hardware &hardware,
                     Plan &plan) {
  const Options &options = plan.options;
  int64_t pools = hardware.memory.pools;
  plan.roomTokens = plan.roomSequences =
      std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < plan.spaces.size(); ++i) {
    const Space &space = plan.spaces[i];
    size_t stage = space.device / options.parallel.tensor;
    double growing = 0;
    for (int64_t l = plan.stages[stage].first; l < plan.stages[stage].last; ++l)
      if (inventory.caches[l].window == 0)
        growing += bytesPerToken(inventory.caches[l], options.kvType) *
                   poolShare(inventory.caches[l], options.parallel, pools);
    // Allocations are whole granules.
    double granule = hardware.memory.granule;
    double room = std::max(
        0.0, std::floor((space.capacity - space.reserve) / granule) * granule -
                 space.peak);
    double sequence = space.cache / options.batch;
    if (growing > 0)
      plan.roomTokens = std::min(plan.roomTokens, std::floor(room / growing));
    if (sequence > 0)
      plan.roomSequences =
          std::min(plan.roomSequences, std::floor(room / sequence));
  }
  if (std::isinf(plan.roomTokens)) // windows only: no sequence grows
    plan.roomTokens = std::max<int64_t>(0, inventory.maxContext);
  if (std::isinf(plan.roomSequences))
    plan.roomSequences = 0;
}

Plan narae::plan::makePlan(const Inventory &inventory, const Hardware &hardware,
                           const Options &options) {
  Plan plan;
  plan.model = inventory.name;
  plan.target = hardware.name;
  plan.options = options;
  plan.devices = options.parallel.devices();
  plan.parameters = inventory.parameters();
  plan.activeParameters = inventory.activeParameters();
  plan.notes = inventory.notes;
  for (const Matrix &matrix : inventory.matrices)
    plan.weightBytes += matrix.count * matrixBytes(matrix, options.precision);
  for (const LayerCache &cache : inventory.caches) {
    double bytes = bytesPerToken(cache, options.kvType);
    plan.kvBytesPerTokenUniform += bytes;
    if (cache.window > 0)
      plan.kvBytesFixed += bytes * cache.window;
    else
      plan.kvBytesPerToken += bytes;
  }
  plan.stages =
      divideLayers(inventory, options.precision, options.parallel.pipeline);
  Arena arena = planActivations(inventory, options, hardware.memory.pools);
  plan.fits = true;
  size_t tightestStage = 0;
  double shared = 0;
  for (size_t stage = 0; stage < plan.stages.size(); ++stage) {
    std::vector<placement::Padded> padded;
    std::vector<Space> spaces = fillSpaces(inventory, hardware, options,
                                           plan.stages, stage, arena, padded);
    for (int64_t rank = 0; rank < options.parallel.tensor; ++rank)
      for (Space &space : spaces) {
        space.device = stage * options.parallel.tensor + rank;
        plan.spaces.push_back(space);
        plan.fits &= space.fits();
        shared = std::max(shared, space.shared);
        if (space.room() < plan.spaces[plan.tightest].room() ||
            plan.spaces.size() == 1) {
          plan.tightest = plan.spaces.size() - 1;
          tightestStage = stage;
          plan.padded = padded;
        }
      }
  }
  findLargest(inventory, hardware, arena, tightestStage, plan);
  findRoom(inventory, hardware, plan);
  Hardware derated = withCollisions(hardware, shared);
  plan.peakBandwidth = hardware.memory.bandwidth.value;
  plan.deratedBandwidth = derated.memory.derated();
  plan.refreshTax = hardware.memory.refresh.value;
  plan.decode = decodeTime(inventory, derated, options, plan.stages);
  plan.prefill = prefillTime(inventory, derated, options, plan.stages);
  if (options.offload && !plan.fits)
    streamWeights(inventory, derated, plan);
  plan.notes.push_back("activations and times come from a layer-by-layer "
                       "schedule, which stands in for a code generator's");
  return plan;
}

bool narae::plan::chooseParallel(const Inventory &inventory,
                                 const Hardware &hardware, Options options,
                                 int64_t devices, Parallel &result) {
  bool found = false, bestFits = false;
  double best = 0;
  for (int64_t tensor = devices; tensor >= 1; --tensor) {
    if (devices % tensor != 0)
      continue;
    Parallel parallel = {tensor, 1, devices / tensor};
    if (inventory.experts > 0 && inventory.experts % tensor == 0)
      parallel.expert = tensor;
    if (!checkParallel(inventory, parallel).empty())
      continue;
    options.parallel = parallel;
    Plan plan = makePlan(inventory, hardware, options);
    bool better = !found || (plan.fits && !bestFits) ||
                  (plan.fits == bestFits && plan.decode.estimate < best);
    if (!better)
      continue;
    found = true;
    bestFits = plan.fits;
    best = plan.decode.estimate;
    result = parallel;
  }
  return found;
}

bool narae::plan::searchLayout(const Inventory &inventory,
                               const Hardware &hardware, const Options &options,
                               double latency, int64_t maxDevices,
                               Plan &result) {
  for (int64_t devices = 1; devices <= maxDevices; ++devices) {
    bool found = false;
    for (int64_t tensor = 1; tensor <= devices; ++tensor) {
      if (devices % tensor != 0)
        continue;
      for (int64_t expert : {int64_t(1), tensor}) {
        Options candidate = options;
        candidate.parallel = {tensor, expert, devices / tensor};
        if ((expert == tensor && tensor == 1 && expert != 1) ||
            !checkParallel(inventory, candidate.parallel).empty())
          continue;
        Plan plan = makePlan(inventory, hardware, candidate);
        if (!plan.fits || (latency > 0 && plan.decode.estimate > latency))
          continue;
        if (!found || plan.decode.estimate < result.decode.estimate)
          result = plan;
        found = true;
      }
    }
    if (found)
      return true;
  }
  return false;
}
