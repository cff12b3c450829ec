//===- DeviceChecks.h - Checks of a runtime side --------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_CONFORMANCE_DEVICECHECKS_H
#define NARAE_LIB_CONFORMANCE_DEVICECHECKS_H

#include "lib/conformance/Kit.h"

namespace narae::conformance {

/// Each adds the checks of a group to a list.
void addInterfaceChecks(const Options &options, std::vector<Check> &checks);
void addCopyChecks(const Options &options, std::vector<Check> &checks);
void addQueueChecks(const Options &options, std::vector<Check> &checks);
void addMemoryChecks(const Options &options, std::vector<Check> &checks);
void addErrorChecks(const Options &options, std::vector<Check> &checks);
void addModelChecks(const Options &options, std::vector<Check> &checks);
void addNumericChecks(const Options &options, std::vector<Check> &checks);

} // namespace narae::conformance

#endif // NARAE_LIB_CONFORMANCE_DEVICECHECKS_H
