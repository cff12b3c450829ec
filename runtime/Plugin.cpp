//===- Plugin.cpp - Backends from shared libraries -----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What a plugin hands over is read in the order that keeps it readable: its
// size and version, whose places never change, then the hash of the layout,
// then the rest.
//
//===----------------------------------------------------------------------===//

#include "runtime/Registry.h"

#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <exception>

using namespace narae;
using namespace narae::runtime;

static std::string hex(uint64_t hash) {
  char text[17];
  std::snprintf(text, sizeof text, "%016" PRIx64, hash);
  return text;
}

/// What a plugin's function hands over; exceptions are errors.
static Expected<const NaraeBackend *> callPlugin(const std::string &what,
                                                 void *handle) {
  auto entry = reinterpret_cast<NaraeBackendRegisterFn>(
      dlsym(handle, NARAE_BACKEND_SYMBOL));
  if (!entry)
    return Status::error(
        what + " is no Narae plugin: it does not export " NARAE_BACKEND_SYMBOL);
  try {
    if (const NaraeBackend *backend = entry())
      return backend;
    return Status::error(what + " hands over nothing: " NARAE_BACKEND_SYMBOL
                                " returned null");
  } catch (const std::exception &failure) {
    return Status::error(
        what +
        ": " NARAE_BACKEND_SYMBOL " threw an exception: " + failure.what());
  } catch (...) {
    return Status::error(what + ": " NARAE_BACKEND_SYMBOL
                                " threw an exception");
  }
}

/// Whether the plugin was built for this API.
static Status checkBackend(const std::string &what,
                           const NaraeBackend &backend) {
  constexpr size_t header =
      offsetof(NaraeBackend, api_version) + sizeof(uint32_t);
  if (backend.struct_size < header)
    return Status::error(what + " has an incomplete table");
  if (backend.api_version != NARAE_BACKEND_API_VERSION)
    return Status::error(otherVersion(what, backend.api_version));
  if (backend.struct_size < sizeof(NaraeBackend))
    return Status::error(what + " has an incomplete table");
  if (backend.schema_hash != NARAE_BACKEND_SCHEMA_HASH)
    return Status::error(what + " was built for schema " +
                         hex(backend.schema_hash) +
                         " of the backend API; this Narae has schema " +
                         hex(NARAE_BACKEND_SCHEMA_HASH) + " (both version " +
                         std::to_string(NARAE_BACKEND_API_VERSION) +
                         "): build it against this Narae's headers");
  if (!backend.compiler && !backend.runtime)
    return Status::error(what + " has neither a compiler nor a runtime side");
  return Status::success();
}

Expected<const NaraeBackend *>
runtime::loadPlugin(const std::string &path,
                    const std::function<Status(const NaraeBackend &)> &check) {
  std::string what = "plugin '" + path + "'";
  void *handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char *reason = dlerror();
    return Status::error("cannot load " + what + ": " +
                         (reason ? reason : "unknown reason"));
  }
  Expected<const NaraeBackend *> backend = callPlugin(what, handle);
  Status status =
      backend.failed() ? backend.status() : checkBackend(what, **backend);
  auto add = [&](Status step) {
    if (step.failed())
      status = Status::error(what + ": " + step.message());
  };
  if (status.ok() && check)
    add(check(**backend));
  if (status.ok() && (*backend)->runtime)
    add(registerBackend((*backend)->runtime, Origin::Plugin));
  if (status.ok())
    return backend;
  dlclose(handle);
  return status;
}
