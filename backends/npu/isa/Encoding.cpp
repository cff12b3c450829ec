//===- Encoding.cpp - Words to instructions and back ----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/isa/Instruction.h"

#include <cassert>
#include <cstring>

using namespace narae;
using namespace narae::npu;

/// Bytes that a number takes where an operand is nothing else.
static int widthOf(OperandKind kind) {
  switch (kind) {
  case OperandKind::Unsigned16:
    return 2;
  case OperandKind::Unsigned32:
    return 4;
  default:
    return 1;
  }
}

static void put(Word &word, int byte, int bytes, uint64_t bits) {
  for (int i = 0; i < bytes; ++i)
    word[byte + i] = uint8_t(bits >> (8 * i));
}

static uint64_t take(const uint8_t *word, int byte, int bytes) {
  uint64_t bits = 0;
  for (int i = 0; i < bytes; ++i)
    bits |= uint64_t(word[byte + i]) << (8 * i);
  return bits;
}

std::string narae::npu::checkOperand(const OperandInfo &info,
                                     const Operand &operand) {
  auto wrong = [&](const std::string &what) {
    return std::string("operand '") + operandText(info.name) + "' " + what;
  };
  auto checkRegister = [&](int64_t reg, const char *what, int count) {
    if (reg >= 0 && reg < count)
      return std::string();
    return wrong("is " + std::string(what) + " " + std::to_string(reg) +
                 ", of which there are " + std::to_string(count));
  };
  switch (info.kind) {
  case OperandKind::Register:
    return checkRegister(operand.number, "register", registerCount);
  case OperandKind::MaybeView:
    if (operand.number == noView)
      return "";
    [[fallthrough]];
  case OperandKind::View:
    return checkRegister(operand.number, "view", viewCount);
  case OperandKind::Scalar:
    return checkRegister(operand.reg, "register", registerCount);
  case OperandKind::Value:
    if (std::string problem =
            checkRegister(operand.reg, "register", registerCount);
        !problem.empty())
      return problem;
    [[fallthrough]];
  case OperandKind::Unsigned8:
  case OperandKind::Unsigned16:
  case OperandKind::Unsigned32:
    if (operand.number < info.low || operand.number > info.high)
      return wrong("is " + std::to_string(operand.number) +
                   ", but must be from " + std::to_string(info.low) + " to " +
                   std::to_string(info.high));
    return "";
  default:
    if (!choiceText(info.kind, operand.number))
      return wrong("has the unknown code " + std::to_string(operand.number));
    return "";
  }
}

Word narae::npu::encode(const Instruction &instruction) {
  Word word{};
  word[0] = uint8_t(instruction.opcode);
  const InstructionInfo &info = instruction.info();
  for (size_t i = 0; i < info.operands.size(); ++i) {
    const OperandInfo &operand = info.operands[i];
    const Operand &value = instruction.operands[i];
    assert(checkOperand(operand, value).empty() && "operand out of bounds");
    if (operand.kind == OperandKind::Value ||
        operand.kind == OperandKind::Scalar) {
      word[operand.byte] = value.reg;
      put(word, operand.numberByte, operand.numberBytes,
          uint64_t(value.number));
    } else {
      put(word, operand.byte, widthOf(operand.kind), uint64_t(value.number));
    }
  }
  return word;
}

Expected<Instruction> narae::npu::decode(const uint8_t *word) {
  const InstructionInfo *info = findInstruction(word[0]);
  if (!info)
    return Status::error("unknown opcode " + std::to_string(word[0]));
  Instruction instruction;
  instruction.opcode = info->opcode;
  std::array<bool, wordBytes> used{};
  used[0] = true;
  std::string problems;
  auto add = [&](const std::string &problem) {
    if (!problem.empty())
      problems += (problems.empty() ? "" : "; ") + problem;
  };
  auto mark = [&](int byte, int bytes) {
    for (int i = 0; i < bytes; ++i)
      used[byte + i] = true;
  };
  for (size_t i = 0; i < info->operands.size(); ++i) {
    const OperandInfo &operand = info->operands[i];
    Operand &value = instruction.operands[i];
    if (operand.kind == OperandKind::Value ||
        operand.kind == OperandKind::Scalar) {
      value.reg = word[operand.byte];
      uint64_t bits = take(word, operand.numberByte, operand.numberBytes);
      bool isSigned =
          operand.kind == OperandKind::Value && operand.numberBytes == 4;
      value.number = isSigned ? int64_t(int32_t(bits)) : int64_t(bits);
      mark(operand.byte, 1);
      mark(operand.numberByte, operand.numberBytes);
    } else {
      int width = widthOf(operand.kind);
      value.number = int64_t(take(word, operand.byte, width));
      mark(operand.byte, width);
    }
    add(checkOperand(operand, value));
  }
  for (size_t i = 0; i < wordBytes; ++i)
    if (!used[i] && word[i] != 0)
      add("reserved byte " + std::to_string(i) + " is not zero");
  if (!problems.empty())
    return Status::error(std::string(info->mnemonic) + ": " + problems);
  return instruction;
}
