//===- Hardware.cpp - Reads target files ----------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/plan/Hardware.h"
#include "lib/memory/dram/Config.h"

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
    provenance(*given, place, result);
    return result;
  }

  /// Reads "source" or "assumed" of the object at `place`.
  void provenance(const json &object, const std::string &place,
                  Figure &result) {
    for (const char *key : {"source", "assumed"})
      if (object.contains(key) && object[key].is_string()) {
        result.source = object[key].get<std::string>();
        result.assumed = std::string(key) == "assumed";
        return;
      }
    problems.push_back("'" + place +
                       "' says neither its \"source\" nor why it "
                       "is \"assumed\"");
  }

private:
  static std::string join(const std::string &path, const char *name) {
    return path.empty() ? name : path + "." + name;
  }
  std::vector<std::string> &problems;
};
} // namespace

/// How channels and banks of a pool are addressed.
static void readOrganisation(Reader &reader, const json &object,
                             DeviceMemory &memory,
                             std::vector<std::string> &problems) {
  std::string path = "memory.organisation";
  if (!object.is_object()) {
    problems.push_back("'" + path + "' must be an object");
    return;
  }
  memory.channels = reader.integer(object, path, "channels", 1, 4096);
  memory.banks = reader.integer(object, path, "banks", 1, 4096);
  memory.interleaveBytes =
      reader.integer(object, path, "interleave_bytes", 32, 1 << 20);
  memory.bankSets = reader.integer(object, path, "bank_sets", 1, 64);
  reader.provenance(object, path, memory.organisation);
  if (memory.hashed)
    problems.push_back("'" + path +
                       "' is of no use where the hardware hashes addresses: "
                       "'memory.interleave' must be \"software\"");
}

/// What the DRAM model says of a generation, where the file says nothing.
static void readRates(Reader &reader, const json &object,
                      DeviceMemory &memory) {
  std::optional<narae::dram::Config> model =
      narae::dram::findGeneration(memory.kind);
  auto rate = [&](const char *name, double low, double high, double modelled,
                  const std::string &reason) {
    if (!model || object.contains(name))
      return reader.figure(object, "memory", name, low, high);
    Figure figure;
    figure.value = modelled;
    figure.assumed = model->assumed;
    figure.source = "DRAM model of " + memory.kind + ": " + reason;
    return figure;
  };
  auto ns = [&](int64_t clocks) {
    return std::to_string(std::llround(clocks * model->clock));
  };
  memory.refresh = rate("refresh", 0, 0.5, model ? model->refreshTax() : 0,
                        model ? "tRFC " + ns(model->rfc) + " of tREFI " +
                                    ns(model->refi) + " ns"
                              : "");
  double share = model ? narae::dram::streamShare(*model) : 0;
  if (model && object.contains("refresh")) // the file's, then the model's rest
    share *= (1 - memory.refresh.value) / (1 - model->refreshTax());
  memory.efficiency = rate("efficiency", 0.01, 1, share,
                           "long streams, less refresh, as on cycle-level "
                           "simulators");
}

static DeviceMemory readMemory(Reader &reader, const json &object,
                               std::vector<std::string> &problems) {
  DeviceMemory memory;
  std::string path = "memory";
  memory.name = reader.text(object, path, "name");
  memory.kind = reader.text(object, path, "kind");
  std::string interleave = reader.text(object, path, "interleave");
  if (interleave != "software" && interleave != "hashed" &&
      object.contains("interleave") && object["interleave"].is_string())
    problems.push_back("'memory.interleave' is \"" + interleave +
                       "\"; it must be \"software\" or \"hashed\"");
  memory.hashed = interleave != "software";
  memory.pools = reader.integer(object, path, "pools", 1, 1024);
  memory.granule = reader.integer(object, path, "granule", 1, int64_t(1) << 30);
  memory.capacity = reader.figure(object, path, "capacity", 1 << 20, 1e15);
  memory.reserve = reader.figure(object, path, "reserve", 0, 1e15);
  memory.bandwidth = reader.figure(object, path, "bandwidth", 1e6, 1e15);
  readRates(reader, object, memory);
  if (object.contains("organisation"))
    readOrganisation(reader, object["organisation"], memory, problems);
  return memory;
}

static NearMemory readNear(Reader &reader, const json &object,
                           std::vector<std::string> &problems) {
  NearMemory near;
  std::string path = "near";
  near.name = reader.text(object, path, "name");
  near.kind = reader.text(object, path, "kind");
  near.capacity = reader.figure(object, path, "capacity", 1 << 10, 1e12);
  near.reserve = reader.figure(object, path, "reserve", 0, 1e12);
  near.granule = reader.integer(object, path, "granule", 1, 1 << 30);
  near.channels = reader.integer(object, path, "channels", 1, 4096);
  near.fill = reader.figure(object, path, "fill", 1e6, 1e15);
  near.drain = reader.figure(object, path, "drain", 1e6, 1e15);
  near.startup = reader.figure(object, path, "startup", 0, 1);
  if (near.granule & (near.granule - 1))
    problems.push_back("'near.granule' is " + std::to_string(near.granule) +
                       ", which is no power of two");
  if (near.capacity.value > 0 && near.reserve.value >= near.capacity.value)
    problems.push_back("'near.reserve' leaves nothing of 'near.capacity'");
  return near;
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
    hardware.memory = readMemory(reader, *memory, problems);
  else if (memory)
    problems.push_back("'memory' must be an object");
  if (auto near = root.find("near"); near != root.end()) {
    if (near->is_object())
      hardware.near = readNear(reader, *near, problems);
    else
      problems.push_back("'near' must be an object");
  }
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
  if (hardware.memory.capacity.value > 0 &&
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
