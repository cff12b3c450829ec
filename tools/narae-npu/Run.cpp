//===- Run.cpp - Runs and times programs of the NPU -----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/timing/Timing.h"
#include "tools/narae-npu/Tool.h"

#include <charconv>
#include <cinttypes>
#include <cstdio>

using namespace narae;
using namespace narae::npu;
using namespace narae::npu::tool;

/// Values of the program's parameters, in its order.
static std::vector<int64_t> bind(const Program &program,
                                 const std::vector<std::string> &given,
                                 std::vector<std::string> &problems) {
  std::map<std::string, int64_t> values;
  for (const std::string &text : given) {
    size_t equals = text.find('=');
    std::string name = text.substr(0, equals);
    const char *end = text.data() + text.size();
    int64_t value = 0;
    bool isNumber = equals != std::string::npos;
    if (isNumber) {
      auto [rest, error] =
          std::from_chars(text.data() + equals + 1, end, value);
      isNumber = error == std::errc() && rest == end;
    }
    bool isKnown = false;
    for (const Parameter &parameter : program.parameters)
      isKnown |= parameter.name == name;
    if (!isNumber)
      problems.push_back("--set needs NAME=INTEGER, not '" + text + "'");
    else if (!isKnown)
      problems.push_back("the program has no parameter '" + name + "'");
    else
      values[name] = value;
  }
  std::vector<int64_t> all;
  for (const Parameter &parameter : program.parameters) {
    if (!values.count(parameter.name) && problems.empty())
      problems.push_back("parameter '" + parameter.name +
                         "' has no value; add --set " + parameter.name +
                         "=VALUE");
    all.push_back(values[parameter.name]);
  }
  return all;
}

static int writeText(const std::string &path, const std::string &text) {
  if (path.empty())
    return 0;
  Status status = writeFile(path, text.data(), text.size());
  return status.failed() ? complain(status.message()) : 0;
}

int narae::npu::tool::run(const Program &program, const RunOptions &options) {
  std::vector<std::string> problems;
  Machine machine = readTarget(options.target, problems);
  std::vector<int64_t> parameters = bind(program, options.parameters, problems);
  for (const std::string &problem : problems)
    complain(problem);
  if (!problems.empty())
    return 1;
  bool timing =
      options.timing || !options.report.empty() || !options.trace.empty();
  SimulatorOptions simulation;
  simulation.data = simulation.track = !timing;
  Simulator simulator(machine, simulation);
  if (Status status = simulator.load(program); status.failed())
    return complain(status.message());
  if (Status status = simulator.launch(parameters); status.failed())
    return complain(status.message());
  if (!timing) {
    if (std::optional<Fault> fault = simulator.run())
      return complain(fault->message);
    std::printf("no fault in %" PRIu64 " words\n", simulator.executed());
    return 0;
  }
  TimingOptions how;
  how.timeline = !options.trace.empty();
  TimingReport report = timeProgram(simulator, how);
  if (report.fault)
    return complain(report.fault->message);
  std::fputs(reportText(report).c_str(), stdout);
  int failed = writeText(options.report, reportJson(report, machine));
  return failed |
         writeText(options.trace, how.timeline ? traceJson(report) : "");
}
