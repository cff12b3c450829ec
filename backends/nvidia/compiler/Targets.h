//===- Targets.h - The GPUs that code is made for --------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NVIDIA_COMPILER_TARGETS_H
#define NARAE_BACKENDS_NVIDIA_COMPILER_TARGETS_H

#include "llvm/ADT/StringRef.h"

#include <optional>
#include <string>
#include <vector>

namespace narae::nvidia {

/// A GPU, or a generation of them.
struct NvidiaTarget {
  std::string name;     ///< "nvidia:sm_80", "nvidia:h100"
  std::string sm;       ///< "sm_90a": what the PTX is written for
  std::string features; ///< of LLVM: "+ptx80"
  std::string json;     ///< the target description
};

/// `nvidia`, `nvidia:sm_80|sm_90a`, or a chip of a target file by name.
/// Nothing with a message in `error` when there is none.
std::optional<NvidiaTarget> parseTarget(llvm::StringRef name,
                                        std::string &error);

/// Names of generations and chips, as they stand after "nvidia:".
std::vector<std::string> chipNames();

} // namespace narae::nvidia

#endif // NARAE_BACKENDS_NVIDIA_COMPILER_TARGETS_H
