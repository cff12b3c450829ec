//===- Main.cpp - narae: one program, many subcommands ------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/driver/Compiler.h"
#include "tools/narae/Command.h"
#include "tools/narae/CompileOptions.h"
#include "tools/narae/Console.h"

#include <cstdio>
#include <exception>
#include <new>

using namespace narae;
using namespace narae::tool;

const std::vector<CommandEntry> &tool::commands() {
  static const std::vector<CommandEntry> table = {
      {"compile", "compile a model to an artifact", makeCompile},
      {"run", "run an artifact", makeRun},
      {"check", "say what stands in the way of compiling a model", makeCheck},
      {"inspect", "show what is in an artifact", makeInspect},
      {"verify", "compare an artifact's results with a reference", makeVerify},
      {"bench", "measure an artifact", makeBench},
      {"targets", "list what can be compiled for", makeTargets},
      {"plan", "memory and time of a language model on some hardware",
       makePlan},
      {"pack", "place buffers in memory: the planner alone", makePack},
      {"conformance", "check a backend: copies, errors, numbers of every op",
       makeConformance},
      {"completion", "print a completion script for a shell", makeCompletion},
  };
  return table;
}

/// What a program narae-NAME does, where it is one of the project's.
static const char *externalSummary(const std::string &name) {
  if (name == "generate")
    return "write text with a language model";
  if (name == "chat")
    return "talk with a language model";
  return "(program narae-NAME)";
}

static std::string mainHelp() {
  std::string result =
      "Usage: narae COMMAND [arguments]\n\nNarae compiles models for several "
      "accelerators and runs the result.\n\nCommands:\n";
  auto add = [&](std::string name, const char *summary) {
    name.resize(12, ' ');
    result += "  " + name + summary + "\n";
  };
  for (const CommandEntry &command : commands())
    add(command.name, command.summary);
  for (const std::string &name : externalCommands())
    add(name, externalSummary(name));
  return result +
         "\n`narae COMMAND --help` describes a command. A program narae-NAME "
         "beside narae or\non PATH is the command NAME.\n\nExamples:\n"
         "  narae compile model.onnx -o model.narae\n"
         "  narae run model.narae --input x=1x3x224x224:f32:random\n";
}

static int runCommand(const CommandEntry &entry,
                      const std::vector<std::string> &arguments) {
  std::unique_ptr<Command> command = entry.make();
  if (command->runsRaw())
    return command->runRaw(arguments);
  Options options;
  command->describe(options);
  if (Status status = options.parse(arguments); status.failed())
    return fail(std::string(entry.name) + ": " + status.message());
  if (options.wantsHelp) {
    print(options.help());
    return 0;
  }
  return command->run();
}

static int runNamed(const std::string &name,
                    const std::vector<std::string> &arguments) {
  std::vector<std::string> names;
  for (const CommandEntry &entry : commands()) {
    names.push_back(entry.name);
    if (name == entry.name)
      return runCommand(entry, arguments);
  }
  if (name[0] != '-')
    runExternal(name, arguments);
  for (const std::string &external : externalCommands())
    names.push_back(external);
  return fail("there is no command '" + name + "'" + didYouMean(name, names) +
              " (narae --help lists all)");
}

static int dispatch(std::vector<std::string> arguments) {
  if (arguments.empty()) {
    std::fputs(mainHelp().c_str(), stderr);
    return 1;
  }
  std::string name = arguments.front();
  arguments.erase(arguments.begin());
  if (name == "--version" || name == "version") {
    print(std::string("narae ") + driver::version() + "\n");
    return 0;
  }
  bool wantsHelp = name == "--help" || name == "-h" || name == "help";
  if (Status status = loadPlugins(); status.failed() && !wantsHelp)
    return fail(status.message());
  if (!wantsHelp)
    return runNamed(name, arguments);
  if (name == "help" && !arguments.empty())
    return runNamed(arguments.front(), {"--help"});
  print(mainHelp());
  return 0;
}

int main(int argc, char **argv) {
  try {
    return flushed(
        dispatch(std::vector<std::string>(argv + (argc > 0), argv + argc)));
  } catch (const std::bad_alloc &) {
    return fail("out of memory");
  } catch (const std::exception &failure) {
    return fail(std::string("internal error: ") + failure.what(), 2);
  }
}
