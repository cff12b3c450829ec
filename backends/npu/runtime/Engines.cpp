//===- Engines.cpp - Who computes what programs say
//-------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/runtime/Engines.h"

using namespace narae;
using namespace narae::npu;

Expected<std::unique_ptr<Simulator>>
npu::makeSimulator(const Machine &machine, const DeviceName &name) {
  if (name.opencl)
    return Status::error("this build has no OpenCL engine for the NPU");
  SimulatorOptions options;
  options.data = !name.timingOnly;
  options.track = !name.timingOnly && !name.unchecked;
  return std::make_unique<Simulator>(machine, options);
}
