//===- Registry.cpp - Backends of this process ---------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/Registry.h"

#include <cstddef>
#include <cstring>
#include <dlfcn.h>
#include <mutex>
#include <vector>

using namespace narae;
using namespace narae::runtime;

namespace {
struct Registry {
  std::mutex mutex;
  std::vector<const NaraeBackendRuntime *> backends;
};
} // namespace

/// Never destroyed: sessions may outlive static objects.
static Registry &registry() {
  static Registry &instance = *new Registry();
  return instance;
}

static Status otherApi(const std::string &what, uint32_t version) {
  return Status::error(what + " was built for version " +
                       std::to_string(version) +
                       " of the backend API; this runtime has version " +
                       std::to_string(NARAE_BACKEND_API_VERSION));
}

Status runtime::registerBackend(const NaraeBackendRuntime *backend) {
  if (!backend || !backend->name || !*backend->name)
    return Status::error("a backend needs a name");
  std::string what = std::string("backend '") + backend->name + "'";
  if (backend->api_version != NARAE_BACKEND_API_VERSION)
    return otherApi(what, backend->api_version);
  // What was added at the end of the table is optional.
  if (backend->struct_size < offsetof(NaraeBackendRuntime, list_devices))
    return Status::error(what + " has an incomplete table");
  std::lock_guard<std::mutex> lock(registry().mutex);
  for (const NaraeBackendRuntime *known : registry().backends) {
    if (known == backend)
      return Status::success();
    if (std::strcmp(known->name, backend->name) == 0)
      return Status::error(what + " is registered already");
  }
  registry().backends.push_back(backend);
  return Status::success();
}

/// What a plugin hands over, once it is known to be for this API.
static Expected<const NaraeBackend *> readPlugin(const std::string &path,
                                                 void *handle) {
  auto entry = reinterpret_cast<NaraeBackendRegisterFn>(
      dlsym(handle, NARAE_BACKEND_SYMBOL));
  if (!entry)
    return Status::error("'" + path +
                         "' is no Narae plugin: it does not "
                         "export " NARAE_BACKEND_SYMBOL);
  const NaraeBackend *backend = entry();
  if (!backend || backend->struct_size < sizeof(NaraeBackend))
    return Status::error("plugin '" + path + "' has an incomplete table");
  if (backend->api_version != NARAE_BACKEND_API_VERSION)
    return otherApi("plugin '" + path + "'", backend->api_version);
  if (!backend->compiler && !backend->runtime)
    return Status::error("plugin '" + path +
                         "' has neither a compiler nor a runtime side");
  return backend;
}

Expected<const NaraeBackend *> runtime::loadPlugin(const std::string &path) {
  void *handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char *reason = dlerror();
    return Status::error("cannot load plugin '" + path +
                         "': " + (reason ? reason : "unknown reason"));
  }
  Expected<const NaraeBackend *> backend = readPlugin(path, handle);
  Status status = backend.failed()      ? backend.status()
                  : (*backend)->runtime ? registerBackend((*backend)->runtime)
                                        : Status::success();
  if (status.ok())
    return backend;
  dlclose(handle);
  return status;
}

Expected<const NaraeBackendRuntime *>
runtime::findBackend(const std::string &device) {
  std::string name = device.substr(0, device.find_first_of(":,"));
  std::lock_guard<std::mutex> lock(registry().mutex);
  std::string known;
  for (const NaraeBackendRuntime *backend : registry().backends) {
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
  return registry().backends;
}
