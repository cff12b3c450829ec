//===- Isolated.h - Checks in a process of their own ----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_TOOLS_NARAE_ISOLATED_H
#define NARAE_TOOLS_NARAE_ISOLATED_H

#include "lib/artifact/Status.h"
#include "lib/conformance/Kit.h"

namespace narae::tool {

/// Runs checks in a child process, one after the other. Where it dies, or gives
/// no answer for minutes, that check has failed and a new process goes on
/// behind it. Nothing may have made threads before. `progress` shows which
/// check runs, where the error output is a terminal.
Expected<std::vector<conformance::Verdict>>
runIsolated(const conformance::Options &options,
            const std::vector<conformance::Check> &checks, bool progress);

} // namespace narae::tool

#endif // NARAE_TOOLS_NARAE_ISOLATED_H
