//===- Advice.cpp - What would make a plan fit ----------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/plan/Streaming.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

using namespace narae::plan;

static std::string gigabytes(double bytes) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.2f GiB", bytes / (1 << 30));
  return text;
}

/// The tightest space's need of a variant, for messages.
static std::string needOf(const Plan &plan) {
  const Space *worst = &plan.spaces.front();
  for (const Space &space : plan.spaces)
    if (space.room() < worst->room())
      worst = &space;
  return gigabytes(worst->peak) + " of " +
         gigabytes(worst->capacity - worst->reserve) + " in the tightest space";
}

/// The largest value in [1, high] for which `fits` holds; 0 when none.
template <typename Fits>
static int64_t largestThatFits(int64_t high, Fits fits) {
  int64_t low = 0;
  while (low < high) {
    int64_t middle = low + (high - low + 1) / 2;
    if (fits(middle))
      low = middle;
    else
      high = middle - 1;
  }
  return low;
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
