//===- Advice.cpp - What would make a plan fit ----------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/plan/GraphSteps.h"
#include "lib/plan/Streaming.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

using namespace narae::plan;

static std::string gigabytes(double bytes) {
  char text[32];
  if (bytes < 1 << 30)
    std::snprintf(text, sizeof(text), "%.2f MiB", bytes / (1 << 20));
  else
    std::snprintf(text, sizeof(text), "%.2f GiB", bytes / (1 << 30));
  return text;
}

std::string narae::plan::needOf(const Plan &plan) {
  const Space *worst = &plan.spaces.front();
  for (const Space &space : plan.spaces)
    if (space.room() < worst->room())
      worst = &space;
  return gigabytes(worst->peak) + " of " +
         gigabytes(worst->capacity - worst->reserve) + " in the tightest space";
}

static void adviseOnRequest(const Inventory &inventory,
                            const Hardware &hardware, const Options &options,
                            std::vector<Advice> &advice) {
  auto fits = [&](auto change) {
    Options changed = options;
    change(changed);
    return makePlan(inventory, hardware, changed).fits;
  };
  int64_t batch = largestThatFits(options.batch - 1, [&](int64_t value) {
    return fits([&](Options &o) { o.batch = value; });
  });
  if (batch > 0)
    advice.push_back(
        {"--batch " + std::to_string(batch), "the most sequences that fit"});
  int64_t context = largestThatFits(options.context - 1, [&](int64_t value) {
    return fits([&](Options &o) { o.context = value; });
  });
  if (context > 0)
    advice.push_back(
        {"--context " + std::to_string(context), "the most tokens that fit"});
  for (const char *type : {"f16", "q8_0"})
    if (cacheBytes(type) < cacheBytes(options.kvType) &&
        fits([&](Options &o) { o.kvType = type; })) {
      advice.push_back({std::string("--kv-type ") + type, "fits"});
      break;
    }
}

std::vector<Advice> narae::plan::advise(const Inventory &inventory,
                                        const Hardware &hardware,
                                        const Plan &plan) {
  std::vector<Advice> advice;
  const Options &options = plan.options;
  adviseOnRequest(inventory, hardware, options, advice);
  for (const char *precision : {"bf16", "fp8", "int8", "int4"}) {
    Options changed = options;
    changed.precision = precision;
    Plan other = makePlan(inventory, hardware, changed);
    if (other.weightBytes >= plan.weightBytes || !other.fits)
      continue;
    advice.push_back({std::string("--precision ") + precision, needOf(other)});
    break;
  }
  for (int64_t devices = plan.devices + 1; devices <= 256; ++devices) {
    // Whole groups of a power of two, then anything.
    if (devices > 8 && devices % 4 != 0)
      continue;
    Options changed = options;
    if (!chooseParallel(inventory, hardware, options, devices,
                        changed.parallel))
      continue;
    Plan other = makePlan(inventory, hardware, changed);
    if (!other.fits)
      continue;
    advice.push_back({"--devices " + std::to_string(devices) + " (" +
                          toString(changed.parallel) + ")",
                      needOf(other)});
    break;
  }
  Parallel better;
  if (chooseParallel(inventory, hardware, options, plan.devices, better)) {
    Options changed = options;
    changed.parallel = better;
    Plan other = makePlan(inventory, hardware, changed);
    if (other.fits)
      advice.push_back({"--parallel tp=" + std::to_string(better.tensor) +
                            ",ep=" + std::to_string(better.expert) +
                            ",pp=" + std::to_string(better.pipeline),
                        needOf(other)});
  }
  Streaming streaming = planStreaming(inventory, hardware, plan);
  if (!streaming.unit.empty()) {
    char text[160];
    std::snprintf(text, sizeof(text),
                  "%s a device stay with the host; %s come for a token, by %s: "
                  "%.1f ms a token",
                  gigabytes(streaming.hostBytes).c_str(),
                  gigabytes(streaming.tokenBytes).c_str(),
                  streaming.unit.c_str(), 1e3 * streaming.decode);
    advice.push_back({"--offload", text});
  }
  return advice;
}

std::vector<Advice> narae::plan::adviseGraph(const GraphModel &model,
                                             const Hardware &hardware,
                                             const Plan &plan,
                                             const GraphAtBatch &atBatch) {
  std::vector<Advice> advice;
  auto fits = [&](int64_t batch) {
    std::optional<GraphModel> other = atBatch(batch);
    return other && makeGraphPlan(*other, hardware, plan.options).fits;
  };
  if (int64_t batch = atBatch && model.batch > 1
                          ? largestThatFits(model.batch - 1, fits)
                          : 0)
    advice.push_back({"--batch " + std::to_string(batch), "the most that fit"});
  for (const char *precision : {"bf16", "fp8", "int8", "int4"}) {
    Options changed = plan.options;
    changed.precision = precision;
    Plan other = makeGraphPlan(model, hardware, changed);
    const Space &now = plan.spaces[plan.tightest];
    if (!other.fits || other.spaces[other.tightest].peak >= now.peak)
      continue;
    advice.push_back({std::string("--precision ") + precision, needOf(other)});
    break;
  }
  if (advice.empty()) {
    // Nothing that one device can do: what it would have to hold.
    const Space &space = plan.spaces[plan.tightest];
    advice.push_back({"--target with larger memory",
                      gigabytes(space.peak) + " in each space; this one has " +
                          gigabytes(space.capacity - space.reserve) +
                          " (--compare puts targets side by side)"});
  }
  return advice;
}
