//===- Cost.h - What work and transfers cost ------------------ -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One model of time for all who plan. Times are whole picoseconds, so that
// sums do not depend on their order and plans are the same everywhere.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_MEMORY_COST_COST_H
#define NARAE_MEMORY_COST_COST_H

#include "narae/backend.h"

#include <cstdint>
#include <string>

namespace narae::memory {

/// Picoseconds.
using Ticks = int64_t;
constexpr Ticks kTicksPerSecond = 1'000'000'000'000;
/// Longer times are this long: a month.
constexpr Ticks kMaxTicks = 2'600'000 * kTicksPerSecond;

inline double seconds(Ticks ticks) { return double(ticks) / kTicksPerSecond; }
/// Rounded up; `kMaxTicks` where it is longer, or no number.
Ticks ticks(double seconds);

/// What moves bytes: a DMA engine, a link, a memory.
struct Channel {
  double bandwidth = 0;  ///< bytes/s at peak
  double efficiency = 1; ///< share of the peak that long transfers reach
  Ticks startup = 0;     ///< before the first byte
};

/// startup + bytes / (bandwidth * efficiency), rounded up; 0 for no bytes.
Ticks transferTime(const Channel &channel, uint64_t bytes);

/// What one kernel does.
struct Work {
  std::string kernel; ///< its name
  double operations = 0;
  uint64_t bytesRead = 0, bytesWritten = 0;
};

/// What a device does in a second.
struct Machine {
  double operations = 0; ///< a second, at peak
  double computeEfficiency = 1;
  Channel memory;
};

/// The roofline (Williams, Waterman, Patterson 2009): the longer of computing
/// and of moving, which overlap.
Ticks roofline(const Machine &machine, const Work &work);

/// Time of a kernel: what the backend says where it has something to say,
/// otherwise the roofline.
/// \param backend may be null, as may be its `kernel_cost`.
Ticks kernelTime(const NaraeBackendCompiler *backend, const std::string &target,
                 const Machine &machine, const Work &work);

} // namespace narae::memory

#endif // NARAE_MEMORY_COST_COST_H
