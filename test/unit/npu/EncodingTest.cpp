//===- EncodingTest.cpp - Words and instructions --------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "test/unit/npu/RandomInstruction.h"

#include <gtest/gtest.h>

#include <set>

using namespace narae::npu;
using namespace narae::npu::test;

/// Bytes of a word that an instruction's row names.
static std::vector<int> bytesOf(const InstructionInfo &info) {
  std::vector<int> bytes = {0};
  for (const OperandInfo &operand : info.operands) {
    int width = 1;
    if (operand.kind == OperandKind::Unsigned16)
      width = 2;
    else if (operand.kind == OperandKind::Unsigned32)
      width = 4;
    for (int i = 0; i < width; ++i)
      bytes.push_back(operand.byte + i);
    for (int i = 0; i < operand.numberBytes; ++i)
      bytes.push_back(operand.numberByte + i);
  }
  return bytes;
}

TEST(Encoding, RowsAreSound) {
  std::set<int> opcodes;
  std::set<std::string> mnemonics;
  for (const InstructionInfo &info : instructions()) {
    SCOPED_TRACE(info.mnemonic);
    EXPECT_TRUE(opcodes.insert(int(info.opcode)).second);
    EXPECT_TRUE(mnemonics.insert(info.mnemonic).second);
    EXPECT_LE(info.operands.size(), size_t(maxOperands));
    EXPECT_NE(info.engines, 0);
    std::set<int> bytes;
    for (int byte : bytesOf(info)) {
      EXPECT_TRUE(bytes.insert(byte).second) << "byte " << byte << " twice";
      EXPECT_LT(byte, int(wordBytes));
    }
    std::set<OperandName> names;
    for (const OperandInfo &operand : info.operands)
      EXPECT_TRUE(names.insert(operand.name).second);
  }
}

TEST(Encoding, EveryInstructionComesBack) {
  std::mt19937_64 random(1);
  for (const InstructionInfo &info : instructions())
    for (int round = 0; round < 200; ++round) {
      Instruction given = randomInstruction(info, random);
      Word word = encode(given);
      auto decoded = decode(word.data());
      ASSERT_TRUE(decoded.ok()) << info.mnemonic << ": " << decoded.message();
      EXPECT_TRUE(*decoded == given) << info.mnemonic;
      EXPECT_EQ(encode(*decoded), word) << info.mnemonic;
    }
}

TEST(Encoding, ReservedBytesMustBeZero) {
  std::mt19937_64 random(2);
  for (const InstructionInfo &info : instructions()) {
    Word word = encode(randomInstruction(info, random));
    std::vector<int> used = bytesOf(info);
    for (int byte = 0; byte < int(wordBytes); ++byte) {
      if (std::find(used.begin(), used.end(), byte) != used.end())
        continue;
      Word damaged = word;
      damaged[byte] = 1;
      auto decoded = decode(damaged.data());
      ASSERT_TRUE(decoded.failed()) << info.mnemonic << " byte " << byte;
      EXPECT_NE(decoded.message().find("reserved byte " + std::to_string(byte) +
                                       " is not zero"),
                std::string::npos)
          << decoded.message();
    }
  }
}

TEST(Encoding, BoundsOfEveryOperand) {
  std::mt19937_64 random(3);
  for (const InstructionInfo &info : instructions())
    for (const OperandInfo &operand : info.operands) {
      Word word = encode(randomInstruction(info, random));
      bool isNumber = operand.kind == OperandKind::Unsigned16 ||
                      operand.kind == OperandKind::Unsigned32;
      if (isNumber)
        continue;
      // 254 is no register, view, choice, rank or axis.
      word[operand.byte] = 254;
      auto decoded = decode(word.data());
      ASSERT_TRUE(decoded.failed())
          << info.mnemonic << " " << operandText(operand.name);
      EXPECT_NE(decoded.message().find(std::string("operand '") +
                                       operandText(operand.name) + "'"),
                std::string::npos);
    }
}

TEST(Encoding, AllProblemsOfAWordAtOnce) {
  Word word{};
  word[0] = uint8_t(Opcode::Matmul);
  word[1] = 40, word[2] = 50, word[6] = 9, word[31] = 1;
  auto decoded = decode(word.data());
  ASSERT_TRUE(decoded.failed());
  EXPECT_EQ(decoded.message(),
            "t.matmul: operand 'acc' is view 40, of which there are 32; "
            "operand 'a' is view 50, of which there are 32; operand 'mode' has "
            "the unknown code 9; reserved byte 31 is not zero");
  word[0] = 0;
  EXPECT_EQ(decode(word.data()).message(), "unknown opcode 0");
}

TEST(Encoding, AWordByHand) {
  // matmul of views 1 = 2 * 3, accumulating, weight-stationary.
  Instruction matmul;
  matmul.opcode = Opcode::Matmul;
  matmul[OperandName::Acc].number = 1;
  matmul[OperandName::A].number = 2;
  matmul[OperandName::B].number = 3;
  matmul[OperandName::Scale].number = noView;
  matmul[OperandName::Offset].number = noView;
  matmul[OperandName::Accumulate].number = 1;
  matmul[OperandName::Dataflow].number = int(Dataflow::Weight);
  Word expected{0x40, 1, 2, 3, 0xff, 0xff, 0, 1, 0, 0, 0, 0, 1};
  EXPECT_EQ(encode(matmul), expected);
  // add x1, x2, x3-2
  Instruction add;
  add.opcode = Opcode::Add;
  add[OperandName::Dst].number = 1;
  add[OperandName::A].number = 2;
  add[OperandName::B] = {-2, 3};
  expected = {0x03, 1, 2, 3};
  expected[16] = 0xfe;
  for (int i = 17; i < 24; ++i)
    expected[i] = 0xff;
  EXPECT_EQ(encode(add), expected);
}
