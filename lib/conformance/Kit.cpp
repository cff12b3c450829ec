//===- Kit.cpp - The list of all checks -----------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/conformance/Kit.h"
#include "lib/conformance/DeviceChecks.h"
#include "lib/conformance/RawDevice.h"

using namespace narae;
using namespace narae::conformance;

const char *conformance::outcomeName(Outcome outcome) {
  switch (outcome) {
  case Outcome::Passed:
    return "passed";
  case Outcome::Failed:
    return "failed";
  case Outcome::Unsupported:
    return "not supported";
  }
  return "";
}

std::vector<Check> conformance::makeChecks(const Options &options) {
  std::vector<Check> checks;
  addInterfaceChecks(options, checks);
  addCopyChecks(options, checks);
  addQueueChecks(options, checks);
  addMemoryChecks(options, checks);
  addErrorChecks(options, checks);
  addModelChecks(options, checks);
  addNumericChecks(options, checks);
  for (Check &check : checks)
    check.run = [body = std::move(check.run)]() -> Verdict {
      try {
        return body();
      } catch (const std::exception &failure) {
        return failed(failure.what());
      }
    };
  return checks;
}
