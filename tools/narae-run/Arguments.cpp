//===- Arguments.cpp - Options of narae run -------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tools/narae-run/Arguments.h"

#include <cerrno>
#include <cstdlib>

using namespace narae;

std::string narae::runHelp(const std::string &program) {
  return "Usage: " + program + R"( FILE.narae [options]

Runs an artifact and prints its outputs: type, shape, range and first values.

Options:
  --entry NAME        entry to run (the only one, or the first)
  --device DEVICE     cpu, npu:atom, npu:rebel-quad,timing, ... (what the
                      artifact was compiled for); `narae targets --devices`
                      lists them
  --input NAME=VALUE  an input; VALUE is one of
                        @FILE.npy              an array in NumPy's format
                        zeros | ones | random | random(LOW,HIGH)
                        SHAPE:TYPE:FILL        as 1x16:i64:random(0,30000)
                      Inputs that are not given are random if their shape is
                      fixed. Integers are drawn from LOW to HIGH - 1, from 0 to
                      9 by default; other numbers from 0 to 1.
  --output NAME=@FILE.npy
                      writes an output to a file
  --threads N         threads to use (all cores)
  --repeat N          runs N times after one run that is not counted, and
                      prints the shortest and the median time
  --trace FILE.json   writes a timeline of all kernels (Chrome trace format,
                      opens in Perfetto); of the device's own time where it
                      is a simulator that tells it
  --timing-only       computes nothing and prints how long the device takes,
                      where it is a simulator that tells it; needs no weights
  --seed N            of random inputs (0)
  --weights-dir DIR   where weights outside of the artifact are (beside it)
  --verify            checks all weights, beyond 1 GiB too
  --plugin FILE.so    loads a backend; the variable NARAE_PLUGINS lists more
                      (A.so:B.so)
  --json              prints JSON
  --version           prints the version
  --help              prints this

Examples:
  )" + program +
         R"( model.narae
  )" + program +
         R"( bert.narae --input ids=1x16:i64:random(0,30000) --input mask=1x16:i64:ones
  )" + program +
         R"( resnet.narae --input x=@cat.npy --output y=@logits.npy
  )" + program +
         R"( model.narae --repeat 100 --threads 4 --trace timeline.json

Exit code: 0, 1 for an error in what was given, 2 for an internal error.
)";
}

static Status parseNumber(const std::string &option, const std::string &text,
                          uint64_t low, uint64_t high, uint64_t &result) {
  char *end = nullptr;
  errno = 0;
  if (!text.empty() && text[0] >= '0' && text[0] <= '9')
    result = std::strtoull(text.c_str(), &end, 10);
  if (!end || *end || errno || result < low || result > high)
    return Status::error(option + " takes a number from " +
                         std::to_string(low) + " to " + std::to_string(high) +
                         ", not '" + text + "'");
  return Status::success();
}

Expected<RunArguments> narae::parseRunArguments(int argc, char **argv) {
  RunArguments result;
  for (int i = 1; i < argc; ++i) {
    std::string option = argv[i], value;
    if (option.compare(0, 2, "--") != 0) {
      if (option.size() > 1 && option[0] == '-')
        return Status::error("unknown option '" + option +
                             "'; --help lists all");
      if (!result.file.empty())
        return Status::error("two artifacts were given, '" + result.file +
                             "' and '" + option + "'");
      result.file = option;
      continue;
    }
    size_t equals = option.find('=');
    bool hasValue = equals != std::string::npos;
    if (hasValue) {
      value = option.substr(equals + 1);
      option.resize(equals);
    }
    bool *flag = option == "--json"          ? &result.json
                 : option == "--help"        ? &result.help
                 : option == "--version"     ? &result.version
                 : option == "--verify"      ? &result.verify
                 : option == "--timing-only" ? &result.timingOnly
                                             : nullptr;
    if (flag) {
      if (hasValue)
        return Status::error(option + " takes no value");
      *flag = true;
      continue;
    }
    std::string *text = option == "--entry"         ? &result.entry
                        : option == "--device"      ? &result.device
                        : option == "--trace"       ? &result.trace
                        : option == "--weights-dir" ? &result.weightsDir
                                                    : nullptr;
    std::vector<std::string> *list = option == "--input"    ? &result.inputs
                                     : option == "--output" ? &result.outputs
                                     : option == "--plugin" ? &result.plugins
                                                            : nullptr;
    bool isNumber =
        option == "--threads" || option == "--repeat" || option == "--seed";
    if (!text && !list && !isNumber)
      return Status::error("unknown option '" + option + "'; --help lists all");
    if (!hasValue) {
      if (i + 1 == argc)
        return Status::error(option + " needs a value");
      value = argv[++i];
    }
    uint64_t number = 0;
    if (text) {
      *text = value;
    } else if (list) {
      list->push_back(value);
    } else if (option == "--threads") {
      if (Status status = parseNumber(option, value, 1, 4096, number);
          status.failed())
        return status;
      result.threads = static_cast<int32_t>(number);
    } else {
      bool repeat = option == "--repeat";
      if (Status status = parseNumber(option, value, repeat ? 1 : 0,
                                      repeat ? 1000000000 : UINT64_MAX,
                                      repeat ? result.repeat : result.seed);
          status.failed())
        return status;
    }
  }
  if (result.file.empty() && !result.help && !result.version)
    return Status::error("no artifact was given; --help shows examples");
  return result;
}
