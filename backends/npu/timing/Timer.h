//===- Timer.h - Events of a running program ------------------ -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The event loop behind `timeProgram`. Two kinds of events: a stream can
// execute a word, or the oldest descriptor of a DMA engine begins to move
// bytes. Ends of descriptors follow from the rates at which they move.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_TIMING_TIMER_H
#define NARAE_BACKENDS_NPU_TIMING_TIMER_H

#include "backends/npu/timing/Timing.h"

#include <queue>

namespace narae::npu {

class Timer {
public:
  Timer(Simulator &simulator, const TimingOptions &options);
  TimingReport run();

private:
  struct Descriptor {
    uint64_t number = 0; ///< of the stream's descriptors
    Transfer transfer;
    double ready = 0; ///< when its first byte may move
    double begin = 0, left = 0;
    Opcode opcode = Opcode::DCopy;
  };
  /// A signal, fence or barrier: complete when the descriptors before it are.
  struct Release {
    uint32_t number = 0;      ///< of the stream's releases
    uint64_t descriptors = 0; ///< issued before it
  };
  struct StreamTime {
    size_t engine = 0; ///< resource, DMA only
    bool isDma = false;
    std::deque<Descriptor> queue;
    bool moving = false; ///< the oldest descriptor
    uint64_t issued = 0;
    /// When each release took effect; negative while it has not.
    std::vector<double> effects;
    std::deque<Release> pending;
    double since = 0; ///< when it stopped going on
    std::optional<Stall> stall;
    /// Releases that an executed wait took.
    std::vector<std::pair<size_t, uint32_t>> needs;
    double end = 0;
  };
  struct Event {
    double time;
    int kind; ///< 0: bytes may move; 1: a word
    size_t stream;
    bool operator>(const Event &o) const {
      return std::tie(time, kind, stream) > std::tie(o.time, o.kind, o.stream);
    }
  };

  void push(double time, size_t stream, int kind = 1) {
    events.push({time, kind, stream});
  }
  /// Executes a word at a time. False after a fault.
  bool step(size_t number, double time);
  void afterSync(size_t number, const Instruction &instruction, double time,
                 const Clock &before);
  void blocked(size_t number, const Instruction &instruction, double time);
  void issue(size_t number, const Instruction &instruction, double time);
  /// Whether a DMA stream has to wait for descriptors first.
  bool mustDrain(size_t number, double time);
  void stop(size_t number, Stall stall, double time);
  /// Goes on at `time`; what lies between is a stall but for one cycle of the
  /// word itself where `word` says so.
  void resume(size_t number, double time, bool word);
  /// Goes on if all releases that it needs have taken effect.
  void tryResume(size_t number);
  void release(size_t number, double time);
  double hops(size_t from, size_t to) const;

  // Descriptors under way.
  void beginOldest(size_t number, double time);
  void settle(double time);
  double nextArrival();
  void arrive(double time);
  void complete(size_t number, double time);

  void record(size_t number, double begin, double end, double bound,
              Opcode opcode, std::optional<Stall> stall = std::nullopt,
              bool betweenChiplets = false);
  void summarise();

  Simulator &simulator;
  const TimingOptions options;
  const Machine &machine;
  Fabric fabric;
  TimingReport report;
  std::vector<StreamTime> streams;
  std::priority_queue<Event, std::vector<Event>, std::greater<Event>> events;
  std::map<SemaphoreId, std::vector<size_t>> waiters;
  std::map<int64_t, std::vector<size_t>> atBarrier;
  /// By stream: those whose waits took a release of it that is pending.
  std::vector<std::vector<size_t>> dependants;
  std::vector<size_t> moving; ///< streams, ascending
  std::vector<double> rates, arrivals;
  double settled = 0; ///< when `left` of those was right
  bool changed = false;
};

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_TIMING_TIMER_H
