//===- Timeline.cpp - When a plan's devices do what -----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/plan/Timeline.h"
#include "lib/plan/Work.h"

#include <algorithm>
#include <cmath>

using namespace narae::plan;

namespace {
constexpr int64_t maxGroups = 64;

enum Resource { Compute, Memory, Link };

double secondsIn(const Seconds &seconds, Resource resource) {
  return resource == Compute  ? seconds.compute
         : resource == Memory ? seconds.memory
                              : seconds.link;
}

double amountIn(const Work &work, Resource resource) {
  return resource == Compute  ? work.operations
         : resource == Memory ? work.weights + work.cache + work.activations
                              : work.link;
}

/// One token of decode on one stage. Compute and memory overlap freely within
/// a stage, so the longer of them sets the pace, and the other is spread over
/// its time; both wait while the devices exchange a layer's results.
class DecodeStage {
public:
  DecodeStage(std::vector<Part> given, const Hardware &hardware,
              const Options &options, const std::string &type)
      : parts(std::move(given)) {
    Seconds sum;
    for (const Part &part : parts) {
      seconds.push_back(secondsOf(part.work, hardware, options, type, false));
      sum.compute += seconds.back().compute;
      sum.memory += seconds.back().memory;
    }
    pace = std::max(sum.compute, sum.memory);
    Resource longer = sum.compute >= sum.memory ? Compute : Memory;
    double until = 0;
    for (const Seconds &s : seconds) {
      until += secondsIn(s, longer);
      waits.push_back({until, s.link});
    }
  }

  /// Appends events from `start` on; returns when the stage is done.
  double run(double start, std::vector<Lane> &lanes) const {
    for (Resource resource : {Compute, Memory})
      spread(resource, start, lanes[resource]);
    double waited = 0;
    for (size_t i = 0; i < parts.size(); ++i) {
      double begin = start + waits[i].first + waited;
      waited += waits[i].second;
      if (waits[i].second > 0)
        lanes[Link].events.push_back({nameOf(parts[i]), begin,
                                      start + waits[i].first + waited,
                                      parts[i].work.link, parts[i].layer});
    }
    return start + pace + waited;
  }

private:
  static std::string nameOf(const Part &part) {
    return part.layer >= 0 ? "layer " + std::to_string(part.layer)
                           : "after the layers";
  }

  void spread(Resource resource, double start, Lane &lane) const {
    double sum = 0, done = 0;
    for (const Seconds &s : seconds)
      sum += secondsIn(s, resource);
    if (sum <= 0)
      return;
    for (size_t i = 0; i < parts.size(); ++i) {
      double length = secondsIn(seconds[i], resource);
      double begin = pace * (done / sum);
      add(parts[i], amountIn(parts[i].work, resource), begin, begin + length,
          start, lane);
      done += length;
    }
  }

  /// An event of [begin, end) in the time that waits do not count in; waits
  /// within it cut it into pieces.
  void add(const Part &part, double amount, double begin, double end,
           double start, Lane &lane) const {
    double length = end - begin, waited = 0;
    auto piece = [&](double from, double to) {
      if (to > from)
        lane.events.push_back({nameOf(part), start + from + waited,
                               start + to + waited,
                               amount * (to - from) / length, part.layer});
    };
    for (auto [at, wait] : waits) {
      if (at >= end)
        break;
      if (at > begin && wait > 0) {
        piece(begin, at);
        begin = at;
      }
      waited += wait;
    }
    piece(begin, end);
  }

  std::vector<Part> parts;
  std::vector<Seconds> seconds;
  /// When, in the time that waits do not count in, and how long.
  std::vector<std::pair<double, double>> waits;
  double pace = 0;
};

/// Chunks follow each other through the stages at the pace of the slowest.
class Prefill {
public:
  Prefill(const Inventory &inventory, const Hardware &hardware,
          const Plan &plan, const std::string &type)
      : inventory(inventory), hardware(hardware), plan(plan) {
    for (size_t stage = 0; stage < plan.stages.size(); ++stage) {
      works.push_back(
          sumOf(partsOf(inventory, hardware, plan.options, plan.stages, stage,
                        prefillStep(plan.options))));
      seconds.push_back(
          secondsOf(works.back(), hardware, plan.options, type, false));
      slowest = std::max(slowest, lengthOf(seconds.back()));
    }
  }

  void run(size_t stage, double start, StageTimeline &timeline) const {
    int64_t chunks = std::llround(prefillChunks(plan.options));
    int64_t group = (chunks + maxGroups - 1) / maxGroups;
    const Seconds &one = seconds[stage];
    timeline.prefill.start = start;
    timeline.fills.push_back({0, 0});
    for (int64_t chunk = 0; chunk < chunks; chunk += group) {
      int64_t last = std::min(chunk + group, chunks), n = last - chunk;
      double begin = start + chunk * slowest;
      double busy = n * std::max(one.compute, one.memory);
      std::string name = n == 1 ? "chunk " + std::to_string(last)
                                : "chunks " + std::to_string(chunk + 1) + "-" +
                                      std::to_string(last);
      for (Resource resource : {Compute, Memory, Link}) {
        double from = begin + (resource == Link ? busy : 0);
        double length = n * secondsIn(one, resource);
        if (length > 0)
          timeline.lanes[resource].events.push_back(
              {name, from, from + length, n * amountIn(works[stage], resource),
               -1});
      }
      timeline.prefill.end = begin + n * lengthOf(one);
      timeline.fills.push_back({timeline.prefill.end, cacheAfter(stage, last)});
    }
  }
  double lengthOf(size_t stage) const { return lengthOf(seconds[stage]); }

private:
  static double lengthOf(const Seconds &s) {
    return std::max(s.compute, s.memory) + s.link;
  }
  double cacheAfter(size_t stage, int64_t chunks) const {
    Options options = plan.options;
    options.context = std::min(
        options.context, chunks * std::min(options.chunk, options.context));
    double bytes = 0;
    for (int64_t layer = plan.stages[stage].first;
         layer < plan.stages[stage].last; ++layer)
      bytes += cachedBytes(inventory, hardware, options, layer);
    return bytes;
  }

  const Inventory &inventory;
  const Hardware &hardware;
  const Plan &plan;
  std::vector<Work> works;
  std::vector<Seconds> seconds;
  double slowest = 0;
};
} // namespace

std::vector<StageTimeline> narae::plan::makeTimeline(const Inventory &inventory,
                                                     const Hardware &given,
                                                     const Plan &plan) {
  // Streams that share banks have slowed the plan's memory down.
  Hardware hardware = given;
  hardware.memory.efficiency.value =
      plan.deratedBandwidth / hardware.memory.bandwidth.value;
  const Options &options = plan.options;
  std::string type = computeType(inventory, options.precision);
  std::string memory =
      hardware.memory.name == "hbm" ? "HBM" : hardware.memory.name;
  std::vector<StageTimeline> timelines(plan.stages.size());
  Prefill prefill(inventory, hardware, plan, type);
  double start = 0;
  for (size_t stage = 0; stage < timelines.size(); ++stage) {
    timelines[stage].lanes = {{"compute", "operations", {}},
                              {memory, "bytes", {}},
                              {"link", "bytes", {}}};
    prefill.run(stage, start, timelines[stage]);
    start += prefill.lengthOf(stage);
  }
  start = timelines.back().prefill.end;
  for (size_t stage = 0; stage < timelines.size(); ++stage) {
    DecodeStage decode(partsOf(inventory, hardware, options, plan.stages, stage,
                               decodeStep(options, double(options.context))),
                       hardware, options, type);
    timelines[stage].decode.start = start;
    start = decode.run(start, timelines[stage].lanes);
    timelines[stage].decode.end = start;
  }
  return timelines;
}
