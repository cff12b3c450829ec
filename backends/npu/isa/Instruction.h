//===- Instruction.h - Words of 32 bytes ---------------------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An instruction is a word of 32 bytes: byte 0 the opcode, then operands at
// fixed bytes, the rest zero. Instructions.def says which. Here are the word's
// decoded form and what the table says of it.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_ISA_INSTRUCTION_H
#define NARAE_BACKENDS_NPU_ISA_INSTRUCTION_H

#include "lib/artifact/Status.h"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace narae::npu {

constexpr size_t wordBytes = 32;
constexpr int registerCount = 32; ///< scalar registers of a stream; x0 is 0
constexpr int viewCount = 32;     ///< view registers of a stream
constexpr int maxRank = 5;
constexpr int maxNesting = 8; ///< of `loop` and `if`
/// A view operand that is left out, written `-`.
constexpr uint8_t noView = 0xff;

enum class Opcode : uint8_t {
#define NPU_INSTRUCTION(Name, mnemonic, code, ...) Name = code,
#include "backends/npu/isa/Instructions.def"
};

enum class ElementType : uint8_t {
#define NPU_TYPE(Name, text, code, bits, meaning) Name = code,
#define NPU_SPACE(...)
#define NPU_ENGINE(...)
#define NPU_CHOICE(...)
#define NPU_OPERAND(...)
#include "backends/npu/isa/Names.def"
};

enum class Space : uint8_t {
#define NPU_TYPE(...)
#define NPU_SPACE(Name, text, code, meaning) Name = code,
#define NPU_ENGINE(...)
#define NPU_CHOICE(...)
#define NPU_OPERAND(...)
#include "backends/npu/isa/Names.def"
};

enum class Engine : uint8_t {
#define NPU_TYPE(...)
#define NPU_SPACE(...)
#define NPU_ENGINE(Name, text, code, spaces, meaning) Name = code,
#define NPU_CHOICE(...)
#define NPU_OPERAND(...)
#include "backends/npu/isa/Names.def"
};
constexpr int engineCount = 5;

/// Names of operands; an instruction has each at most once.
enum class OperandName : uint8_t {
#define NPU_TYPE(...)
#define NPU_SPACE(...)
#define NPU_ENGINE(...)
#define NPU_CHOICE(...)
#define NPU_OPERAND(Name, text, meaning) Name,
#include "backends/npu/isa/Names.def"
};

enum class OperandKind : uint8_t {
  Register,   ///< a scalar register, one byte
  View,       ///< a view register, one byte
  MaybeView,  ///< a view register or `noView`
  Value,      ///< x[register] + signed number
  Scalar,     ///< x[register] + f32
  Unsigned8,  ///< numbers of so many bits
  Unsigned16, //
  Unsigned32, //
  // Choices, one byte each.
  TypeKind,
  SpaceKind,
  ActivationKind,
  CombineKind,
  MatmulModeKind,
  DataflowKind,
  FlagKind,
  ScopeKind,
  ConditionKind,
  PlaceKind,
  RotationKind,
};

// The choices, one enumeration a kind, by the codes of Names.def.
enum class Activation : uint8_t {
  None,
  Relu,
  Gelu,
  GeluTanh,
  Silu,
  Sigmoid,
  Tanh
};
enum class Combine : uint8_t { None, Add, Mul };
enum class MatmulMode : uint8_t { Plain, Dequant, Grouped };
enum class Dataflow : uint8_t { Output, Weight, Input };
enum class Scope : uint8_t { Core, Chiplet };
enum class Condition : uint8_t { Lt, Le, Eq, Ne, Gt, Ge };
enum class Place : uint8_t { Core, Chiplet, Lane, Queue, Cores, Chiplets };
enum class Rotation : uint8_t { Halves, Pairs };

/// How an operand lies in its word.
struct OperandInfo {
  OperandName name;
  OperandKind kind;
  uint8_t byte;        ///< of the register, choice or number
  uint8_t numberByte;  ///< of the number of a Value or Scalar
  uint8_t numberBytes; ///< 4 or 8
  int64_t low, high;   ///< bounds of the number
};

struct InstructionInfo {
  Opcode opcode;
  const char *mnemonic;
  uint8_t engines; ///< bit 1 << Engine for each that executes it
  std::vector<OperandInfo> operands;
  const char *semantics, *cycles, *faults;

  bool runsOn(Engine engine) const { return engines >> int(engine) & 1; }
  /// Position of an operand, -1 where there is none of the name.
  int find(OperandName name) const;
};

/// One operand's value.
struct Operand {
  /// A register, view, choice or number; of a Value the number, of a Scalar
  /// the bits of the f32.
  int64_t number = 0;
  uint8_t reg = 0; ///< the register of a Value or Scalar

  bool operator==(const Operand &other) const {
    return number == other.number && reg == other.reg;
  }
};

constexpr int maxOperands = 11;

/// A decoded word; operands in the order of the table.
struct Instruction {
  Opcode opcode = Opcode::Nop;
  std::array<Operand, maxOperands> operands{};

  const InstructionInfo &info() const;
  /// The operand of that name, which the instruction must have.
  const Operand &operator[](OperandName name) const;
  Operand &operator[](OperandName name);
  bool operator==(const Instruction &other) const {
    return opcode == other.opcode && operands == other.operands;
  }
};

using Word = std::array<uint8_t, wordBytes>;

/// All rows of the table, by opcode.
const std::vector<InstructionInfo> &instructions();
/// The row of an opcode; null where there is none.
const InstructionInfo *findInstruction(uint8_t opcode);
const InstructionInfo *findInstruction(const std::string &mnemonic);

/// A choice's text by code and code by text; the kinds are those from
/// TypeKind on. Null and -1 where there is none.
const char *choiceText(OperandKind kind, int64_t code);
int choiceCode(OperandKind kind, const std::string &text);
const char *operandText(OperandName name);
const char *typeText(ElementType type);
const char *spaceText(Space space);
const char *engineText(Engine engine);
int bitsOf(ElementType type);
bool isInteger(ElementType type);
/// Whether instructions of the engine may have views of the space.
bool reaches(Engine engine, Space space);

/// What is wrong with an operand's value, "" when nothing is.
std::string checkOperand(const OperandInfo &info, const Operand &operand);

/// The word of an instruction whose operands are in their bounds.
Word encode(const Instruction &instruction);
/// Refuses unknown opcodes, operands out of bounds and reserved bytes that are
/// not zero, with all that is wrong in one message.
Expected<Instruction> decode(const uint8_t *word);

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_ISA_INSTRUCTION_H
