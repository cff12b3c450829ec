//===- Plugins.cpp - Backends from shared libraries ---------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/Registry.h"
#include "tools/narae/CompileOptions.h"

#include <cstdlib>
#include <sstream>

using namespace narae;
using namespace narae::tool;

static LoadedPlugin last;

/// The first of `after` that is not in the same place before: a plugin adds
/// one, or takes the place of one.
template <typename T>
static T changed(const std::vector<T> &before, const std::vector<T> &after) {
  for (size_t i = 0; i < after.size(); ++i)
    if (i >= before.size() || before[i] != after[i])
      return after[i];
  return T();
}

static Status loadPlugin(const std::string &path) {
  driver::registerDefaultBackends();
  std::vector<std::string> targets = driver::targets();
  std::vector<const NaraeBackendRuntime *> devices = runtime::backends();
  std::string error;
  if (!driver::loadPlugin(path, error)) {
    // The option's name comes before it.
    bool named = error.compare(0, 8, "plugin '") == 0;
    return Status::error(named ? error.substr(7) : error);
  }
  const NaraeBackendRuntime *device = changed(devices, runtime::backends());
  LoadedPlugin plugin = {changed(targets, driver::targets()),
                         device ? device->name : ""};
  if (!plugin.target.empty() || !plugin.device.empty())
    last = plugin; // not one that was there already
  return Status::success();
}

const LoadedPlugin &tool::lastPlugin() { return last; }

void tool::addPluginOption(Options &options) {
  options.table.push_back(
      {"--plugin", "FILE.so",
       "loads a backend; may be given several times, and the\n"
       "variable NARAE_PLUGINS lists more (A.so:B.so)",
       0, loadPlugin});
}

Status tool::loadPlugins() {
  const char *list = std::getenv("NARAE_PLUGINS");
  std::istringstream paths(list ? list : "");
  for (std::string path; std::getline(paths, path, ':');)
    if (!path.empty())
      if (Status status = loadPlugin(path); status.failed())
        return Status::error("NARAE_PLUGINS: " + status.message());
  return Status::success();
}
