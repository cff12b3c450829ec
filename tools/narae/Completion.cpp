//===- Completion.cpp - narae completion --------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tools/narae/Command.h"
#include "tools/narae/Console.h"

#include <algorithm>

using namespace narae;
using namespace narae::tool;

/// All options of a command, separated by spaces.
static std::string optionNames(const CommandEntry &entry) {
  std::unique_ptr<Command> command = entry.make();
  Options options;
  command->describe(options);
  std::string result = "--help";
  for (const Option &option : options.table)
    result += " " + option.name;
  return result;
}

/// Programs that are commands, but for names that a shell would read as more.
static std::vector<std::string> programNames() {
  std::vector<std::string> names = externalCommands();
  const char *plain = "abcdefghijklmnopqrstuvwxyz0123456789-_";
  names.erase(std::remove_if(names.begin(), names.end(),
                             [&](const std::string &name) {
                               return name.find_first_not_of(plain) !=
                                      std::string::npos;
                             }),
              names.end());
  return names;
}

static std::string commandNames() {
  std::string result;
  for (const CommandEntry &entry : commands())
    result += std::string(result.empty() ? "" : " ") + entry.name;
  for (const std::string &name : programNames())
    result += " " + name;
  return result;
}

/// A function that zsh can use, too, through its bashcompinit.
static std::string bashScript() {
  std::string cases;
  for (const CommandEntry &entry : commands())
    cases += std::string("    ") + entry.name + ") words=\"" +
             optionNames(entry) + "\" ;;\n";
  // Programs of their own say what they take.
  for (const std::string &name : programNames())
    cases += "    " + name + ") words=$(narae " + name +
             " --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]*' | sort -u) "
             ";;\n";
  return "_narae() {\n"
         "  local current=\"${COMP_WORDS[COMP_CWORD]}\" words=\"\"\n"
         "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
         "    COMPREPLY=($(compgen -W \"" +
         commandNames() +
         "\" -- \"$current\"))\n    return\n  fi\n"
         "  case \"${COMP_WORDS[1]}\" in\n" +
         cases +
         "  esac\n"
         "  case \"$current\" in\n"
         "    -*) COMPREPLY=($(compgen -W \"$words\" -- \"$current\")) ;;\n"
         "    *) COMPREPLY=($(compgen -f -- \"$current\")) ;;\n"
         "  esac\n}\n"
         "complete -o filenames -F _narae narae\n";
}

namespace {
class Completion : public Command {
public:
  void describe(Options &options) override {
    options.usage = "completion bash|zsh";
    options.summary = "Prints a script that completes narae's commands and "
                      "options in a shell.";
    options.examples = "source <(narae completion bash)\n"
                       "source <(narae completion zsh)\n";
    options.file("one shell", shell);
  }

  int run() override {
    if (shell != "bash" && shell != "zsh")
      return fail(
          "completion: there are scripts for bash and zsh" +
          (shell.empty() ? std::string() : ", not for '" + shell + "'"));
    if (shell == "zsh")
      print("autoload -U +X compinit bashcompinit\ncompinit\nbashcompinit\n");
    print(bashScript());
    return 0;
  }

private:
  std::string shell;
};
} // namespace

std::unique_ptr<Command> tool::makeCompletion() {
  return std::make_unique<Completion>();
}
