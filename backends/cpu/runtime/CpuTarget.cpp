//===- CpuTarget.cpp - What this host is to targets and users -----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/runtime/CpuTarget.h"
#include "backends/cpu/runtime/CpuFeatures.h"

#include <nlohmann/json.hpp>

#include <fstream>
#include <thread>
#include <unistd.h>

using namespace narae;
using Json = nlohmann::json;

static std::string stringField(const Json &object, const char *name) {
  auto field = object.find(name);
  return field != object.end() && field->is_string() ? field->get<std::string>()
                                                     : std::string();
}

std::string cpu::checkTarget(const std::string &text) {
  Json target = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!target.is_object())
    return "the target description is not a JSON object";
  std::string backend = stringField(target, "backend");
  if (backend != "cpu")
    return "the artifact was compiled for '" + backend + "', not for 'cpu'";
  std::string chip = stringField(target, "chip");
  std::vector<std::string> wanted = featuresOfChip(chip);
  auto list = target.find("features");
  if (list != target.end()) {
    if (!list->is_array())
      return "\"features\" of the target description is not a list";
    for (const Json &feature : *list) {
      if (!feature.is_string())
        return "\"features\" of the target description holds no names";
      std::string name = feature.get<std::string>();
      if (std::find(wanted.begin(), wanted.end(), name) == wanted.end())
        wanted.push_back(name);
    }
  }
  std::vector<std::string> missing = missingFeatures(wanted);
  if (!missing.empty()) {
    std::string message = "the artifact was compiled for cpu";
    if (!chip.empty())
      message += ":" + chip;
    message += "; this host's CPU lacks ";
    for (size_t i = 0; i < missing.size(); ++i)
      message += (i ? ", " : "") + missing[i];
    return message + ". Compile with --target=cpu:" + hostChip() +
           " for this host";
  }
  for (const std::string &name : wanted)
    if (name.compare(0, 3, "amx") == 0 && !requestTiles())
      return "the operating system refuses the tile registers (AMX) that the "
             "artifact uses";
  return "";
}

/// "model name" as Linux tells it; "" where it does not.
static std::string processorName() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    size_t colon = line.find(": ");
    if (line.compare(0, 10, "model name") == 0 && colon != std::string::npos)
      return line.substr(colon + 2);
  }
  return "";
}

std::string cpu::describeDevice() {
  Json device = {{"name", "cpu"},
                 {"kind", "processor"},
                 {"chiplets", 1},
                 {"cores", std::max(1u, std::thread::hardware_concurrency())},
                 {"memory_bytes", uint64_t(sysconf(_SC_PHYS_PAGES)) *
                                      uint64_t(sysconf(_SC_PAGESIZE))},
                 {"version", hostChip()}};
  if (std::string name = processorName(); !name.empty())
    device["description"] = name;
  return Json::array({device}).dump(-1, ' ', false,
                                    Json::error_handler_t::replace);
}
