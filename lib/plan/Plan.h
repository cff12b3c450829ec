//===- Plan.h - Memory and time of a model on devices -----------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Says before anything is compiled or bought whether a model fits, and how fast
// it can be. A layer-by-layer schedule stands in for that of a code generator.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_PLAN_PLAN_H
#define NARAE_LIB_PLAN_PLAN_H

#include "lib/memory/placement/Placement.h"
#include "lib/memory/planner/Planner.h"
#include "lib/plan/Layout.h"

namespace narae::plan {

struct Options {
  Parallel parallel;
  std::string precision; ///< one of `precisions()`; empty: as stored
  std::string kvType = "f16";
  int64_t batch = 1;
  int64_t context = 4096; ///< tokens of each sequence
  int64_t chunk = 512;    ///< tokens of a prompt computed together
  /// Weights that do not fit stay with the host and are streamed.
  bool offload = false;
};

/// Weights that come from the host through two buffers, a device.
struct Streaming {
  std::string unit;               ///< "layer" or "expert"; empty: none
  double hostBytes = 0;           ///< that the host keeps
  double buffers = 0;             ///< bytes of both
  std::vector<double> resident;   ///< by stage
  double tokenBytes = 0;          ///< that come for a token of decode
  double decode = 0, prefill = 0; ///< seconds of the step, all in all
};

/// One pool of one device.
struct Space {
  int64_t device = 0;
  std::string name;
  double capacity = 0, reserve = 0; ///< bytes, as all of these
  double weights = 0, cache = 0, activations = 0;
  double peak = 0;       ///< of weights, cache and activations
  double lowerBound = 0; ///< no plan of this layout has a smaller peak
  /// Where software interleaves: bytes between rows of matrices, where each
  /// kind of data lies, and the share that has banks in common with another.
  double padding = 0, shared = 0;
  std::vector<placement::Region> regions;
  bool fits() const { return peak + reserve <= capacity; }
  double room() const { return capacity - reserve - peak; }
};

/// What a step makes of the memory over a pool (`Hardware::near`). Sizes are
/// those of the fullest moment.
struct NearUse {
  std::string step; ///< "prefill", "decode" or "run"
  double weights = 0, cache = 0, activations = 0; ///< bytes, as all of these
  double peak = 0;
  double lowerBound = 0; ///< that the fullest step touches there
  double copied = 0;     ///< in and out, for a layer or a run
  double atHome = 0;     ///< that kernels use where it lies, likewise
  double seconds = 0;    ///< copies and computing overlapped, of the whole step
  double secondsAtHome = 0; ///< with nothing in the fast memory
  double bound = 0; ///< no plan is faster: computing alone, or copies alone
  /// What lies where while the layer runs, by step of its schedule.
  std::vector<memory::Buffer> places;
  std::vector<std::string> kinds; ///< of these: "weights", "cache", ...
};

/// A buffer that lives at the peak, by the model's name.
struct LargeBuffer {
  std::string name;
  double bytes = 0;
};

/// Seconds of one step, and what they are spent on.
struct StepTime {
  /// Nothing is faster: the largest of compute, memory and links at their
  /// peaks. For decode that of an empty cache.
  double bound = 0;
  /// At derated rates, with latencies; for decode with a full cache.
  double estimate = 0;
  std::string boundBy; ///< "compute", "HBM" (the memory's name) or "link"
  double compute = 0, memory = 0, link = 0; ///< seconds of the estimate
  double weightBytes = 0, cacheBytes = 0, activationBytes = 0, linkBytes = 0;
};

/// Something to change, and what it gives.
struct Advice {
  std::string change; ///< "--batch 4"
  std::string effect;
};

struct Plan {
  std::string model, target;
  Options options;
  int64_t devices = 1;
  double parameters = 0, activeParameters = 0;
  double weightBytes = 0; ///< of the model, once
  double kvBytesPerToken = 0, kvBytesFixed = 0, kvBytesPerTokenUniform = 0;
  bool isGraph = false; ///< no language model: neither a cache nor tokens
  std::vector<Stage> stages;
  std::vector<Space> spaces;
  size_t tightest = 0;              ///< of `spaces`: the one with least room
  std::vector<LargeBuffer> largest; ///< five, of the tightest space
  /// Matrices of the tightest space whose rows were moved apart.
  std::vector<placement::Padded> padded;
  double refreshTax = 0, peakBandwidth = 0, deratedBandwidth = 0; ///< bytes/s
  StepTime prefill, decode;
  std::vector<NearUse> near; ///< by step, of the tightest space's device
  Streaming streaming;       ///< with `Options::offload` where it is needed
  bool fits = false;
  /// Further tokens of one sequence, and further sequences of `context`.
  double roomTokens = 0, roomSequences = 0;
  std::vector<Advice> advice;
  std::vector<std::string> notes;
};

/// Plans for a layout that `checkParallel` has found possible. Without advice.
Plan makePlan(const Inventory &inventory, const Hardware &hardware,
              const Options &options);

/// The best division of so many devices: one that fits, then the fastest
/// decode. Experts are divided among all devices of a tensor-parallel group
/// where they can be. False when there is none.
bool chooseParallel(const Inventory &inventory, const Hardware &hardware,
                    Options options, int64_t devices, Parallel &result);

/// What would make a plan fit that does not, each with its number.
std::vector<Advice> advise(const Inventory &inventory, const Hardware &hardware,
                           const Plan &plan);

/// The layout with the fewest devices, then the least decode time, that fits
/// and decodes a token within `latency` seconds (0: any). False when none of up
/// to `maxDevices` does.
bool searchLayout(const Inventory &inventory, const Hardware &hardware,
                  const Options &options, double latency, int64_t maxDevices,
                  Plan &result);

/// Bytes that the tightest pool of a device holds of a layer's cache. With a
/// window it is a ring, which has room for a chunk besides.
double cachedBytes(const Inventory &inventory, const Hardware &hardware,
                   const Options &options, int64_t layer);

/// Bytes and lower bound of a device's activations (Activations.cpp).
struct Arena {
  double peak = 0, lowerBound = 0;
  std::vector<LargeBuffer> buffers; ///< live at the peak
  /// All of them, by step of the schedule: [lower, upper), at their offsets.
  std::vector<memory::Buffer> places;
};
Arena planActivations(const Inventory &inventory, const Options &options,
                      int64_t pools);

/// What happens in the memory over each pool: of a layer of the tightest
/// device's stage, the one that reads most, for prefill and decode. Empty where
/// the hardware has none (Near.cpp).
std::vector<NearUse> planNear(const Inventory &inventory,
                              const Hardware &hardware, const Plan &plan);

/// Time of a step (Time.cpp).
StepTime decodeTime(const Inventory &inventory, const Hardware &hardware,
                    const Options &options, const std::vector<Stage> &stages);
StepTime prefillTime(const Inventory &inventory, const Hardware &hardware,
                     const Options &options, const std::vector<Stage> &stages);

/// For a terminal of 80 columns (Text.cpp).
std::string toText(const Plan &plan, const Hardware &hardware,
                   bool colours = false);
/// As share/narae/plan.schema.json describes it (Report.cpp).
std::string toJson(const Plan &plan, const Hardware &hardware);
/// A table with a row a plan.
std::string compareText(const std::vector<Plan> &plans);

} // namespace narae::plan

#endif // NARAE_LIB_PLAN_PLAN_H
