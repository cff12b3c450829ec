//===- Phases.cpp - Names of the phases ===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/driver/Compiler.h"

using namespace narae;

static constexpr const char *kNames[] = {"import",   "graph",    "place",
                                         "dispatch", "schedule", "memory",
                                         "codegen",  "artifact"};

const char *driver::phaseName(Phase phase) {
  return kNames[static_cast<int>(phase)];
}

bool driver::parsePhase(std::string_view name, Phase &phase) {
  for (int i = 0; i < 8; ++i)
    if (name == kNames[i]) {
      phase = static_cast<Phase>(i);
      return true;
    }
  return false;
}

std::string driver::phaseNames() {
  std::string names;
  for (const char *name : kNames)
    names += (names.empty() ? "" : ", ") + std::string(name);
  return names;
}

const char *driver::version() { return "0.1.0"; }
