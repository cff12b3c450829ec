//===- Cost.cpp - What work and transfers cost ----------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/cost/Cost.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

using namespace narae::memory;

Ticks narae::memory::ticks(double seconds) {
  double exact = seconds * double(kTicksPerSecond);
  if (!(exact < double(kMaxTicks)))
    return kMaxTicks;
  // Decimal figures are not exact in binary: what is a whole tick but for that
  // is not rounded up to the next one.
  double nearest = std::round(exact);
  if (std::abs(exact - nearest) <= 1e-9 * std::max(1.0, nearest))
    return std::max<Ticks>(0, Ticks(nearest));
  return std::max<Ticks>(0, Ticks(std::ceil(exact)));
}

Ticks narae::memory::transferTime(const Channel &channel, uint64_t bytes) {
  if (bytes == 0)
    return 0;
  Ticks moving =
      ticks(double(bytes) / (channel.bandwidth * channel.efficiency));
  return std::min(kMaxTicks, channel.startup + moving);
}

Ticks narae::memory::roofline(const Machine &machine, const Work &work) {
  Ticks computing = work.operations > 0
                        ? ticks(work.operations / (machine.operations *
                                                   machine.computeEfficiency))
                        : 0;
  return std::max(computing, transferTime(machine.memory,
                                          work.bytesRead + work.bytesWritten));
}

Ticks narae::memory::kernelTime(const NaraeBackendCompiler *backend,
                                const std::string &target,
                                const Machine &machine, const Work &work) {
  // Tables of plugins built before the hook end before it.
  if (backend && NARAE_HAS(NaraeBackendCompiler, backend, kernel_cost)) {
    NaraeKernelWork asked = {};
    asked.struct_size = sizeof(asked);
    asked.kernel = {work.kernel.data(), work.kernel.size()};
    asked.operations = work.operations;
    asked.bytes_read = work.bytesRead;
    asked.bytes_written = work.bytesWritten;
    uint64_t picoseconds = 0;
    if (backend->kernel_cost({target.data(), target.size()}, &asked,
                             &picoseconds) == 0)
      return Ticks(std::min<uint64_t>(picoseconds, kMaxTicks));
  }
  return roofline(machine, work);
}
