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

static std::vector<std::string> deviceNames() {
  std::vector<std::string> names;
  for (const NaraeBackendRuntime *backend : runtime::backends())
    names.push_back(backend->name);
  return names;
}

/// The first name that came since `before`.
static std::string added(const std::vector<std::string> &before,
                         const std::vector<std::string> &after) {
  return after.size() > before.size() ? after[before.size()] : "";
}

static Status loadPlugin(const std::string &path) {
  driver::registerDefaultBackends();
  std::vector<std::string> targets = driver::targets(), devices = deviceNames();
  std::string error;
  if (!driver::loadPlugin(path, error))
    return Status::error(error);
  LoadedPlugin plugin = {added(targets, driver::targets()),
                         added(devices, deviceNames())};
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
