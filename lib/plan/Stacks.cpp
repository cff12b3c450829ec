//===- Stacks.cpp - What each pool of a device holds ----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/plan/Stacks.h"
#include "lib/memory/dram/Config.h"

#include <algorithm>
#include <cmath>

using namespace narae;
using namespace narae::plan;

placement::Organisation
narae::plan::organisationOf(const DeviceMemory &memory) {
  placement::Organisation result;
  result.stacks = memory.pools;
  result.capacity = std::llround(memory.capacity.value);
  result.reserve = std::llround(memory.reserve.value);
  result.granule = memory.granule;
  result.channels = memory.channels;
  result.banks = memory.banks;
  result.interleave = memory.interleaveBytes;
  result.bankSets = memory.bankSets;
  return result;
}

/// A device's part of a matrix, dealt out by rows.
static placement::Item itemOf(const Inventory &inventory, const Matrix &matrix,
                              const Options &options, int64_t pools) {
  double one = matrixBytes(matrix, options.precision);
  // The device's part is the pools' together.
  double share = pools * poolShare(inventory, matrix, options.parallel, pools);
  placement::Item item;
  item.name = matrix.name;
  // Vectors are cut anywhere.
  item.units = std::max<int64_t>(
      1, std::llround(share * double(matrix.count) * matrix.rows));
  if (matrix.rows == 1)
    item.units *= pools;
  item.unitBytes = share * matrix.count * one / item.units;
  if (matrix.rows > 1) {
    item.rows = 1;
    item.rowBytes = rowBytes(matrix, options.precision);
  }
  return item;
}

/// A device's part of a layer's cache: whole heads where there are enough, else
/// tokens.
static placement::Item cacheItem(const Inventory &inventory,
                                 const Hardware &hardware,
                                 const Options &options, int64_t layer) {
  const LayerCache &cache = inventory.caches[layer];
  int64_t pools = hardware.memory.pools;
  int64_t heads =
      (cache.heads + options.parallel.tensor - 1) / options.parallel.tensor;
  bool byHeads = !cache.isLatent && heads >= pools;
  double tight = cachedBytes(inventory, hardware, options, layer);
  placement::Item item;
  item.name = "cache of layer " + std::to_string(layer);
  item.stream = placement::Stream::Cache;
  // `tight` is what the fullest pool has: ceil(heads / pools) heads, or a part
  // of the tokens.
  item.units = byHeads ? heads : pools;
  item.unitBytes = byHeads ? tight / ((heads + pools - 1) / pools) : tight;
  if (byHeads) {
    // A sequence's keys follow each other; sequences are read side by side.
    item.rows = options.batch;
    item.rowBytes = item.unitBytes / options.batch;
  }
  return item;
}

/// A GPU's memory, whose addresses the hardware spreads: one space.
static Space hashedSpace(const std::vector<placement::Item> &items,
                         double granule) {
  Space space;
  double *parts[] = {&space.weights, &space.cache, &space.activations};
  for (const placement::Item &item : items)
    *parts[size_t(item.stream)] += item.units * item.unitBytes;
  for (double *part : parts)
    space.peak += std::ceil(*part / granule) * granule;
  return space;
}

std::vector<Space>
narae::plan::placeItems(std::vector<placement::Item> items,
                        const Hardware &hardware, const Arena &arena,
                        std::vector<placement::Padded> &padded) {
  const DeviceMemory &memory = hardware.memory;
  placement::Item activations;
  activations.name = "activations";
  activations.stream = placement::Stream::Activations;
  activations.units = memory.pools;
  activations.unitBytes = arena.peak;
  items.push_back(activations);

  std::vector<Space> spaces;
  if (memory.hashed) {
    Space space = hashedSpace(items, memory.granule);
    for (double *part : {&space.weights, &space.cache, &space.activations})
      *part /= memory.pools;
    space.peak /= memory.pools;
    spaces.assign(memory.pools, space);
  } else {
    placement::Placement placed = place(organisationOf(memory), items);
    padded = placed.padded;
    for (const placement::StackUse &use : placed.stacks) {
      Space space;
      space.weights = use.bytes[0];
      space.cache = use.bytes[1];
      space.activations = use.bytes[2];
      space.padding = use.padding;
      space.peak = use.peak;
      space.regions = use.regions;
      space.shared = use.shared;
      spaces.push_back(space);
    }
  }
  for (size_t pool = 0; pool < spaces.size(); ++pool) {
    Space &space = spaces[pool];
    space.name =
        memory.name + (memory.pools > 1 ? "." + std::to_string(pool) : "");
    space.capacity = memory.capacity.value;
    space.reserve = memory.reserve.value;
    space.lowerBound = space.weights + space.cache + arena.lowerBound;
  }
  return spaces;
}

std::vector<Space> narae::plan::fillSpaces(
    const Inventory &inventory, const Hardware &hardware,
    const Options &options, const std::vector<Stage> &stages, size_t stage,
    const Arena &arena, std::vector<placement::Padded> &padded) {
  const DeviceMemory &memory = hardware.memory;
  std::vector<placement::Item> items;
  for (size_t i = 0; i < inventory.matrices.size(); ++i)
    if (holds(inventory, stages, stage, i))
      items.push_back(
          itemOf(inventory, inventory.matrices[i], options, memory.pools));
  for (int64_t l = stages[stage].first; l < stages[stage].last; ++l)
    items.push_back(cacheItem(inventory, hardware, options, l));
  return placeItems(std::move(items), hardware, arena, padded);
}

void narae::plan::keepLargest(std::vector<LargeBuffer> all, Plan &plan) {
  std::sort(all.begin(), all.end(),
            [](const LargeBuffer &a, const LargeBuffer &b) {
              return a.bytes != b.bytes ? a.bytes > b.bytes : a.name < b.name;
            });
  all.resize(std::min<size_t>(all.size(), 5));
  plan.largest = std::move(all);
}

Hardware narae::plan::withCollisions(Hardware hardware, double shared) {
  hardware.memory.efficiency.value *= 1 - shared * (1 - dram::concurrentShare);
  return hardware;
}
