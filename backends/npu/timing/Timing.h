//===- Timing.h - How long a program takes -------------------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The time of a program, event by event: streams of the functional simulator
// are stepped in the order of time, engines are busy as long as the closed
// forms say, descriptors share memories and links. docs/npu-timing.md says how.
//
//   Simulator simulator(machine, {/*track=*/false, /*data=*/false});
//   simulator.load(program);
//   simulator.launch(parameters);
//   TimingReport report = timeProgram(simulator);
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_TIMING_TIMING_H
#define NARAE_BACKENDS_NPU_TIMING_TIMING_H

#include "backends/npu/simulator/Simulator.h"
#include "backends/npu/timing/Fabric.h"

namespace narae::npu {

/// Why a stream does not go on.
enum class Stall {
  Semaphore,  ///< a wait
  Barrier,    ///< others have not come
  Completion, ///< descriptors under way, at a fence, a barrier or the end
  Queue,      ///< as many descriptors under way as the engine can have
};
constexpr size_t stallCount = 4;
const char *stallText(Stall stall);

/// Work of an engine in the timeline: an instruction, the bytes of a
/// descriptor, or a stall.
struct Interval {
  size_t stream = 0;
  double begin = 0, end = 0; ///< cycles
  /// Cycles that the work needs at peak rates, see check 6; 0 of stalls.
  double bound = 0;
  Opcode opcode = Opcode::Nop;
  std::optional<Stall> stall;
  bool betweenChiplets = false;
};

/// Counters of a stream. Of a tensor or vector stream, busy + control + stalls
/// + idle are all cycles of the run. Descriptors move beside the words of a DMA
/// stream, so there control + stalls + idle are.
struct EngineReport {
  EngineId id;
  uint64_t words = 0;        ///< executed
  uint64_t instructions = 0; ///< tensor, vector, descriptors
  uint64_t waits = 0, signals = 0;
  double busy = 0;    ///< cycles of instructions, or in which bytes move
  double control = 0; ///< of scalars, views, loops, signals
  std::array<double, stallCount> stalls{};
  double idle = 0;      ///< after the stream's end
  double macs = 0;      ///< multiply-accumulates
  double macCycles = 0; ///< that those need with every cell always busy
  double bytes = 0;     ///< of descriptors
  double bound = 0;     ///< the sum of the intervals' bounds
};

struct TimingReport {
  /// Nothing else is of use with a fault.
  std::optional<Fault> fault;
  double cycles = 0;
  double clock = 0; ///< Hz
  std::vector<EngineReport> engines;
  std::vector<Resource> resources; ///< those that were used
  std::vector<Interval> timeline;  ///< in the order of their ends, if asked for
  double macs = 0, dramBytes = 0;
  /// Cycles below which no schedule gets: of the busiest tensor or vector
  /// engine at its peak rate, and of the busiest memory, link or DMA engine
  /// at its peak bandwidth.
  double computeBound = 0, movementBound = 0;
  std::string computeBy, movementBy; ///< whose bounds these are

  double seconds() const { return cycles / clock; }
  double bound() const { return std::max(computeBound, movementBound); }
};

struct TimingOptions {
  bool timeline = false;
  /// Folds of weight-stationary products follow each other without a drain,
  /// see `tileCycles`. The instruction set's definition is without.
  bool pipelinedFolds = false;
};

/// Runs a launched program to its end or its first fault.
TimingReport timeProgram(Simulator &simulator,
                         const TimingOptions &options = {});

/// All of the report as JSON, and a roofline: flops, bytes of DRAM, their
/// ratio, flops/s reached and possible.
std::string reportJson(const TimingReport &report, const Machine &machine);
/// The timeline for chrome://tracing or Perfetto: a process a core, chiplet or
/// host, a lane a class of commands and queue.
std::string traceJson(const TimingReport &report);
/// The report as a few lines of text.
std::string reportText(const TimingReport &report);

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_TIMING_TIMING_H
