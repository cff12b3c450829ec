//===- Targets.cpp - narae targets --------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tools/narae/Command.h"
#include "tools/narae/CompileOptions.h"
#include "tools/narae/Console.h"

using namespace narae;
using namespace narae::tool;

namespace {
class Targets : public Command {
public:
  void describe(Options &options) override {
    options.usage = "targets [TARGET] [--json]";
    options.summary = "Lists what can be compiled for, or describes one "
                      "target: memories, compute units,\ntypes and rates.";
    options.examples = "narae targets\nnarae targets cpu:x86-64-v4\n";
    options.file("one target", target);
    addPluginOption(options);
    options.flag("--json", "prints JSON", json);
  }

  int run() override {
    driver::registerDefaultBackends();
    if (!target.empty()) {
      std::string error;
      std::string description = driver::describeTarget(target, error);
      if (!error.empty())
        return fail("targets: " + error);
      print(dump(parseOrText(description)));
      return 0;
    }
    std::vector<std::string> names = driver::targets();
    if (json)
      print(dump(names));
    for (const std::string &name : names)
      if (!json)
        print(name + "\n");
    return 0;
  }

private:
  std::string target;
  bool json = false;
};
} // namespace

std::unique_ptr<Command> tool::makeTargets() {
  return std::make_unique<Targets>();
}
