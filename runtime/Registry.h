//===- Registry.h - Backends of this process -------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_RUNTIME_REGISTRY_H
#define NARAE_RUNTIME_REGISTRY_H

#include "lib/artifact/Status.h"
#include "narae/backend.h"

#include <functional>
#include <string>
#include <vector>

namespace narae::runtime {

/// Where a backend comes from.
enum class Origin { BuiltIn, Plugin };

/// Adds a backend. The table must stay valid for the rest of the process. A
/// plugin takes the place of a built-in backend of its name, but for the
/// first, which is the host's; any other name that is taken is refused.
Status registerBackend(const NaraeBackendRuntime *backend,
                       Origin origin = Origin::BuiltIn);

/// Opens a plugin and adds its runtime side, if it has one. Plugins that were
/// taken are never closed. `check` may refuse what else the plugin has, before
/// anything of it is added.
Expected<const NaraeBackend *>
loadPlugin(const std::string &path,
           const std::function<Status(const NaraeBackend &)> &check = nullptr);

/// The message for a plugin or a table, `what`, of another API version.
std::string otherVersion(const std::string &what, uint32_t version);

/// The backend of a device ("nvidia:0" and "nvidia,OPTION" are of "nvidia").
Expected<const NaraeBackendRuntime *> findBackend(const std::string &device);
/// All of them, in the order in which they came.
std::vector<const NaraeBackendRuntime *> backends();

/// The devices of all backends as JSON, see `narae_list_devices`.
std::string listDevices();
/// The code of an object of a backend as text; "" where the backend cannot.
Expected<std::string> disassemble(const std::string &backend,
                                  const void *object, size_t size);

} // namespace narae::runtime

#endif // NARAE_RUNTIME_REGISTRY_H
