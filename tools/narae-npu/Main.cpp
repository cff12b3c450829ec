//===- Main.cpp - Programs of the NPU from a shell ------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   narae-npu assemble FILE.s -o FILE.npu
//   narae-npu disassemble FILE.npu [-o FILE.s]
//   narae-npu check FILE.npu [--target npu:atom]
//   narae-npu run FILE.npu [--target npu:atom] [--timing] [--trace FILE]
//   narae-npu reference DOCUMENT.md
//
//===----------------------------------------------------------------------===//

#include "backends/npu/isa/Assembly.h"
#include "backends/npu/isa/Reference.h"
#include "backends/targets/TargetFiles.h"
#include "lib/artifact/OutputFile.h"
#include "tools/narae-npu/Tool.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

using namespace narae;
using namespace narae::npu;
using namespace narae::npu::tool;

static const char usage[] =
    "Usage: narae-npu COMMAND FILE [options]\n\n"
    "  assemble FILE.s -o FILE.npu           text to a program\n"
    "  disassemble FILE.npu [-o FILE.s]      a program to text\n"
    "  check FILE.npu [--target TARGET]      whether a program can run\n"
    "  run FILE.npu [--target TARGET]        executes a program: its faults\n"
    "      --set NAME=VALUE                  a parameter of the program\n"
    "      --timing                          how long it takes, without data\n"
    "      --report FILE.json                the same with all counters\n"
    "      --trace FILE.json                 a timeline for Perfetto\n"
    "  reference DOCUMENT.md                 renews the tables of the manual\n"
    "\nTARGET is npu:atom, npu:atom-max, npu:rebel-quad or a .json file "
    "(npu:rebel-quad).\n";

int narae::npu::tool::complain(const std::string &message) {
  std::fprintf(stderr, "narae-npu: %s\n", message.c_str());
  return 1;
}

static Expected<std::string> readFile(const std::string &path) {
  std::error_code unknown; // what cannot be looked at cannot be opened either
  if (std::filesystem::is_directory(path, unknown))
    return Status::error("cannot read '" + path + "': it is a directory");
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  if (!file)
    return Status::error("cannot read '" + path + "': " + std::strerror(errno));
  return text.str();
}

Status narae::npu::tool::writeFile(const std::string &path, const void *data,
                                   size_t size) {
  auto file = artifact::OutputFile::create(path);
  if (file.failed())
    return file.status();
  if (Status status = (*file)->write(data, size); status.failed())
    return status;
  return (*file)->commit();
}

static int finish(const Status &status) {
  return status.failed() ? complain(status.message()) : 0;
}

static int runAssemble(const std::string &text, const std::string &input,
                       const std::string &output) {
  if (output.empty())
    return complain("assemble needs '-o FILE.npu'");
  std::vector<std::string> problems;
  Program program = assemble(text, problems);
  for (const std::string &problem : problems)
    complain(input + ", " + problem);
  if (!problems.empty())
    return 1;
  std::vector<uint8_t> bytes = writeProgram(program);
  return finish(writeFile(output, bytes.data(), bytes.size()));
}

Machine narae::npu::tool::readTarget(const std::string &target,
                                     std::vector<std::string> &problems) {
  std::string json, error;
  if (!targets::read(target, json, error)) {
    problems.push_back(error);
    return Machine();
  }
  Machine machine = readMachine(json, problems);
  for (std::string &problem : problems)
    problem = target + ": " + problem;
  return machine;
}

static int runCheck(const Program &program, const std::string &target) {
  std::vector<std::string> problems;
  Machine machine = readTarget(target, problems);
  if (problems.empty())
    problems = verify(program, machine);
  for (const std::string &problem : problems)
    complain(problem);
  return problems.empty() ? 0 : 1;
}

int main(int argc, char **argv) {
  std::vector<std::string> words;
  std::string output;
  RunOptions options;
  const std::map<std::string, std::string *> values = {
      {"-o", &output},
      {"--target", &options.target},
      {"--report", &options.report},
      {"--trace", &options.trace}};
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    if (word == "--help" || word == "-h") {
      std::fputs(usage, stdout);
      return 0;
    }
    if (word == "--timing") {
      options.timing = true;
      continue;
    }
    bool isOption = word.size() > 1 && word[0] == '-';
    if (!isOption) {
      words.push_back(word);
      continue;
    }
    size_t equals = word.rfind("--", 0) == 0 ? word.find('=') : word.npos;
    std::string name = word.substr(0, equals);
    auto found = values.find(name);
    if (found == values.end() && name != "--set")
      return complain("there is no option '" + word + "'; see --help");
    if (equals == word.npos && ++i == argc)
      return complain("'" + word + "' lacks its value");
    std::string value = equals == word.npos ? argv[i] : word.substr(equals + 1);
    if (name == "--set")
      options.parameters.push_back(value);
    else
      *found->second = value;
  }
  if (words.size() != 2) {
    std::fputs(usage, stderr);
    return 1;
  }
  const std::string &command = words[0], &input = words[1];
  Expected<std::string> text = readFile(input);
  if (text.failed())
    return complain(text.message());
  if (command == "assemble")
    return runAssemble(*text, input, output);
  if (command == "reference") {
    Expected<std::string> document = updateReference(*text);
    if (document.failed())
      return complain(input + ": " + document.message());
    return finish(writeFile(input, document->data(), document->size()));
  }
  if (command != "disassemble" && command != "check" && command != "run")
    return complain("there is no command '" + command + "'; see --help");
  Expected<Program> program = readProgram(
      reinterpret_cast<const uint8_t *>(text->data()), text->size());
  if (program.failed())
    return complain(input + ": " + program.message());
  if (command == "check")
    return runCheck(*program, options.target);
  if (command == "run")
    return run(*program, options);
  std::string listing = disassemble(*program);
  if (!output.empty())
    return finish(writeFile(output, listing.data(), listing.size()));
  std::fwrite(listing.data(), 1, listing.size(), stdout);
  return 0;
}
