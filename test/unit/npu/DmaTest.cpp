//===- DmaTest.cpp - Descriptors ------------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "test/unit/npu/Bench.h"

#include <numeric>

using namespace narae::npu;
using namespace narae::npu::test;

namespace {
constexpr ElementType F32 = ElementType::F32, F16 = ElementType::F16,
                      I32 = ElementType::I32, I4 = ElementType::I4;
using Values = std::vector<double>;
} // namespace

#define EXPECT_NO_FAULT(call)                                                  \
  if (auto fault = call)                                                       \
  ADD_FAILURE() << fault->message

static Values counted(size_t count) {
  Values values(count);
  std::iota(values.begin(), values.end(), 1);
  return values;
}

TEST(Dma, FiveDimensionsTransposed) {
  const int64_t sizes[5] = {2, 3, 2, 4, 3};
  Bench bench;
  bench.put("v1", F16, {2, 3, 2, 4, 3}, counted(144));
  int64_t out = bench.reserve("v2", F16, {3, 4, 2, 3, 2});
  // The result's view in the order of the source: axes reversed.
  std::string dims;
  int64_t strides[5] = {1, 2, 6, 12, 48};
  for (int axis = 0; axis < 5; ++axis)
    dims += "dim v2, " + std::to_string(axis) + ", " +
            std::to_string(sizes[axis]) + ", " + std::to_string(strides[axis]) +
            "\n";
  bench.add(dims + "d.copy v2, v1");
  EXPECT_NO_FAULT(bench.run("dma"));
  Values got = bench.get(out, F16, 144);
  for (int64_t i = 0; i < 144; ++i) {
    int64_t rest = i, at = 0;
    for (int axis = 4; axis >= 0; --axis) {
      at += rest % sizes[axis] * strides[axis];
      rest /= sizes[axis];
    }
    EXPECT_EQ(got[size_t(at)], double(i + 1));
  }
}

TEST(Dma, ReversedAndRepeated) {
  Bench bench;
  int64_t in = bench.put("v1", I32, {2, 4}, {1, 2, 3, 4});
  bench.add("dim v1, 0, 2, 0\ndim v1, 1, 4, -1\nrebase v1, " +
            std::to_string(in + 12));
  int64_t out = bench.reserve("v2", I32, {2, 4});
  bench.add("d.copy v2, v1");
  EXPECT_NO_FAULT(bench.run("dma"));
  EXPECT_EQ(bench.get(out, I32, 8), (Values{4, 3, 2, 1, 4, 3, 2, 1}));
}

TEST(Dma, ByIndexAndFill) {
  Bench bench;
  bench.put("v1", F16, {5, 3}, counted(15));
  bench.put("v2", I32, {4}, {4, 0, 0, 2});
  int64_t gathered = bench.reserve("v3", F16, {4, 3});
  int64_t scattered = bench.reserve("v4", F16, {5, 3});
  int64_t halves = bench.reserve("v5", I4, {3});
  bench.add("d.gather v3, v1, v2");
  bench.add("d.fill v4, 0x3c00"); // 1.0
  bench.add("fence");
  bench.add("d.scatter v4, v3, v2");
  bench.add("d.fill v5, 0x0e");
  EXPECT_NO_FAULT(bench.run("dma"));
  EXPECT_EQ(bench.get(gathered, F16, 12),
            (Values{13, 14, 15, 1, 2, 3, 1, 2, 3, 7, 8, 9}));
  EXPECT_EQ(bench.get(scattered, F16, 15),
            (Values{1, 2, 3, 1, 1, 1, 7, 8, 9, 1, 1, 1, 13, 14, 15}));
  EXPECT_EQ(bench.get(halves, I4, 3), (Values{-2, -2, -2}));
}

TEST(Dma, FourBitsFromTheMiddle) {
  Bench bench;
  bench.put("v1", I4, {2, 5}, {0, 1, 2, 3, 4, 5, 6, 7, -8, -7});
  bench.add("dim v1, 1, 4, 1"); // rows of 4 of 5: the second begins odd
  int64_t out = bench.put("v2", I4, {8}, Values(8, -1));
  bench.add("view v2, i4, scratchpad, 2, -1, " + std::to_string(out));
  bench.add("dim v2, 0, 2, 4\ndim v2, 1, 4, 1");
  bench.add("d.copy v2, v1");
  EXPECT_NO_FAULT(bench.run("dma"));
  EXPECT_EQ(bench.get(out, I4, 8), (Values{0, 1, 2, 3, 5, 6, 7, -8}));
}

/// Host, DRAM of another chiplet, shared memory, scratchpads of a cluster.
TEST(Dma, ThroughAllMemories) {
  Bench bench;
  std::vector<uint8_t> bytes = pack(F32, counted(64));
  ASSERT_TRUE(
      bench.simulator.write(Space::Host, 0, 4096, bytes.data(), bytes.size())
          .ok());
  std::string dim = "dim v1, 0, 64, 1\ndim v2, 0, 64, 1\n";
  std::string program = ".parameter source 0 8192\n"
                        ".code in\n"
                        "param x1, 0\n"
                        "view v1, f32, host, 1, 0, x1\n"
                        "view v2, f32, dram, 1, 3, 2097152\n" +
                        dim +
                        "d.copy v2, v1\nsignal chiplet, 2, 5, 1\n"
                        ".code over\n"
                        "wait chiplet, -1, 5, 1\n"
                        "view v1, f32, dram, 1, 3, 2097152\n"
                        "view v2, f32, shared, 1, -1, 256\n" +
                        dim +
                        "d.copy v2, v1\nsignal core, 33, 0, 1\n"
                        ".code out\n"
                        "wait core, -1, 0, 1\n"
                        "view v1, f32, shared, 1, -1, 256\n"
                        "view v2, f32, scratchpad, 1, 32, 128\n" +
                        dim +
                        "d.multicast v2, v1, 16\n"
                        ".stream host-dma 0 1 in\n"
                        ".stream chiplet-dma 2 7 over\n"
                        ".stream dma 33 0 out\n";
  EXPECT_NO_FAULT(bench.runProgram(program, {4096}));
  for (int32_t core = 32; core < 48; ++core)
    EXPECT_EQ(bench.get(128, F32, 64, Space::Scratchpad, core), counted(64));
  std::vector<std::string> problems;
  ASSERT_TRUE(bench.simulator.load(assemble(program, problems)).ok());
  EXPECT_EQ(bench.simulator.launch({9000}).message(),
            "parameter 'source' is 9000, but must be from 0 to 8192");
  EXPECT_EQ(bench.simulator.launch({}).message(),
            "the program has 1 parameters, not 0");
}
