//===- Options.h - Command lines from tables ----------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_TOOLS_NARAE_OPTIONS_H
#define NARAE_TOOLS_NARAE_OPTIONS_H

#include "lib/artifact/Status.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace narae::tool {

/// One row of a command's table.
struct Option {
  std::string name;  ///< "--target"
  std::string value; ///< shown in the help, as "T"; empty for a flag
  std::string help;  ///< may have several lines
  char letter = 0;   ///< 'o' for "-o"
  /// Takes the value ("" for a flag); an error's message follows the name.
  std::function<Status(const std::string &)> set;
};

/// A command's options, positional arguments and help.
class Options {
public:
  std::string summary;  ///< first paragraph of the help
  std::string usage;    ///< "compile MODEL [options]"
  std::string examples; ///< one a line
  std::vector<Option> table;
  /// Takes one positional argument; none are allowed without it.
  std::function<Status(const std::string &)> positional;

  void flag(const char *name, const char *help, bool &target);
  void text(const char *name, const char *value, const char *help,
            std::string &target, char letter = 0);
  void list(const char *name, const char *value, const char *help,
            std::vector<std::string> &target);
  void number(const char *name, const char *value, const char *help,
              int64_t low, int64_t high, int64_t &target);
  void real(const char *name, const char *value, const char *help,
            double &target);
  /// One positional argument, named for messages: "a model".
  void file(const char *what, std::string &target);

  /// Reads arguments; `--help` sets `wantsHelp` and ends reading.
  Status parse(const std::vector<std::string> &arguments);
  bool wantsHelp = false;
  std::string help() const;

private:
  Status parseOption(const std::vector<std::string> &arguments, size_t &index);
};

/// A decimal integer in [low, high].
Status parseInteger(const std::string &text, int64_t low, int64_t high,
                    int64_t &result);

/// The candidate that is most likely meant; empty when none is near.
std::string suggest(const std::string &word,
                    const std::vector<std::string> &candidates);
/// "; did you mean 'X'?" or nothing.
std::string didYouMean(const std::string &word,
                       const std::vector<std::string> &candidates);

} // namespace narae::tool

#endif // NARAE_TOOLS_NARAE_OPTIONS_H
