//===- Picture.cpp - What the picture of a plan shows ---------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The page holds a plan for each position of its sliders, so that its figures
// are those of `narae plan` everywhere, whatever a plan takes into account.
//===----------------------------------------------------------------------===//

#include "lib/plan/Html.h"
#include "lib/plan/PictureParts.h"

#include <algorithm>
#include <cmath>
#include <map>

using namespace narae::plan;
using nlohmann::ordered_json;

/// 1, 2, 3, 4, 6, 8, 12, ... up to `high`, and `wanted`.
static std::vector<int64_t> positions(int64_t low, int64_t high,
                                      int64_t wanted) {
  std::vector<int64_t> result;
  for (int64_t value = low; value < high; value *= 2) {
    result.push_back(value);
    if (value > 1 && value + value / 2 < high)
      result.push_back(value + value / 2);
  }
  result.push_back(high);
  result.push_back(wanted);
  std::sort(result.begin(), result.end());
  result.erase(std::unique(result.begin(), result.end()), result.end());
  return result;
}

namespace {
class Picture {
public:
  Picture(const Inventory &inventory, const Hardware &hardware,
          const Plan &plan)
      : inventory(inventory), hardware(hardware), plan(plan),
        groups(equalSpaces(plan)) {}
  ordered_json data();

private:
  size_t stageOf(const Space &space) const {
    return space.device / plan.options.parallel.tensor;
  }
  ordered_json weightsOf(size_t stage) const;
  ordered_json groupJson(size_t first, size_t last) const;
  ordered_json figuresAt(int64_t batch, int64_t context);
  size_t arenaOf(const Options &options);

  const Inventory &inventory;
  const Hardware &hardware;
  const Plan &plan;
  std::vector<std::pair<size_t, size_t>> groups;
  std::map<std::pair<int64_t, int64_t>, size_t> arenaNumbers;
  ordered_json arenas = ordered_json::array();
};
} // namespace

/// Layers in order: [title, [[name, bytes], ...]]; the embedding is first and
/// the head last.
ordered_json Picture::weightsOf(size_t stage) const {
  std::map<int64_t, ordered_json> layers;
  const int64_t behind = inventory.layers;
  for (size_t i = 0; i < inventory.matrices.size(); ++i) {
    const Matrix &matrix = inventory.matrices[i];
    if (!holds(inventory, plan.stages, stage, i))
      continue;
    double bytes = matrix.count * matrixBytes(matrix, plan.options.precision) *
                   poolShare(inventory, matrix, plan.options.parallel,
                             hardware.memory.pools);
    int64_t layer = matrix.layer >= 0 ? matrix.layer : i == 0 ? -1 : behind;
    layers[layer].push_back({matrix.name, bytes});
  }
  ordered_json result = ordered_json::array();
  for (auto &[layer, buffers] : layers)
    result.push_back({layer < 0         ? "embedding"
                      : layer == behind ? "head"
                                        : "layer " + std::to_string(layer),
                      buffers});
  return result;
}

ordered_json Picture::groupJson(size_t first, size_t last) const {
  const Space &space = plan.spaces[first];
  size_t stage = stageOf(space);
  ordered_json names = ordered_json::array(), caches = ordered_json::array();
  for (size_t i = first; i < last; ++i)
    names.push_back({plan.spaces[i].device, plan.spaces[i].name});
  Options one = plan.options;
  one.batch = 1;
  for (int64_t l = plan.stages[stage].first; l < plan.stages[stage].last; ++l) {
    int64_t window = inventory.caches[l].window;
    one.context = 1; // bytes a token
    caches.push_back({l, cachedBytes(inventory, hardware, one, l),
                      window > 0 ? window + one.chunk - 1 : 0});
  }
  return {{"spaces", names},
          {"capacity", space.capacity},
          {"reserve", space.reserve},
          {"weights", weightsOf(stage)},
          {"caches", caches}};
}

size_t Picture::arenaOf(const Options &options) {
  auto [found, isNew] = arenaNumbers.try_emplace(
      {options.batch, std::min(options.chunk, options.context)}, arenas.size());
  if (isNew) {
    arenas.push_back(buffersJson(
        planActivations(inventory, options, hardware.memory.pools).places));
  }
  return found->second;
}

ordered_json Picture::figuresAt(int64_t batch, int64_t context) {
  Options options = plan.options;
  options.batch = batch;
  options.context = context;
  Plan other = makePlan(inventory, hardware, options);
  ordered_json spaces = ordered_json::array();
  for (auto [first, last] : groups)
    spaces.push_back(heldJson(other.spaces[first], hardware));
  return {{"fits", other.fits},
          {"spaces", spaces},
          {"tightest", tightestJson(other)},
          {"arena", arenaOf(options)},
          {"room",
           {std::llround(other.roomTokens), std::llround(other.roomSequences)}},
          {"prefill", timesJson(other.prefill)},
          {"decode", timesJson(other.decode)}};
}

ordered_json Picture::data() {
  const Options &options = plan.options;
  ordered_json groupsJson = ordered_json::array(), figures = groupsJson;
  for (auto [first, last] : groups)
    groupsJson.push_back(groupJson(first, last));
  std::vector<int64_t> batches =
      positions(1, std::max<int64_t>(256, 4 * options.batch), options.batch);
  std::vector<int64_t> contexts = positions(
      std::min<int64_t>(256, options.context),
      std::max(inventory.maxContext, options.context), options.context);
  for (int64_t batch : batches) {
    ordered_json row = ordered_json::array();
    for (int64_t context : contexts)
      row.push_back(figuresAt(batch, context));
    figures.push_back(row);
  }
  ordered_json result = planJson(plan, hardware);
  result["batches"] = batches;
  result["contexts"] = contexts;
  result["groups"] = groupsJson;
  result["figures"] = figures;
  result["arenas"] = arenas;
  return result;
}

std::string narae::plan::toHtml(const Inventory &inventory,
                                const Hardware &hardware, const Plan &plan) {
  return planPage(plan, Picture(inventory, hardware, plan).data());
}
