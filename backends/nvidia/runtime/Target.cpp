//===- Target.cpp - Which artifacts a GPU runs ---------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/nvidia/runtime/Target.h"

#include <nlohmann/json.hpp>

#include <cstdlib>

using namespace narae;

Status nvidia::checkTarget(std::string_view json, const DeviceInfo &device) {
  auto target =
      nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  auto text = [&](const char *key) {
    auto field = target.is_object() ? target.find(key) : target.end();
    return field != target.end() && field->is_string()
               ? field->get<std::string>()
               : std::string();
  };
  if (std::string backend = text("backend"); backend != "nvidia")
    return Status::error("the artifact is for '" + backend +
                         "', this device is an NVIDIA GPU");
  std::string sm = text("sm");
  char *end = nullptr;
  long number =
      sm.rfind("sm_", 0) == 0 ? std::strtol(sm.c_str() + 3, &end, 10) : 0;
  bool exact = end && *end == 'a';
  if (number <= 0 || !end || (*end && !exact) || (exact && end[1]))
    return Status::error("the artifact's target has no compute capability "
                         "('sm' is '" +
                         sm + "')");
  long own = device.major * 10 + device.minor;
  if (exact ? own == number : own >= number)
    return Status::success();
  return Status::error(
      "the artifact is for " + sm + "; " + device.name + " is sm_" +
      std::to_string(own) +
      "; compile it with --target=nvidia:sm_80 for all GPUs from sm_80 on");
}
