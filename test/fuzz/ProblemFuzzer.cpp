//===- ProblemFuzzer.cpp - Any bytes as a CSV of buffers ------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/planner/Csv.h"

#include <cstdlib>

using namespace narae::memory;

/// A file is said to be wrong, or holds a problem. That is said to be wrong, or
/// has a plan that the verifier accepts.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::vector<std::string> errors;
  std::optional<Problem> problem =
      readCsv(std::string(reinterpret_cast<const char *>(data), size), errors);
  if (problem.has_value() == !errors.empty())
    abort();
  if (!problem || !check(*problem).empty())
    return 0;
  Options options;
  options.budget = 20'000;
  options.greedyBudget = 200'000;
  Plan plan = allocate(*problem, options);
  if (!verify(*problem, plan).empty() || plan.peak < plan.lowerBound)
    abort();
  std::vector<std::string> none;
  if (!readCsv(writeCsv(*problem, &plan), none))
    abort();
  return 0;
}
