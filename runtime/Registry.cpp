//===- Registry.cpp - Backends of this process ---------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/Registry.h"

#include <cstddef>
#include <cstring>
#include <mutex>
#include <vector>

using namespace narae;
using namespace narae::runtime;

namespace {
struct Entry {
  const NaraeBackendRuntime *table;
  Origin origin;
};
struct Registry {
  std::mutex mutex;
  std::vector<Entry> backends;
};
} // namespace

/// Never destroyed: sessions may outlive static objects.
static Registry &registry() {
  static Registry &instance = *new Registry();
  return instance;
}

std::string runtime::otherVersion(const std::string &what, uint32_t version) {
  return what + " was built for version " + std::to_string(version) +
         " of the backend API; this Narae has version " +
         std::to_string(NARAE_BACKEND_API_VERSION) +
         ": build it against this Narae's headers";
}

/// Names of required functions that a table lacks.
static std::string missingFunctions(const NaraeBackendRuntime &table) {
  std::string missing;
  auto need = [&missing](bool has, const char *name) {
    if (!has)
      missing += std::string(missing.empty() ? "" : ", ") + name;
  };
#define NARAE_NEED(member) need(table.member != nullptr, #member)
  NARAE_NEED(open);
  NARAE_NEED(close);
  NARAE_NEED(check_target);
  NARAE_NEED(allocate);
  NARAE_NEED(release);
  NARAE_NEED(is_host_memory);
  NARAE_NEED(load);
  NARAE_NEED(unload);
  NARAE_NEED(find);
  NARAE_NEED(create_queue);
  NARAE_NEED(destroy_queue);
  NARAE_NEED(copy);
  NARAE_NEED(launch);
  NARAE_NEED(record);
  NARAE_NEED(wait);
#undef NARAE_NEED
  return missing;
}

/// Whether a table can be used at all.
static Status checkTable(const NaraeBackendRuntime *backend) {
  // The version says what the members behind it are.
  constexpr size_t header =
      offsetof(NaraeBackendRuntime, api_version) + sizeof(uint32_t);
  if (!backend || backend->struct_size < header)
    return Status::error("a backend needs a table with a size and a name");
  if (backend->api_version != NARAE_BACKEND_API_VERSION)
    return Status::error(
        otherVersion("the backend's runtime side", backend->api_version));
  if (backend->struct_size < offsetof(NaraeBackendRuntime, list_devices))
    return Status::error(
        "the backend's runtime side has an incomplete table (" +
        std::to_string(backend->struct_size) + " bytes, at least " +
        std::to_string(offsetof(NaraeBackendRuntime, list_devices)) +
        " are needed)");
  if (!backend->name || !*backend->name || std::strchr(backend->name, ':'))
    return Status::error("a backend needs a name without ':'");
  std::string missing = missingFunctions(*backend);
  if (!missing.empty())
    return Status::error(
        std::string("backend '") + backend->name +
        "' lacks these functions of its runtime side: " + missing);
  return Status::success();
}

Status runtime::registerBackend(const NaraeBackendRuntime *backend,
                                Origin origin) {
  if (Status status = checkTable(backend); status.failed())
    return status;
  std::lock_guard<std::mutex> lock(registry().mutex);
  auto &backends = registry().backends;
  for (size_t i = 0; i < backends.size(); ++i) {
    if (backends[i].table == backend)
      return Status::success();
    if (std::strcmp(backends[i].table->name, backend->name) != 0)
      continue;
    bool replaces = i > 0 && origin == Origin::Plugin &&
                    backends[i].origin == Origin::BuiltIn;
    if (!replaces)
      return Status::error(std::string("backend '") + backend->name +
                           "' is registered already; a plugin's backend needs "
                           "a name of its own");
    backends[i] = {backend, origin};
    return Status::success();
  }
  backends.push_back({backend, origin});
  return Status::success();
}

Expected<const NaraeBackendRuntime *>
runtime::findBackend(const std::string &device) {
  std::string name = device.substr(0, device.find_first_of(":,"));
  std::string known;
  for (const NaraeBackendRuntime *backend : backends()) {
    if (name == backend->name)
      return backend;
    known += std::string(known.empty() ? "" : ", ") + backend->name;
  }
  return Status::error("there is no backend for device '" + device +
                       "'; this runtime has " +
                       (known.empty() ? "none" : known));
}

std::vector<const NaraeBackendRuntime *> runtime::backends() {
  std::lock_guard<std::mutex> lock(registry().mutex);
  std::vector<const NaraeBackendRuntime *> tables;
  for (const Entry &entry : registry().backends)
    tables.push_back(entry.table);
  return tables;
}
