//===- Disassemble.cpp - Machine code of an artifact as text ------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Kernels are the functions of the dynamic symbol table: objects have no other.
// Instructions are read by LLVM, through its C API.
//
//===----------------------------------------------------------------------===//

#include "tools/narae/Disassemble.h"
#include "tools/narae/Console.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <elf.h>
#include <llvm-c/Disassembler.h>
#include <llvm-c/Target.h>
#include <memory>
#include <vector>

using namespace narae;
using namespace narae::tool;

namespace {

/// Reads structures from bytes that may be anything.
class ElfFile {
public:
  ElfFile(const void *data, size_t size)
      : data(static_cast<const char *>(data)), size(size) {}

  /// The bytes [offset, offset + length), or null.
  const char *range(uint64_t offset, uint64_t length) const {
    return offset <= size && length <= size - offset ? data + offset : nullptr;
  }
  template <typename T>
  bool read(uint64_t offset, T &result) const {
    const char *from = range(offset, sizeof(T));
    if (from)
      std::memcpy(&result, from, sizeof(T));
    return from;
  }
  /// The string at an offset, up to its zero or the end of the file.
  std::string text(uint64_t offset) const {
    if (offset >= size)
      return "";
    return std::string(data + offset, strnlen(data + offset, size - offset));
  }

private:
  const char *data;
  size_t size;
};

struct Function {
  std::string name;
  uint64_t address, size;
  const char *bytes;
};

struct DisasmDelete {
  void operator()(void *disassembler) const { LLVMDisasmDispose(disassembler); }
};

} // namespace

static Status damaged() {
  return Status::error("an object is no whole ELF file");
}

/// The functions of one table of symbols, appended.
static Status readSymbols(const ElfFile &file, const Elf64_Shdr &table,
                          const std::vector<Elf64_Shdr> &sections,
                          std::vector<Function> &functions) {
  if (table.sh_link >= sections.size())
    return damaged();
  const Elf64_Shdr &names = sections[table.sh_link];
  for (uint64_t at = 0; at + sizeof(Elf64_Sym) <= table.sh_size;
       at += sizeof(Elf64_Sym)) {
    Elf64_Sym symbol;
    if (!file.read(table.sh_offset + at, symbol))
      return damaged();
    if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC || symbol.st_size == 0 ||
        symbol.st_shndx >= sections.size())
      continue;
    const Elf64_Shdr &code = sections[symbol.st_shndx];
    uint64_t offset = symbol.st_value - code.sh_addr + code.sh_offset;
    const char *bytes = file.range(offset, symbol.st_size);
    if (symbol.st_value < code.sh_addr || !bytes)
      return damaged();
    functions.push_back({file.text(names.sh_offset + symbol.st_name),
                         symbol.st_value, symbol.st_size, bytes});
  }
  return Status::success();
}

static Status readFunctions(const ElfFile &file, const char *&triple,
                            std::vector<Function> &functions) {
  Elf64_Ehdr header;
  if (!file.read(0, header) ||
      std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_ident[EI_CLASS] != ELFCLASS64)
    return damaged();
  triple = header.e_machine == EM_X86_64    ? "x86_64-unknown-linux-gnu"
           : header.e_machine == EM_AARCH64 ? "aarch64-unknown-linux-gnu"
                                            : nullptr;
  if (!triple)
    return Status::error("an object is for machine " +
                         std::to_string(header.e_machine) +
                         ", which cannot be disassembled; --extract writes it");
  std::vector<Elf64_Shdr> sections(header.e_shnum);
  for (size_t i = 0; i < sections.size(); ++i)
    if (!file.read(header.e_shoff + i * sizeof(Elf64_Shdr), sections[i]))
      return damaged();
  for (const Elf64_Shdr &section : sections)
    if (section.sh_type == SHT_DYNSYM)
      if (Status status = readSymbols(file, section, sections, functions);
          status.failed())
        return status;
  std::sort(functions.begin(), functions.end(),
            [](const Function &a, const Function &b) {
              return a.address < b.address;
            });
  return Status::success();
}

static void show(void *disassembler, const Function &function) {
  auto *bytes = reinterpret_cast<uint8_t *>(const_cast<char *>(function.bytes));
  std::string text;
  for (uint64_t at = 0; at < function.size;) {
    char line[256] = "", address[32];
    size_t length =
        LLVMDisasmInstruction(disassembler, bytes + at, function.size - at,
                              function.address + at, line, sizeof(line));
    std::snprintf(address, sizeof(address), "%8llx:",
                  static_cast<unsigned long long>(function.address + at));
    text += address + std::string(length ? line : "\t(no instruction)") + "\n";
    at += std::max<size_t>(1, length);
  }
  print(text);
}

Status tool::disassemble(
    const void *data, size_t size,
    const std::function<std::string(const std::string &)> &heading) {
  std::vector<Function> functions;
  const char *triple = nullptr;
  if (Status status = readFunctions(ElfFile(data, size), triple, functions);
      status.failed())
    return status;
  LLVMInitializeAllTargetInfos();
  LLVMInitializeAllTargetMCs();
  LLVMInitializeAllDisassemblers();
  std::unique_ptr<void, DisasmDelete> disassembler(LLVMCreateDisasmCPUFeatures(
      triple, "", "", nullptr, 0, nullptr, nullptr));
  if (!disassembler)
    return Status::error("this LLVM has no disassembler for " +
                         std::string(triple));
  LLVMSetDisasmOptions(disassembler.get(), LLVMDisassembler_Option_PrintImmHex);
  for (const Function &function : functions) {
    print("\n" + heading(function.name) + "\n");
    show(disassembler.get(), function);
  }
  return Status::success();
}
