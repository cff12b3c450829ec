//===- Command.h - The subcommands of narae -----------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_TOOLS_NARAE_COMMAND_H
#define NARAE_TOOLS_NARAE_COMMAND_H

#include "tools/narae/Options.h"

#include <memory>
#include <string>
#include <vector>

namespace narae::tool {

/// One subcommand: a table of options that set its members, and what it does.
class Command {
public:
  virtual ~Command() = default;
  virtual void describe(Options &options) = 0;
  /// Returns the exit code; 0, 1 for errors of the user, 2 for internal ones.
  virtual int run() = 0;
  /// Commands with a parser of their own do all in this call.
  virtual bool runsRaw() const { return false; }
  virtual int runRaw(const std::vector<std::string> &) { return 2; }
};

std::unique_ptr<Command> makeBench();
std::unique_ptr<Command> makeCheck();
std::unique_ptr<Command> makeCompile();
std::unique_ptr<Command> makeCompletion();
std::unique_ptr<Command> makeConformance();
std::unique_ptr<Command> makeInspect();
std::unique_ptr<Command> makePack();
std::unique_ptr<Command> makePlan();
std::unique_ptr<Command> makeRun();
std::unique_ptr<Command> makeTargets();
std::unique_ptr<Command> makeVerify();

/// A row of the table of subcommands.
struct CommandEntry {
  const char *name;
  const char *summary;
  std::unique_ptr<Command> (*make)();
};

/// All subcommands of this program, in the order of the help.
const std::vector<CommandEntry> &commands();

/// Programs `narae-NAME` beside this one and on PATH: their NAMEs, sorted.
std::vector<std::string> externalCommands();
/// Replaces this process by `narae-NAME`; returns only when there is none.
void runExternal(const std::string &name,
                 const std::vector<std::string> &arguments);

} // namespace narae::tool

#endif // NARAE_TOOLS_NARAE_COMMAND_H
