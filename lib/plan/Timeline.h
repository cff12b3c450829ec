//===- Timeline.h - When a plan's devices do what ---------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Lays the estimated times of a plan out in time: the prompt in chunks, then
// one token of decode, layer by layer. All devices of a stage do the same.
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_PLAN_TIMELINE_H
#define NARAE_LIB_PLAN_TIMELINE_H

#include "lib/plan/Plan.h"

namespace narae::plan {

/// Something that a resource is busy with, in seconds.
struct Event {
  std::string name; ///< "layer 3", "chunks 1-4"
  double start = 0, end = 0;
  double amount = 0; ///< operations, or bytes
  int64_t layer = -1;
};

/// The events of a resource, in order and apart.
struct Lane {
  std::string name; ///< "compute", "HBM" (the memory's name), "link"
  std::string unit; ///< of amounts: "operations", "bytes"
  std::vector<Event> events;
};

/// How full the caches of a pool are from a time on; the activations, of a
/// graph's run.
struct CacheFill {
  double time = 0, bytes = 0;
};

struct StageTimeline {
  Event prefill, decode; ///< from the first to the last event of each
  std::vector<Lane> lanes;
  std::vector<CacheFill> fills;
};

/// For each stage. The events of a lane last as long, in all, as the plan says
/// of the resource: for decode the stages' sum; for prefill `stages` times the
/// plan's average stage. Chunks of long prompts are grouped, 64 to a lane at
/// most.
std::vector<StageTimeline> makeTimeline(const Inventory &inventory,
                                        const Hardware &hardware,
                                        const Plan &plan);

/// The timeline as Chrome's trace events, which Perfetto opens: a process a
/// device, a thread a resource, counters of what each space holds. Beyond 64
/// devices one stands for all of its stage.
std::string toTrace(const Inventory &inventory, const Hardware &hardware,
                    const Plan &plan);

/// The trace of timelines by stage.
std::string traceOf(const std::vector<StageTimeline> &timelines,
                    const Hardware &hardware, const Plan &plan);

} // namespace narae::plan

#endif // NARAE_LIB_PLAN_TIMELINE_H
