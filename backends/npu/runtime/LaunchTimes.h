//===- LaunchTimes.h - How long the launches of a queue take ---*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One timeline of all that a device did: launches one after the other, and
// transfers to and from the host between them. Equal launches are simulated
// once: those of the same program with the same parameters, but for addresses,
// because where a buffer begins in its stack changes no time.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_RUNTIME_LAUNCHTIMES_H
#define NARAE_BACKENDS_NPU_RUNTIME_LAUNCHTIMES_H

#include "backends/npu/runtime/LoadedObject.h"
#include "backends/npu/timing/Timing.h"

#include <list>

namespace narae::npu {

/// Counters of all engines of a kind.
struct KindTotals {
  double engines = 0; ///< that had a stream
  double busy = 0, control = 0, idle = 0;
  std::array<double, stallCount> stalls{};
};

/// What is kept of a launch's TimingReport.
struct LaunchSummary {
  double cycles = 0, macs = 0, dramBytes = 0;
  double computeBound = 0, movementBound = 0;
  std::string computeBy, movementBy;
  std::array<KindTotals, engineCount> kinds;
  std::map<std::string, double> poolBytes; ///< of DRAM, by the pool's name
};

class LaunchTimes {
public:
  explicit LaunchTimes(const Machine &machine);

  /// Adds a launch that was simulated before; false where none was like it.
  /// \param data a hash of the numbers that the program could read; none where
  /// that is not known, which only counts for programs that read some.
  bool addKnown(const LoadedKernel &kernel,
                const std::vector<int64_t> &parameters,
                std::optional<uint64_t> data);
  /// Adds a launch with its time.
  void add(const LoadedKernel &kernel, const std::vector<int64_t> &parameters,
           std::optional<uint64_t> data, const TimingReport &report);
  /// Bytes between host and device.
  void addTransfer(uint64_t bytes, bool toDevice);

  /// All of it as text, as JSON, as a timeline. See docs/npu-timing.md.
  std::string text() const;
  std::string json() const;
  std::string trace() const;

private:
  /// A kernel that was launched; outlives its object.
  struct KernelTimes {
    std::string name, nodes;
    std::shared_ptr<const LoadedProgram> program;
    uint64_t launches = 0;
    double cycles = 0, computeBound = 0, movementBound = 0;
    double macs = 0, dramBytes = 0;
    std::array<KindTotals, engineCount> kinds;
    std::map<std::string, double> boundBy; ///< cycles by what bounds a launch
  };
  struct Launch {
    size_t kernel = 0;
    std::vector<int64_t> parameters; ///< of the first one
    bool isStatic = true;
    LaunchSummary summary;
  };
  /// What happened at a time: a launch, or a transfer.
  struct Event {
    double begin = 0, end = 0;
    const Launch *launch = nullptr;
    uint64_t bytes = 0;
    bool toDevice = false;
  };
  using Key = std::tuple<const LoadedProgram *, std::vector<int64_t>, uint64_t>;

  static Key keyOf(const LoadedKernel &kernel,
                   const std::vector<int64_t> &parameters, uint64_t data);
  size_t kernelOf(const LoadedKernel &kernel);
  void append(const Launch &launch);
  double transferCycles(uint64_t bytes) const;

  const Machine machine;
  std::vector<KernelTimes> kernels;
  std::map<std::pair<std::string, const LoadedProgram *>, size_t> kernelNumbers;
  std::list<Launch> launches; ///< distinct ones
  std::map<Key, const Launch *> known;
  std::vector<Event> events;
  double now = 0, inLaunches = 0;
  double toDevice = 0, fromDevice = 0; ///< bytes after the first launch
  double loaded = 0;                   ///< bytes before it
  std::map<std::string, double> poolBytes;
};

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_RUNTIME_LAUNCHTIMES_H
