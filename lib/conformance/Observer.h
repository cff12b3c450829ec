//===- Observer.h - Counts what the runtime asks of a backend -------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_CONFORMANCE_OBSERVER_H
#define NARAE_LIB_CONFORMANCE_OBSERVER_H

#include <cstdint>
#include <string>

namespace narae::conformance {

/// What a backend's functions were called for, in all threads.
struct Counts {
  uint64_t allocations, releases, loads, unloads, launches, copies;
};

/// Registers a backend that counts calls and hands them on to that of
/// `device`; its device name. One for each process.
std::string observe(const std::string &device);
/// Calls since the process began.
Counts observed();

} // namespace narae::conformance

#endif // NARAE_LIB_CONFORMANCE_OBSERVER_H
