//===- Plugins.cpp - Backends from shared libraries ---------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tools/narae/CompileOptions.h"

#include <cstdlib>
#include <sstream>

using namespace narae;
using namespace narae::tool;

static Status loadPlugin(const std::string &path) {
  std::string error;
  return driver::loadPlugin(path, error) ? Status::success()
                                         : Status::error(error);
}

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
