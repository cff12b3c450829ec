//===- Options.cpp - Command lines from tables --------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tools/narae/Options.h"

#include <cerrno>
#include <cmath>
#include <cstdlib>

using namespace narae;
using namespace narae::tool;

Status tool::parseInteger(const std::string &text, int64_t low, int64_t high,
                          int64_t &result) {
  char *end = nullptr;
  errno = 0;
  long long number = std::strtoll(text.c_str(), &end, 10);
  bool isNumber =
      !text.empty() && !*end && !errno &&
      (std::isdigit(static_cast<unsigned char>(text[0])) || text[0] == '-');
  if (!isNumber || number < low || number > high)
    return Status::error("takes a number from " + std::to_string(low) + " to " +
                         std::to_string(high) + ", not '" + text + "'");
  result = number;
  return Status::success();
}

void Options::flag(const char *name, const char *help, bool &target) {
  table.push_back({name, "", help, 0, [&target](const std::string &) {
                     target = true;
                     return Status::success();
                   }});
}

void Options::text(const char *name, const char *value, const char *help,
                   std::string &target, char letter) {
  table.push_back(
      {name, value, help, letter, [&target](const std::string &given) {
         target = given;
         return given.empty() ? Status::error("needs a value")
                              : Status::success();
       }});
}

void Options::list(const char *name, const char *value, const char *help,
                   std::vector<std::string> &target) {
  table.push_back({name, value, help, 0, [&target](const std::string &given) {
                     target.push_back(given);
                     return Status::success();
                   }});
}

void Options::number(const char *name, const char *value, const char *help,
                     int64_t low, int64_t high, int64_t &target) {
  table.push_back(
      {name, value, help, 0, [=, &target](const std::string &given) {
         return parseInteger(given, low, high, target);
       }});
}

void Options::real(const char *name, const char *value, const char *help,
                   double &target) {
  table.push_back(
      {name, value, help, 0, [&target](const std::string &given) {
         char *end = nullptr;
         target = std::strtod(given.c_str(), &end);
         if (given.empty() || *end || !std::isfinite(target) || target < 0)
           return Status::error("takes a number, not '" + given + "'");
         return Status::success();
       }});
}

void Options::file(const char *what, std::string &target) {
  std::string name = what;
  positional = [name, &target](const std::string &given) {
    if (!target.empty())
      return Status::error("only " + name + " can be given; '" + given +
                           "' is one too many");
    target = given;
    return Status::success();
  };
}

/// Reads the option at `index`, and its value when that is the next argument.
Status Options::parseOption(const std::vector<std::string> &arguments,
                            size_t &index) {
  std::string name = arguments[index], value;
  bool hasValue = false;
  bool isLong = name.compare(0, 2, "--") == 0;
  if (isLong) {
    size_t equals = name.find('=');
    hasValue = equals != std::string::npos;
    if (hasValue) {
      value = name.substr(equals + 1);
      name.resize(equals);
    }
  } else if (name.size() > 2) {
    // -oFILE
    value = name.substr(2);
    name.resize(2);
    hasValue = true;
  }
  const Option *found = nullptr;
  std::vector<std::string> names = {"--help"};
  for (const Option &option : table) {
    names.push_back(option.name);
    if (isLong ? option.name == name
               : option.letter && option.letter == name[1])
      found = &option;
  }
  if (!found)
    return Status::error("unknown option '" + name + "'" +
                         didYouMean(name, names) + " (--help lists all)");
  if (found->value.empty() && hasValue)
    return Status::error(name + " takes no value");
  if (!found->value.empty() && !hasValue) {
    if (index + 1 == arguments.size())
      return Status::error(name + " needs a value: " + found->value);
    value = arguments[++index];
  }
  if (Status status = found->set(value); status.failed())
    return Status::error(name + " " + status.message());
  return Status::success();
}

Status Options::parse(const std::vector<std::string> &arguments) {
  bool onlyFiles = false;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string &argument = arguments[i];
    if (!onlyFiles && (argument == "--help" || argument == "-h")) {
      wantsHelp = true;
      return Status::success();
    }
    if (!onlyFiles && argument == "--") {
      onlyFiles = true;
      continue;
    }
    bool isOption = !onlyFiles && argument.size() > 1 && argument[0] == '-';
    Status status = isOption ? parseOption(arguments, i)
                    : positional
                        ? positional(argument)
                        : Status::error("'" + argument + "' is not an option");
    if (status.failed())
      return status;
  }
  return Status::success();
}

std::string Options::help() const {
  constexpr size_t column = 26;
  std::string result = "Usage: narae " + usage + "\n\n" + summary + "\n";
  auto add = [&](const Option &option) {
    std::string left = "  ";
    if (option.letter)
      left += std::string("-") + option.letter + ", ";
    left += option.name;
    if (!option.value.empty())
      left += (option.value[0] == '[' ? "" : "=") + option.value;
    if (left.size() + 2 > column)
      left += "\n" + std::string(column, ' ');
    else
      left.resize(column, ' ');
    for (char c : option.help)
      left += c == '\n' ? "\n" + std::string(column, ' ') : std::string(1, c);
    result += left + "\n";
  };
  result += "\nOptions:\n";
  for (const Option &option : table)
    add(option);
  add({"--help", "", "prints this", 'h', nullptr});
  if (!examples.empty()) {
    result += "\nExamples:\n";
    std::string line;
    for (char c : examples + "\n") {
      if (c != '\n') {
        line += c;
        continue;
      }
      if (!line.empty())
        result += "  " + line + "\n";
      line.clear();
    }
  }
  return result + "\nExit code: 0, 1 for an error in what was given, 2 for an "
                  "internal error.\n";
}
