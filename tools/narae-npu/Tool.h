//===- Tool.h - What commands of narae-npu share ----------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_TOOLS_NARAENPU_TOOL_H
#define NARAE_TOOLS_NARAENPU_TOOL_H

#include "backends/npu/isa/Program.h"

#include <string>
#include <vector>

namespace narae::npu::tool {

/// Prints an error; the exit code 1.
int complain(const std::string &message);
/// Replaces a file once the new one is whole.
Status writeFile(const std::string &path, const void *data, size_t size);
/// The machine of a target; everything wrong with it goes to `problems`.
Machine readTarget(const std::string &target,
                   std::vector<std::string> &problems);

struct RunOptions {
  std::string target = "npu:rebel-quad";
  std::vector<std::string> parameters; ///< "name=value"
  bool timing = false;                 ///< cycles, without data
  std::string report; ///< file for the report as JSON; implies timing
  std::string trace;  ///< file for the timeline; implies timing
};

/// `narae-npu run`; the exit code.
int run(const Program &program, const RunOptions &options);

} // namespace narae::npu::tool

#endif // NARAE_TOOLS_NARAENPU_TOOL_H
