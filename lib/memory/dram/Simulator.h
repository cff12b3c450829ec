//===- Simulator.h - Cycle-level DRAM ---------------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A memory controller for each pseudo-channel with first-ready, first-come
// scheduling, open pages, posted writes in batches and refresh. One row and one
// column command start a clock, as HBM's two command buses allow.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_MEMORY_DRAM_SIMULATOR_H
#define NARAE_MEMORY_DRAM_SIMULATOR_H

#include "lib/memory/dram/Config.h"

#include <functional>

namespace narae::dram {

struct Access {
  uint64_t address = 0; ///< a multiple of the request's bytes
  bool isWrite = false;
};

/// The n-th access of a pattern.
using Pattern = std::function<Access(uint64_t n)>;

struct Load {
  /// Accesses that the source has generated and that are not done; with a
  /// `queue` those that no controller has taken yet.
  int64_t window = 512;
  int64_t perClock = 16;  ///< that the source issues
  int64_t count = 100000; ///< accesses in all
  /// Reads, and writes, that a controller takes at a time; 0: all.
  int64_t queue = 0;
};

struct Result {
  double bandwidth = 0; ///< GB/s
  int64_t clocks = 0;
  int64_t activations = 0, rowHits = 0, refreshes = 0;
};

/// Runs a pattern until all accesses are done.
Result simulate(const Config &config, const Pattern &pattern,
                const Load &load = {});

} // namespace narae::dram

#endif // NARAE_MEMORY_DRAM_SIMULATOR_H
