//===- CpuFeatures.h - What the host's CPU can do --------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Names are LLVM's ("avx512f", "avx512vnni", "amx-int8"), so that the
// compiler can use the list as it is.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_RUNTIME_CPUFEATURES_H
#define NARAE_BACKENDS_CPU_RUNTIME_CPUFEATURES_H

#include <string>
#include <vector>

namespace narae::cpu {

/// The features of this host that the operating system supports too, in a
/// fixed order.
const std::vector<std::string> &hostFeatures();

/// Features that a level of the x86-64 ABI consists of, for "x86-64" to
/// "x86-64-v4"; empty for other names.
std::vector<std::string> featuresOfChip(const std::string &chip);

/// The highest level that this host has: "x86-64" to "x86-64-v4".
std::string hostChip();

/// The members of `wanted` that this host lacks, in their order. Spellings
/// with '_' for '-' or nothing ("avx512_vnni") mean the same feature.
std::vector<std::string>
missingFeatures(const std::vector<std::string> &wanted);

/// Asks the kernel for the tile registers (AMX), which a process must do
/// once before it uses them. False when it refuses.
bool requestTiles();

} // namespace narae::cpu

#endif // NARAE_BACKENDS_CPU_RUNTIME_CPUFEATURES_H
