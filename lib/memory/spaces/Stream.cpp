//===- Stream.cpp - Weights that pass through -----------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/spaces/Stream.h"

#include <algorithm>
#include <cmath>

using namespace narae::memory;

/// One buffer is filled while the other is used: the first copy and the last
/// use stand alone.
static Ticks pipeline(uint64_t count, Ticks copy, Ticks compute) {
  if (count == 0)
    return 0;
  return copy + Ticks(count - 1) * std::max(copy, compute) + compute;
}

Ticks narae::memory::streamTime(const LayerStream &stream) {
  uint32_t residents = std::min(stream.residents, stream.layers);
  return pipeline(stream.layers - residents,
                  transferTime(stream.link, stream.bytes), stream.compute) +
         residents * stream.compute;
}

// Steady state is the longest cycle a token of what waits for what: a copy for
// the copy before, and for the computing two layers before, whose buffer it
// takes; computing for its copy, and for the computing before. So all copies,
// or all computing, or all copies but two and what computes from the last
// streamed layer over the resident ones to the first streamed layer.
Ticks narae::memory::streamTimePerToken(const LayerStream &stream) {
  Ticks residents = std::min(stream.residents, stream.layers);
  Ticks n = stream.layers - residents;
  Ticks compute = stream.compute;
  if (n == 0)
    return residents * compute;
  Ticks copy = transferTime(stream.link, stream.bytes);
  Ticks across = n > 1 ? (n - 2) * copy + (residents + 2) * compute : 0;
  return std::max({n * copy, across, (n + residents) * compute});
}

Ticks narae::memory::streamTime(const ExpertStream &stream) {
  return stream.layers *
         (stream.dense + pipeline(stream.experts,
                                  transferTime(stream.link, stream.bytes),
                                  stream.compute));
}

Ticks narae::memory::streamTime(const std::vector<StreamStep> &steps,
                                const Channel &link, uint32_t tokens) {
  Ticks computed = 0, copied = 0; // ends of the last step and the last copy
  Ticks buffers[2] = {0, 0};      // when each is free; the older one first
  for (uint32_t token = 0; token < tokens; ++token)
    for (const StreamStep &step : steps) {
      if (step.bytes == 0) {
        computed += step.compute;
        continue;
      }
      Ticks start = std::max(copied, buffers[0]);
      if (step.isKnownLate)
        start = std::max(start, computed);
      copied = start + transferTime(link, step.bytes);
      computed = std::max(computed, copied) + step.compute;
      buffers[0] = buffers[1];
      buffers[1] = computed;
    }
  return computed;
}

Ticks narae::memory::streamTimePerToken(const std::vector<StreamStep> &steps,
                                        const Channel &link) {
  return (streamTime(steps, link, 48) - streamTime(steps, link, 16)) / 32;
}

uint32_t narae::memory::residentLayers(uint32_t layers, uint64_t bytes,
                                       uint64_t capacity) {
  uint64_t fit = bytes ? capacity / bytes : layers;
  if (fit >= layers)
    return layers;
  return fit < 2 ? 0 : uint32_t(fit - 2);
}

double narae::memory::expertsChosen(double count, double active,
                                    double tokens) {
  if (count <= 0 || active >= count)
    return count;
  return count * (1 - std::pow(1 - active / count, tokens));
}

SpacesProblem narae::memory::streamProblem(const LayerStream &stream,
                                           uint32_t tokens) {
  SpacesProblem problem;
  uint32_t residents = std::min(stream.residents, stream.layers);
  uint32_t streamed = stream.layers - residents;
  problem.space.name = "buffers";
  problem.space.capacity = streamBuffers(stream);
  problem.space.fill = problem.space.drain = stream.link;
  for (uint32_t t = 0; t < tokens; ++t)
    for (uint32_t layer = 0; layer < stream.layers; ++layer) {
      ScheduleStep step;
      step.name = "layer " + std::to_string(layer);
      step.compute = stream.compute;
      if (layer < streamed) {
        // A tensor each time: what is streamed is not kept for the next token.
        step.reads.push_back(uint32_t(problem.tensors.size()));
        Tensor weights;
        weights.name = step.name + " of token " + std::to_string(t);
        weights.size = stream.bytes;
        weights.startsHome = true;
        problem.tensors.push_back(std::move(weights));
      }
      problem.steps.push_back(std::move(step));
    }
  return problem;
}

SpacesProblem narae::memory::streamProblem(const ExpertStream &stream) {
  SpacesProblem problem;
  problem.space.name = "buffers";
  problem.space.capacity = 2 * stream.bytes;
  problem.space.fill = problem.space.drain = stream.link;
  for (uint32_t layer = 0; layer < stream.layers; ++layer) {
    problem.steps.push_back(
        {"router " + std::to_string(layer), stream.dense, {}, {}});
    uint32_t known = uint32_t(problem.steps.size());
    for (uint32_t e = 0; e < stream.experts; ++e) {
      Tensor weights;
      weights.name =
          "expert " + std::to_string(e) + " of layer " + std::to_string(layer);
      weights.size = stream.bytes;
      weights.startsHome = true;
      weights.knownFrom = known;
      ScheduleStep step{weights.name, stream.compute, {}, {}};
      step.reads.push_back(uint32_t(problem.tensors.size()));
      problem.tensors.push_back(std::move(weights));
      problem.steps.push_back(std::move(step));
    }
  }
  return problem;
}

SpacesProblem narae::memory::streamProblem(const std::vector<StreamStep> &steps,
                                           const Channel &link,
                                           uint32_t tokens) {
  SpacesProblem problem;
  problem.space.name = "buffers";
  problem.space.fill = problem.space.drain = link;
  for (const StreamStep &step : steps)
    problem.space.capacity = std::max(problem.space.capacity, 2 * step.bytes);
  for (uint32_t token = 0; token < tokens; ++token)
    for (const StreamStep &step : steps) {
      ScheduleStep one;
      one.name = "step " + std::to_string(problem.steps.size());
      one.compute = step.compute;
      if (step.bytes) {
        Tensor weights;
        weights.name = "weights of " + one.name;
        weights.size = step.bytes;
        weights.startsHome = true;
        weights.knownFrom =
            step.isKnownLate ? uint32_t(problem.steps.size()) : 0;
        one.reads.push_back(uint32_t(problem.tensors.size()));
        problem.tensors.push_back(std::move(weights));
      }
      problem.steps.push_back(std::move(one));
    }
  return problem;
}
