//===- Target.h - Which artifacts a GPU runs -------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NVIDIA_RUNTIME_TARGET_H
#define NARAE_BACKENDS_NVIDIA_RUNTIME_TARGET_H

#include "backends/nvidia/driver/Driver.h"

#include <string_view>

namespace narae::nvidia {

/// Whether code for the "sm" of a target description runs on a device: PTX of
/// sm_80 on that generation and all later ones, of sm_90a on 9.0 alone. The
/// error names both.
Status checkTarget(std::string_view json, const DeviceInfo &device);

} // namespace narae::nvidia

#endif // NARAE_BACKENDS_NVIDIA_RUNTIME_TARGET_H
