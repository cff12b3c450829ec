//===- External.cpp - Programs narae-NAME as commands -------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tools/narae/Command.h"

#include <cstdlib>
#include <filesystem>
#include <set>
#include <unistd.h>

using namespace narae;
namespace fs = std::filesystem;

/// The folder of this program, then those of PATH.
static std::vector<fs::path> programFolders() {
  std::vector<fs::path> result;
  std::error_code error;
  fs::path self = fs::read_symlink("/proc/self/exe", error);
  if (!error)
    result.push_back(self.parent_path());
  const char *variable = std::getenv("PATH");
  std::string path = variable ? variable : "";
  for (size_t begin = 0; begin <= path.size();) {
    size_t end = std::min(path.find(':', begin), path.size());
    if (end > begin)
      result.emplace_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return result;
}

static bool isProgram(const fs::path &path) {
  std::error_code error;
  return fs::is_regular_file(path, error) && access(path.c_str(), X_OK) == 0;
}

std::vector<std::string> tool::externalCommands() {
  // Other programs of the project, which are not commands.
  static const std::set<std::string> others = {"run", "opt"};
  std::set<std::string> names;
  for (const fs::path &folder : programFolders()) {
    std::error_code error;
    for (fs::directory_iterator i(folder, error), end; !error && i != end;
         i.increment(error)) {
      std::string name = i->path().filename().string();
      if (name.compare(0, 6, "narae-") == 0 && !others.count(name.substr(6)) &&
          isProgram(i->path()))
        names.insert(name.substr(6));
    }
  }
  return {names.begin(), names.end()};
}

void tool::runExternal(const std::string &name,
                       const std::vector<std::string> &arguments) {
  if (name.find('/') != std::string::npos)
    return;
  for (const fs::path &folder : programFolders()) {
    std::string program = (folder / ("narae-" + name)).string();
    if (!isProgram(program))
      continue;
    std::vector<std::string> copies = arguments;
    std::vector<char *> argv = {program.data()};
    for (std::string &argument : copies)
      argv.push_back(argument.data());
    argv.push_back(nullptr);
    execv(program.c_str(), argv.data());
  }
}
