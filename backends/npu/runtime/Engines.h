//===- Engines.h - Who computes what programs say --------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The seam between a device and who executes its programs: options of the
// device's name choose. All of them give the same bits.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_RUNTIME_ENGINES_H
#define NARAE_BACKENDS_NPU_RUNTIME_ENGINES_H

#include "backends/npu/runtime/DeviceName.h"
#include "backends/npu/simulator/Simulator.h"

namespace narae::npu {

/// A simulator of the machine as the options of the name ask for it; an error
/// says what is missing for it and where that comes from.
Expected<std::unique_ptr<Simulator>> makeSimulator(const Machine &machine,
                                                   const DeviceName &name);

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_RUNTIME_ENGINES_H
