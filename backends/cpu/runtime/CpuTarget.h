//===- CpuTarget.h - Whether this host is what a target asks for *- C++ -*-===//
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

} // namespace narae::cpu

#endif // NARAE_BACKENDS_CPU_RUNTIME_CPUTARGET_H
