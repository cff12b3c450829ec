//===- Timed.h - Programs and how long they take -------------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Programs as text and how long they take.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_TEST_UNIT_NPU_TIMED_H
#define NARAE_TEST_UNIT_NPU_TIMED_H

#include "backends/npu/isa/Assembly.h"
#include "backends/npu/timing/Timing.h"
#include "test/unit/npu/TestMachine.h"

#include <numeric>

namespace narae::npu::test {

/// What holds of every program: no work beats its bound, nor does the whole;
/// cycles of each stream add up; no resource moves more than it can.
inline void expectSound(const TimingReport &report) {
  for (const Interval &interval : report.timeline)
    EXPECT_GE((interval.end - interval.begin) * (1 + 1e-9), interval.bound)
        << findInstruction(uint8_t(interval.opcode))->mnemonic << " at "
        << interval.begin;
  EXPECT_GE(report.cycles, report.bound());
  for (const EngineReport &engine : report.engines) {
    bool isDma = engine.id.engine != Engine::Tensor &&
                 engine.id.engine != Engine::Vector;
    double sum =
        std::accumulate(engine.stalls.begin(), engine.stalls.end(),
                        engine.control + engine.idle + !isDma * engine.busy);
    EXPECT_NEAR(sum, report.cycles, 1e-6 * report.cycles)
        << describe(engine.id);
    EXPECT_LE(engine.busy, report.cycles * (1 + 1e-9));
  }
  for (const Resource &resource : report.resources) {
    EXPECT_LE(resource.bytes, resource.occupied * (1 + 1e-9));
    EXPECT_LE(resource.occupied, report.cycles * resource.capacity * (1 + 1e-9))
        << resource.name;
  }
}

/// Times a program without data.
inline TimingReport timed(const Machine &machine, const std::string &text,
                          const std::vector<int64_t> &parameters = {},
                          bool pipelinedFolds = false) {
  std::vector<std::string> problems;
  Program program = assemble(text, problems);
  EXPECT_TRUE(problems.empty()) << problems[0];
  SimulatorOptions options;
  options.track = options.data = false;
  Simulator simulator(machine, options);
  Status status = simulator.load(program);
  EXPECT_TRUE(status.ok()) << status.message();
  status = simulator.launch(parameters);
  EXPECT_TRUE(status.ok()) << status.message();
  TimingOptions timing;
  timing.timeline = true;
  timing.pipelinedFolds = pipelinedFolds;
  TimingReport report = timeProgram(simulator, timing);
  EXPECT_FALSE(report.fault) << report.fault->message;
  if (!report.fault)
    expectSound(report);
  return report;
}

/// "view v0, f16, dram, 2, -1, 0" and its dimensions, dense.
inline std::string denseView(const std::string &name, const std::string &start,
                             const std::vector<int64_t> &sizes) {
  std::string text = "view " + name + ", " + start + "\n";
  int64_t stride = 1;
  for (size_t axis = sizes.size(); axis-- > 0; stride *= sizes[axis])
    text += "dim " + name + ", " + std::to_string(axis) + ", " +
            std::to_string(sizes[axis]) + ", " + std::to_string(stride) + "\n";
  return text;
}

/// A machine whose DRAM loses nothing on any pattern.
inline Machine idealDram() {
  Machine machine = builtIn("npu:rebel-quad");
  machine.dram.kind = "without timings";
  return machine;
}

} // namespace narae::npu::test

#endif // NARAE_TEST_UNIT_NPU_TIMED_H
