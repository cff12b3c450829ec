//===- DramPattern.h - What DRAM gives to a descriptor -------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The share of a pool's peak bandwidth that a descriptor's accesses reach, from
// timings of the kind of DRAM: rows that are opened for few bytes, channels and
// banks that a stride does not visit, refresh, bursts of which a part is
// thrown away.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_TIMING_DRAMPATTERN_H
#define NARAE_BACKENDS_NPU_TIMING_DRAMPATTERN_H

#include "backends/npu/isa/View.h"
#include "lib/memory/dram/Config.h"

namespace narae::npu {

/// Runs of `run` bytes, one every `stride` bytes; a stride of 0 means that runs
/// are anywhere. A run as long as its stride is a stream.
struct DramPattern {
  int64_t run = 0, stride = 0;
};

/// The pattern of a view's accesses in the order of its addresses: elements
/// that lie together are a run, the smallest stride that leaves a gap is that
/// of the runs. Repeated elements count once.
DramPattern patternOf(const View &view);
/// Rows of a view that an index chooses.
DramPattern rowPatternOf(const View &view);

/// Useful bytes a ns (GB/s) of the pattern on all channels of the device.
double patternBandwidth(const dram::Config &config, const DramPattern &pattern);
/// The same as a share of the peak, above 0 and at most 1; 1 for kinds of DRAM
/// whose timings nobody described.
double patternShare(const std::optional<dram::Config> &config,
                    const DramPattern &pattern);

/// What several long descriptors under way in one pool reach together of what
/// one reaches alone; `writeShare` of them write. Measured on windows of the
/// cycle-level simulator: sixteen streams at unrelated addresses, 1 KiB of each
/// in turns, 4,096 bursts under way. Streams whose addresses differ by a
/// multiple of all banks are slower by up to 20 times; no schedule should have
/// them, and this has not.
/// \returns 1 for one descriptor and for kinds without timings.
double mixShare(const std::optional<dram::Config> &config, size_t descriptors,
                double writeShare);

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_TIMING_DRAMPATTERN_H
