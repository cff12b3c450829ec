//===- Machine.cpp - Reads and checks a target file -----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/machine/Machine.h"

#include <nlohmann/json.hpp>

#include <cmath>

using namespace narae::npu;
using nlohmann::json;

/// Follows "npu.tensor.rows" from the root; null where a part is missing or no
/// object is on the way.
static const json *find(const json &root, const std::string &path) {
  const json *at = &root;
  for (size_t begin = 0; begin <= path.size();) {
    size_t end = std::min(path.find('.', begin), path.size());
    if (!at->is_object())
      return nullptr;
    auto it = at->find(path.substr(begin, end - begin));
    if (it == at->end())
      return nullptr;
    at = &*it;
    begin = end + 1;
  }
  return at;
}

/// 4194304 rather than 4.19e+06 in messages.
static std::string number(double value) {
  if (value == std::floor(value) && std::fabs(value) < 1e18)
    return std::to_string(int64_t(value));
  std::string text = json(value).dump();
  return text;
}

/// Reads one number with its provenance. In `memory` some are plain numbers, as
/// other readers of target files have them; then the object around them may
/// say where they come from.
static void readField(const json &root, const MachineField &field,
                      Machine &machine, std::vector<std::string> &problems) {
  std::string path = field.path;
  // Declared for placement by bank, or for this description only.
  const std::string placed = "memory.organisation";
  if (path.rfind(placed, 0) == 0 && !find(root, placed))
    path.replace(0, placed.size(), "npu.dram.organisation");
  const json *given = find(root, path);
  if (!given) {
    problems.push_back("'" + path + "' is missing");
    return;
  }
  size_t dot = path.rfind('.');
  std::string group = path.substr(0, dot);
  bool isGrouped = group == placed || group == "npu.dram.organisation";
  bool plain = isGrouped || path == "memory.pools" || path == "memory.granule";
  const json *value = given;
  if (given->is_object() && given->contains("value"))
    value = &(*given)["value"];
  else if (!plain)
    value = nullptr;
  if (!value || !value->is_number()) {
    problems.push_back("'" + path +
                       "' must be {\"value\": NUMBER, \"source\": TEXT} or "
                       "{\"value\": NUMBER, \"assumed\": TEXT}");
    return;
  }
  double number = value->get<double>();
  if (!(number >= field.low && number <= field.high)) {
    problems.push_back("'" + path + "' is " + value->dump() +
                       ", which is impossible: it must be from " +
                       ::number(field.low) + " to " + ::number(field.high));
    return;
  }
  if (field.integer && number != std::floor(number)) {
    problems.push_back("'" + path + "' is " + value->dump() +
                       ", but must be a whole number");
    return;
  }
  if (field.integer)
    *field.integer = int64_t(number);
  else
    *field.real = number;

  Provenance provenance;
  const json &origin = isGrouped ? *find(root, group) : *given;
  for (const char *key : {"source", "assumed"})
    if (origin.is_object() && origin.contains(key) && origin[key].is_string()) {
      provenance.text = origin[key].get<std::string>();
      provenance.assumed = std::string(key) == "assumed";
      break;
    }
  if (provenance.text.empty() && (isGrouped || !plain))
    problems.push_back("'" + path +
                       "' says neither its \"source\" nor why it is "
                       "\"assumed\"");
  machine.provenance[field.path] = provenance;
}

/// A peak that users are told must follow from array, cores and clock.
static void checkPeak(const json &root, const Machine &machine,
                      std::vector<std::string> &problems) {
  const TensorUnit &unit = machine.tensor;
  const std::pair<const char *, double> types[] = {
      {"f32", unit.f32}, {"f16", unit.f16},   {"bf16", unit.bf16},
      {"fp8", unit.fp8}, {"int8", unit.int8}, {"int4", unit.int4}};
  for (auto [type, rate] : types) {
    const json *peak = find(root, std::string("peak.") + type + ".value");
    if (!peak || !peak->is_number())
      continue;
    double said = peak->get<double>(), computed = 2 * machine.peakMacs(rate);
    if (!(std::fabs(computed - said) <= 0.05 * said))
      problems.push_back(std::string("'peak.") + type + "' is " + number(said) +
                         " operations/s, but 'npu' describes " +
                         number(computed) +
                         " (2 x cores x rows x columns x rate x clock)");
  }
}

static void checkWhole(const json &root, const Machine &machine,
                       std::vector<std::string> &problems) {
  const TensorUnit &unit = machine.tensor;
  int64_t tile = 2 * (2 * unit.rows * unit.columns + unit.rows * unit.rows);
  if (machine.scratchpad.bytes < tile)
    problems.push_back(
        "'npu.scratchpad.bytes' is " +
        std::to_string(machine.scratchpad.bytes) +
        ", less than one tile of the array: 'npu.tensor.rows' x "
        "'npu.tensor.columns' of weights, inputs and results of 16 bits "
        "take " +
        std::to_string(tile));
  if (unit.accumulatorBytes < 4 * unit.rows * unit.columns)
    problems.push_back("'npu.tensor.accumulator_bytes' is " +
                       std::to_string(unit.accumulatorBytes) +
                       ", less than the " +
                       std::to_string(4 * unit.rows * unit.columns) +
                       " of one tile of the array");
  if (machine.dram.reserve >= machine.dram.capacity)
    problems.push_back("'memory.reserve' leaves nothing of 'memory.capacity'");
  if (machine.dram.pools % machine.chiplets != 0)
    problems.push_back("'memory.pools' is " +
                       std::to_string(machine.dram.pools) +
                       ", no multiple of 'npu.chiplets' (" +
                       std::to_string(machine.chiplets) + ")");
  if (machine.chiplets % machine.links.columns != 0)
    problems.push_back("'npu.links.columns' is " +
                       std::to_string(machine.links.columns) +
                       " and does not divide 'npu.chiplets' (" +
                       std::to_string(machine.chiplets) + ")");
  if (machine.limits.partitionMinimum > machine.limits.partitionMaximum)
    problems.push_back("'npu.limits.partition_minimum' is above "
                       "'npu.limits.partition_maximum'");
  if (machine.limits.prefillChunk % machine.limits.prefillMultiple != 0)
    problems.push_back("'npu.limits.prefill_chunk' is no multiple of "
                       "'npu.limits.prefill_multiple'");
  if (int64_t alignment = machine.dma.alignment;
      (alignment & (alignment - 1)) != 0)
    problems.push_back("'npu.dma.alignment' is " + std::to_string(alignment) +
                       ", but must be a power of two");
  if (unit.f32 + unit.f16 + unit.bf16 + unit.fp8 + unit.int8 + unit.int4 <= 0)
    problems.push_back("'npu.tensor.rate' has no type above zero: the array "
                       "could not compute");
  checkPeak(root, machine, problems);
}

Machine narae::npu::readMachine(const std::string &text,
                                std::vector<std::string> &problems) {
  Machine machine;
  json root = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object()) {
    problems.push_back("the target file is not a JSON object");
    return machine;
  }
  auto readText = [&](const char *name, std::string &result) {
    if (const json *value = find(root, name); value && value->is_string())
      result = value->get<std::string>();
    else
      problems.push_back("'" + std::string(name) +
                         (value ? "' must be a string" : "' is missing"));
  };
  readText("name", machine.name);
  readText("description", machine.description);
  readText("memory.kind", machine.dram.kind);
  std::string backend;
  readText("backend", backend);
  if (!backend.empty() && backend != "npu")
    problems.push_back("'backend' is \"" + backend + "\", not \"npu\"");
  if (!find(root, "npu"))
    problems.push_back("'npu' is missing: the object that describes chiplets, "
                       "cores and engines (see backends/npu/targets)");
  else
    visitFields(machine, [&](const MachineField &field) {
      readField(root, field, machine, problems);
    });
  // What follows divides and multiplies numbers that are there.
  if (problems.empty())
    checkWhole(root, machine, problems);
  return machine;
}
