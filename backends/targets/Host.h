//===- Host.h - This machine as a target of plans ---------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_TARGETS_HOST_H
#define NARAE_BACKENDS_TARGETS_HOST_H

#include <string>

namespace narae::targets {

/// A target file for this host: its memory and processors are probed, rates
/// that only a measurement could tell are assumed.
std::string describeHost();

} // namespace narae::targets

#endif // NARAE_BACKENDS_TARGETS_HOST_H
