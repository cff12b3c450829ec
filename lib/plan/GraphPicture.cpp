//===- GraphPicture.cpp - Pictures and traces of graphs -------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/plan/GraphSteps.h"
#include "lib/plan/PictureParts.h"
#include "lib/plan/Timeline.h"

#include <algorithm>
#include <cmath>

using namespace narae::plan;
using nlohmann::ordered_json;

/// Weights of a part of the picture: as many parts as buffers in each, so that
/// both can be told apart.
static ordered_json weightsJson(const GraphModel &model,
                                const std::string &precision, int64_t pools) {
  size_t count = model.weights.size();
  size_t each =
      std::max<size_t>(16, size_t(std::ceil(std::sqrt(double(count)))));
  ordered_json parts = ordered_json::array();
  for (size_t first = 0; first < count; first += each) {
    size_t last = std::min(first + each, count);
    ordered_json buffers = ordered_json::array();
    for (size_t i = first; i < last; ++i)
      buffers.push_back({model.weights[i].name,
                         bytesOf(model.weights[i], precision) / pools});
    parts.push_back({count <= each ? std::string("all weights")
                                   : "weights " + std::to_string(first + 1) +
                                         " to " + std::to_string(last),
                     buffers});
  }
  return parts;
}

std::string narae::plan::toHtml(const GraphModel &model,
                                const Hardware &hardware, const Plan &plan) {
  int64_t pools = hardware.memory.pools;
  ordered_json groups = ordered_json::array(), spaces = groups, steps = groups;
  for (auto [first, last] : equalSpaces(plan)) {
    const Space &space = plan.spaces[first];
    ordered_json names = ordered_json::array();
    for (size_t i = first; i < last; ++i)
      names.push_back({plan.spaces[i].device, plan.spaces[i].name});
    groups.push_back(
        {{"spaces", names},
         {"capacity", space.capacity},
         {"reserve", space.reserve},
         {"weights", weightsJson(model, plan.options.precision, pools)},
         {"caches", ordered_json::array()}});
    spaces.push_back(heldJson(space, hardware));
  }
  steps.push_back("inputs");
  for (const GraphStep &step : model.steps)
    steps.push_back(step.name);
  ordered_json figures = {{"fits", plan.fits},
                          {"spaces", spaces},
                          {"tightest", tightestJson(plan)},
                          {"arena", 0},
                          {"room", {0, 0}},
                          {"prefill", timesJson(plan.prefill)},
                          {"decode", timesJson(plan.decode)}};
  ordered_json data = planJson(plan, hardware);
  data["steps"] = steps;
  data["batches"] = {plan.options.batch};
  data["contexts"] = {plan.options.context};
  data["groups"] = groups;
  data["figures"] = ordered_json::array({ordered_json::array({figures})});
  data["arenas"] = ordered_json::array(
      {buffersJson(planBuffers(model, plan.options.precision, pools).places)});
  return planPage(plan, data);
}

/// A run on the one device, an operator after the other.
static StageTimeline runTimeline(const GraphModel &model, const Hardware &given,
                                 const Plan &plan) {
  Hardware hardware = given;
  hardware.memory.efficiency.value =
      plan.deratedBandwidth / hardware.memory.bandwidth.value;
  const std::string &precision = plan.options.precision;
  std::string type = graphType(model, precision);
  StageTimeline timeline;
  timeline.lanes = {
      {"compute", "operations", {}},
      {hardware.memory.name == "hbm" ? "HBM" : hardware.memory.name,
       "bytes",
       {}}};
  std::vector<Work> works = graphWork(model, hardware, precision);
  std::vector<double> starts;
  double now = 0;
  for (size_t i = 0; i < works.size(); ++i) {
    Seconds s = secondsOf(works[i], hardware, plan.options, type, false);
    double bytes = works[i].weights + works[i].activations;
    starts.push_back(now);
    if (s.compute > 0)
      timeline.lanes[0].events.push_back(
          {model.steps[i].name, now, now + s.compute, works[i].operations, -1});
    if (s.memory > 0)
      timeline.lanes[1].events.push_back(
          {model.steps[i].name, now, now + s.memory, bytes, -1});
    now += std::max(s.compute, s.memory);
  }
  timeline.prefill.end = now;
  timeline.decode.start = timeline.decode.end = now;
  // What lives from each step on.
  std::vector<double> change(works.size() + 1);
  for (const narae::memory::Buffer &buffer :
       planBuffers(model, precision, hardware.memory.pools).places) {
    // Step 1 is the first operator; inputs are there before it.
    auto at = [&](int64_t step) {
      return size_t(std::clamp<int64_t>(step - 1, 0, int64_t(works.size())));
    };
    change[at(buffer.lower)] += double(buffer.size);
    change[at(buffer.upper)] -= double(buffer.size);
  }
  double live = 0;
  for (size_t i = 0; i <= works.size(); ++i) {
    live += change[i];
    timeline.fills.push_back({i < works.size() ? starts[i] : now, live});
  }
  return timeline;
}

std::string narae::plan::toTrace(const GraphModel &model,
                                 const Hardware &hardware, const Plan &plan) {
  return traceOf({runTimeline(model, hardware, plan)}, hardware, plan);
}
