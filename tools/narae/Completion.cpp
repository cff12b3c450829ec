//===- Completion.cpp - narae completion --------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tools/narae/Command.h"
#include "tools/narae/Console.h"

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

static std::string commandNames() {
  std::string result;
  for (const CommandEntry &entry : commands())
    result += std::string(result.empty() ? "" : " ") + entry.name;
  return result;
}

/// A function that zsh can use, too, through its bashcompinit.
static std::string bashScript() {
  std::string cases;
  for (const CommandEntry &entry : commands())
    cases += std::string("    ") + entry.name + ") words=\"" +
             optionNames(entry) + "\" ;;\n";
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
