//===- EmulatorTest.cpp - NVPTX as code of this CPU ----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/nvidia/emulator/HostCode.h"

#include "llvm/AsmParser/Parser.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>

using namespace narae;
using namespace narae::nvidia;

namespace {

std::string assemble(const std::string &body) {
  llvm::LLVMContext context;
  llvm::SMDiagnostic diagnostic;
  auto module = llvm::parseAssemblyString(
      "target triple = \"nvptx64-nvidia-cuda\"\n"
      "declare i32 @llvm.nvvm.read.ptx.sreg.tid.x()\n"
      "declare i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()\n"
      "declare i32 @llvm.nvvm.read.ptx.sreg.ntid.x()\n"
      "declare i32 @llvm.nvvm.read.ptx.sreg.laneid()\n" +
          body,
      diagnostic, context);
  EXPECT_TRUE(module) << diagnostic.getMessage().str();
  std::string bitcode;
  llvm::raw_string_ostream os(bitcode);
  if (module)
    llvm::WriteBitcodeToFile(*module, os);
  return os.str();
}

/// out[i + shift] = in[i] * 2 with i the thread of the grid.
std::string doubling(int shift) {
  return assemble(R"(
define ptx_kernel void @k0(ptr %in, ptr %out) #0 {
  %t = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %b = call i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
  %n = call i32 @llvm.nvvm.read.ptx.sreg.ntid.x()
  %s = mul i32 %b, %n
  %i = add i32 %s, %t
  %j = add i32 %i, )" +
                  std::to_string(shift) + R"(
  %from = getelementptr float, ptr %in, i32 %i
  %to = getelementptr float, ptr %out, i32 %j
  %x = load float, ptr %from
  %y = fadd float %x, %x
  store float %y, ptr %to
  ret void
}
attributes #0 = { "target-cpu"="sm_80" "target-features"="+ptx74" }
)");
}

/// Two blocks of four threads on two arrays of `floats`.
class EmulatorTest : public testing::Test {
protected:
  std::string run(const std::string &bitcode, uint64_t floats,
                  bool sameArray = false) {
    auto code = compileForHost(bitcode, /*checked=*/true);
    if (code.failed())
      return code.message();
    auto in = memory.allocate(floats * 4), other = memory.allocate(floats * 4);
    out = reinterpret_cast<float *>(*other);
    for (uint64_t i = 0; i < floats; ++i)
      reinterpret_cast<float *>(*in)[i] = static_cast<float>(i);
    uint64_t result = sameArray ? *in : *other;
    void *arguments[] = {&*in, &result};
    Launch launch;
    launch.shape = {2, 4, 0};
    launch.memory = &memory;
    launch.firstId = firstId;
    firstId += 9;
    return runLaunch(launch, (*code)->find("k0"), arguments).message();
  }
  Memory memory{true};
  uint32_t firstId = 1;
  float *out = nullptr;
};

TEST_F(EmulatorTest, EveryThreadRunsOnce) {
  EXPECT_EQ(run(doubling(0), 8), "");
  for (int i = 0; i < 8; ++i)
    EXPECT_EQ(out[i], 2 * i);
}

TEST_F(EmulatorTest, AccessesBeyondAnAllocation) {
  std::string read = run(doubling(0), 7);
  EXPECT_NE(read.find("thread 3 of block 1 reads 4 bytes"), std::string::npos)
      << read;
  EXPECT_NE(run(doubling(1), 8).find("thread 3 of block 1 writes 4 bytes"),
            std::string::npos);
}

TEST_F(EmulatorTest, RacesBetweenThreads) {
  std::string race = run(doubling(1), 16, /*sameArray=*/true);
  EXPECT_NE(race.find("thread 1 of block 0 reads"), std::string::npos) << race;
  EXPECT_NE(race.find("which thread 0 of block 0 wrote"), std::string::npos)
      << race;
  race = run(doubling(-1), 16, /*sameArray=*/true);
  EXPECT_NE(race, "");
  EXPECT_EQ(run(doubling(0), 16, /*sameArray=*/true), "");
}

TEST_F(EmulatorTest, LaunchesDoNotRaceWithEachOther) {
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(run(doubling(0), 8, /*sameArray=*/true), "");
}

TEST(Emulator, WhatItDoesNotKnowIsNamed) {
  std::string bitcode = assemble(R"(
declare void @llvm.nvvm.barrier.cluster.arrive()
define ptx_kernel void @k0(ptr %p) {
  call void @llvm.nvvm.barrier.cluster.arrive()
  call void asm sideeffect "griddepcontrol.wait;", ""()
  ret void
}
)");
  std::string message = compileForHost(bitcode, false).message();
  EXPECT_NE(message.find("llvm.nvvm.barrier.cluster.arrive"), std::string::npos)
      << message;
  EXPECT_NE(message.find("griddepcontrol.wait"), std::string::npos) << message;
}

TEST(Emulator, DamagedBitcodeIsRefused) {
  EXPECT_NE(compileForHost("", false).message().find("damaged"),
            std::string::npos);
  std::string bitcode = doubling(0);
  for (size_t size : {size_t(4), bitcode.size() / 2, bitcode.size() - 4})
    EXPECT_TRUE(compileForHost(bitcode.substr(0, size), false).failed());
}

} // namespace
