//===- Time.cpp - Bounds and estimates of a step --------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/plan/Plan.h"

#include <algorithm>
#include <cmath>

using namespace narae::plan;

namespace {
/// What one device of one stage does in a step.
struct Work {
  double weights = 0, cache = 0, activations = 0; ///< bytes of its fullest pool
  double operations = 0;
  double link = 0;     ///< bytes it sends
  double messages = 0; ///< that follow each other
};

/// The seconds of the resources that a device has.
struct Seconds {
  double compute = 0, memory = 0, link = 0;
  double most() const { return std::max({compute, memory, link}); }
};
} // namespace

/// The type that products of linear layers are computed in.
static std::string computeType(const Inventory &inventory,
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

/// Experts of `count` that some of `tokens` tokens choose, when choices are
/// independent.
static double expertsRead(double count, double active, double tokens) {
  if (count <= 0 || active >= count)
    return count;
  return count * (1 - std::pow(1 - active / count, tokens));
}

/// Average number of keys that a token sees when positions [0, n) are computed.
static double averageKeys(double n, double window) {
  if (window <= 0 || n <= window)
    return (n + 1) / 2;
  return (window * (window + 1) / 2 + (n - window) * window) / n;
}

/// What a step of `tokens` tokens, of all sequences together, is for a device
/// of a stage. `context` tokens are in each cache.
static Work workOf(const Inventory &inventory, const Hardware &hardware,
                   const Options &options, const std::vector<Stage> &stages,
                   size_t stage, double tokens, double context, bool prefill) {
  Work work;
  const Parallel &parallel = options.parallel;
  int64_t pools = hardware.memory.pools;
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
    double rows = isHead && prefill ? options.batch : tokens;
    work.weights += share * matrixBytes(matrix, options.precision) *
                    expertsRead(matrix.count, matrix.active, rows);
    work.operations +=
        2 * share * pools * matrix.active * matrix.rows * matrix.columns * rows;
  }
  double perToken = cacheBytes(options.kvType);
  for (int64_t l = stages[stage].first; l < stages[stage].last; ++l) {
    const LayerCache &cache = inventory.caches[l];
    const LayerAttention &attention = inventory.attentions[l];
    double share = poolShare(cache, parallel, pools);
    double window = cache.window;
    double kept = window > 0 ? std::min(context, window) : context;
    double entry = cache.heads * cache.elements * perToken;
    work.cache += share * entry * (options.batch * kept + tokens);
    double keys = prefill ? averageKeys(options.context, window) : kept;
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
  if (stages.size() > 1) {
    work.link += tokens * inventory.hidden * 2 / parallel.tensor;
    work.messages += 1;
  }
  return work;
}

static Seconds secondsOf(const Work &work, const Hardware &hardware,
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
                        options.batch, 0, false);
    Work last = workOf(inventory, hardware, options, stages, stage,
                       options.batch, options.context, false);
    first.cache = 0;
    time.bound += secondsOf(first, hardware, options, type, true).most();
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
  double chunk = std::min(options.chunk, options.context);
  double chunks = std::ceil(options.context / chunk);
  double slowest = 0, sum = 0;
  for (size_t stage = 0; stage < stages.size(); ++stage) {
    Work work = workOf(inventory, hardware, options, stages, stage,
                       options.batch * chunk, options.context / 2.0, true);
    Seconds peak = secondsOf(work, hardware, options, type, true);
    time.bound = std::max(time.bound, chunks * peak.most());
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
