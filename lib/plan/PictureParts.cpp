//===- PictureParts.cpp - What all pictures of plans show -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/plan/PictureParts.h"
#include "lib/plan/Html.h"

#include <cmath>

using namespace narae::plan;
using nlohmann::ordered_json;

ordered_json narae::plan::timesJson(const StepTime &step) {
  return {{"by", step.boundBy},
          {"ms",
           {1e3 * step.bound, 1e3 * step.estimate, 1e3 * step.compute,
            1e3 * step.memory, 1e3 * step.link}}};
}

ordered_json narae::plan::heldJson(const Space &space,
                                   const Hardware &hardware) {
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

ordered_json
narae::plan::buffersJson(const std::vector<narae::memory::Buffer> &buffers) {
  ordered_json result = ordered_json::array();
  for (const narae::memory::Buffer &buffer : buffers)
    result.push_back({buffer.name, buffer.lower, buffer.upper,
                      buffer.offset.value_or(0), buffer.size});
  return result;
}

ordered_json narae::plan::tightestJson(const Plan &plan) {
  const Space &space = plan.spaces[plan.tightest];
  return {std::llround(space.peak), std::llround(space.capacity),
          std::llround(space.reserve)};
}

/// What is known of the hardware: [what, value, unit, where from, assumed].
static ordered_json sourcesJson(const Hardware &hardware) {
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

ordered_json narae::plan::planJson(const Plan &plan, const Hardware &hardware) {
  const Options &options = plan.options;
  ordered_json largest = ordered_json::array(), advice = largest;
  for (const LargeBuffer &buffer : plan.largest)
    largest.push_back({buffer.name, std::llround(buffer.bytes)});
  for (const Advice &item : plan.advice)
    advice.push_back({item.change, item.effect});
  ordered_json near = ordered_json::array();
  for (const NearUse &use : plan.near) {
    ordered_json buffers = buffersJson(use.places);
    for (size_t i = 0; i < use.kinds.size(); ++i)
      buffers[i].push_back(use.kinds[i]);
    near.push_back({{"step", use.step},
                    {"name", hardware.near.name},
                    {"usable", std::llround(hardware.near.capacity.value -
                                            hardware.near.reserve.value)},
                    {"peak", std::llround(use.peak)},
                    {"buffers", buffers}});
  }
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
          {"near", near},
          {"largest", largest},
          {"advice", advice},
          {"notes", plan.notes},
          {"memory", hardware.memory.kind},
          {"sources", sourcesJson(hardware)}};
}

std::vector<std::pair<size_t, size_t>>
narae::plan::equalSpaces(const Plan &plan) {
  auto stageOf = [&](const Space &space) {
    return space.device / plan.options.parallel.tensor;
  };
  auto isSame = [&](const Space &a, const Space &b) {
    return stageOf(a) == stageOf(b) && a.weights == b.weights &&
           a.cache == b.cache && a.activations == b.activations &&
           a.peak == b.peak;
  };
  std::vector<std::pair<size_t, size_t>> runs;
  for (size_t i = 0, j; i < plan.spaces.size(); i = j) {
    for (j = i + 1;
         j < plan.spaces.size() && isSame(plan.spaces[i], plan.spaces[j]);)
      ++j;
    runs.push_back({i, j});
  }
  return runs;
}

std::string narae::plan::planPage(const Plan &plan, const ordered_json &data) {
  return htmlPage(
      plan.model + " on " + std::to_string(plan.devices) + " x " + plan.target,
      data.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
}
