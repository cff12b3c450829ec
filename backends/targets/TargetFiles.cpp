//===- TargetFiles.cpp - The target files of this build -------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/targets/TargetFiles.h"
#include "backends/targets/EmbeddedTargets.h"
#include "backends/targets/Host.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

using namespace narae;

std::vector<std::string> targets::names() {
  std::vector<std::string> result = {"cpu"};
  for (const EmbeddedTarget &target : embeddedTargets)
    result.push_back(target.name);
  return result;
}

bool targets::read(const std::string &target, std::string &json,
                   std::string &error) {
  if (target == "cpu") {
    json = describeHost();
    return true;
  }
  for (const EmbeddedTarget &embedded : embeddedTargets)
    if (target == embedded.name) {
      json = embedded.json;
      return true;
    }
  bool isFile =
      target.size() > 5 && target.compare(target.size() - 5, 5, ".json") == 0;
  if (!isFile) {
    error = "there is no target '" + target + "' with a description; there are";
    const char *separator = " ";
    for (const std::string &name : names()) {
      error += separator + name;
      separator = ", ";
    }
    error += ", and paths of .json files";
    return false;
  }
  std::ifstream file(target, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) {
    error = "cannot read '" + target + "': " + std::strerror(errno);
    return false;
  }
  json = text.str();
  return true;
}
