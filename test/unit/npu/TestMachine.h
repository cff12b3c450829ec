//===- TestMachine.h - Machines for tests --------------------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Machines for tests.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_TEST_UNIT_NPU_TESTMACHINE_H
#define NARAE_TEST_UNIT_NPU_TESTMACHINE_H

#include "backends/npu/machine/Machine.h"
#include "backends/targets/TargetFiles.h"

#include <gtest/gtest.h>

namespace narae::npu::test {

/// A built-in machine.
inline Machine builtIn(const std::string &name) {
  std::string text, error;
  EXPECT_TRUE(targets::read(name, text, error)) << error;
  std::vector<std::string> problems;
  Machine machine = readMachine(text, problems);
  EXPECT_TRUE(problems.empty()) << problems[0];
  return machine;
}

} // namespace narae::npu::test

#endif // NARAE_TEST_UNIT_NPU_TESTMACHINE_H
