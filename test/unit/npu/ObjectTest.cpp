//===- ObjectTest.cpp - Compiled kernels as bytes, launches bound ---------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/object/Object.h"

#include <gtest/gtest.h>

using namespace narae;
using namespace narae::npu;

namespace {
Kernel example() {
  Kernel kernel;
  kernel.name = "rows";
  kernel.buffers = 2;
  kernel.params = 2;
  auto add = [&](NumberKind kind, uint32_t a, uint32_t b = 0, uint32_t c = 0,
                 int64_t value = 0) {
    kernel.numbers.push_back({kind, a, b, c, value});
  };
  add(NumberKind::Param, 0);             // 0
  add(NumberKind::Param, 1);             // 1
  add(NumberKind::FloorDiv, 0, 1);       // 2
  add(NumberKind::CeilDiv, 0, 1);        // 3
  add(NumberKind::Mod, 0, 1);            // 4
  add(NumberKind::Constant, 0, 0, 0, 7); // 5
  add(NumberKind::Less, 5, 0);           // 6: 7 < params[0]
  add(NumberKind::Select, 6, 0, 5);      // 7
  add(NumberKind::Pool, 1);              // 8
  add(NumberKind::Offset, 3);            // 9
  add(NumberKind::Min, 0, 1);            // 10
  add(NumberKind::Max, 0, 1);            // 11
  kernel.bindings = {2, 3, 4, 7, 8, 9, 10, 11};
  add(NumberKind::Equal, 1, 5); // 12
  kernel.requirements.push_back({1, "the width is 0; take a larger one"});
  kernel.constants = {1, 2, 3};
  for (int i = 0; i < 8; ++i)
    kernel.program.parameters.push_back({"p" + std::to_string(i)});
  return kernel;
}
} // namespace

TEST(NpuObject, RoundTrip) {
  Object object;
  object.machineHash = 42;
  object.kernels = {example(), Kernel()};
  std::vector<uint8_t> bytes = writeObject(object);
  auto read = readObject(bytes.data(), bytes.size());
  ASSERT_TRUE(read.ok()) << read.message();
  EXPECT_EQ(read->machineHash, 42u);
  ASSERT_EQ(read->kernels.size(), 2u);
  EXPECT_EQ(read->kernels[0].numbers, example().numbers);
  EXPECT_EQ(read->kernels[0].requirements[0].message,
            "the width is 0; take a larger one");
  EXPECT_EQ(writeObject(*read), bytes);
}

TEST(NpuObject, RefusesWhatIsDamaged) {
  Object object;
  object.kernels = {example()};
  const std::vector<uint8_t> bytes = writeObject(object);
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(readObject(bytes.data(), size).ok()) << size;
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::vector<uint8_t> damaged = bytes;
    damaged[i] ^= 0x10;
    EXPECT_FALSE(readObject(damaged.data(), damaged.size()).ok()) << i;
  }
  object.kernels[0].bindings[0] = 99;
  std::vector<uint8_t> bad = writeObject(object);
  auto read = readObject(bad.data(), bad.size());
  ASSERT_FALSE(read.ok());
  EXPECT_NE(read.message().find("kernel 'rows'"), std::string::npos);
}

TEST(NpuObject, BindsALaunch) {
  Kernel kernel = example();
  const uint64_t buffers[] = {flatAddress(0, 64), flatAddress(3, 128), 0,
                              flatAddress(1, 4096)};
  std::vector<int64_t> values, result;
  int64_t params[] = {-7, 2};
  ASSERT_TRUE(bindLaunch(kernel, buffers, 4, params, 2, values, result).ok());
  EXPECT_EQ(result, (std::vector<int64_t>{-4, -3, 1, 7, 3, 4096, -7, 2}));
  params[0] = 9;
  ASSERT_TRUE(bindLaunch(kernel, buffers, 4, params, 2, values, result).ok());
  EXPECT_EQ(result, (std::vector<int64_t>{4, 5, 1, 9, 3, 4096, 2, 9}));
  params[1] = 0;
  EXPECT_EQ(bindLaunch(kernel, buffers, 4, params, 2, values, result).message(),
            "the width is 0; take a larger one");
  EXPECT_FALSE(bindLaunch(kernel, buffers, 3, params, 2, values, result).ok());
  EXPECT_FALSE(bindLaunch(kernel, buffers, 4, params, 1, values, result).ok());
}
