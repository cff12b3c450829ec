//===- EntryVerifier.cpp - Refuses wrong entries --------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/artifact/EntryVerifier.h"
#include "lib/artifact/ProgramVerifier.h"
#include "lib/artifact/Types.h"
#include "narae/runtime.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

using namespace narae;
using namespace narae::artifact;

/// Registers an entry may have: far beyond any program, far below memory.
static constexpr uint32_t maxRegisters = 1u << 24;

/// Aliases of aliases of ...: whoever resolves them may recurse.
static constexpr uint32_t maxAliasDepth = 256;

static std::string number(uint64_t value) { return std::to_string(value); }

Status artifact::checkIndex(const std::string &what, uint64_t index,
                            uint64_t count) {
  if (index < count)
    return Status::success();
  return Status::error(what + " is " + number(index) + ", but there are only " +
                       number(count));
}

#define NARAE_TRY(expression)                                                  \
  do {                                                                         \
    if (Status status_ = (expression); status_.failed())                       \
      return status_;                                                          \
  } while (false)

namespace {
/// Checks one entry against its program.
class EntryVerifier {
public:
  EntryVerifier(const Program &program, const Entry &entry)
      : program(program), entry(entry), registers(entry.registers()),
        commands(count(entry.commands())) {}

  Status verify();

private:
  Status verifyRegister(const std::string &what, uint32_t index) {
    return checkIndex(what, index, registers);
  }
  Status verifySpec(const std::string &what, const TensorSpec &spec);
  Status verifySpecs();
  Status verifyBuffer(uint32_t index);
  Status verifyAliases();
  Status verifyInstruction(uint32_t index);
  Status verifyDispatch(uint32_t index);
  Status verifyCommand(uint32_t index);
  Status verifyEval(const Command &command, bool inPrologue);
  Status verifyTarget(const Command &command, bool inPrologue);
  Status verifyWritable(const std::string &what, uint32_t buffer);

  const Program &program;
  const Entry &entry;
  uint32_t registers;
  uint32_t commands;
  std::vector<bool> setByPrologue;
};
} // namespace

static Status verifyDim(const Program &program, const std::string &what,
                        const DimSpec &dim) {
  if (dim.value() < -1)
    return Status::error(what + " is negative");
  if (dim.value() >= 0)
    return Status::success();
  if (dim.min() < 0 || dim.max() < -1 ||
      (dim.max() >= 0 && dim.max() < dim.min()))
    return Status::error(what + " has impossible bounds");
  if (dim.name() != 0 || count(program.names()))
    return checkIndex("the name of " + what, dim.name(),
                      count(program.names()));
  return Status::success();
}

Status EntryVerifier::verifySpec(const std::string &what,
                                 const TensorSpec &spec) {
  if (!typeSize(spec.type()))
    return Status::error(what + " is of unknown type " + number(spec.type()));
  NARAE_TRY(checkIndex("the buffer of " + what, spec.buffer(),
                       count(entry.buffers())));
  NARAE_TRY(checkAlignment("the dimensions of " + what, spec.dims(),
                           alignof(DimSpec)));
  for (uint32_t i = 0; i < count(spec.dims()); ++i)
    NARAE_TRY(verifyDim(program, "dimension " + number(i) + " of " + what,
                        *spec.dims()->Get(i)));
  const Buffer &buffer = *entry.buffers()->Get(spec.buffer());
  if (buffer.type() != spec.type() ||
      count(buffer.dims()) != count(spec.dims()))
    return Status::error(what + " and its buffer differ in type or rank");
  return Status::success();
}

Status EntryVerifier::verifySpecs() {
  std::set<std::string> inputs, outputs;
  for (uint32_t i = 0; i < count(entry.inputs()); ++i) {
    const TensorSpec &spec = *entry.inputs()->Get(i);
    std::string what = "input '" + std::string(text(spec.name())) + "'";
    NARAE_TRY(verifySpec(what, spec));
    const Buffer &buffer = *entry.buffers()->Get(spec.buffer());
    if (buffer.kind() != BufferKind_Input || buffer.index() != i)
      return Status::error("the buffer of " + what + " is not its own");
    if (!inputs.insert(text(spec.name())).second)
      return Status::error("there are two inputs '" +
                           std::string(text(spec.name())) + "'");
  }
  for (uint32_t i = 0; i < count(entry.outputs()); ++i) {
    const TensorSpec &spec = *entry.outputs()->Get(i);
    std::string what = "output '" + std::string(text(spec.name())) + "'";
    NARAE_TRY(verifySpec(what, spec));
    const Buffer &buffer = *entry.buffers()->Get(spec.buffer());
    if (buffer.kind() == BufferKind_Output && buffer.index() != i)
      return Status::error("the buffer of " + what + " is another output's");
    if (!outputs.insert(text(spec.name())).second)
      return Status::error("there are two outputs '" +
                           std::string(text(spec.name())) + "'");
  }
  return Status::success();
}

Status EntryVerifier::verifyBuffer(uint32_t index) {
  const Buffer &buffer = *entry.buffers()->Get(index);
  std::string what = "buffer " + number(index);
  uint64_t limit = UINT64_MAX;
  switch (buffer.kind()) {
  case BufferKind_Input:
    limit = count(entry.inputs());
    break;
  case BufferKind_Output:
    limit = count(entry.outputs());
    break;
  case BufferKind_Weight:
    limit = count(program.weights());
    break;
  case BufferKind_State:
    limit = count(program.states());
    break;
  case BufferKind_Alias:
    limit = count(entry.buffers());
    break;
  case BufferKind_Arena:
  case BufferKind_Dynamic:
    break;
  default:
    return Status::error(what + " is of unknown kind " + number(buffer.kind()));
  }
  NARAE_TRY(checkIndex("the index of " + what, buffer.index(), limit));
  if (!typeSize(buffer.type()))
    return Status::error(what + " is of unknown type " + number(buffer.type()));
  NARAE_TRY(verifyRegister("the size register of " + what, buffer.size_reg()));
  NARAE_TRY(
      verifyRegister("the offset register of " + what, buffer.offset_reg()));
  for (uint32_t i = 0; i < count(buffer.dims()); ++i)
    NARAE_TRY(verifyRegister("a dimension register of " + what,
                             buffer.dims()->Get(i)));
  if (buffer.first() > buffer.last() || buffer.last() > commands)
    return Status::error("the lifetime of " + what +
                         " is no range of commands");
  return Status::success();
}

Status EntryVerifier::verifyAliases() {
  // 0: not seen, 1: on the chain being followed, 2: ends in memory.
  std::vector<uint8_t> state(count(entry.buffers()));
  std::vector<uint32_t> chain, depth(state.size());
  for (uint32_t i = 0; i < state.size(); ++i) {
    uint32_t at = i;
    chain.clear();
    while (!state[at] && entry.buffers()->Get(at)->kind() == BufferKind_Alias) {
      state[at] = 1;
      chain.push_back(at);
      at = entry.buffers()->Get(at)->index();
    }
    if (state[at] == 1)
      return Status::error("buffer " + number(at) + " is an alias of itself");
    for (auto link = chain.rbegin(); link != chain.rend(); ++link) {
      depth[*link] = depth[at] + 1;
      at = *link;
    }
    if (depth[at] > maxAliasDepth)
      return Status::error("buffer " + number(at) +
                           " is an alias through too many others");
    for (uint32_t link : chain)
      state[link] = 2;
  }
  return Status::success();
}

Status EntryVerifier::verifyInstruction(uint32_t index) {
  const RegInst &inst = *entry.instructions()->Get(index);
  std::string what = "instruction " + number(index);
  std::string source = "a source register of " + what;
  NARAE_TRY(verifyRegister("the target register of " + what, inst.dst()));
  switch (inst.op()) {
  case RegOp_Const:
    return Status::success();
  case RegOp_InputDim:
    NARAE_TRY(
        checkIndex("the input of " + what, inst.a(), count(entry.inputs())));
    return checkIndex("the dimension of " + what, inst.b(),
                      count(entry.inputs()->Get(inst.a())->dims()));
  case RegOp_Item: {
    NARAE_TRY(
        checkIndex("the buffer of " + what, inst.a(), count(entry.buffers())));
    unsigned type = entry.buffers()->Get(inst.a())->type();
    bool readable = (type >= NARAE_I8 && type <= NARAE_BOOL) ||
                    type == NARAE_F32 || type == NARAE_F64;
    if (!readable)
      return Status::error(what + " reads an element of type " +
                           typeName(type));
    return Status::success();
  }
  case RegOp_Align:
    if (inst.imm() <= 0)
      return Status::error(what + " aligns to a multiple of " +
                           std::to_string(inst.imm()));
    return verifyRegister(source, inst.a());
  case RegOp_Move:
    return verifyRegister(source, inst.a());
  case RegOp_Select:
    NARAE_TRY(verifyRegister(source, inst.c()));
    break;
  default:
    if (inst.op() > RegOp_MAX)
      return Status::error(what + " is of unknown kind " + number(inst.op()));
    break;
  }
  NARAE_TRY(verifyRegister(source, inst.a()));
  return verifyRegister(source, inst.b());
}

Status EntryVerifier::verifyDispatch(uint32_t index) {
  const Dispatch &dispatch = *entry.dispatches()->Get(index);
  std::string what = "dispatch " + number(index);
  NARAE_TRY(checkIndex("the kernel of " + what, dispatch.kernel(),
                       count(program.kernels())));
  for (uint32_t i = 0; i < count(dispatch.buffers()); ++i) {
    uint32_t buffer = dispatch.buffers()->Get(i);
    NARAE_TRY(
        checkIndex("a buffer of " + what, buffer, count(entry.buffers())));
  }
  for (uint32_t i = 0; i < count(dispatch.params()); ++i)
    NARAE_TRY(
        verifyRegister("a parameter of " + what, dispatch.params()->Get(i)));
  NARAE_TRY(verifyRegister("the scratch register of " + what,
                           dispatch.scratch_reg()));
  return verifyRegister("the work register of " + what, dispatch.work_reg());
}

Status EntryVerifier::verifyEval(const Command &command, bool inPrologue) {
  uint64_t end = uint64_t(command.a()) + command.b();
  if (end > count(entry.instructions()))
    return Status::error("it evaluates instructions up to " + number(end) +
                         ", but there are only " +
                         number(count(entry.instructions())));
  for (uint32_t i = command.a(); i < end; ++i) {
    const RegInst &inst = *entry.instructions()->Get(i);
    if (inPrologue && inst.op() == RegOp_Item)
      return Status::error("the prologue reads a tensor");
    if (inPrologue)
      setByPrologue[inst.dst()] = true;
    else if (setByPrologue[inst.dst()])
      return Status::error("it sets register " + number(inst.dst()) +
                           ", which the prologue owns");
  }
  return Status::success();
}

Status EntryVerifier::verifyTarget(const Command &command, bool inPrologue) {
  uint32_t begin = inPrologue ? 0 : entry.prologue();
  uint32_t end = inPrologue ? entry.prologue() : commands;
  if (command.b() < begin || command.b() > end)
    return Status::error("it goes to command " + number(command.b()) +
                         ", outside of " + number(begin) + " to " +
                         number(end));
  return Status::success();
}

Status EntryVerifier::verifyWritable(const std::string &what, uint32_t buffer) {
  NARAE_TRY(checkIndex(what, buffer, count(entry.buffers())));
  BufferKind kind = entry.buffers()->Get(rootOf(entry, buffer))->kind();
  if (kind == BufferKind_Weight || kind == BufferKind_Input)
    return Status::error("it writes to a weight or an input");
  return Status::success();
}

Status EntryVerifier::verifyCommand(uint32_t index) {
  const Command &command = *entry.commands()->Get(index);
  bool inPrologue = index < entry.prologue();
  auto dynamic = [&](uint32_t buffer) {
    NARAE_TRY(checkIndex("its buffer", buffer, count(entry.buffers())));
    if (entry.buffers()->Get(buffer)->kind() == BufferKind_Dynamic)
      return Status::success();
    return Status::error("its buffer is not dynamic");
  };
  switch (command.kind()) {
  case CommandKind_Eval:
    return verifyEval(command, inPrologue);
  case CommandKind_Branch:
    NARAE_TRY(verifyRegister("its register", command.a()));
    return verifyTarget(command, inPrologue);
  case CommandKind_Jump:
    return verifyTarget(command, inPrologue);
  case CommandKind_Check:
    NARAE_TRY(verifyRegister("its register", command.a()));
    return checkIndex("its message", command.b(), count(entry.messages()));
  default:
    break;
  }
  if (inPrologue)
    return Status::error("it is no command for a prologue");
  switch (command.kind()) {
  case CommandKind_Dispatch:
    return checkIndex("its dispatch", command.a(), count(entry.dispatches()));
  case CommandKind_Call:
    NARAE_TRY(checkIndex("its call", command.a(), count(entry.calls())));
    return verifyWritable("its result", resultOf(entry, command.a()));
  case CommandKind_Copy:
    NARAE_TRY(checkIndex("its source", command.a(), count(entry.buffers())));
    NARAE_TRY(verifyWritable("its target", command.b()));
    return verifyRegister("its size register", command.c());
  case CommandKind_Allocate:
    return dynamic(command.a());
  case CommandKind_Swap:
    NARAE_TRY(dynamic(command.a()));
    return dynamic(command.b());
  default:
    return Status::error("it is of unknown kind " + number(command.kind()));
  }
}

Status EntryVerifier::verify() {
  NARAE_TRY(checkAlignment("the instructions", entry.instructions(),
                           alignof(RegInst)));
  NARAE_TRY(checkAlignment("the commands", entry.commands(), alignof(Command)));
  if (registers > maxRegisters)
    return Status::error("it has " + number(registers) + " registers");
  if (entry.prologue() > commands)
    return Status::error("its prologue is longer than its commands");
  if (registers)
    NARAE_TRY(verifyRegister("the arena's register", entry.arena_reg()));
  for (uint32_t i = 0; i < count(entry.buffers()); ++i)
    NARAE_TRY(verifyBuffer(i));
  NARAE_TRY(verifyAliases());
  NARAE_TRY(verifySpecs());
  for (uint32_t i = 0; i < count(entry.instructions()); ++i)
    NARAE_TRY(verifyInstruction(i));
  for (uint32_t i = 0; i < count(entry.dispatches()); ++i)
    NARAE_TRY(verifyDispatch(i));
  for (uint32_t i = 0; i < count(entry.calls()); ++i)
    NARAE_TRY(verifyCall(entry, i));
  setByPrologue.assign(registers, false);
  for (uint32_t i = 0; i < commands; ++i)
    if (Status status = verifyCommand(i); status.failed())
      return Status::error("command " + number(i) + ": " + status.message());
  return Status::success();
}

Status artifact::verifyEntry(const Program &program, const Entry &entry) {
  return EntryVerifier(program, entry).verify();
}
