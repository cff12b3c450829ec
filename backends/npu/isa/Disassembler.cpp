//===- Disassembler.cpp - Programs to text --------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/isa/Assembly.h"

#include <cmath>
#include <cstring>
#include <set>

using namespace narae::npu;

/// The shortest of a few forms that reads back to the same bits.
static std::string printFloat(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  char text[40];
  if (std::isnan(value)) {
    if (bits == 0x7fc00000)
      return "nan";
    std::snprintf(text, sizeof(text), "f32:0x%08x", bits);
    return text;
  }
  if (std::isinf(value))
    return value > 0 ? "inf" : "-inf";
  for (int digits = 6; digits <= 9; ++digits) {
    std::snprintf(text, sizeof(text), "%.*g", digits, double(value));
    if (std::strtof(text, nullptr) == value)
      break;
  }
  return text;
}

/// "x3", "16", "x3+16", "x3-2".
static std::string printSum(uint8_t reg, const std::string &number) {
  if (reg == 0)
    return number;
  std::string text = "x" + std::to_string(reg);
  if (number == "0")
    return text;
  return text + (number[0] == '-' ? "" : "+") + number;
}

static std::string printOperand(const OperandInfo &info,
                                const Operand &operand) {
  switch (info.kind) {
  case OperandKind::Register:
    return "x" + std::to_string(operand.number);
  case OperandKind::MaybeView:
    if (operand.number == noView)
      return "-";
    [[fallthrough]];
  case OperandKind::View:
    return "v" + std::to_string(operand.number);
  case OperandKind::Value:
    return printSum(operand.reg, std::to_string(operand.number));
  case OperandKind::Scalar:
    return printSum(operand.reg, printFloat(uint32_t(operand.number)));
  case OperandKind::Unsigned8:
  case OperandKind::Unsigned16:
  case OperandKind::Unsigned32:
    return std::to_string(operand.number);
  default:
    return choiceText(info.kind, operand.number);
  }
}

std::string narae::npu::print(const Instruction &instruction) {
  const InstructionInfo &info = instruction.info();
  std::string text = info.mnemonic;
  const char *separator = " ";
  for (size_t i = 0; i < info.operands.size(); ++i) {
    if (info.operands[i].name == OperandName::Body)
      continue;
    text += separator + printOperand(info.operands[i], instruction.operands[i]);
    separator = ", ";
  }
  return text;
}

static std::string hexBytes(const uint8_t *bytes, size_t count) {
  std::string text;
  char digits[3];
  for (size_t i = 0; i < count; ++i) {
    std::snprintf(digits, sizeof(digits), "%02x", bytes[i]);
    text += digits;
  }
  return text;
}

namespace {
/// Decoded words, with the reason where one must be printed as bytes.
class Code {
public:
  Code(const Program &program, const std::set<uint32_t> &boundaries) {
    std::vector<size_t> open;
    for (size_t i = 0; i < program.code.size(); ++i) {
      auto decoded = decode(program.code[i].data());
      instructions.push_back(decoded.ok() ? *decoded : Instruction());
      reasons.push_back(decoded.message());
      if (decoded.failed())
        continue;
      if (decoded->opcode == Opcode::Loop || decoded->opcode == Opcode::If) {
        reasons.back() = "no matching end";
        open.push_back(i);
      } else if (decoded->opcode == Opcode::End) {
        reasons.back() = "ends nothing";
        if (open.empty())
          continue;
        size_t begin = open.back();
        open.pop_back();
        auto boundary = boundaries.upper_bound(uint32_t(begin));
        bool whole = boundary == boundaries.end() || *boundary > i;
        if (whole && begin + instructions[begin][OperandName::Body].number == i)
          reasons[begin] = reasons[i] = "";
      }
    }
  }
  std::vector<Instruction> instructions;
  std::vector<std::string> reasons;
};
} // namespace

static std::string printCode(const Program &program,
                             const std::set<uint32_t> &boundaries) {
  Code code(program, boundaries);
  std::string text;
  size_t depth = 1;
  for (size_t i = 0; i < program.code.size(); ++i) {
    if (boundaries.count(uint32_t(i)))
      text += ".code c" + std::to_string(i) + "\n";
    if (!code.reasons[i].empty()) {
      text += "  .word " + hexBytes(program.code[i].data(), wordBytes) + " ; " +
              code.reasons[i] + "\n";
      continue;
    }
    const Instruction &instruction = code.instructions[i];
    if (instruction.opcode == Opcode::End)
      --depth;
    text += std::string(2 * depth, ' ') + print(instruction) + "\n";
    if (instruction.opcode == Opcode::Loop || instruction.opcode == Opcode::If)
      ++depth;
  }
  return text;
}

std::string narae::npu::disassemble(const Program &program) {
  std::string text;
  char hash[40];
  if (program.machineHash) {
    std::snprintf(hash, sizeof(hash), ".machine 0x%016llx\n",
                  static_cast<unsigned long long>(program.machineHash));
    text += hash;
  }
  for (const Parameter &parameter : program.parameters) {
    text += ".parameter " + parameter.name;
    if (parameter.low != INT64_MIN || parameter.high != INT64_MAX)
      text += " " + std::to_string(parameter.low) + " " +
              std::to_string(parameter.high);
    text += "\n";
  }
  for (const Constant &constant : program.constants) {
    text += std::string(".constant ") + spaceText(constant.space) + " " +
            std::to_string(constant.unit) + " " +
            std::to_string(constant.address) + "\n";
    for (size_t i = 0; i < constant.bytes.size(); i += 32)
      text += "  .bytes " +
              hexBytes(constant.bytes.data() + i,
                       std::min<size_t>(32, constant.bytes.size() - i)) +
              "\n";
  }
  // Code begins where a stream does, and ends where the next begins.
  std::set<uint32_t> boundaries = {0};
  for (const Stream &stream : program.streams)
    if (stream.first <= program.code.size())
      boundaries.insert(stream.first);
  text += printCode(program, boundaries);
  for (const Stream &stream : program.streams) {
    text += std::string(".stream ") + engineText(stream.engine.engine) + " " +
            std::to_string(stream.engine.unit) + " " +
            std::to_string(stream.engine.queue) + " ";
    auto next = boundaries.upper_bound(stream.first);
    uint64_t end =
        next == boundaries.end() ? program.code.size() : uint64_t(*next);
    if (stream.words && uint64_t(stream.first) + stream.words == end)
      text += "c" + std::to_string(stream.first) + "\n";
    else
      text += std::to_string(stream.first) + " " +
              std::to_string(stream.words) + "\n";
  }
  return text;
}
