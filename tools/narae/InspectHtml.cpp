//===- InspectHtml.cpp - A picture of an artifact's memory ----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tools/narae/Inspect.h"

#include "lib/plan/Html.h"
#include "runtime/Registers.h"
#include "tools/narae/Console.h"

#include <algorithm>

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

namespace {
/// The registers of an entry after its prologue, for some sizes of inputs.
class Prologue {
public:
  Prologue(const Program &program, const Entry &entry,
           const std::map<std::string, int64_t> &sizes)
      : program(program), entry(entry), sizes(sizes), values(entry.registers()),
        known(entry.registers()) {}

  Status run();
  bool knows(uint32_t reg) const { return known[reg]; }
  int64_t value(uint32_t reg) const { return values[reg]; }
  /// "seq = 128", for each dynamic dimension that counted.
  const std::map<std::string, int64_t> &used() const { return sizesUsed; }

private:
  Status evaluate(const RegInst &inst);
  int64_t inputDim(uint32_t input, uint32_t dim);

  const Program &program;
  const Entry &entry;
  const std::map<std::string, int64_t> &sizes;
  std::vector<int64_t> values;
  std::vector<bool> known;
  std::map<std::string, int64_t> sizesUsed;
};
} // namespace

int64_t Prologue::inputDim(uint32_t input, uint32_t dim) {
  const DimSpec &spec = *entry.inputs()->Get(input)->dims()->Get(dim);
  if (spec.value() >= 0)
    return spec.value();
  std::string name = spec.name() < length(program.names())
                         ? text(program.names()->Get(spec.name()))
                         : "";
  if (name.empty())
    name = text(entry.inputs()->Get(input)->name()) + "." + std::to_string(dim);
  auto found = sizes.find(name);
  int64_t size = found != sizes.end() ? found->second
                 : spec.max() >= 0    ? spec.max()
                                      : std::max<int64_t>(16, spec.min());
  sizesUsed[name] = size;
  return size;
}

Status Prologue::evaluate(const RegInst &inst) {
  bool isKnown = true;
  switch (inst.op()) {
  case RegOp_Const:
    break;
  case RegOp_InputDim:
    values[inst.dst()] = inputDim(inst.a(), inst.b());
    known[inst.dst()] = true;
    return Status::success();
  case RegOp_Item: // elements are known when it runs
    isKnown = false;
    break;
  case RegOp_Align:
  case RegOp_Move:
    isKnown = known[inst.a()];
    break;
  case RegOp_Select:
    isKnown = known[inst.a()] && known[inst.b()] && known[inst.c()];
    break;
  default:
    isKnown = known[inst.a()] && known[inst.b()];
  }
  known[inst.dst()] = isKnown;
  if (!isKnown)
    return Status::success();
  runtime::EvalError error = runtime::evaluate(inst, values.data());
  if (error == runtime::EvalError::None)
    return Status::success();
  return Status::error("entry '" + text(entry.name()) +
                       "': " + runtime::describe(error) +
                       " in its arithmetic of sizes; other sizes (--size) may "
                       "be possible");
}

Status Prologue::run() {
  // The host program has no clock; a loop that never ends is refused.
  int64_t steps = 10'000'000;
  for (uint32_t at = 0; at < entry.prologue() && at < length(entry.commands());
       ++at) {
    const Command &command = *entry.commands()->Get(at);
    if (--steps < 0)
      return Status::error("entry '" + text(entry.name()) +
                           "' does not come to an end");
    if (command.kind() == CommandKind_Jump ||
        (command.kind() == CommandKind_Branch && known[command.a()] &&
         values[command.a()] == 0))
      at = command.b() - 1;
    if (command.kind() != CommandKind_Eval)
      continue;
    for (uint32_t i = 0; i < command.b(); ++i)
      if (Status status = evaluate(*entry.instructions()->Get(command.a() + i));
          status.failed())
        return status;
  }
  return Status::success();
}

/// What lies in the arena: [name, first, last, offset, bytes].
static Json placesOf(const Entry &entry, const Prologue &prologue,
                     uint32_t &unknown) {
  Json places = Json::array();
  for (uint32_t i = 0; i < length(entry.buffers()); ++i) {
    const Buffer &buffer = *entry.buffers()->Get(i);
    if (buffer.kind() == BufferKind_Dynamic)
      ++unknown;
    if (buffer.kind() != BufferKind_Arena)
      continue;
    if (!prologue.knows(buffer.size_reg()) ||
        !prologue.knows(buffer.offset_reg())) {
      ++unknown;
      continue;
    }
    std::string name = text(buffer.name());
    places.push_back({name.empty() ? "buffer " + std::to_string(i) : name,
                      buffer.first(),
                      std::max(buffer.last(), buffer.first() + 1),
                      prologue.value(buffer.offset_reg()),
                      prologue.value(buffer.size_reg())});
  }
  return places;
}

Expected<std::string>
tool::inspectHtml(const Reader &reader, const std::string &title,
                  const std::map<std::string, int64_t> &sizes) {
  const Program &program = reader.program();
  Json entries = Json::array(), notes = Json::array();
  std::map<std::string, int64_t> used;
  for (uint32_t i = 0; i < length(program.entries()); ++i) {
    const Entry &entry = *program.entries()->Get(i);
    Prologue prologue(program, entry, sizes);
    if (Status status = prologue.run(); status.failed())
      return status;
    used.insert(prologue.used().begin(), prologue.used().end());
    uint32_t unknown = 0;
    Json places = placesOf(entry, prologue, unknown);
    bool hasArena = entry.registers() > 0 && prologue.knows(entry.arena_reg());
    entries.push_back(
        {{"name", text(entry.name())},
         {"commands", length(entry.commands())},
         {"arena", hasArena ? prologue.value(entry.arena_reg()) : 0},
         {"buffers", places}});
    if (unknown > 0)
      notes.push_back("entry '" + text(entry.name()) +
                      "': " + std::to_string(unknown) +
                      " buffers whose sizes are known only when it runs are "
                      "not shown");
  }
  for (const auto &[name, size] : sizes)
    if (!used.count(name))
      return Status::error("--size: no input has a dynamic dimension '" + name +
                           "'");
  Json facts = {{"Backend", text(program.backend())},
                {"Compiler", text(program.compiler())},
                {"Weights", formatBytes(reader.weightBytes())}};
  Json rows = Json::array();
  for (auto &[name, value] : facts.items())
    rows.push_back({name, value});
  if (reader.stateBytes() > 0)
    rows.push_back({"State of a session", formatBytes(reader.stateBytes())});
  for (const auto &[name, size] : used)
    rows.push_back({name, std::to_string(size)});
  if (!used.empty())
    notes.push_back("dynamic dimensions have their largest size, or 16 where "
                    "there is no bound, unless --size names another");
  return plan::htmlPage(title, dump({{"kind", "artifact"},
                                     {"facts", rows},
                                     {"entries", entries},
                                     {"notes", notes}}));
}
