//===- Engines.cpp - Who computes what programs say -----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/runtime/Engines.h"
#include "backends/npu/opencl/OpenClDatapath.h"

using namespace narae;
using namespace narae::npu;

Expected<std::unique_ptr<Simulator>>
npu::makeSimulator(const Machine &machine, const DeviceName &name) {
  SimulatorOptions options;
  options.data = !name.timingOnly;
  options.integers = name.timingOnly;
  options.track = !name.timingOnly && !name.unchecked;
  std::unique_ptr<Datapath> path;
  if (name.opencl) {
    Expected<std::unique_ptr<Datapath>> made = makeOpenClDatapath(machine);
    if (made.failed())
      return made.status();
    path = std::move(*made);
  }
  return std::make_unique<Simulator>(machine, options, std::move(path));
}
