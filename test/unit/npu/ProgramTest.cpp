//===- ProgramTest.cpp - Program files and the verifier -------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/isa/Assembly.h"
#include "test/unit/npu/TestMachine.h"

#include <random>

using namespace narae::npu;
using namespace narae::npu::test;

static Program example() {
  std::vector<std::string> problems;
  Program program = assemble(".machine 0x12\n"
                             ".parameter length 1 4096\n"
                             ".parameter base\n"
                             ".constant dram 0 4096 00ff12\n"
                             ".constant shared 0 0 0102\n"
                             ".code a\n"
                             "  param x1, 0\n"
                             "  nop\n"
                             ".stream dma 0 1 a\n"
                             ".stream chiplet-dma 0 3 a\n",
                             problems);
  EXPECT_TRUE(problems.empty());
  return program;
}

static std::string refusal(const std::vector<uint8_t> &file) {
  auto program = readProgram(file.data(), file.size());
  EXPECT_TRUE(program.failed());
  return program.message();
}

TEST(ProgramFile, ComesBack) {
  Program program = example();
  std::vector<uint8_t> file = writeProgram(program);
  EXPECT_EQ(file, writeProgram(program));
  auto again = readProgram(file.data(), file.size());
  ASSERT_TRUE(again.ok()) << again.message();
  EXPECT_EQ(disassemble(*again), disassemble(program));
  EXPECT_EQ(writeProgram(*again), file);
  Program empty;
  file = writeProgram(empty);
  EXPECT_EQ(file.size(), 80u);
  EXPECT_TRUE(readProgram(file.data(), file.size()).ok());
}

TEST(ProgramFile, EveryChangedByteIsSeen) {
  std::vector<uint8_t> file = writeProgram(example());
  for (size_t i = 0; i < file.size(); ++i) {
    std::vector<uint8_t> damaged = file;
    damaged[i] ^= 0x40;
    // The minor version is no reason to refuse, but is hashed.
    EXPECT_FALSE(refusal(damaged).empty()) << i;
  }
  for (size_t size = 0; size < file.size(); ++size)
    EXPECT_FALSE(
        refusal({file.begin(), file.begin() + std::ptrdiff_t(size)}).empty());
}

TEST(ProgramFile, SaysWhatIsWrong) {
  std::vector<uint8_t> file = writeProgram(example());
  EXPECT_EQ(refusal({}), "not an NPU program: 0 bytes are less than a header");
  std::vector<uint8_t> damaged = file;
  damaged[0] = 'X';
  EXPECT_EQ(refusal(damaged),
            "not an NPU program: the file does not begin with NARAENPU");
  damaged = file;
  damaged[8] = 7;
  EXPECT_EQ(refusal(damaged),
            "the program has format 7.0; this is 1.0: compile it again");
  damaged = file;
  damaged.pop_back();
  EXPECT_EQ(refusal(damaged),
            "the program should have " + std::to_string(file.size()) +
                " bytes, but has " + std::to_string(file.size() - 1) +
                ": it was cut or grew");
  damaged = file;
  damaged[32] += 1; // words
  EXPECT_EQ(refusal(damaged), "the program's counts do not add up to its size");
  damaged = file;
  damaged.back() ^= 1;
  EXPECT_EQ(refusal(damaged),
            "the program's hash is wrong: bytes were changed");
}

/// Problems of a program of one stream.
static std::vector<std::string> problemsOf(const std::string &code,
                                           const std::string &engine) {
  std::vector<std::string> problems;
  Program program = assemble(".parameter p\n.code a\n" + code + "\n.stream " +
                                 engine + " a\n",
                             problems);
  EXPECT_TRUE(problems.empty()) << problems[0];
  return verify(program, builtIn("npu:atom"));
}

TEST(Verifier, EachInstructionOnItsEngine) {
  struct {
    const char *code, *engine, *problem;
  } cases[] = {
      {"v.neg v0, v1", "tensor 0 0",
       "core 0 tensor, word 0 (v.neg): the engine does not execute it"},
      {"d.copy v0, v1", "vector 7 0",
       "core 7 vector, word 0 (d.copy): the engine does not execute it"},
      {"param x1, 1", "vector 0 0",
       "core 0 vector, word 0 (param): parameter 1 does not exist: the program "
       "has 1"},
      {"nop\ndiv x1, x2, 0", "host-dma 0 0",
       "host dma 0, word 1 (div): divides by zero"},
      {"view v0, f32, dram, 1, 0, 0", "vector 0 0",
       "core 0 vector, word 0 (view): the engine does not reach 'dram'"},
      {"view v0, f16, accumulator, 1, -1, 0", "tensor 0 0",
       "core 0 tensor, word 0 (view): accumulators hold f32 and i32, not f16"},
      {"view v0, f16, dram, 1, 1, 0", "dma 0 0",
       "core 0 dma 0, word 0 (view): 'unit' is 1, but must be from -1 to 0"},
      {"view v0, f16, dram, 1, -1, 0", "host-dma 0 0",
       "host dma 0, word 0 (view): 'unit' is -1, but must be from 0 to 0"},
      {"view v0, f16, scratchpad, 1, 3, 0", "vector 2 0",
       "core 2 vector, word 0 (view): the engine reaches its own core only"},
      {"view v0, f16, scratchpad, 1, -1, -8", "vector 2 0",
       "core 2 vector, word 0 (view): 'base' is negative"},
      {"dim v0, 1, -3, 1", "vector 2 0",
       "core 2 vector, word 0 (dim): 'size' is -3, but must be from 0 to "
       "2147483647"},
      {"signal core, -1, 64, 1", "vector 2 0",
       "core 2 vector, word 0 (signal): 'index' is 64, but must be from 0 to "
       "63"},
      {"wait core, -1, 0, 1", "chiplet-dma 0 0",
       "chiplet 0 dma 0, word 0 (wait): 'unit' is -1, but must be from 0 to 7"},
      {"wait chiplet, 0, 0, 0", "vector 0 0",
       "core 0 vector, word 0 (wait): 'amount' is 0, but must be from 1 to "
       "1048575"},
      {"barrier 256, 1", "vector 0 0",
       "core 0 vector, word 0 (barrier): 'index' is 256, but must be from 0 to "
       "255"},
      {"barrier 0, 2", "vector 0 0",
       "core 0 vector, word 0 (barrier): 'count' is 2, but must be from 1 to "
       "1"},
      {"t.matmul v0, v1, v2, -, -, plain, no, 32, output", "tensor 0 0",
       "core 0 tensor, word 0 (t.matmul): 'group' must be 0 exactly if 'mode' "
       "is plain"},
      {"t.matmul v0, v1, v2, v3, v4, grouped, no, 32, output", "tensor 0 0",
       "core 0 tensor, word 0 (t.matmul): 'offset' needs 'mode' dequant"},
      {"t.matmul v0, v1, v2, -, -, dequant, no, 32, output", "tensor 0 0",
       "core 0 tensor, word 0 (t.matmul): 'scale' must be given exactly if "
       "'mode' is not plain"},
      {"t.drain v0, v1, -, -, -, none, add, -", "tensor 0 0",
       "core 0 tensor, word 0 (t.drain): 'other' must be given exactly if "
       "'combine' is not none"},
      {"nop", "vector 8 0",
       "core 8 vector: core 8 does not exist: the machine has 8"},
      {"nop", "dma 0 2",
       "core 0 dma 2: queue 2 does not exist: the machine has 2"},
  };
  for (auto &row : cases) {
    std::vector<std::string> problems = problemsOf(row.code, row.engine);
    ASSERT_EQ(problems.size(), 1u) << row.code;
    EXPECT_EQ(problems[0], row.problem);
  }
  EXPECT_TRUE(problemsOf("wait core, x1-1, x2, x3", "vector 0 0").empty());
}

TEST(Verifier, Structure) {
  Program program;
  std::vector<std::string> problems;
  std::string deep;
  for (int i = 0; i < 9; ++i)
    deep += "loop x1, 2\n";
  for (int i = 0; i < 9; ++i)
    deep += "end\n";
  EXPECT_EQ(problemsOf(deep, "vector 0 0"),
            std::vector<std::string>{"core 0 vector, word 8 (loop): more than "
                                     "8 are nested"});
  // A body that is cut by the end of the stream, and one that is too long.
  program = assemble(".code a\nloop x1, 2\nnop\nend\nnop\n"
                     ".stream vector 0 0 0 2\n.stream vector 1 0 1 3\n"
                     ".stream vector 2 0 3 9\n.stream vector 2 0 a\n"
                     ".stream vector 3 0 a\n.stream vector 3 0 a\n",
                     problems);
  Instruction loop = *decode(program.code[0].data());
  std::vector<std::string> expected = {
      "core 0 vector, word 0 (loop): its 'body' goes beyond the stream",
      "core 0 vector: 1 'loop' or 'if' without 'end'",
      "core 1 vector, word 1 (end): ends no 'loop' or 'if'",
      "core 2 vector: words 3 to 12 are not in the program, which has 4",
      "core 2 vector has two streams",
      "core 3 vector has two streams"};
  EXPECT_EQ(verify(program, builtIn("npu:atom")), expected);
  loop[OperandName::Body].number = 1;
  program.code[0] = encode(loop);
  program.streams = {{{Engine::Vector, 0, 0}, 0, 4}};
  EXPECT_EQ(verify(program, builtIn("npu:atom")),
            std::vector<std::string>{
                "core 0 vector, word 2 (end): the 'loop' or 'if' that it ends "
                "has its 'body' up to word 1"});
}

TEST(Verifier, MachineConstantsAndWords) {
  Program program = example();
  program.constants.push_back({Space::Host, 0, 0, {1}});
  program.constants.push_back({Space::Dram, 5, 0, {1}});
  program.constants.push_back({Space::Shared, 0, (32 << 20) - 1, {1, 2}});
  program.code[1][0] = 0xff;
  std::vector<std::string> expected = {
      "the program is made for another machine than 'npu:atom': compile it for "
      "this one",
      "word 1: unknown opcode 255", "constant 2 cannot be in 'host'",
      "constant 3: 'dram' 5 does not exist: the machine has 1",
      "constant 4: bytes 33554431 and the 2 after it are not in 'shared', "
      "which has 33554432"};
  EXPECT_EQ(verify(program, builtIn("npu:atom")), expected);
  Program many;
  many.code.resize(1000);
  EXPECT_EQ(verify(many, builtIn("npu:atom")).size(), 101u);
}
