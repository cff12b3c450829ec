//===- DatapathTest.cpp - Vectors against the definition ------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "test/unit/npu/CompareDatapaths.h"

using namespace narae::npu;
using namespace narae::npu::test;

/// Each set of vector instructions that this CPU has.
class CpuDatapaths : public testing::TestWithParam<const char *> {};

TEST_P(CpuDatapaths, EqualTheReference) {
  Machine machine = builtIn("npu:rebel-quad");
  if (!makeCpuDatapath(machine, GetParam()))
    GTEST_SKIP() << "this CPU has no " << GetParam();
  compareWithReference(
      [](const Machine &machine) {
        return makeCpuDatapath(machine, GetParam());
      },
      /*rounds=*/64, /*seed=*/7);
}

INSTANTIATE_TEST_SUITE_P(Instructions, CpuDatapaths,
                         testing::Values("portable", "avx2", "avx512"),
                         [](const auto &info) { return info.param; });

TEST(Datapath, UnknownInstructions) {
  EXPECT_EQ(makeCpuDatapath(builtIn("npu:atom"), "mmx"), nullptr);
}
