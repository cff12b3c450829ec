//===- RunTool.h - The command line of narae run --------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_TOOLS_NARAE_RUN_RUNTOOL_H
#define NARAE_TOOLS_NARAE_RUN_RUNTOOL_H

namespace narae {

/// Runs an artifact as the arguments say; `argv[0]` is the name to show in
/// messages ("narae run"). Returns the exit code: 0, 1 for errors of the
/// user, 2 for internal ones.
int runMain(int argc, char **argv);

} // namespace narae

#endif // NARAE_TOOLS_NARAE_RUN_RUNTOOL_H
