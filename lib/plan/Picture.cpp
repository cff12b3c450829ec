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

#include <nlohmann/json.hpp>

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
      : inventory(inventory), hardware(hardware), plan(plan) {
    for (size_t i = 0, j; i < plan.spaces.size(); i = j) {
      for (j = i + 1; j < plan.spaces.size() && isSame(i, j);)
        ++j;
      groups.push_back({i, j});
    }
  }
  ordered_json data();

private:
  /// Spaces of a stage that hold as much of everything share a panel.
  bool isSame(size_t i, size_t j) const {
    const Space &a = plan.spaces[i], &b = plan.spaces[j];
    return stageOf(a) == stageOf(b) && a.weights == b.weights &&
           a.cache == b.cache && a.activations == b.activations &&
           a.peak == b.peak;
  }
  size_t stageOf(const Space &space) const {
    return space.device / plan.options.parallel.tensor;
  }
  ordered_json weightsOf(size_t stage) const;
  ordered_json groupJson(size_t first, size_t last) const;
  ordered_json figuresAt(int64_t batch, int64_t context);
  size_t arenaOf(const Options &options);
  ordered_json held(const Space &space) const;
  ordered_json sources() const;

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
    ordered_json buffers = ordered_json::array();
    for (const narae::memory::Buffer &buffer :
         planActivations(inventory, options, hardware.memory.pools).places)
      buffers.push_back({buffer.name, buffer.lower, buffer.upper,
                         buffer.offset.value_or(0), buffer.size});
    arenas.push_back(buffers);
  }
  return found->second;
}

static ordered_json timesJson(const StepTime &step) {
  return {{"by", step.boundBy},
          {"ms",
           {1e3 * step.bound, 1e3 * step.estimate, 1e3 * step.compute,
            1e3 * step.memory, 1e3 * step.link}}};
}

/// [weights, cache, activations, peak, lower bound, offsets]; the offsets are
/// of weights, cache and activations.
ordered_json Picture::held(const Space &space) const {
  double granule = hardware.memory.granule;
  double offsets[3] = {0, std::ceil(space.weights / granule) * granule, 0};
  offsets[2] = offsets[1] + std::ceil(space.cache / granule) * granule;
  for (const narae::placement::Region &region : space.regions)
    offsets[size_t(region.stream)] = region.offset;
  return {std::llround(space.weights),
          std::llround(space.cache),
          std::llround(space.activations),
          std::llround(space.peak),
          std::llround(space.lowerBound),
          {std::llround(offsets[0]), std::llround(offsets[1]),
           std::llround(offsets[2])}};
}

ordered_json Picture::figuresAt(int64_t batch, int64_t context) {
  Options options = plan.options;
  options.batch = batch;
  options.context = context;
  Plan other = makePlan(inventory, hardware, options);
  ordered_json spaces = ordered_json::array();
  for (auto [first, last] : groups)
    spaces.push_back(held(other.spaces[first]));
  const Space &tightest = other.spaces[other.tightest];
  return {{"fits", other.fits},
          {"spaces", spaces},
          {"tightest",
           {std::llround(tightest.peak), std::llround(tightest.capacity),
            std::llround(tightest.reserve)}},
          {"arena", arenaOf(options)},
          {"room",
           {std::llround(other.roomTokens), std::llround(other.roomSequences)}},
          {"prefill", timesJson(other.prefill)},
          {"decode", timesJson(other.decode)}};
}

/// What is known of the hardware: [what, value, unit, where from, assumed].
ordered_json Picture::sources() const {
  ordered_json rows = ordered_json::array();
  auto add = [&](const std::string &what, const Figure &figure, double scale,
                 const char *unit) {
    rows.push_back(
        {what, figure.value / scale, unit, figure.source, figure.assumed});
  };
  const DeviceMemory &memory = hardware.memory;
  add("capacity of a space", memory.capacity, 1 << 30, "GiB");
  add("reserve of a space", memory.reserve, 1 << 30, "GiB");
  add("bandwidth of a space", memory.bandwidth, 1e9, "GB/s");
  add("of it for streams", memory.efficiency, 0.01, "%");
  add("refresh", memory.refresh, 0.01, "%");
  for (auto &[type, figure] : hardware.peak)
    add("peak, " + type, figure, 1e12,
        type.compare(0, 3, "int") == 0 ? "TOP/s" : "TFLOP/s");
  add("of it for matrices", hardware.computeEfficiency, 0.01, "%");
  add("link", hardware.link, 1e9, "GB/s");
  add("latency of the link", hardware.linkLatency, 1e-6, "us");
  add("network", hardware.network, 1e9, "GB/s");
  add("host", hardware.host, 1e9, "GB/s");
  return rows;
}

ordered_json Picture::data() {
  const Options &options = plan.options;
  ordered_json groupsJson = ordered_json::array(), figures = groupsJson,
               largest = groupsJson, advice = groupsJson;
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
  for (const LargeBuffer &buffer : plan.largest)
    largest.push_back({buffer.name, std::llround(buffer.bytes)});
  for (const Advice &item : plan.advice)
    advice.push_back({item.change, item.effect});
  return {{"kind", "plan"},
          {"model", plan.model},
          {"target", plan.target},
          {"devices", plan.devices},
          {"parallel", toString(options.parallel)},
          {"precision",
           options.precision.empty() ? "as stored" : options.precision},
          {"kvType", options.kvType},
          {"parameters", plan.parameters},
          {"activeParameters", plan.activeParameters},
          {"weightBytes", plan.weightBytes},
          {"cacheBytes", {plan.kvBytesPerToken, plan.kvBytesFixed}},
          {"chunk", options.chunk},
          {"batch", options.batch},
          {"context", options.context},
          {"batches", batches},
          {"contexts", contexts},
          {"groups", groupsJson},
          {"figures", figures},
          {"arenas", arenas},
          {"largest", largest},
          {"advice", advice},
          {"notes", plan.notes},
          {"memory", hardware.memory.kind},
          {"sources", sources()}};
}

std::string narae::plan::toHtml(const Inventory &inventory,
                                const Hardware &hardware, const Plan &plan) {
  return htmlPage(
      plan.model + " on " + std::to_string(plan.devices) + " x " + plan.target,
      Picture(inventory, hardware, plan)
          .data()
          .dump(-1, ' ', false, ordered_json::error_handler_t::replace));
}
