//===- Hardware.cpp - Reads target files ----------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/plan/Hardware.h"

#include <nlohmann/json.hpp>

#include <cmath>

using namespace narae::plan;
using nlohmann::json;

namespace {
/// Reads fields of one file and remembers what is wrong with them.
class Reader {
public:
  explicit Reader(std::vector<std::string> &problems) : problems(problems) {}

  const json *field(const json &object, const std::string &path,
                    const char *name) {
    auto it = object.find(name);
    if (it != object.end())
      return &*it;
    problems.push_back("'" + join(path, name) + "' is missing");
    return nullptr;
  }

  std::string text(const json &object, const std::string &path,
                   const char *name) {
    const json *value = field(object, path, name);
    if (value && value->is_string())
      return value->get<std::string>();
    if (value)
      problems.push_back("'" + join(path, name) + "' must be a string");
    return "";
  }

  int64_t integer(const json &object, const std::string &path, const char *name,
                  int64_t low, int64_t high) {
    const json *value = field(object, path, name);
    if (!value)
      return low;
    if (!value->is_number_integer() || value->get<double>() < double(low) ||
        value->get<double>() > double(high)) {
      problems.push_back("'" + join(path, name) + "' must be an integer from " +
                         std::to_string(low) + " to " + std::to_string(high));
      return low;
    }
    return value->get<int64_t>();
  }

  /// {"value": V, "source": "..."} or {"value": V, "assumed": "why"}, with V
  /// in (low, high].
  Figure figure(const json &object, const std::string &path, const char *name,
                double low, double high) {
    Figure result;
    const json *given = field(object, path, name);
    if (!given)
      return result;
    std::string place = join(path, name);
    if (!given->is_object() || !given->contains("value") ||
        !(*given)["value"].is_number()) {
      problems.push_back("'" + place +
                         "' must be {\"value\": NUMBER, \"source\": TEXT} or "
                         "{\"value\": NUMBER, \"assumed\": TEXT}");
      return result;
    }
    result.value = (*given)["value"].get<double>();
    if (!(result.value >= low && result.value <= high))
      problems.push_back("'" + place + ".value' is " +
                         (*given)["value"].dump() +
                         ", which is absurd: " + std::to_string(low) + " to " +
                         std::to_string(high) + " is possible");
    for (const char *key : {"source", "assumed"})
      if (given->contains(key) && (*given)[key].is_string()) {
        result.source = (*given)[key].get<std::string>();
        result.assumed = std::string(key) == "assumed";
        return result;
      }
    problems.push_back("'" + place +
                       "' says neither its \"source\" nor why it "
                       "is \"assumed\"");
    return result;
  }

private:
  static std::string join(const std::string &path, const char *name) {
    return path.empty() ? name : path + "." + name;
  }
  std::vector<std::string> &problems;
};
} // namespace

static DeviceMemory readMemory(Reader &reader, const json &object) {
  DeviceMemory memory;
  std::string path = "memory";
  memory.name = reader.text(object, path, "name");
  memory.kind = reader.text(object, path, "kind");
  std::string interleave = reader.text(object, path, "interleave");
  memory.hashed = interleave != "software";
  memory.pools = reader.integer(object, path, "pools", 1, 1024);
  memory.granule = reader.integer(object, path, "granule", 1, int64_t(1) << 30);
  memory.capacity = reader.figure(object, path, "capacity", 1 << 20, 1e15);
  memory.reserve = reader.figure(object, path, "reserve", 0, 1e15);
  memory.bandwidth = reader.figure(object, path, "bandwidth", 1e6, 1e15);
  memory.refresh = reader.figure(object, path, "refresh", 0, 0.5);
  memory.efficiency = reader.figure(object, path, "efficiency", 0.01, 1);
  return memory;
}

Hardware narae::plan::readHardware(const std::string &text,
                                   std::vector<std::string> &problems) {
  Hardware hardware;
  json root = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object()) {
    problems.push_back("the target file is not a JSON object");
    return hardware;
  }
  Reader reader(problems);
  hardware.name = reader.text(root, "", "name");
  hardware.backend = reader.text(root, "", "backend");
  hardware.description = reader.text(root, "", "description");
  if (const json *memory = reader.field(root, "", "memory");
      memory && memory->is_object())
    hardware.memory = readMemory(reader, *memory);
  else if (memory)
    problems.push_back("'memory' must be an object");
  const json *peak = reader.field(root, "", "peak");
  if (peak && peak->is_object())
    for (auto &[type, value] : peak->items())
      hardware.peak[type] =
          reader.figure(*peak, "peak", type.c_str(), 1e6, 1e19);
  if (hardware.peak.empty())
    problems.push_back("'peak' names no type");
  hardware.computeEfficiency =
      reader.figure(root, "", "compute_efficiency", 0.01, 1);
  hardware.link = reader.figure(root, "", "link_bandwidth", 1e6, 1e15);
  hardware.linkLatency = reader.figure(root, "", "link_latency", 0, 1);
  hardware.network = reader.figure(root, "", "network_bandwidth", 1e6, 1e15);
  hardware.host = reader.figure(root, "", "host_bandwidth", 1e6, 1e15);
  hardware.devicesPerNode =
      reader.integer(root, "", "devices_per_node", 1, 1 << 20);
  if (problems.empty() &&
      hardware.memory.reserve.value >= hardware.memory.capacity.value)
    problems.push_back("'memory.reserve' leaves nothing of 'memory.capacity'");
  return hardware;
}

const Figure &Hardware::peakOf(const std::string &type) const {
  // From narrow to wide: what a device lacks, it computes in a wider type.
  static const std::map<std::string, std::vector<std::string>> order = {
      {"int4", {"int4", "int8", "fp8", "bf16", "f16", "f32"}},
      {"int8", {"int8", "fp8", "bf16", "f16", "f32"}},
      {"fp8", {"fp8", "bf16", "f16", "f32"}},
      {"bf16", {"bf16", "f16", "f32"}},
      {"f16", {"f16", "bf16", "f32"}},
      {"f32", {"f32", "bf16", "f16"}}};
  if (auto it = order.find(type); it != order.end())
    for (const std::string &name : it->second)
      if (auto found = peak.find(name); found != peak.end())
        return found->second;
  return peak.begin()->second;
}
