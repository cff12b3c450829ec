//===- Table.cpp - The table of instructions ------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/isa/Instruction.h"

#include <cassert>
#include <cstring>

using namespace narae::npu;

namespace {
constexpr uint8_t bit(Engine engine) { return uint8_t(1 << int(engine)); }
constexpr uint8_t TENSOR = bit(Engine::Tensor), VECTOR = bit(Engine::Vector),
                  DMA = bit(Engine::CoreDma) | bit(Engine::ChipletDma) |
                        bit(Engine::HostDma),
                  ALL = TENSOR | VECTOR | DMA;

constexpr OperandInfo number(OperandName name, OperandKind kind, uint8_t byte,
                             int64_t low, int64_t high) {
  return {name, kind, byte, 0, 0, low, high};
}
constexpr OperandInfo value(OperandName name, uint8_t byte, uint8_t numberByte,
                            uint8_t numberBytes) {
  return {name,
          OperandKind::Value,
          byte,
          numberByte,
          numberBytes,
          numberBytes == 4 ? INT32_MIN : INT64_MIN,
          numberBytes == 4 ? INT32_MAX : INT64_MAX};
}

struct Choice {
  OperandKind kind;
  int code;
  const char *text;
};
} // namespace

static const Choice choices[] = {
#define NPU_TYPE(Name, text, code, bits, meaning)                              \
  {OperandKind::TypeKind, code, text},
#define NPU_SPACE(Name, text, code, meaning)                                   \
  {OperandKind::SpaceKind, code, text},
#define NPU_ENGINE(...)
#define NPU_CHOICE(Set, Name, text, code, meaning)                             \
  {OperandKind::Set##Kind, code, text},
#define NPU_OPERAND(...)
#include "backends/npu/isa/Names.def"
};

const std::vector<InstructionInfo> &narae::npu::instructions() {
#define OPERANDS(...) {__VA_ARGS__}
#define R(name, kind, byte)                                                    \
  number(OperandName::name, OperandKind::kind, byte, 0, 0)
#define N(name, kind, byte, low, high)                                         \
  number(OperandName::name, OperandKind::kind, byte, low, high)
#define V(name, byte, numberByte, numberBytes)                                 \
  value(OperandName::name, byte, numberByte, numberBytes)
#define S(name, byte, numberByte)                                              \
  OperandInfo{OperandName::name, OperandKind::Scalar, byte, numberByte, 4, 0, 0}
  static const std::vector<InstructionInfo> table = {
#define NPU_INSTRUCTION(Name, mnemonic, code, engines, operands, semantics,    \
                        cycles, faults)                                        \
  {Opcode::Name, mnemonic, engines, operands, semantics, cycles, faults},
#include "backends/npu/isa/Instructions.def"
  };
#undef R
#undef N
#undef V
#undef S
#undef OPERANDS
  return table;
}

const InstructionInfo *narae::npu::findInstruction(uint8_t opcode) {
  static const auto rows = [] {
    std::array<const InstructionInfo *, 256> rows{};
    for (const InstructionInfo &info : instructions())
      rows[uint8_t(info.opcode)] = &info;
    return rows;
  }();
  return rows[opcode];
}

const InstructionInfo *
narae::npu::findInstruction(const std::string &mnemonic) {
  for (const InstructionInfo &info : instructions())
    if (mnemonic == info.mnemonic)
      return &info;
  return nullptr;
}

namespace {
constexpr int operandNames = 0
#define NPU_TYPE(...)
#define NPU_SPACE(...)
#define NPU_ENGINE(...)
#define NPU_CHOICE(...)
#define NPU_OPERAND(...) +1
#include "backends/npu/isa/Names.def"
    ;
/// Positions of operands by opcode and name, -1 where there is none: every
/// executed word asks for them.
struct Positions {
  int8_t at[256][operandNames];
  Positions() {
    std::memset(at, -1, sizeof(at));
    for (const InstructionInfo &info : instructions())
      for (size_t i = 0; i < info.operands.size(); ++i)
        at[uint8_t(info.opcode)][int(info.operands[i].name)] = int8_t(i);
  }
};
} // namespace

static int positionOf(Opcode opcode, OperandName name) {
  static const Positions positions;
  return positions.at[uint8_t(opcode)][int(name)];
}

int InstructionInfo::find(OperandName name) const {
  return positionOf(opcode, name);
}

const InstructionInfo &Instruction::info() const {
  return *findInstruction(uint8_t(opcode));
}

const Operand &Instruction::operator[](OperandName name) const {
  int position = positionOf(opcode, name);
  assert(position >= 0 && "the instruction has no such operand");
  return operands[position];
}

Operand &Instruction::operator[](OperandName name) {
  int position = positionOf(opcode, name);
  assert(position >= 0 && "the instruction has no such operand");
  return operands[position];
}

const char *narae::npu::choiceText(OperandKind kind, int64_t code) {
  for (const Choice &choice : choices)
    if (choice.kind == kind && choice.code == code)
      return choice.text;
  return nullptr;
}

int narae::npu::choiceCode(OperandKind kind, const std::string &text) {
  for (const Choice &choice : choices)
    if (choice.kind == kind && text == choice.text)
      return choice.code;
  return -1;
}

const char *narae::npu::operandText(OperandName name) {
  static const char *const texts[] = {
#define NPU_TYPE(...)
#define NPU_SPACE(...)
#define NPU_ENGINE(...)
#define NPU_CHOICE(...)
#define NPU_OPERAND(Name, text, meaning) text,
#include "backends/npu/isa/Names.def"
  };
  return texts[int(name)];
}

const char *narae::npu::typeText(ElementType type) {
  return choiceText(OperandKind::TypeKind, int(type));
}

const char *narae::npu::spaceText(Space space) {
  return choiceText(OperandKind::SpaceKind, int(space));
}

const char *narae::npu::engineText(Engine engine) {
  static const char *const texts[] = {
#define NPU_TYPE(...)
#define NPU_SPACE(...)
#define NPU_ENGINE(Name, text, code, spaces, meaning) text,
#define NPU_CHOICE(...)
#define NPU_OPERAND(...)
#include "backends/npu/isa/Names.def"
  };
  return texts[int(engine)];
}

int narae::npu::bitsOf(ElementType type) {
  static const uint8_t widths[] = {
#define NPU_TYPE(Name, text, code, bits, meaning) bits,
#define NPU_SPACE(...)
#define NPU_ENGINE(...)
#define NPU_CHOICE(...)
#define NPU_OPERAND(...)
#include "backends/npu/isa/Names.def"
  };
  return widths[int(type)];
}

bool narae::npu::isInteger(ElementType type) {
  switch (type) {
  case ElementType::I32:
  case ElementType::I16:
  case ElementType::I8:
  case ElementType::U8:
  case ElementType::I4:
  case ElementType::U4:
    return true;
  default:
    return false;
  }
}

bool narae::npu::reaches(Engine engine, Space space) {
  switch (engine) {
  case Engine::Tensor:
    return space == Space::Scratchpad || space == Space::Accumulator;
  case Engine::Vector:
    return space == Space::Scratchpad;
  case Engine::CoreDma:
    return space == Space::Scratchpad || space == Space::Shared ||
           space == Space::Dram;
  case Engine::ChipletDma:
    return space == Space::Shared || space == Space::Dram;
  case Engine::HostDma:
    return space == Space::Shared || space == Space::Dram ||
           space == Space::Host;
  }
  return false;
}
