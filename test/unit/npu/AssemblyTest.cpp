//===- AssemblyTest.cpp - Programs as text --------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/isa/Assembly.h"
#include "test/unit/npu/RandomInstruction.h"

#include <gtest/gtest.h>

using namespace narae::npu;
using namespace narae::npu::test;

static Program assembled(const std::string &text) {
  std::vector<std::string> problems;
  Program program = assemble(text, problems);
  EXPECT_TRUE(problems.empty()) << problems[0];
  return program;
}

static std::vector<std::string> problemsOf(const std::string &text) {
  std::vector<std::string> problems;
  assemble(text, problems);
  return problems;
}

TEST(Assembly, EveryInstructionComesBackThroughText) {
  std::mt19937_64 random(5);
  for (const InstructionInfo &info : instructions()) {
    // `loop`, `if` and `end` come in pairs, below.
    if (info.find(OperandName::Body) >= 0 || info.opcode == Opcode::End)
      continue;
    for (int round = 0; round < 100; ++round) {
      Instruction given = randomInstruction(info, random);
      Program program = assembled(print(given));
      ASSERT_EQ(program.code.size(), 1u);
      EXPECT_EQ(program.code[0], encode(given)) << print(given);
    }
  }
}

TEST(Assembly, FloatsKeepTheirBits) {
  Instruction fill;
  fill.opcode = Opcode::VFill;
  for (uint32_t bits :
       {0x00000000u, 0x80000000u, 0x00000001u, 0x7f800000u, 0xff800000u,
        0x7fc00000u, 0x7fc00001u, 0xffc00000u, 0x3dcccccdu, 0x7f7fffffu})
    for (uint8_t reg : {0, 3}) {
      fill[OperandName::Start] = {int64_t(bits), reg};
      EXPECT_EQ(assembled(print(fill)).code[0], encode(fill)) << print(fill);
    }
  fill[OperandName::Start] = {0x3dcccccd, 0};
  EXPECT_EQ(print(fill), "v.fill v0, 0.1");
}

TEST(Assembly, StructureFollowsFromEnds) {
  Program program = assembled("loop x1, 8\n"
                              "  if lt, x1, x2+3 ; a comment\n"
                              "    nop\n"
                              "  end\n"
                              "end\n"
                              "loop x0, x1\nend");
  auto bodyOf = [&](size_t word) {
    return (*decode(program.code[word].data()))[OperandName::Body].number;
  };
  EXPECT_EQ(bodyOf(0), 4);
  EXPECT_EQ(bodyOf(1), 2);
  EXPECT_EQ(bodyOf(5), 1);
  EXPECT_EQ(disassemble(program), ".code c0\n"
                                  "  loop x1, 8\n"
                                  "    if lt, x1, x2+3\n"
                                  "      nop\n"
                                  "    end\n"
                                  "  end\n"
                                  "  loop x0, x1\n"
                                  "  end\n");
}

TEST(Assembly, WholePrograms) {
  std::string text = ".machine 0x0123456789abcdef\n"
                     ".parameter length 1 4096\n"
                     ".parameter base\n"
                     ".constant dram 0 4096\n"
                     "  .bytes 00ff12\n"
                     ".code c0\n"
                     "  param x1, 0\n"
                     "  view v0, f16, dram, 2, 0, x1+64\n"
                     ".code c2\n"
                     "  wait chiplet, -1, 3, 1\n"
                     "  end\n"
                     ".stream dma 0 1 c0\n"
                     ".stream dma 1 1 c0\n"
                     ".stream vector 0 0 2 1\n";
  std::vector<std::string> problems;
  Program program = assemble(text, problems);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0], "line 11: 'end' ends no 'loop' or 'if'");
  text.erase(text.find("  end\n"), 6);
  program = assembled(text);
  EXPECT_EQ(program.machineHash, 0x0123456789abcdefu);
  EXPECT_EQ(program.streams[1].engine, (EngineId{Engine::CoreDma, 1, 1}));
  EXPECT_EQ(program.streams[2].first, 2u);
  EXPECT_EQ(program.constants[0].bytes, (std::vector<uint8_t>{0, 255, 18}));
  // The stream that has all of c2 says so.
  text.replace(text.find("0 0 2 1"), 7, "0 0 c2");
  EXPECT_EQ(disassemble(program), text);
}

TEST(Assembly, WordsThatDoNotDecodeComeBack) {
  std::mt19937_64 random(6);
  for (int round = 0; round < 200; ++round) {
    Program program;
    for (int i = 0; i < 20; ++i) {
      const auto &rows = instructions();
      Word word =
          encode(randomInstruction(rows[random() % rows.size()], random));
      if (random() % 4 == 0)
        word[random() % wordBytes] ^= 1 << random() % 8;
      program.code.push_back(word);
    }
    program.streams.push_back({{Engine::Vector, 0, 0}, 3, 7});
    Program again = assembled(disassemble(program));
    EXPECT_EQ(again.code, program.code);
    EXPECT_EQ(again.streams, program.streams);
  }
}

TEST(Assembly, AllMistakesAtOnce) {
  std::vector<std::string> expected = {
      "line 1: there is no instruction 'frob'",
      "line 2: add lacks its operand 'b'",
      "line 3: add: operand 'dst' is 'y1', not a register such as x3",
      "line 3: add: operand 'b' is '1.5', not a value such as 16, x3 or x3+16",
      "line 4: loop: operand 'dst' is 'x77', not a register such as x3",
      "line 6: dim: operand 'axis' is 9, but must be from 0 to 4",
      "line 7: set has 2 operands, not 3",
      "line 8: '.stram dma 0 0 a' is no directive",
      "line 10: wait: operand 'scope' is 'cor', not one of core, chiplet",
      "line 11: has no 'end'",
      "line 9: there is no code 'b'"};
  std::vector<std::string> problems = problemsOf("frob x1\n"
                                                 "add x1, x2\n"
                                                 "add y1, x2, 1.5\n"
                                                 "loop x77, 3\n"
                                                 "end\n"
                                                 "dim v1, 9, 2, 1\n"
                                                 "set x1, 2, 3\n"
                                                 ".stram dma 0 0 a\n"
                                                 ".stream dma 0 0 b\n"
                                                 "wait cor, 0, 0, 1\n"
                                                 "if eq, x1, 0\n");
  // x77 has the form of a register.
  expected[4] = "line 4: loop: operand 'dst' is register 77, of which there "
                "are 32";
  EXPECT_EQ(problems, expected);
}
