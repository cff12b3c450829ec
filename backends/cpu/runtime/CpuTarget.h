//===- CpuTarget.h - What this host is to targets and users -----*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_RUNTIME_CPUTARGET_H
#define NARAE_BACKENDS_CPU_RUNTIME_CPUTARGET_H

#include <string>

namespace narae::cpu {

/// Compares a target description, JSON with "backend", "chip" and
/// "features", to this host. Returns an empty string, or what is wrong.
std::string checkTarget(const std::string &json);

/// This host as the one element of a JSON array, as backend.h's `list_devices`
/// has it.
std::string describeDevice();

} // namespace narae::cpu

#endif // NARAE_BACKENDS_CPU_RUNTIME_CPUTARGET_H
