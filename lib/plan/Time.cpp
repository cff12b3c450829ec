//===- Time.cpp - Bounds and estimates of a step --------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/spaces/Stream.h"
#include "lib/plan/Work.h"

#include <algorithm>
#include <cmath>

using namespace narae::plan;

std::string narae::plan::computeType(const Inventory &inventory,
                                     const std::string &precision) {
  if (precision == "int4" || precision == "int8")
    return "bf16"; // weights only
  if (!precision.empty())
    return precision;
  for (const Matrix &matrix : inventory.matrices)
    if (matrix.isLinear)
      return matrix.storage == narae::language::Storage::F32      ? "f32"
             : matrix.storage == narae::language::Storage::F8E4M3 ? "fp8"
                                                                  : "bf16";
  return "bf16";
}

/// Average number of keys that a token sees when positions [0, n) are computed.
static double averageKeys(double n, double window) {
  if (window <= 0 || n <= window)
    return (n + 1) / 2;
  return (window * (window + 1) / 2 + (n - window) * window) / n;
}

StepSize narae::plan::decodeStep(const Options &options, double context) {
  return {double(options.batch), context, false};
}

StepSize narae::plan::prefillStep(const Options &options) {
  double chunk = std::min(options.chunk, options.context);
  return {options.batch * chunk, options.context / 2.0, true};
}

double narae::plan::prefillChunks(const Options &options) {
  double chunk = std::min(options.chunk, options.context);
  return std::ceil(options.context / chunk);
}

/// Adds a layer's attention, its activations and the sums over the devices of
/// a tensor-parallel group.
static void addLayer(const Inventory &inventory, const Hardware &hardware,
                     const Options &options, int64_t layer,
                     const StepSize &step, Work &work) {
  const Parallel &parallel = options.parallel;
  int64_t pools = hardware.memory.pools;
  const LayerCache &cache = inventory.caches[layer];
  const LayerAttention &attention = inventory.attentions[layer];
  double tokens = step.tokens, window = cache.window;
  double kept = window > 0 ? std::min(step.context, window) : step.context;
  double entry = cache.heads * cache.elements * cacheBytes(options.kvType);
  work.cache += poolShare(cache, parallel, pools) * entry *
                (options.batch * kept + tokens);
  double keys = step.isPrefill ? averageKeys(options.context, window) : kept;
  double dims = cache.isLatent ? 2.0 * cache.elements
                               : attention.keyDim + attention.valueDim;
  work.operations +=
      2 * tokens * keys * attention.heads * dims / parallel.tensor;
  work.activations += tokens *
                      (6.0 * inventory.hidden + 3.0 * inventory.widest) * 2 /
                      (parallel.tensor * pools);
  if (parallel.tensor > 1) {
    double n = parallel.tensor;
    work.link += 2 * 2 * (n - 1) / n * tokens * inventory.hidden * 2;
    work.messages += 2 * 2 * std::ceil(std::log2(n));
  }
}

std::vector<Part> narae::plan::partsOf(const Inventory &inventory,
                                       const Hardware &hardware,
                                       const Options &options,
                                       const std::vector<Stage> &stages,
                                       size_t stage, const StepSize &step) {
  const Parallel &parallel = options.parallel;
  int64_t pools = hardware.memory.pools, first = stages[stage].first,
          layers = stages[stage].last - first;
  std::vector<Part> parts(layers + 1);
  for (size_t i = 0; i < inventory.matrices.size(); ++i) {
    const Matrix &matrix = inventory.matrices[i];
    if (!holds(inventory, stages, stage, i) || matrix.active == 0)
      continue;
    bool isEmbedding = i == 0 && stage + 1 != stages.size();
    if (isEmbedding)
      continue;
    double share = poolShare(inventory, matrix, parallel, pools);
    // The head is computed for the last token of a prompt only.
    bool isHead = matrix.split == Split::Vocabulary;
    double rows = isHead && step.isPrefill ? options.batch : step.tokens;
    Work &work = parts[matrix.layer < 0 ? layers : matrix.layer - first].work;
    work.weights +=
        share * matrixBytes(matrix, options.precision) *
        narae::memory::expertsChosen(double(matrix.count), matrix.active, rows);
    work.operations +=
        2 * share * pools * matrix.active * matrix.rows * matrix.columns * rows;
  }
  for (int64_t layer = 0; layer < layers; ++layer) {
    parts[layer].layer = first + layer;
    addLayer(inventory, hardware, options, first + layer, step,
             parts[layer].work);
  }
  if (stages.size() > 1) {
    Work &work = parts.back().work;
    work.link += step.tokens * inventory.hidden * 2 / parallel.tensor;
    work.messages += 1;
  }
  return parts;
}

Work narae::plan::sumOf(const std::vector<Part> &parts) {
  Work sum;
  for (const Part &part : parts) {
    sum.weights += part.work.weights;
    sum.cache += part.work.cache;
    sum.activations += part.work.activations;
    sum.operations += part.work.operations;
    sum.link += part.work.link;
    sum.messages += part.work.messages;
  }
  return sum;
}

/// The work of a stage's device.
static Work workOf(const Inventory &inventory, const Hardware &hardware,
                   const Options &options, const std::vector<Stage> &stages,
                   size_t stage, const StepSize &step) {
  return sumOf(partsOf(inventory, hardware, options, stages, stage, step));
}

Seconds narae::plan::secondsOf(const Work &work, const Hardware &hardware,
                               const Options &options, const std::string &type,
                               bool atPeak) {
  Seconds seconds;
  double compute = atPeak ? 1 : hardware.computeEfficiency.value;
  double memory = atPeak ? 1 : hardware.memory.efficiency.value;
  seconds.compute = work.operations / (hardware.peakOf(type).value * compute);
  double bytes = work.weights + work.cache + (atPeak ? 0 : work.activations);
  seconds.memory = bytes / (hardware.memory.bandwidth.value * memory);
  bool crosses = options.parallel.tensor > hardware.devicesPerNode;
  double link = crosses ? hardware.network.value : hardware.link.value;
  seconds.link = work.link / link;
  if (!atPeak)
    seconds.link += work.messages * hardware.linkLatency.value;
  return seconds;
}

static double mostOf(const Seconds &seconds) {
  return std::max({seconds.compute, seconds.memory, seconds.link});
}

static void sayWhatBounds(StepTime &time, const Hardware &hardware) {
  std::string memory =
      hardware.memory.name == "hbm" ? "HBM" : hardware.memory.name;
  time.boundBy = time.link >= std::max(time.memory, time.compute) ? "link"
                 : time.memory >= time.compute                    ? memory
                                                                  : "compute";
}

StepTime narae::plan::decodeTime(const Inventory &inventory,
                                 const Hardware &hardware,
                                 const Options &options,
                                 const std::vector<Stage> &stages) {
  StepTime time;
  std::string type = computeType(inventory, options.precision);
  for (size_t stage = 0; stage < stages.size(); ++stage) {
    Work first = workOf(inventory, hardware, options, stages, stage,
                        decodeStep(options, 0));
    Work last = workOf(inventory, hardware, options, stages, stage,
                       decodeStep(options, double(options.context)));
    first.cache = 0;
    time.bound += mostOf(secondsOf(first, hardware, options, type, true));
    Seconds s = secondsOf(last, hardware, options, type, false);
    // Links wait for the layer; compute and memory overlap.
    time.estimate += std::max(s.compute, s.memory) + s.link;
    time.compute += s.compute;
    time.memory += s.memory;
    time.link += s.link;
    double devices = double(options.parallel.tensor) * hardware.memory.pools;
    time.weightBytes += last.weights * devices;
    time.cacheBytes += last.cache * devices;
    time.activationBytes += last.activations * devices;
    time.linkBytes += last.link * options.parallel.tensor;
  }
  sayWhatBounds(time, hardware);
  return time;
}

StepTime narae::plan::prefillTime(const Inventory &inventory,
                                  const Hardware &hardware,
                                  const Options &options,
                                  const std::vector<Stage> &stages) {
  StepTime time;
  std::string type = computeType(inventory, options.precision);
  double chunks = prefillChunks(options);
  double slowest = 0, sum = 0;
  for (size_t stage = 0; stage < stages.size(); ++stage) {
    Work work = workOf(inventory, hardware, options, stages, stage,
                       prefillStep(options));
    Seconds peak = secondsOf(work, hardware, options, type, true);
    time.bound = std::max(time.bound, chunks * mostOf(peak));
    Seconds s = secondsOf(work, hardware, options, type, false);
    double step = std::max(s.compute, s.memory) + s.link;
    slowest = std::max(slowest, step);
    sum += step;
    time.compute += chunks * s.compute / stages.size();
    time.memory += chunks * s.memory / stages.size();
    time.link += chunks * s.link / stages.size();
    double devices = double(options.parallel.tensor) * hardware.memory.pools;
    time.weightBytes += chunks * work.weights * devices;
    time.cacheBytes += chunks * work.cache * devices;
    time.activationBytes += chunks * work.activations * devices;
    time.linkBytes += chunks * work.link * options.parallel.tensor;
  }
  // Chunks follow each other through the stages.
  time.estimate = sum + (chunks - 1) * slowest;
  sayWhatBounds(time, hardware);
  return time;
}
