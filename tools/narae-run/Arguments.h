//===- Arguments.h - Options of narae run ---------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_TOOLS_NARAE_RUN_ARGUMENTS_H
#define NARAE_TOOLS_NARAE_RUN_ARGUMENTS_H

#include "lib/artifact/Status.h"

#include <cstdint>
#include <string>
#include <vector>

namespace narae {

struct RunArguments {
  std::string file, entry, device, trace, weightsDir;
  std::vector<std::string> inputs;  ///< NAME=..., as given
  std::vector<std::string> outputs; ///< NAME=@FILE, as given
  std::vector<std::string> plugins;
  int32_t threads = 0;
  uint64_t repeat = 1;
  uint64_t seed = 0;
  bool json = false, help = false, version = false, verify = false;
  bool timingOnly = false;
};

/// Reads the command line; options may stand before and behind the file.
Expected<RunArguments> parseRunArguments(int argc, char **argv);

/// The text of --help.
std::string runHelp(const std::string &program);

} // namespace narae

#endif // NARAE_TOOLS_NARAE_RUN_ARGUMENTS_H
