//===- TargetFuzzer.cpp - Target files from anywhere ----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/plan/Graph.h"

#include <cstdlib>

using namespace narae;

/// Reads a target file; what has no problems can be planned for.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::vector<std::string> problems;
  plan::Hardware hardware = plan::readHardware(
      std::string(reinterpret_cast<const char *>(data), size), problems);
  if (!problems.empty())
    return 0;
  plan::GraphModel model;
  model.weights = {{"w", 1 << 20, 1 << 22, 1 << 10, true, true}};
  model.buffers = {{"x", 1 << 10, 1 << 12, true, 0, 1}};
  model.steps = {{"product", 1e9, 1 << 12, 0, {0}}};
  plan::Plan planned = plan::makeGraphPlan(model, hardware, {});
  if (planned.spaces.empty() || !(planned.prefill.bound >= 0))
    std::abort();
  plan::toJson(planned, hardware);
  plan::toText(planned, hardware);
  return 0;
}
