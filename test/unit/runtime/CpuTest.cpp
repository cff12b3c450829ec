//===- CpuTest.cpp - The CPU's device driver ------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/runtime/CpuFeatures.h"
#include "backends/cpu/runtime/CpuTarget.h"
#include "backends/cpu/runtime/ElfObject.h"
#include "backends/cpu/runtime/HostMemory.h"
#include "test/unit/runtime/TestSession.h"

#include <algorithm>

using namespace narae;
using namespace narae::test;

TEST(Cpu, FeaturesAgreeWithTheKernels) {
  std::string info = readFile("/proc/cpuinfo");
  std::string flags = info.substr(info.find("\nflags"));
  flags = flags.substr(0, flags.find('\n', 1)) + " ";
  auto has = [&](const char *flag) {
    return flags.find(std::string(" ") + flag + " ") != std::string::npos;
  };
  auto found = [](const char *name) {
    return cpu::missingFeatures({name}).empty();
  };
  EXPECT_EQ(found("avx2"), has("avx2"));
  EXPECT_EQ(found("fma"), has("fma"));
  EXPECT_EQ(found("avx512f"), has("avx512f"));
  EXPECT_EQ(found("avx512_vnni"), has("avx512_vnni"));
  EXPECT_EQ(found("avx512vnni"), has("avx512_vnni"));
  EXPECT_EQ(found("f16c"), has("f16c"));
  EXPECT_EQ(found("amx-tile"), has("amx_tile"));
}

TEST(Cpu, Targets) {
  EXPECT_EQ(cpu::checkTarget(R"({"backend":"cpu"})"), "");
  EXPECT_EQ(cpu::checkTarget(R"({"backend":"cpu","chip":")" + cpu::hostChip() +
                             R"(","features":["sse2"]})"),
            "");
  expectContains(cpu::checkTarget("{"), "not a JSON object");
  expectContains(cpu::checkTarget("[]"), "not a JSON object");
  expectContains(cpu::checkTarget(R"({"backend":"nvidia"})"),
                 "compiled for 'nvidia'");
  expectContains(cpu::checkTarget(R"({"backend":"cpu","features":7})"),
                 "not a list");
  expectContains(cpu::checkTarget(R"({"backend":"cpu","features":[7]})"),
                 "no names");
}

TEST(Cpu, MemoryIsAligned) {
  for (uint64_t bytes :
       {uint64_t(0), uint64_t(1), uint64_t(65), uint64_t(4) << 20}) {
    void *address = cpu::allocateMemory(bytes);
    ASSERT_NE(address, nullptr);
    uint64_t alignment = bytes >= (4 << 20) ? 2 << 20 : 64;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(address) % alignment, 0u);
    cpu::releaseMemory(address);
  }
  EXPECT_EQ(cpu::allocateMemory(UINT64_MAX), nullptr);
  EXPECT_EQ(cpu::allocateMemory(uint64_t(1) << 61), nullptr);
}

TEST(Cpu, ObjectsOfOneNameStayApart) {
  std::string error, bytes = readFile(NARAE_TEST_KERNELS);
  auto first = cpu::ElfObject::load(bytes.data(), bytes.size(), error);
  auto second = cpu::ElfObject::load(bytes.data(), bytes.size(), error);
  ASSERT_TRUE(first && second) << error;
  EXPECT_NE(first->find("affine"), nullptr);
  EXPECT_NE(first->find("affine"), second->find("affine"));
  EXPECT_EQ(first->find("no_such_kernel"), nullptr);
}

TEST(Cpu, WrongObjects) {
  std::string error;
  EXPECT_FALSE(cpu::ElfObject::load("x", 1, error));
  std::string text(1000, 'x');
  EXPECT_FALSE(cpu::ElfObject::load(text.data(), text.size(), error));
  expectContains(error, "no ELF");
}
