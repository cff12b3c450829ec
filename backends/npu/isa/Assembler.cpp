//===- Assembler.cpp - Text to programs -----------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/isa/Assembly.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <optional>
#include <sstream>

using namespace narae::npu;

/// Decimal or 0x..., with a sign, to the end of the text.
static std::optional<int64_t> parseInteger(const std::string &text) {
  if (text.empty() || std::isspace(static_cast<unsigned char>(text[0])))
    return std::nullopt;
  bool hex = text.find("0x") != std::string::npos;
  char *end = nullptr;
  errno = 0;
  long long value = std::strtoll(text.c_str(), &end, hex ? 16 : 10);
  if (*end || errno)
    return std::nullopt;
  return value;
}

static std::optional<uint32_t> parseFloat(const std::string &text) {
  if (text.rfind("f32:0x", 0) == 0) {
    std::optional<int64_t> bits = parseInteger(text.substr(4));
    if (!bits || *bits < 0 || *bits > UINT32_MAX)
      return std::nullopt;
    return uint32_t(*bits);
  }
  if (text == "nan")
    return 0x7fc00000;
  if (text.empty() || std::isspace(static_cast<unsigned char>(text[0])) ||
      text.find("nan") != std::string::npos)
    return std::nullopt;
  char *end = nullptr;
  float value = std::strtof(text.c_str(), &end);
  if (*end)
    return std::nullopt;
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

/// The number behind one letter: "x3".
static std::optional<int64_t> parseRegister(char letter,
                                            const std::string &text) {
  if (text.size() < 2 || text[0] != letter || !std::isdigit(text[1]))
    return std::nullopt;
  return parseInteger(text.substr(1));
}

static std::optional<std::vector<uint8_t>> parseHex(const std::string &text) {
  std::vector<uint8_t> bytes;
  if (text.size() % 2)
    return std::nullopt;
  for (size_t i = 0; i < text.size(); i += 2) {
    std::string digits = text.substr(i, 2);
    if (!std::isxdigit(digits[0]) || !std::isxdigit(digits[1]))
      return std::nullopt;
    bytes.push_back(uint8_t(std::strtol(digits.c_str(), nullptr, 16)));
  }
  return bytes;
}

/// `x3`, `16`, `x3+16`: splits off the register.
static std::optional<Operand> parseSum(const std::string &text, bool isFloat) {
  Operand operand;
  std::string number = text;
  if (!text.empty() && text[0] == 'x') {
    size_t sign = std::min(text.find_first_of("+-"), text.size());
    std::optional<int64_t> reg = parseRegister('x', text.substr(0, sign));
    if (!reg || *reg >= registerCount)
      return std::nullopt;
    operand.reg = uint8_t(*reg);
    if (sign == text.size())
      return operand;
    number = text.substr(text[sign] == '+' ? sign + 1 : sign);
  }
  if (isFloat) {
    std::optional<uint32_t> bits = parseFloat(number);
    if (!bits)
      return std::nullopt;
    operand.number = *bits;
    return operand;
  }
  std::optional<int64_t> value = parseInteger(number);
  if (!value)
    return std::nullopt;
  operand.number = *value;
  return operand;
}

static std::string trim(const std::string &text) {
  size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string::npos)
    return "";
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

/// What an operand may look like, for messages.
static const char *expectedText(OperandKind kind) {
  switch (kind) {
  case OperandKind::Register:
    return "a register such as x3";
  case OperandKind::View:
    return "a view such as v3";
  case OperandKind::MaybeView:
    return "a view such as v3, or -";
  case OperandKind::Value:
    return "a value such as 16, x3 or x3+16";
  case OperandKind::Scalar:
    return "a scalar such as 0.5, x3 or x3+0.5";
  default:
    return "a number";
  }
}

namespace {
class Assembler {
public:
  explicit Assembler(std::vector<std::string> &problems) : problems(problems) {}

  Program run(const std::string &text) {
    std::istringstream lines(text);
    std::string whole;
    while (std::getline(lines, whole)) {
      ++line;
      std::string statement = trim(whole.substr(0, whole.find(';')));
      if (statement.empty())
        continue;
      if (statement[0] == '.')
        parseDirective(statement);
      else
        parseInstruction(statement);
    }
    closeCode();
    for (const Reference &reference : references)
      resolve(reference);
    return std::move(program);
  }

private:
  void say(const std::string &problem) { sayAt(line, problem); }
  void sayAt(size_t at, const std::string &problem) {
    problems.push_back("line " + std::to_string(at) + ": " + problem);
  }

  std::optional<Operand> parseOperand(const OperandInfo &info,
                                      const std::string &text) {
    Operand operand;
    std::optional<int64_t> number;
    switch (info.kind) {
    case OperandKind::Register:
      number = parseRegister('x', text);
      break;
    case OperandKind::MaybeView:
    case OperandKind::View:
      if (text == "-" && info.kind == OperandKind::MaybeView)
        number = noView;
      else
        number = parseRegister('v', text);
      break;
    case OperandKind::Value:
    case OperandKind::Scalar:
      return parseSum(text, info.kind == OperandKind::Scalar);
    case OperandKind::Unsigned8:
    case OperandKind::Unsigned16:
    case OperandKind::Unsigned32:
      number = parseInteger(text);
      break;
    default:
      if (int code = choiceCode(info.kind, text); code >= 0)
        number = code;
    }
    if (!number)
      return std::nullopt;
    operand.number = *number;
    return operand;
  }

  void parseInstruction(const std::string &statement) {
    size_t space = statement.find_first_of(" \t");
    std::string mnemonic = statement.substr(0, space);
    const InstructionInfo *info = findInstruction(mnemonic);
    if (!info)
      return say("there is no instruction '" + mnemonic + "'");
    std::vector<std::string> texts;
    if (space != std::string::npos) {
      std::istringstream rest(statement.substr(space));
      for (std::string text; std::getline(rest, text, ',');)
        texts.push_back(trim(text));
    }
    Instruction instruction;
    instruction.opcode = info->opcode;
    size_t used = 0;
    bool good = true;
    for (size_t i = 0; i < info->operands.size(); ++i) {
      const OperandInfo &operand = info->operands[i];
      if (operand.name == OperandName::Body) {
        instruction.operands[i].number = 1; // set by the `end`
        continue;
      }
      if (used == texts.size()) {
        say(mnemonic + " lacks its operand '" + operandText(operand.name) +
            "'");
        good = false;
        break;
      }
      const std::string &text = texts[used++];
      auto value = parseOperand(operand, text);
      std::string problem =
          value ? checkOperand(operand, *value)
                : "operand '" + std::string(operandText(operand.name)) +
                      "' is '" + text + "', not " + expected(operand.kind);
      if (!problem.empty()) {
        say(mnemonic + ": " + problem);
        good = false;
      } else {
        instruction.operands[i] = *value;
      }
    }
    if (good && used < texts.size())
      say(mnemonic + " has " + std::to_string(used) + " operands, not " +
          std::to_string(texts.size()));
    if (good)
      return emit(instruction);
    // The matching `end` is not to blame.
    Instruction placeholder;
    if (info->find(OperandName::Body) >= 0) {
      placeholder.opcode = info->opcode;
      placeholder[OperandName::Body].number = 1;
    }
    emit(placeholder);
  }

  /// Choices are listed.
  static std::string expected(OperandKind kind) {
    if (!choiceText(kind, 0))
      return expectedText(kind);
    std::string text = "one of";
    for (int code = 0; const char *choice = choiceText(kind, code); ++code)
      text += std::string(code ? ", " : " ") + choice;
    return text;
  }

  void emit(const Instruction &instruction) {
    size_t at = program.code.size();
    program.code.push_back(encode(instruction));
    if (instruction.opcode == Opcode::Loop ||
        instruction.opcode == Opcode::If) {
      open.push_back({instruction, at, line});
    } else if (instruction.opcode == Opcode::End) {
      if (open.empty())
        return say("'end' ends no 'loop' or 'if'");
      Open begin = open.back();
      open.pop_back();
      begin.instruction[OperandName::Body].number = int64_t(at - begin.word);
      program.code[begin.word] = encode(begin.instruction);
    }
  }

  void closeCode() {
    for (const Open &begin : open)
      sayAt(begin.line, "has no 'end'");
    open.clear();
    if (!name.empty())
      blocks[name] = {blockBegin, program.code.size() - blockBegin};
  }

  void parseDirective(const std::string &statement) {
    std::istringstream stream(statement);
    std::vector<std::string> words;
    for (std::string word; stream >> word;)
      words.push_back(word);
    const std::string &what = words[0];
    size_t count = words.size() - 1;
    auto number = [&](size_t i) { return parseInteger(words[i]); };
    if (what == ".machine" && count == 1) {
      char *end = nullptr;
      program.machineHash = std::strtoull(words[1].c_str(), &end, 16);
      if (*end)
        say("'" + words[1] + "' is no hash");
    } else if (what == ".parameter" && (count == 1 || count == 3)) {
      Parameter parameter{words[1]};
      if (count == 3) {
        if (!number(2) || !number(3) || *number(2) > *number(3))
          return say("the bounds of a parameter are two integers, the lower "
                     "first");
        parameter.low = *number(2), parameter.high = *number(3);
      }
      program.parameters.push_back(parameter);
    } else if (what == ".constant" && count >= 3) {
      int space = choiceCode(OperandKind::SpaceKind, words[1]);
      if (space < 0 || !number(2) || !number(3) || *number(3) < 0)
        return say("a constant has a memory, a unit and an address");
      program.constants.push_back(
          {Space(space), int32_t(*number(2)), uint64_t(*number(3)), {}});
      for (size_t i = 4; i < words.size(); ++i)
        addBytes(words[i]);
    } else if (what == ".bytes" && !program.constants.empty()) {
      for (size_t i = 1; i < words.size(); ++i)
        addBytes(words[i]);
    } else if (what == ".code" && count == 1) {
      closeCode();
      name = words[1];
      blockBegin = program.code.size();
      if (blocks.count(name))
        say("there is code '" + name + "' already");
    } else if (what == ".word" && count == 1) {
      auto bytes = parseHex(words[1]);
      if (!bytes || bytes->size() != wordBytes)
        return say("a word is 64 hexadecimal digits");
      Word word;
      std::copy(bytes->begin(), bytes->end(), word.begin());
      program.code.push_back(word);
    } else if (what == ".stream" && (count == 4 || count == 5)) {
      Reference reference{line, words[4], program.streams.size()};
      int engine = 0;
      while (engine < engineCount && words[1] != engineText(Engine(engine)))
        ++engine;
      if (engine == engineCount || !number(2) || !number(3))
        return say("a stream has an engine, a unit, a queue and its code");
      Stream result{
          {Engine(engine), int32_t(*number(2)), int32_t(*number(3))}, 0, 0};
      if (count == 5) {
        if (!number(4) || !number(5) || *number(4) < 0 || *number(5) < 0 ||
            *number(4) > UINT32_MAX || *number(5) > UINT32_MAX)
          return say("a stream's words are a first one and a count");
        result.first = uint32_t(*number(4));
        result.words = uint32_t(*number(5));
      } else {
        references.push_back(reference);
      }
      program.streams.push_back(result);
    } else {
      say("'" + statement + "' is no directive");
    }
  }

  void addBytes(const std::string &text) {
    auto bytes = parseHex(text);
    if (!bytes)
      return say("'" + text + "' is no row of bytes");
    std::vector<uint8_t> &target = program.constants.back().bytes;
    target.insert(target.end(), bytes->begin(), bytes->end());
  }

  struct Reference {
    size_t line;
    std::string code;
    size_t stream;
  };
  void resolve(const Reference &reference) {
    auto block = blocks.find(reference.code);
    if (block == blocks.end())
      return sayAt(reference.line, "there is no code '" + reference.code + "'");
    program.streams[reference.stream].first = uint32_t(block->second.first);
    program.streams[reference.stream].words = uint32_t(block->second.second);
  }

  struct Open {
    Instruction instruction;
    size_t word, line;
  };
  std::vector<std::string> &problems;
  Program program;
  std::vector<Open> open;
  std::map<std::string, std::pair<size_t, size_t>> blocks;
  std::vector<Reference> references;
  std::string name;
  size_t blockBegin = 0, line = 0;
};
} // namespace

Program narae::npu::assemble(const std::string &text,
                             std::vector<std::string> &problems) {
  return Assembler(problems).run(text);
}
