//===- Targets.h - The CPUs that code is made for ------------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_COMPILER_TARGETS_H
#define NARAE_BACKENDS_CPU_COMPILER_TARGETS_H

#include "lib/codegen/KernelEmitter.h"

#include <optional>
#include <string>
#include <vector>

namespace narae::cpu {

/// A CPU: a level of the x86-64 ABI and the features that code may use, in
/// LLVM's names. Code uses nothing else, so the list is what a machine needs.
struct CpuTarget {
  std::string chip;                  ///< "x86-64-v3", the level
  std::vector<std::string> features; ///< all of them, those of the level too
  bool isHost = false;
  int64_t l1Bytes = 32768, l2Bytes = 1 << 20;
  int64_t memoryBytes = 0; ///< of the host, in whole GiB; 0: not known

  bool has(llvm::StringRef feature) const;
  codegen::MachineModel machine(int optLevel, bool exact) const;
  /// "+avx2,+fma,..."
  std::string featureString() const;
  /// The target description: JSON with "backend", "chip", "features" and
  /// "memory".
  std::string describe() const;
};

/// "cpu" is this host; "cpu:x86-64-v3" or "x86-64-v3" a level. Nothing with a
/// message in `error` when there is no such target.
std::optional<CpuTarget> parseTarget(llvm::StringRef name, std::string &error);

/// Names of the portable targets.
llvm::ArrayRef<llvm::StringRef> chipNames();

} // namespace narae::cpu

#endif // NARAE_BACKENDS_CPU_COMPILER_TARGETS_H
