//===- TargetFiles.h - The target files of this build -----------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_TARGETS_TARGETFILES_H
#define NARAE_BACKENDS_TARGETS_TARGETFILES_H

#include <string>
#include <vector>

namespace narae::targets {

/// Names of the built-in target files, sorted: "npu:atom", "nvidia:h100".
std::vector<std::string> names();
/// The JSON of a built-in target or of a file; for `cpu` that of this host.
/// False with a message when there is none.
bool read(const std::string &target, std::string &json, std::string &error);

} // namespace narae::targets

#endif // NARAE_BACKENDS_TARGETS_TARGETFILES_H
