//===- CommandLifetimes.h - When commands use buffers -----------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_DRIVER_COMMANDLIFETIMES_H
#define NARAE_LIB_DRIVER_COMMANDLIFETIMES_H

#include "lib/artifact/Artifact_generated.h"

namespace narae::driver {

/// Sets [first, last) of each buffer to the commands from its first use to its
/// last, through aliases. What a loop uses and commands outside of it as well
/// lives as long as the loop; outputs live to the end, and inputs, weights and
/// states always.
void setLifetimes(artifact::EntryT &entry);

} // namespace narae::driver

#endif // NARAE_LIB_DRIVER_COMMANDLIFETIMES_H
