//===- InspectProgram.cpp - Host programs as text and JSON ----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tools/narae/Inspect.h"

#include "lib/artifact/Container.h"
#include "lib/artifact/Types.h"
#include "tools/narae/Console.h"

using namespace narae;
using namespace narae::artifact;
using Json = nlohmann::ordered_json;

static std::string text(const flatbuffers::String *string) {
  return string ? string->str() : "";
}

template <typename T>
static uint32_t length(const flatbuffers::Vector<T> *vector) {
  return vector ? vector->size() : 0;
}

static std::string reg(uint32_t number) { return "r" + std::to_string(number); }

static std::string formatDim(const Program &program, const DimSpec &dim) {
  if (dim.value() >= 0)
    return std::to_string(dim.value());
  std::string name = dim.name() < length(program.names())
                         ? text(program.names()->Get(dim.name()))
                         : "";
  if (name.empty())
    name = "?";
  if (dim.max() >= 0)
    name += "=" + std::to_string(dim.min()) + ".." + std::to_string(dim.max());
  return name;
}

std::string tool::formatTensor(const Program &program, const TensorSpec &spec) {
  std::string result = std::string(typeName(spec.type())) + "[";
  for (uint32_t i = 0; i < length(spec.dims()); ++i)
    result += (i ? ", " : "") + formatDim(program, *spec.dims()->Get(i));
  return result + "]";
}

static std::string formatInstruction(const RegInst &inst) {
  std::string result = reg(inst.dst()) + " = ";
  std::string a = reg(inst.a()), b = reg(inst.b());
  switch (inst.op()) {
  case RegOp_Const:
    return result + std::to_string(inst.imm());
  case RegOp_InputDim:
    return result + "dimension " + std::to_string(inst.b()) + " of input " +
           std::to_string(inst.a());
  case RegOp_Item:
    return result + "element " + std::to_string(inst.b()) + " of b" +
           std::to_string(inst.a());
  case RegOp_Select:
    return result + reg(inst.c()) + " ? " + a + " : " + b;
  case RegOp_Align:
    return result + "align " + a + ", " + std::to_string(inst.imm());
  case RegOp_Move:
    return result + a;
  default:
    return result + EnumNameRegOp(inst.op()) + " " + a + ", " + b;
  }
}

static std::string nameOf(const Entry &entry, uint32_t buffer) {
  std::string result = "b" + std::to_string(buffer);
  std::string name = text(entry.buffers()->Get(buffer)->name());
  return name.empty() ? result : result + " '" + name + "'";
}

static std::string formatDispatch(const Program &program, const Entry &entry,
                                  uint32_t index) {
  const Dispatch &dispatch = *entry.dispatches()->Get(index);
  std::string result = "dispatch " +
                       text(program.kernels()->Get(dispatch.kernel())->name()) +
                       "(";
  for (uint32_t i = 0; i < length(dispatch.buffers()); ++i)
    result += (i ? ", " : "") + nameOf(entry, dispatch.buffers()->Get(i));
  result += ")";
  for (uint32_t i = 0; i < length(dispatch.params()); ++i)
    result += (i ? ", " : " with ") + reg(dispatch.params()->Get(i));
  return result;
}

static std::string formatCommand(const Program &program, const Entry &entry,
                                 const Command &command) {
  switch (command.kind()) {
  case CommandKind_Eval: {
    std::string result = "eval";
    for (uint32_t i = 0; i < command.b(); ++i)
      result += "\n        " +
                formatInstruction(*entry.instructions()->Get(command.a() + i));
    return result;
  }
  case CommandKind_Dispatch:
    return formatDispatch(program, entry, command.a());
  case CommandKind_Copy:
    return "copy " + nameOf(entry, command.b()) + " <- " +
           nameOf(entry, command.a()) + ", " + reg(command.c()) + " bytes";
  case CommandKind_Branch:
    return "branch to " + std::to_string(command.b()) + " if " +
           reg(command.a()) + " == 0";
  case CommandKind_Jump:
    return "jump to " + std::to_string(command.b());
  case CommandKind_Allocate:
    return "allocate " + nameOf(entry, command.a());
  case CommandKind_Check:
    return "check " + reg(command.a()) +
           ", or fail: " + text(entry.messages()->Get(command.b()));
  case CommandKind_Call: {
    const Call &call = *entry.calls()->Get(command.a());
    std::string result = "call ";
    result += EnumNameTextFunction(call.function());
    for (uint32_t i = 0; i < call.buffers()->size(); ++i)
      result += (i ? ", " : " ") + nameOf(entry, call.buffers()->Get(i));
    return result;
  }
  case CommandKind_Swap:
    return "swap " + nameOf(entry, command.a()) + ", " +
           nameOf(entry, command.b());
  }
  return "unknown";
}

std::string tool::formatCommands(const Program &program, const Entry &entry) {
  std::string result;
  for (uint32_t i = 0; i < length(entry.commands()); ++i) {
    if (i == entry.prologue())
      result += "  ---- until here, only when a dimension changed\n";
    std::string number = std::to_string(i);
    result += std::string(5 - std::min<size_t>(5, number.size()), ' ') +
              number + "  " +
              formatCommand(program, entry, *entry.commands()->Get(i)) + "\n";
  }
  return result;
}

static Json tensorsJson(
    const Program &program,
    const flatbuffers::Vector<flatbuffers::Offset<TensorSpec>> *tensors) {
  Json result = Json::array();
  for (uint32_t i = 0; i < length(tensors); ++i) {
    const TensorSpec &spec = *tensors->Get(i);
    Json dims = Json::array();
    for (uint32_t d = 0; d < length(spec.dims()); ++d) {
      const DimSpec &dim = *spec.dims()->Get(d);
      if (dim.value() >= 0)
        dims.push_back(dim.value());
      else
        dims.push_back(
            {{"name", dim.name() < length(program.names())
                          ? text(program.names()->Get(dim.name()))
                          : ""},
             {"min", dim.min()},
             {"max", dim.max() >= 0 ? Json(dim.max()) : Json(nullptr)}});
    }
    result.push_back({{"name", text(spec.name())},
                      {"type", typeName(spec.type())},
                      {"shape", dims}});
  }
  return result;
}

static Json entryJson(const Program &program, const Entry &entry,
                      bool commands) {
  Json buffers = Json::array();
  for (uint32_t i = 0; i < length(entry.buffers()); ++i) {
    const Buffer &buffer = *entry.buffers()->Get(i);
    buffers.push_back({{"name", text(buffer.name())},
                       {"kind", EnumNameBufferKind(buffer.kind())},
                       {"type", typeName(buffer.type())},
                       {"first", buffer.first()},
                       {"last", buffer.last()}});
  }
  Json result = {{"name", text(entry.name())},
                 {"inputs", tensorsJson(program, entry.inputs())},
                 {"outputs", tensorsJson(program, entry.outputs())},
                 {"registers", entry.registers()},
                 {"command_count", length(entry.commands())},
                 {"dispatches", length(entry.dispatches())},
                 {"buffers", buffers}};
  if (commands) {
    Json list = Json::array();
    for (uint32_t i = 0; i < length(entry.commands()); ++i)
      list.push_back(formatCommand(program, entry, *entry.commands()->Get(i)));
    result["commands"] = list;
  }
  return result;
}

static Json statesJson(const Program &program) {
  Json result = Json::array();
  for (uint32_t i = 0; i < length(program.states()); ++i) {
    const State &state = *program.states()->Get(i);
    Json dims = Json::array();
    for (uint32_t d = 0; d < length(state.dims()); ++d)
      dims.push_back(state.dims()->Get(d));
    result.push_back({{"name", text(state.name())},
                      {"type", typeName(state.type())},
                      {"shape", dims},
                      {"kind", text(state.kind())},
                      {"bytes", state.size()}});
  }
  return result;
}

static Json attachmentsJson(const Reader &reader) {
  Json result = Json::array();
  const Program &program = reader.program();
  for (uint32_t i = 0; i < length(program.attachments()); ++i)
    result.push_back({{"name", text(program.attachments()->Get(i)->name())},
                      {"bytes", reader.attachment(i).size}});
  return result;
}

Json tool::inspectJson(const Reader &reader, bool commands) {
  const Program &program = reader.program();
  Json entries = Json::array(), kernels = Json::array(),
       weights = Json::array(), sections = Json::array();
  for (uint32_t i = 0; i < length(program.entries()); ++i)
    entries.push_back(entryJson(program, *program.entries()->Get(i), commands));
  for (uint32_t i = 0; i < length(program.kernels()); ++i) {
    const Kernel &kernel = *program.kernels()->Get(i);
    kernels.push_back({{"name", text(kernel.name())},
                       {"object", kernel.object()},
                       {"nodes", text(kernel.nodes())},
                       {"flops", text(kernel.flops())}});
  }
  for (uint32_t i = 0; i < length(program.weights()); ++i) {
    const Weight &weight = *program.weights()->Get(i);
    Json dims = Json::array();
    for (uint32_t d = 0; d < length(weight.dims()); ++d)
      dims.push_back(weight.dims()->Get(d));
    weights.push_back({{"name", text(weight.name())},
                       {"type", typeName(weight.type())},
                       {"shape", dims},
                       {"bytes", weight.size()},
                       {"file", text(weight.file())}});
  }
  static const char *const kinds[] = {"unknown", "program", "object", "weights",
                                      "attachment"};
  for (const Section &section : reader.sections()) {
    uint32_t kind = static_cast<uint32_t>(section.kind);
    sections.push_back({{"kind", kinds[kind < 5 ? kind : 0]},
                        {"offset", section.offset},
                        {"bytes", section.size},
                        {"hash", section.hash}});
  }
  return {{"format",
           std::to_string(formatMajor) + "." + std::to_string(formatMinor)},
          {"compiler", text(program.compiler())},
          {"backend", text(program.backend())},
          {"options", parseOrText(text(program.options()))},
          {"target", parseOrText(text(program.target()))},
          {"entries", entries},
          {"kernels", kernels},
          {"weights", weights},
          {"weight_bytes", reader.weightBytes()},
          {"states", statesJson(program)},
          {"state_bytes", reader.stateBytes()},
          {"attachments", attachmentsJson(reader)},
          {"metadata", parseOrText(text(program.metadata()))},
          {"sections", sections},
          {"report", parseOrText(text(program.report()))}};
}
