//===- Graph.cpp - Plans of graphs of operators ---------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/planner/Planner.h"
#include "lib/plan/GraphSteps.h"
#include "lib/plan/Stacks.h"

#include <algorithm>
#include <cmath>

using namespace narae;
using namespace narae::plan;

double narae::plan::bytesOf(const GraphWeight &weight,
                            const std::string &precision) {
  if (!weight.isFloat || precision.empty())
    return weight.bytes;
  Matrix matrix;
  matrix.rows = weight.rows;
  matrix.columns =
      std::llround(weight.elements / std::max<int64_t>(weight.rows, 1));
  matrix.isLinear = weight.isLinear && weight.rows > 1;
  return matrixBytes(matrix, precision);
}

/// How many times as many bytes a tensor of floats has.
static double scaleOf(const GraphBuffer &buffer, const std::string &precision) {
  if (!buffer.isFloat || precision.empty() || buffer.bytes == 0)
    return 1;
  return buffer.elements * (precision == "f32" ? 4 : 2) / buffer.bytes;
}

Arena narae::plan::planBuffers(const GraphModel &model,
                               const std::string &precision, int64_t pools) {
  memory::Problem problem;
  for (const GraphBuffer &buffer : model.buffers) {
    memory::Buffer one;
    one.name = buffer.name;
    one.lower = buffer.lower;
    one.upper = buffer.upper;
    one.size = std::llround(
        std::ceil(buffer.bytes * scaleOf(buffer, precision) / pools));
    one.alignment = 256;
    problem.buffers.push_back(one);
  }
  memory::Plan planned = memory::allocate(problem);
  Arena arena;
  arena.peak = double(planned.peak);
  arena.lowerBound = double(planned.lowerBound);
  // The buffers that are live when most is.
  int64_t fullest = 0;
  double most = -1;
  for (const memory::Buffer &at : problem.buffers) {
    double live = 0;
    if (problem.buffers.size() <= 20000)
      for (const memory::Buffer &buffer : problem.buffers)
        if (buffer.lower <= at.lower && at.lower < buffer.upper)
          live += double(buffer.size);
    if (live > most) {
      most = live;
      fullest = at.lower;
    }
  }
  for (size_t i = 0; i < problem.buffers.size(); ++i) {
    memory::Buffer &buffer = problem.buffers[i];
    if (buffer.lower <= fullest && fullest < buffer.upper)
      arena.buffers.push_back({buffer.name, double(buffer.size)});
    buffer.offset = planned.offsets[i];
  }
  arena.places = problem.buffers;
  return arena;
}

std::string narae::plan::graphType(const GraphModel &model,
                                   const std::string &precision) {
  if (precision == "int8" || precision == "int4")
    return "bf16"; // weights only
  return precision.empty() ? model.computeType : precision;
}

std::vector<Work> narae::plan::graphWork(const GraphModel &model,
                                         const Hardware &hardware,
                                         const std::string &precision) {
  double scale = 1, pools = hardware.memory.pools;
  if (!precision.empty()) {
    double before = 0, after = 0;
    for (const GraphBuffer &buffer : model.buffers)
      if (buffer.isFloat) {
        before += buffer.bytes;
        after += buffer.bytes * scaleOf(buffer, precision);
      }
    scale = before > 0 ? after / before : 1;
  }
  std::vector<Work> works;
  for (const GraphStep &step : model.steps) {
    Work work;
    work.operations = step.operations;
    for (size_t weight : step.weights)
      work.weights += bytesOf(model.weights[weight], precision) / pools;
    work.activations = (step.floatBytes * scale + step.otherBytes) / pools;
    works.push_back(work);
  }
  return works;
}

/// Times of a run, an operator after the other; in each, arithmetic and memory
/// overlap.
static StepTime runTime(const GraphModel &model, const Hardware &hardware,
                        const Options &options) {
  StepTime time;
  const std::string &precision = options.precision;
  std::string type = graphType(model, precision);
  double operations = 0, pools = hardware.memory.pools;
  std::vector<char> counted(model.weights.size(), 0);
  double weights = 0;
  for (const GraphStep &step : model.steps)
    for (size_t weight : step.weights) {
      weights +=
          counted[weight] ? 0 : bytesOf(model.weights[weight], precision);
      counted[weight] = 1;
    }
  for (const Work &work : graphWork(model, hardware, precision)) {
    Seconds seconds = secondsOf(work, hardware, options, type, false);
    time.compute += seconds.compute;
    time.memory += seconds.memory;
    time.estimate += std::max(seconds.compute, seconds.memory);
    time.weightBytes += work.weights * pools;
    time.activationBytes += work.activations * pools;
    operations += work.operations;
  }
  Work all;
  all.operations = operations;
  all.weights = weights / pools;
  Seconds peak = secondsOf(all, hardware, options, type, true);
  time.bound = std::max(peak.compute, peak.memory);
  std::string memory =
      hardware.memory.name == "hbm" ? "HBM" : hardware.memory.name;
  time.boundBy = time.memory >= time.compute ? memory : "compute";
  return time;
}

Plan narae::plan::makeGraphPlan(const GraphModel &model,
                                const Hardware &hardware,
                                const Options &options) {
  Plan plan;
  plan.model = model.name;
  plan.target = hardware.name;
  plan.options = options;
  plan.options.batch = model.batch;
  plan.isGraph = true;
  plan.stages = {{0, 0}};
  plan.notes = model.notes;
  int64_t pools = hardware.memory.pools;
  std::vector<placement::Item> items;
  std::vector<LargeBuffer> largest;
  for (const GraphWeight &weight : model.weights) {
    double bytes = bytesOf(weight, options.precision);
    plan.weightBytes += bytes;
    plan.parameters += weight.isFloat || weight.isLinear ? weight.elements : 0;
    placement::Item item;
    item.name = weight.name;
    item.units = std::max<int64_t>(weight.rows, 1);
    item.unitBytes = bytes / item.units;
    if (weight.rows > 1) {
      item.rows = 1;
      item.rowBytes = item.unitBytes;
    }
    items.push_back(item);
    largest.push_back({weight.name, bytes / pools});
  }
  plan.activeParameters = plan.parameters;
  Arena arena = planBuffers(model, options.precision, pools);
  plan.spaces = placeItems(items, hardware, arena, plan.padded);
  plan.fits = true;
  double shared = 0;
  for (size_t i = 0; i < plan.spaces.size(); ++i) {
    plan.fits &= plan.spaces[i].fits();
    shared = std::max(shared, plan.spaces[i].shared);
    if (plan.spaces[i].room() < plan.spaces[plan.tightest].room())
      plan.tightest = i;
  }
  largest.insert(largest.end(), arena.buffers.begin(), arena.buffers.end());
  keepLargest(largest, plan);
  Hardware derated = withCollisions(hardware, shared);
  plan.peakBandwidth = hardware.memory.bandwidth.value;
  plan.deratedBandwidth = derated.memory.derated();
  plan.refreshTax = hardware.memory.refresh.value;
  plan.prefill = plan.decode = runTime(model, derated, options);
  plan.notes.push_back(
      "the time of one run stands for prefill and for decode; activations and "
      "times come from a schedule operator by operator, which stands in for a "
      "code generator's");
  return plan;
}
