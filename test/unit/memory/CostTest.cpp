//===- CostTest.cpp - What work and transfers cost ------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/cost/Cost.h"

#include <gtest/gtest.h>

#include <cstddef>

using namespace narae::memory;

TEST(Cost, TransfersStartAndMove) {
  // A published DMA: 256 bytes a clock, 500 clocks to start, 16 MiB in 66,036
  // clocks; the clock is 1 ns here.
  Channel dma{256e9, 1, 500'000};
  EXPECT_EQ(transferTime(dma, 16 << 20), 66'036'000);
  EXPECT_EQ(transferTime(dma, 0), 0);
  // 100 bytes at half of 100 GB/s: 2 ns. One byte: 20 ps.
  Channel derated{100e9, 0.5, 0};
  EXPECT_EQ(transferTime(derated, 100), 2000);
  EXPECT_EQ(transferTime(derated, 1), 20);
  // A third of a picosecond is one.
  EXPECT_EQ(transferTime({3e12, 1, 0}, 1), 1);
}

TEST(Cost, LongTimesStayTimes) {
  EXPECT_EQ(transferTime({1, 1, 0}, UINT64_MAX), kMaxTicks);
  EXPECT_EQ(ticks(1.0 / 0.0), kMaxTicks);
  EXPECT_EQ(ticks(-1), 0);
}

TEST(Cost, RooflineIsTheLongerOfBoth) {
  Machine machine{1e12, 0.5, {1e11, 1, 0}};
  // 1e6 operations at 0.5e12: 2 us. 1e5 bytes at 1e11: 1 us.
  EXPECT_EQ(roofline(machine, {"k", 1e6, 50'000, 50'000}), 2'000'000);
  EXPECT_EQ(roofline(machine, {"k", 1e5, 50'000, 50'000}), 1'000'000);
  EXPECT_EQ(roofline(machine, {"k", 0, 0, 0}), 0);
}

static int cost(NaraeStringRef target, const NaraeKernelWork *work,
                uint64_t *picoseconds) {
  std::string name(work->kernel.data, work->kernel.size);
  if (name != "known" || std::string(target.data, target.size) != "toy:x")
    return 1;
  *picoseconds = 7 * work->bytes_read + uint64_t(work->operations);
  return 0;
}

TEST(Cost, BackendsKnowTheirKernels) {
  Machine machine{1e12, 1, {1e12, 1, 0}};
  NaraeBackendCompiler backend = {};
  backend.struct_size = sizeof(backend);
  Work known{"known", 5, 100, 0}, other{"other", 5, 100, 0};
  EXPECT_EQ(kernelTime(nullptr, "toy:x", machine, known), 100);
  EXPECT_EQ(kernelTime(&backend, "toy:x", machine, known), 100);
  backend.kernel_cost = cost;
  EXPECT_EQ(kernelTime(&backend, "toy:x", machine, known), 705);
  EXPECT_EQ(kernelTime(&backend, "toy:y", machine, known), 100);
  EXPECT_EQ(kernelTime(&backend, "toy:x", machine, other), 100);
  // A table from before the hook has something else there.
  backend.struct_size = offsetof(NaraeBackendCompiler, kernel_cost);
  EXPECT_EQ(kernelTime(&backend, "toy:x", machine, known), 100);
}
