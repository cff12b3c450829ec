//===- DeviceName.cpp - What a device's name asks for ---------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/runtime/DeviceName.h"
#include "backends/targets/TargetFiles.h"

#include <sstream>

using namespace narae;
using namespace narae::npu;

Expected<Machine> npu::machineOf(const std::string &json,
                                 const std::string &what) {
  std::vector<std::string> problems;
  Machine machine = readMachine(json, problems);
  if (problems.empty())
    return machine;
  std::string text = what + " describes no machine:";
  for (const std::string &problem : problems)
    text += "\n  " + problem;
  return Status::error(text);
}

/// The names behind "npu:" of this build.
static std::string knownChips() {
  std::string known;
  for (const std::string &name : targets::names())
    if (name.rfind("npu:", 0) == 0)
      known += (known.empty() ? "" : ", ") + name;
  return known;
}

Expected<DeviceName> npu::parseDeviceName(const std::string &name) {
  std::istringstream parts(name);
  DeviceName result;
  std::getline(parts, result.chip, ',');
  struct Option {
    const char *name;
    bool *flag;
  };
  const Option options[] = {{"timing", &result.timing},
                            {"timing-only", &result.timingOnly},
                            {"opencl", &result.opencl},
                            {"unchecked", &result.unchecked}};
  for (std::string text; std::getline(parts, text, ',');) {
    bool *flag = nullptr;
    std::string known;
    for (const Option &option : options) {
      if (text == option.name)
        flag = option.flag;
      known += (known.empty() ? "" : ", ") + std::string(option.name);
    }
    if (!flag)
      return Status::error("device '" + name + "' has the unknown option '" +
                           text + "'; there are: " + known);
    *flag = true;
  }
  if (result.timingOnly && result.opencl)
    return Status::error("device '" + name +
                         "': timing-only computes nothing, so there is no "
                         "work for opencl");
  if (result.chip == "npu")
    return result;
  // Files are written with or without the backend's name in front.
  std::string target = result.chip;
  bool isFile =
      target.size() > 5 && target.compare(target.size() - 5, 5, ".json") == 0;
  if (isFile && target.rfind("npu:", 0) == 0)
    target = target.substr(4);
  std::string json, error;
  if (!targets::read(target, json, error)) {
    if (isFile)
      return Status::error(error);
    return Status::error("there is no device '" + result.chip +
                         "'; there are " + knownChips() +
                         ", and npu:FILE.json");
  }
  Expected<Machine> machine = machineOf(json, "'" + target + "'");
  if (machine.failed())
    return machine.status();
  result.machine = *machine;
  return result;
}

static std::string format(const MachineField &field) {
  if (field.integer)
    return std::to_string(*field.integer);
  std::ostringstream text;
  text.precision(17);
  text << *field.real;
  return text.str();
}

std::string npu::differences(Machine a, Machine b) {
  std::vector<std::string> values;
  visitFields(
      a, [&](const MachineField &field) { values.push_back(format(field)); });
  std::string text;
  size_t at = 0, shown = 0;
  visitFields(b, [&](const MachineField &field) {
    const std::string &other = values[at++];
    std::string mine = format(field);
    if (mine == other)
      return;
    if (++shown <= 4)
      text += (text.empty() ? "" : ", ") + std::string(field.path) + " (" +
              other + ", " + mine + ")";
  });
  if (shown > 4)
    text += " and " + std::to_string(shown - 4) + " more";
  if (a.dram.kind != b.dram.kind)
    text += (text.empty() ? "" : ", ") + std::string("memory.kind (") +
            a.dram.kind + ", " + b.dram.kind + ")";
  return text;
}
