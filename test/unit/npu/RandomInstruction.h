//===- RandomInstruction.h - Valid random operands ------------ -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Instructions with random operands, all of them valid.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_TEST_UNIT_NPU_RANDOMINSTRUCTION_H
#define NARAE_TEST_UNIT_NPU_RANDOMINSTRUCTION_H

#include "backends/npu/isa/Instruction.h"

#include <random>

namespace narae::npu::test {

/// A number of [low, high] that is often one of the two ends.
inline int64_t pick(std::mt19937_64 &random, int64_t low, int64_t high) {
  switch (random() % 4) {
  case 0:
    return low;
  case 1:
    return high;
  default: {
    uint64_t span = uint64_t(high) - uint64_t(low);
    uint64_t step = span == UINT64_MAX ? random() : random() % (span + 1);
    return int64_t(uint64_t(low) + step);
  }
  }
}

inline Operand randomOperand(const OperandInfo &info, std::mt19937_64 &random) {
  Operand operand;
  switch (info.kind) {
  case OperandKind::Register:
  case OperandKind::View:
    operand.number = pick(random, 0, 31);
    break;
  case OperandKind::MaybeView:
    operand.number = random() % 3 == 0 ? noView : pick(random, 0, 31);
    break;
  case OperandKind::Scalar:
    operand.reg = uint8_t(pick(random, 0, 31));
    operand.number = int64_t(uint32_t(random()));
    break;
  case OperandKind::Value:
    operand.reg = uint8_t(pick(random, 0, 31));
    operand.number = pick(random, info.low, info.high);
    break;
  case OperandKind::Unsigned8:
  case OperandKind::Unsigned16:
  case OperandKind::Unsigned32:
    operand.number = pick(random, info.low, info.high);
    break;
  default: {
    int count = 0;
    while (choiceText(info.kind, count))
      ++count;
    operand.number = pick(random, 0, count - 1);
  }
  }
  return operand;
}

inline Instruction randomInstruction(const InstructionInfo &info,
                                     std::mt19937_64 &random) {
  Instruction instruction;
  instruction.opcode = info.opcode;
  for (size_t i = 0; i < info.operands.size(); ++i)
    instruction.operands[i] = randomOperand(info.operands[i], random);
  return instruction;
}

} // namespace narae::npu::test

#endif // NARAE_TEST_UNIT_NPU_RANDOMINSTRUCTION_H
