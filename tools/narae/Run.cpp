//===- Run.cpp - narae run ----------------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tools/narae-run/RunTool.h"
#include "tools/narae/Command.h"

using namespace narae;
using namespace narae::tool;

namespace {
/// What `narae-run` does; its table serves shell completion.
class Run : public Command {
public:
  void describe(Options &options) override {
    for (const char *name :
         {"--entry", "--device", "--input", "--output", "--threads", "--repeat",
          "--trace", "--seed", "--weights-dir", "--plugin"})
      options.table.push_back({name, "VALUE", "", 0, nullptr});
    for (const char *name :
         {"--verify", "--json", "--timing-only", "--version"})
      options.table.push_back({name, "", "", 0, nullptr});
  }
  int run() override { return 2; }
  bool runsRaw() const override { return true; }

  int runRaw(const std::vector<std::string> &arguments) override {
    std::string program = "narae run";
    std::vector<std::string> copies = arguments;
    std::vector<char *> argv = {program.data()};
    for (std::string &argument : copies)
      argv.push_back(argument.data());
    argv.push_back(nullptr);
    return runMain(static_cast<int>(argv.size() - 1), argv.data());
  }
};
} // namespace

std::unique_ptr<Command> tool::makeRun() { return std::make_unique<Run>(); }
