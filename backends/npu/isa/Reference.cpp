//===- Reference.cpp - Tables of the manual -------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/isa/Reference.h"

#include "backends/npu/isa/Instruction.h"

#include <cstdio>
#include <map>

using namespace narae;
using namespace narae::npu;

namespace {
struct NamedText {
  const char *set, *text;
  int code, bits;
  const char *meaning;
};
} // namespace

static const NamedText names[] = {
#define NPU_TYPE(Name, text, code, bits, meaning)                              \
  {"type", text, code, bits, meaning},
#define NPU_SPACE(Name, text, code, meaning) {"space", text, code, 0, meaning},
#define NPU_ENGINE(Name, text, code, spaces, meaning)                          \
  {"engine", text, code, 0, meaning ". Reaches: " spaces},
#define NPU_CHOICE(Set, Name, text, code, meaning)                             \
  {#Set, text, code, 0, meaning},
#define NPU_OPERAND(Name, text, meaning) {"operand", text, 0, 0, meaning},
#include "backends/npu/isa/Names.def"
};

namespace {
struct PolynomialText {
  const char *text, *use;
  std::vector<float> coefficients;
};
} // namespace

static const std::vector<PolynomialText> &polynomials() {
#define COEFFICIENTS(...) {__VA_ARGS__}
#define NPU_POLYNOMIAL(Name, text, use, coefficients) {text, use, coefficients},
  static const std::vector<PolynomialText> table = {
#include "backends/npu/isa/Polynomials.def"
  };
  return table;
}

/// Text of a table's cell.
static std::string cell(const std::string &text) {
  std::string result;
  for (char c : text)
    result += c == '|' ? std::string("\\|") : std::string(1, c);
  return result.empty() ? "-" : result;
}

static std::string hex(int code) {
  char text[16];
  std::snprintf(text, sizeof(text), "0x%02x", code);
  return text;
}

/// "dst v@1", "b x@3 + i64@16", "axis u8@2 (0 to 4)".
static std::string describeOperand(const OperandInfo &info) {
  std::string name = std::string("`") + operandText(info.name) + "` ";
  std::string at = "@" + std::to_string(info.byte);
  std::string number = "@" + std::to_string(info.numberByte);
  std::string bounds = " (" + std::to_string(info.low) + " to " +
                       std::to_string(info.high) + ")";
  switch (info.kind) {
  case OperandKind::Register:
    return name + "x" + at;
  case OperandKind::View:
    return name + "v" + at;
  case OperandKind::MaybeView:
    return name + "v" + at + " or 255";
  case OperandKind::Value:
    return name + "x" + at + " + i" + std::to_string(8 * info.numberBytes) +
           number;
  case OperandKind::Scalar:
    return name + "x" + at + " + f32" + number;
  case OperandKind::Unsigned8:
    return name + "u8" + at + bounds;
  case OperandKind::Unsigned16:
    return name + "u16" + at + bounds;
  case OperandKind::Unsigned32:
    return name + "u32" + at + bounds;
  default:
    return name + "code" + at;
  }
}

static std::string instructionTable(const std::string &title, int first,
                                    int last) {
  std::string text = "### " + title +
                     "\n\n| code | mnemonic | operands | effect | cycles | "
                     "faults |\n|---|---|---|---|---|---|\n";
  for (const InstructionInfo &info : instructions()) {
    int code = int(info.opcode);
    if (code < first || code > last)
      continue;
    std::string operands;
    for (const OperandInfo &operand : info.operands)
      operands += (operands.empty() ? "" : ", ") + describeOperand(operand);
    text += "| " + hex(code) + " | `" + info.mnemonic + "` | " +
            cell(operands) + " | " + cell(info.semantics) + " | " +
            cell(info.cycles) + " | " + cell(info.faults) + " |\n";
  }
  return text + "\n";
}

static std::string nameTable(const std::string &title, const char *set) {
  bool isType = std::string(set) == "type";
  std::string text = "### " + title + "\n\n| code | name |" +
                     (isType ? " bits |" : "") + " meaning |\n|---|---|" +
                     (isType ? "---|" : "") + "---|\n";
  for (const NamedText &name : names)
    if (std::string(name.set) == set)
      text += "| " + std::to_string(name.code) + " | `" + name.text + "` | " +
              (isType ? std::to_string(name.bits) + " | " : "") +
              cell(name.meaning) + " |\n";
  return text + "\n";
}

static std::string choiceTable() {
  std::map<std::string, std::string> sets;
  std::vector<std::string> order;
  for (const NamedText &name : names) {
    std::string set = name.set;
    if (set == "type" || set == "space" || set == "engine" || set == "operand")
      continue;
    if (!sets.count(set))
      order.push_back(set);
    std::string &text = sets[set];
    text += (text.empty() ? "" : "; ") + std::to_string(name.code) + " `" +
            name.text + "`";
    if (*name.meaning)
      text += std::string(" ") + name.meaning;
  }
  std::string text = "### Choices\n\n| operand | codes |\n|---|---|\n";
  for (const std::string &set : order)
    text += "| " + set + " | " + cell(sets[set]) + " |\n";
  return text + "\n";
}

static std::string operandTable() {
  std::string text = "### Operands\n\n| name | meaning |\n|---|---|\n";
  for (const NamedText &name : names)
    if (std::string(name.set) == "operand")
      text +=
          std::string("| `") + name.text + "` | " + cell(name.meaning) + " |\n";
  return text + "\n";
}

static std::string polynomialTable() {
  std::string text = "### Polynomials\n\n| name | use | coefficients, constant "
                     "first |\n|---|---|---|\n";
  char number[40];
  for (const PolynomialText &polynomial : polynomials()) {
    std::string coefficients;
    for (float value : polynomial.coefficients) {
      std::snprintf(number, sizeof(number), "%a", double(value));
      coefficients += (coefficients.empty() ? "" : ", ") + std::string(number);
    }
    text += std::string("| ") + polynomial.text + " | " + cell(polynomial.use) +
            " | " + coefficients + " |\n";
  }
  return text + "\n";
}

std::string narae::npu::instructionReference() {
  return nameTable("Types", "type") + nameTable("Memories", "space") +
         nameTable("Engines", "engine") + choiceTable() + operandTable() +
         instructionTable("Control, scalars and views: all engines", 0, 0x1f) +
         instructionTable("Synchronisation: all engines", 0x20, 0x3f) +
         instructionTable("Tensor engine", 0x40, 0x4f) +
         instructionTable("Vector engine: by element", 0x50, 0x9f) +
         instructionTable("Vector engine: by row and by index", 0xa0, 0xbf) +
         instructionTable("DMA: descriptors", 0xc0, 0xff) + polynomialTable();
}

Expected<std::string> narae::npu::updateReference(const std::string &document) {
  const std::string begin = "<!-- reference -->\n",
                    end = "<!-- end of reference -->\n";
  size_t from = document.find(begin), to = document.find(end);
  if (from == std::string::npos || to == std::string::npos || to < from)
    return Status::error("the document lacks the lines '<!-- reference -->' "
                         "and '<!-- end of reference -->', in this order");
  return document.substr(0, from + begin.size()) + "\n" +
         instructionReference() + document.substr(to);
}
