//===- Work.h - What a step is for one device -------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Internal to the library: times and pictures of times are made of it.
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_PLAN_WORK_H
#define NARAE_LIB_PLAN_WORK_H

#include "lib/plan/Plan.h"

namespace narae::plan {

/// What one device of one stage does in a step.
struct Work {
  double weights = 0, cache = 0, activations = 0; ///< bytes of its fullest pool
  double operations = 0;
  double link = 0;     ///< bytes it sends
  double messages = 0; ///< that follow each other
};

/// The work of a layer, or of what a stage does behind its layers: the head,
/// or sending to the next stage.
struct Part {
  int64_t layer = -1; ///< -1: behind the layers
  Work work;
};

/// The seconds of the resources that a device has.
struct Seconds {
  double compute = 0, memory = 0, link = 0;
};

/// Tokens of all sequences in a step, and how many each cache has before it.
struct StepSize {
  double tokens = 0, context = 0;
  bool isPrefill = false;
};

/// One token of each sequence, behind `context` others.
StepSize decodeStep(const Options &options, double context);
/// One chunk of the prompts; the average one.
StepSize prefillStep(const Options &options);
/// Chunks of a prompt.
double prefillChunks(const Options &options);

/// The work of a stage's device, in order.
std::vector<Part> partsOf(const Inventory &inventory, const Hardware &hardware,
                          const Options &options,
                          const std::vector<Stage> &stages, size_t stage,
                          const StepSize &step);
Work sumOf(const std::vector<Part> &parts);

/// The type that products of linear layers are computed in.
std::string computeType(const Inventory &inventory,
                        const std::string &precision);

/// How long the work takes at peaks, or at derated rates with latencies.
Seconds secondsOf(const Work &work, const Hardware &hardware,
                  const Options &options, const std::string &type, bool atPeak);

} // namespace narae::plan

#endif // NARAE_LIB_PLAN_WORK_H
