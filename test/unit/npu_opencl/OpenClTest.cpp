//===- OpenClTest.cpp - OpenCL against the definition ---------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// These need a device: the package pocl-opencl-icd gives one.
//
//===----------------------------------------------------------------------===//

#include "backends/npu/isa/Numbers.h"
#include "backends/npu/opencl/OpenClDatapath.h"
#include "test/unit/npu/CompareDatapaths.h"

#include <cstdio>
#include <cstdlib>

using namespace narae;
using namespace narae::npu;
using namespace narae::npu::test;

/// Says in a process of its own why there is no datapath, and exits with 3.
static void complain(const char *variable, const char *value) {
  setenv(variable, value, 1);
  auto datapath = makeOpenClDatapath(builtIn("npu:atom"));
  if (datapath.ok())
    std::exit(0);
  std::fputs(datapath.message().c_str(), stderr);
  std::exit(3);
}

TEST(OpenClDeathTest, NoLoader) {
  EXPECT_EXIT(complain("NARAE_OPENCL_LIBRARY", "/there/is/none.so"),
              testing::ExitedWithCode(3),
              "cannot open the OpenCL loader: .*none.so.*pocl-opencl-icd");
}

TEST(OpenClDeathTest, NoDevice) {
  EXPECT_EXIT(complain("OCL_ICD_VENDORS", "/there/is/none"),
              testing::ExitedWithCode(3),
              "there is no OpenCL device; install .*pocl-opencl-icd");
}

/// A pipeline of all engines: weights and rows from DRAM, a product, its
/// epilogue, a softmax, and the way back.
TEST(OpenCl, AProgramOfAllEngines) {
  std::vector<std::string> problems;
  Program program = assemble(R"(
.code load
  view v0, f16, dram, 2, -1, 0
  dim v0, 0, 40, 16
  dim v0, 1, 16, 1
  view v1, f16, scratchpad, 2, -1, 0
  dim v1, 0, 40, 16
  dim v1, 1, 16, 1
  d.copy v1, v0
  signal core, -1, 0, 1
  wait core, -1, 2, 1
  view v1, f16, scratchpad, 1, -1, 8192
  dim v1, 0, 128, 1
  view v0, f16, dram, 1, -1, 65536
  dim v0, 0, 128, 1
  d.copy v0, v1
.code multiply
  view v1, f16, scratchpad, 2, -1, 0
  dim v1, 0, 8, 16
  dim v1, 1, 16, 1
  view v2, f16, scratchpad, 2, -1, 256
  dim v2, 0, 16, 1
  dim v2, 1, 16, 16
  view v3, f32, accumulator, 2, -1, 0
  dim v3, 0, 8, 16
  dim v3, 1, 16, 1
  view v4, f32, scratchpad, 2, -1, 4096
  dim v4, 0, 8, 16
  dim v4, 1, 16, 1
  wait core, -1, 0, 1
  t.matmul v3, v1, v2, -, -, plain, no, 0, weight
  t.drain v4, v3, -, -, -, gelu, none, -
  signal core, -1, 1, 1
.code soften
  wait core, -1, 1, 1
  view v1, f32, scratchpad, 2, -1, 4096
  dim v1, 0, 8, 16
  dim v1, 1, 16, 1
  view v2, f32, scratchpad, 2, -1, 6144
  dim v2, 0, 8, 1
  dim v2, 1, 1, 1
  view v3, f32, scratchpad, 2, -1, 6144
  dim v3, 0, 8, 1
  dim v3, 1, 16, 0
  view v4, f16, scratchpad, 2, -1, 8192
  dim v4, 0, 8, 16
  dim v4, 1, 16, 1
  v.rowmax v2, v1
  v.expsub v1, v1, v3, 0
  v.sum v2, v1
  v.div v4, v1, v3, 0
  signal core, -1, 2, 1
.stream dma 0 0 load
.stream tensor 0 0 multiply
.stream vector 0 0 soften
)",
                             problems);
  ASSERT_TRUE(problems.empty()) << problems[0];
  Machine machine = builtIn("npu:atom");
  auto datapath = makeOpenClDatapath(machine);
  ASSERT_TRUE(datapath.ok()) << datapath.message();
  Simulator simulators[] = {Simulator(machine),
                            Simulator(machine, {}, std::move(*datapath))};
  std::vector<uint8_t> results[2];
  for (int which : {0, 1}) {
    Simulator &simulator = simulators[which];
    ASSERT_TRUE(simulator.load(program).ok());
    std::vector<uint16_t> values(40 * 16);
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = uint16_t(
          fromFloat(ElementType::F16, float(int(i * 37 % 101) - 50) / 32));
    ASSERT_TRUE(simulator
                    .write(Space::Dram, 0, 0, values.data(),
                           values.size() * sizeof(uint16_t))
                    .ok());
    ASSERT_TRUE(simulator.launch({}).ok());
    auto fault = simulator.run();
    ASSERT_FALSE(fault) << fault->message;
    results[which].resize(256);
    ASSERT_TRUE(
        simulator.read(Space::Dram, 0, 65536, results[which].data(), 256).ok());
  }
  EXPECT_EQ(results[0], results[1]);
  // A softmax: each row's sum is about 1.
  for (size_t row = 0; row < 8; ++row) {
    float sum = 0;
    for (size_t i = 0; i < 16; ++i) {
      uint16_t code;
      std::memcpy(&code, &results[1][(row * 16 + i) * 2], 2);
      sum += toFloat(ElementType::F16, code);
    }
    EXPECT_NEAR(sum, 1, 0.01);
  }
}

TEST(OpenCl, EqualsTheReference) {
  auto device = findOpenClDevice();
  ASSERT_TRUE(device.ok()) << device.message();
  compareWithReference(
      [](const Machine &machine) {
        auto datapath = makeOpenClDatapath(machine);
        EXPECT_TRUE(datapath.ok()) << datapath.message();
        return std::move(*datapath);
      },
      /*rounds=*/24, /*seed=*/11, /*most=*/12);
}
