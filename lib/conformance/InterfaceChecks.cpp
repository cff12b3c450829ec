//===- InterfaceChecks.cpp - Tables, targets, errors and limits -----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/conformance/Case.h"
#include "lib/conformance/DeviceChecks.h"
#include "lib/conformance/RawDevice.h"
#include "lib/driver/Compiler.h"
#include "runtime/Artifact.h"
#include "runtime/Registry.h"

#include <algorithm>
#include <nlohmann/json.hpp>

using namespace narae;
using namespace narae::conformance;

static std::string backendOf(const std::string &name) {
  return name.substr(0, name.find_first_of(":,"));
}

/// A graph that nearly every backend takes: y = x + x; or exp, or a product.
static std::vector<Case> smallGraphs() {
  std::vector<Case> cases;
  for (narae_type type : {NARAE_F32, NARAE_F16, NARAE_BF16}) {
    Array x = randomArray(type, {4, 24}, -4, 4, 7), y = x;
    for (double &value : y.values)
      value += value;
    cases.push_back(
        {"add", narae_type_name(type), "", {{x, false}, {x, false}}, {{y, 1}}});
  }
  return cases;
}

/// The path of an artifact of a graph that the target takes; empty where it
/// takes none.
static std::string anyObject(const std::string &target) {
  for (const Case &test : smallGraphs()) {
    std::string path, text = moduleText({&test});
    if (supportsText(text, target, "object").outcome != Outcome::Passed)
      continue;
    Status status = compileText(text, target, "object", path);
    require(status.ok(), status.message());
    return path;
  }
  return "";
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

static Verdict checkTables(const Options &options) {
  Expected<const NaraeBackendRuntime *> table =
      runtime::findBackend(options.device);
  require(table.ok(), table.message());
  require((*table)->struct_size >= offsetof(NaraeBackendRuntime, list_devices),
          "the table is incomplete");
  size_t known = sizeof(NaraeBackendRuntime);
  bool longer = (*table)->struct_size > known;
  return passed(longer ? "the table has members that this Narae lacks" : "");
}

static Verdict checkDescription(const Options &options) {
  std::vector<std::string> names = driver::targets();
  std::string backend = backendOf(options.target);
  require(std::find(names.begin(), names.end(), options.target) != names.end(),
          "narae targets does not list '" + options.target + "'");
  for (const std::string &name : names) {
    if (backendOf(name) != backend)
      continue;
    std::string error, text = driver::describeTarget(name, error);
    if (name == backend && name != options.target && !error.empty())
      continue; // it needs a chip
    require(error.empty(), "describe_target of '" + name + "': " + error);
    auto json = nlohmann::json::parse(text, nullptr, false);
    require(json.is_object(),
            "describe_target of '" + name + "' is no JSON object");
    require(json.contains("backend") && json["backend"] == backend,
            "describe_target of '" + name + "' names another \"backend\"");
    std::string again = driver::describeTarget(name, error);
    require(again == text, "describe_target differs from call to call");
  }
  return passed();
}

static Verdict checkUnknownChip(const Options &options) {
  std::string name = backendOf(options.target) + ":no-such-chip-1";
  std::string error, text = driver::describeTarget(name, error);
  require(text.empty() && !error.empty(),
          "the target '" + name + "' is described without an error");
  std::string path;
  Case test = smallGraphs().front();
  Status status = compileText(moduleText({&test}), name, "unknown", path);
  require(status.failed(), "a graph is compiled for '" + name + "'");
  return passed();
}

static Verdict checkDevices(const Options &options) {
  RawDevice first(options.device), second(options.device);
  const NaraeBackendRuntime &table = first.table();
  std::string unknown = backendOf(options.device) + ":no-such-device-1";
  NaraeDeviceOptions wanted = {
      sizeof(wanted), {unknown.data(), unknown.size()}, 0};
  requireError("the device '" + unknown + "'", [&](char *error, size_t size) {
    NaraeDevice *device = nullptr;
    return table.open(&wanted, &device, error, size);
  });
  if (!NARAE_HAS(NaraeBackendRuntime, &table, list_devices))
    return passed();
  std::string text;
  ErrorText error;
  auto append = [](void *context, const char *data, size_t size) {
    static_cast<std::string *>(context)->append(data, size);
  };
  int status = table.list_devices(append, &text, error.data(), error.size());
  require(status == 0, "list_devices failed: " + error.text());
  auto list = nlohmann::json::parse(text, nullptr, false);
  require(list.is_array(), "list_devices gives no JSON array");
  for (auto &device : list)
    require(device.is_object() && device.contains("name"),
            "list_devices gives a device without a name");
  return passed();
}

void conformance::addInterfaceChecks(const Options &options,
                                     std::vector<Check> &checks) {
  auto add = [&](const char *name, Verdict (*body)(const Options &)) {
    checks.push_back({"interface", name, [=] { return body(options); }});
  };
  if (!options.target.empty()) {
    add("target descriptions", checkDescription);
    add("unknown targets", checkUnknownChip);
  }
  if (!options.device.empty()) {
    add("tables", checkTables);
    add("devices", checkDevices);
  }
}

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

static Verdict checkTargets(const Options &options) {
  RawDevice device(options.device);
  for (std::string text :
       {std::string(R"({"backend": "no-such-backend", "name": "nothing"})"),
        std::string("this is no JSON"), std::string("[]"), std::string()})
    requireError("the target description '" + text + "'",
                 [&](char *error, size_t size) {
                   return device.table().check_target(
                       device.get(), {text.data(), text.size()}, error, size);
                 });
  return passed();
}

static void requireBad(RawDevice &device, const std::string &what,
                       const std::string &object) {
  requireError("an object of " + what, [&](char *error, size_t size) {
    NaraeObject *result = nullptr;
    return device.table().load(device.get(), object.data(), object.size(),
                               &result, error, size);
  });
}

static Verdict checkGarbage(const Options &options) {
  RawDevice device(options.device);
  requireBad(device, "no bytes", "");
  requireBad(device, "one byte", "x");
  requireBad(device, "text", "this is not an object of any device at all\n");
  requireBad(device, "zeros", std::string(4096, '\0'));
  requireBad(device, "ones", std::string(4096, '\xff'));
  std::string noise;
  for (uint32_t i = 0, state = 1; i < 65536; ++i) {
    state = state * 1664525u + 1013904223u;
    noise += static_cast<char>(state >> 24);
  }
  requireBad(device, "noise", noise);
  return passed();
}

/// The bytes of the first object of a compiled graph.
static std::string readObject(const std::string &path) {
  narae_artifact *artifact = nullptr;
  std::string message =
      messageOf(narae_artifact_load(path.c_str(), nullptr, &artifact));
  require(message.empty(), message);
  artifact::Bytes bytes = artifact->reader->object(0);
  std::string object(static_cast<const char *>(bytes.data), bytes.size);
  narae_artifact_release(artifact);
  return object;
}

static Verdict checkTruncated(const Options &options) {
  std::string path = anyObject(options.target);
  if (path.empty())
    return unsupported("no small graph can be compiled");
  std::string object = readObject(path);
  RawDevice device(options.device);
  const NaraeBackendRuntime &table = device.table();
  for (size_t part : {1, 2, 3})
    // Also whole words of it.
    for (size_t size :
         {object.size() * part / 4, object.size() * part / 32 * 8})
      requireBad(device, "the first " + std::to_string(part) + "/4",
                 object.substr(0, size));
  requireBad(device, "the second half", object.substr(object.size() / 2));
  // And what is whole is still taken, any number of times.
  for (int round = 0; round < 3; ++round) {
    ErrorText error;
    NaraeObject *loaded = nullptr;
    int status = table.load(device.get(), object.data(), object.size(), &loaded,
                            error.data(), error.size());
    require(status == 0, "load failed: " + error.text());
    for (std::string name : {"no_such_kernel", "", "main"})
      requireError("the unknown kernel '" + name + "'",
                   [&](char *text, size_t size) {
                     NaraeKernel *kernel = nullptr;
                     return table.find(device.get(), loaded, name.c_str(),
                                       &kernel, text, size);
                   });
    table.unload(device.get(), loaded);
  }
  return passed();
}

/// Copies of damaged objects are refused, or at least harm nothing: what a
/// bit means is between the two sides.
static Verdict checkDamaged(const Options &options) {
  std::string path = anyObject(options.target);
  if (path.empty())
    return unsupported("no small graph can be compiled");
  std::string object = readObject(path);
  if (object.compare(0, 4,
                     "\x7f"
                     "ELF") == 0)
    return unsupported("objects are native code, trusted as shared libraries "
                       "are; artifacts have a hash of them");
  RawDevice device(options.device);
  const NaraeBackendRuntime &table = device.table();
  size_t refused = 0, tried = 0, step = std::max<size_t>(object.size() / 64, 1);
  for (size_t at = 0; at < object.size(); at += step, ++tried) {
    std::string damaged = object;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
    ErrorText error;
    NaraeObject *loaded = nullptr;
    int status = table.load(device.get(), damaged.data(), damaged.size(),
                            &loaded, error.data(), error.size());
    std::string text = error.text();
    require(status == 0 || !text.empty(), "a damaged object is refused "
                                          "without a message");
    refused += status != 0;
    if (status == 0)
      table.unload(device.get(), loaded);
  }
  require(refused > 0,
          "none of " + std::to_string(tried) + " damaged objects was refused");
  return passed(std::to_string(refused) + " of " + std::to_string(tried) +
                " objects with one wrong bit were refused");
}

/// Too much memory is an error of the call, and the device goes on.
static Verdict checkTooMuch(const Options &options) {
  RawDevice device(options.device);
  for (uint64_t bytes : {uint64_t(1) << 60, UINT64_MAX, UINT64_MAX - 63}) {
    requireError(std::to_string(bytes) + " bytes of memory",
                 [&](char *error, size_t size) {
                   void *address = nullptr;
                   return device.table().allocate(device.get(), bytes, &address,
                                                  error, size);
                 });
    Memory memory(device, 4096);
  }
  return passed();
}

void conformance::addErrorChecks(const Options &options,
                                 std::vector<Check> &checks) {
  if (options.device.empty())
    return;
  auto add = [&](const char *name, Verdict (*body)(const Options &)) {
    checks.push_back({"errors", name, [=] { return body(options); }});
  };
  add("other targets", checkTargets);
  add("objects that are none", checkGarbage);
  add("too much memory", checkTooMuch);
  if (options.target.empty())
    return;
  add("parts of objects, unknown kernels", checkTruncated);
  add("damaged objects", checkDamaged);
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

static Verdict checkAddresses(const Options &options) {
  RawDevice device(options.device);
  std::vector<std::pair<uint64_t, uint64_t>> ranges;
  std::vector<void *> addresses;
  for (uint64_t bytes : {0, 1, 64, 65, 1000, 4096, 100000, 0, 7}) {
    void *address = device.allocate(bytes);
    auto at = reinterpret_cast<uint64_t>(address);
    require(at % 64 == 0, "an allocation is not aligned to 64 bytes");
    ranges.push_back({at, at + std::max<uint64_t>(bytes, 1)});
    addresses.push_back(address);
  }
  std::sort(ranges.begin(), ranges.end());
  for (size_t i = 1; i < ranges.size(); ++i)
    require(ranges[i - 1].second <= ranges[i].first, "allocations overlap");
  for (void *address : addresses)
    device.release(address);
  device.release(nullptr);
  return passed();
}

/// All that can be had in blocks; empty where `most` were not enough.
static std::vector<void *> takeAll(RawDevice &device, uint64_t block,
                                   size_t most) {
  std::vector<void *> blocks;
  while (blocks.size() < most) {
    void *address = device.tryAllocate(block);
    if (!address)
      return blocks;
    blocks.push_back(address);
  }
  for (void *address : blocks)
    device.release(address);
  return {};
}

static uint64_t freeBytes(RawDevice &device, uint64_t &total) {
  const NaraeBackendRuntime &table = device.table();
  if (!NARAE_HAS(NaraeBackendRuntime, &table, memory))
    return 0;
  ErrorText error;
  uint64_t free = 0;
  int status =
      table.memory(device.get(), &total, &free, error.data(), error.size());
  require(status == 0, "memory failed: " + error.text());
  require(free <= total, "more memory is free than there is");
  return free;
}

/// Takes memory until it is refused, gives it back, and takes it again.
static Verdict checkExhaustion(const Options &options) {
  RawDevice device(options.device);
  uint64_t total = 0, before = freeBytes(device, total);
  uint64_t block = total / 16;
  if (!total) // the largest block that there is, which is then not touched
    for (block = uint64_t(1) << 59; block > 4096; block /= 2)
      if (void *address = device.tryAllocate(block)) {
        device.release(address);
        break;
      }
  if (block == 0 || block >= uint64_t(1) << 59)
    return unsupported("the device does not say how much memory it has");
  for (int round = 0; round < 3; ++round) {
    std::vector<void *> blocks = takeAll(device, block, 64);
    if (blocks.empty() && round == 0)
      return unsupported("64 blocks of " + std::to_string(block) +
                         " bytes were not refused");
    require(!blocks.empty(), "memory that was given back cannot be had again");
    if (total)
      require(freeBytes(device, total) < before, "memory that was taken counts "
                                                 "as free");
    for (void *address : blocks)
      device.release(address);
  }
  require(!total || freeBytes(device, total) == before,
          "memory that was given back is not free");
  return passed();
}

void conformance::addMemoryChecks(const Options &options,
                                  std::vector<Check> &checks) {
  if (options.device.empty())
    return;
  auto add = [&](const char *name, Verdict (*body)(const Options &)) {
    checks.push_back({"memory", name, [=] { return body(options); }});
  };
  add("addresses", checkAddresses);
  add("until it is refused", checkExhaustion);
}
