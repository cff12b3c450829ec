//===- Verifier.cpp - What can be known before a launch -------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/isa/Program.h"

#include <algorithm>
#include <optional>
#include <set>

using namespace narae::npu;

namespace {
constexpr size_t maxProblems = 100;

/// Checks the words of one stream, which all decode, against the machine.
class StreamVerifier {
public:
  StreamVerifier(const Program &program, const Machine &machine,
                 const Stream &stream)
      : program(program), machine(machine), id(stream.engine) {}

  /// What is wrong with one instruction by itself.
  std::vector<std::string> check(const Instruction &instruction) {
    problems.clear();
    const InstructionInfo &info = instruction.info();
    if (!info.runsOn(id.engine))
      add(std::string("the engine does not execute it"));
    switch (instruction.opcode) {
    case Opcode::View:
      checkView(instruction);
      break;
    case Opcode::Dim:
      checkFixed(instruction[OperandName::Size], 0, INT32_MAX, "size");
      break;
    case Opcode::Param:
      if (instruction[OperandName::Index].number >=
          int64_t(program.parameters.size()))
        add("parameter " +
            std::to_string(instruction[OperandName::Index].number) +
            " does not exist: the program has " +
            std::to_string(program.parameters.size()));
      break;
    case Opcode::Wait:
    case Opcode::Signal:
      checkSemaphore(instruction);
      break;
    case Opcode::Barrier:
      checkFixed(instruction[OperandName::Index], 0, machine.sync.barriers - 1,
                 "index");
      checkFixed(instruction[OperandName::Count], 1,
                 int64_t(program.streams.size()), "count");
      break;
    case Opcode::Matmul:
      checkMatmul(instruction);
      break;
    case Opcode::Drain:
      if ((Combine(instruction[OperandName::Combine].number) ==
           Combine::None) != (instruction[OperandName::Other].number == noView))
        add("'other' must be given exactly if 'combine' is not none");
      break;
    case Opcode::Div:
    case Opcode::Rem:
      if (const Operand &b = instruction[OperandName::B];
          b.reg == 0 && b.number == 0)
        add("divides by zero");
      break;
    default:
      break;
    }
    return problems;
  }

private:
  void add(const std::string &problem) { problems.push_back(problem); }

  /// A value that no register changes.
  void checkFixed(const Operand &value, int64_t low, int64_t high,
                  const char *what) {
    if (value.reg == 0 && (value.number < low || value.number > high))
      add(std::string("'") + what + "' is " + std::to_string(value.number) +
          ", but must be from " + std::to_string(low) + " to " +
          std::to_string(high));
  }

  bool ofCore() const {
    return id.engine == Engine::Tensor || id.engine == Engine::Vector ||
           id.engine == Engine::CoreDma;
  }

  void checkView(const Instruction &view) {
    auto space = Space(view[OperandName::Space].number);
    auto type = ElementType(view[OperandName::Type].number);
    if (!reaches(id.engine, space))
      add(std::string("the engine does not reach '") + spaceText(space) + "'");
    if (space == Space::Accumulator && type != ElementType::F32 &&
        type != ElementType::I32)
      add(std::string("accumulators hold f32 and i32, not ") + typeText(type));
    const Operand &unit = view[OperandName::Unit];
    int64_t units = 1;
    switch (space) {
    case Space::Scratchpad:
    case Space::Accumulator:
      units = machine.allCores();
      break;
    case Space::Shared:
      units = machine.chiplets;
      break;
    case Space::Dram:
      units = machine.dram.pools;
      break;
    case Space::Host:
      break;
    }
    bool own = space == Space::Host || id.engine != Engine::HostDma;
    checkFixed(unit, own ? -1 : 0, units - 1, "unit");
    bool foreign = id.engine == Engine::Tensor || id.engine == Engine::Vector;
    if (foreign && unit.reg == 0 && unit.number != -1 && unit.number != id.unit)
      add("the engine reaches its own core only");
    if (view[OperandName::Base].reg == 0 && view[OperandName::Base].number < 0)
      add("'base' is negative");
  }

  void checkSemaphore(const Instruction &sync) {
    bool core = Scope(sync[OperandName::Scope].number) == Scope::Core;
    bool own = core ? ofCore() : id.engine != Engine::HostDma;
    checkFixed(sync[OperandName::Unit], own ? -1 : 0,
               (core ? machine.allCores() : machine.chiplets) - 1, "unit");
    checkFixed(
        sync[OperandName::Index], 0,
        (core ? machine.sync.coreSemaphores : machine.sync.chipletSemaphores) -
            1,
        "index");
    checkFixed(sync[OperandName::Amount], 1, machine.sync.maximum, "amount");
  }

  void checkMatmul(const Instruction &matmul) {
    auto mode = MatmulMode(matmul[OperandName::Mode].number);
    bool plain = mode == MatmulMode::Plain;
    if (plain != (matmul[OperandName::Group].number == 0))
      add("'group' must be 0 exactly if 'mode' is plain");
    if (plain != (matmul[OperandName::Scale].number == noView))
      add("'scale' must be given exactly if 'mode' is not plain");
    if (mode != MatmulMode::Dequant &&
        matmul[OperandName::Offset].number != noView)
      add("'offset' needs 'mode' dequant");
  }

  const Program &program;
  const Machine &machine;
  EngineId id;
  std::vector<std::string> problems;
};

class ProgramVerifier {
public:
  ProgramVerifier(const Program &program, const Machine &machine)
      : program(program), machine(machine) {}

  std::vector<std::string> run() {
    if (program.machineHash && program.machineHash != machine.hash())
      add("the program is made for another machine than '" + machine.name +
          "': compile it for this one");
    for (size_t i = 0; i < program.code.size(); ++i) {
      auto decoded = decode(program.code[i].data());
      if (decoded.ok()) {
        code.push_back(*decoded);
        continue;
      }
      code.push_back(std::nullopt);
      add("word " + std::to_string(i) + ": " + decoded.message());
    }
    std::set<EngineId> seen;
    for (const Stream &stream : program.streams) {
      std::string problem = checkEngine(stream.engine, machine);
      if (!problem.empty()) {
        add(describe(stream.engine) + ": " + problem);
      } else if (!seen.insert(stream.engine).second) {
        add(describe(stream.engine) + " has two streams");
      } else if (stream.first > code.size() ||
                 stream.words > code.size() - stream.first) {
        add(describe(stream.engine) + ": words " +
            std::to_string(stream.first) + " to " +
            std::to_string(uint64_t(stream.first) + stream.words) +
            " are not in the program, which has " +
            std::to_string(code.size()));
      } else {
        checkStream(stream);
      }
    }
    for (size_t i = 0; i < program.constants.size(); ++i)
      checkConstant(i);
    return std::move(problems);
  }

private:
  void add(const std::string &problem) {
    if (problems.size() < maxProblems)
      problems.push_back(problem);
    else if (problems.size() == maxProblems)
      problems.push_back("... and more");
  }

  /// Nesting, and each instruction. What streams that share words have in
  /// common is said once, for the first of them.
  void checkStream(const Stream &stream) {
    StreamVerifier verifier(program, machine, stream);
    std::vector<uint32_t> ends;
    for (uint32_t i = 0; i < stream.words; ++i) {
      const auto &instruction = code[stream.first + i];
      if (!instruction)
        continue;
      auto say = [&](const std::string &problem) {
        std::string key = std::to_string(stream.first + i) + problem;
        if (said.insert(key).second)
          add(describe(stream.engine) + ", word " + std::to_string(i) + " (" +
              instruction->info().mnemonic + "): " + problem);
      };
      for (const std::string &problem : verifier.check(*instruction))
        say(problem);
      if (instruction->opcode == Opcode::End) {
        if (ends.empty())
          say("ends no 'loop' or 'if'");
        else if (ends.back() != i)
          say("the 'loop' or 'if' that it ends has its 'body' up to word " +
              std::to_string(ends.back()));
        if (!ends.empty())
          ends.pop_back();
      } else if (instruction->opcode == Opcode::Loop ||
                 instruction->opcode == Opcode::If) {
        uint64_t end = uint64_t(i) + (*instruction)[OperandName::Body].number;
        if (end >= stream.words)
          say("its 'body' goes beyond the stream");
        ends.push_back(uint32_t(std::min<uint64_t>(end, UINT32_MAX)));
        if (ends.size() == size_t(maxNesting) + 1)
          say("more than " + std::to_string(maxNesting) + " are nested");
      }
    }
    if (!ends.empty())
      add(describe(stream.engine) + ": " + std::to_string(ends.size()) +
          " 'loop' or 'if' without 'end'");
  }

  void checkConstant(size_t i) {
    const Constant &constant = program.constants[i];
    int64_t units = 0, bytes = 0;
    if (constant.space == Space::Dram) {
      units = machine.dram.pools;
      bytes = machine.usableDram();
    } else if (constant.space == Space::Shared) {
      units = machine.chiplets;
      bytes = machine.shared.bytes;
    } else if (constant.space == Space::Scratchpad) {
      units = machine.allCores();
      bytes = machine.scratchpad.bytes;
    }
    std::string name = "constant " + std::to_string(i);
    if (!units)
      add(name + " cannot be in '" + spaceText(constant.space) + "'");
    else if (constant.unit < 0 || constant.unit >= units)
      add(name + ": '" + spaceText(constant.space) + "' " +
          std::to_string(constant.unit) + " does not exist: the machine has " +
          std::to_string(units));
    else if (constant.address > uint64_t(bytes) ||
             constant.bytes.size() > uint64_t(bytes) - constant.address)
      add(name + ": bytes " + std::to_string(constant.address) + " and the " +
          std::to_string(constant.bytes.size()) + " after it are not in '" +
          spaceText(constant.space) + "', which has " + std::to_string(bytes));
  }

  const Program &program;
  const Machine &machine;
  std::vector<std::optional<Instruction>> code;
  std::vector<std::string> problems;
  std::set<std::string> said;
};
} // namespace

std::vector<std::string> narae::npu::verify(const Program &program,
                                            const Machine &machine) {
  return ProgramVerifier(program, machine).run();
}
