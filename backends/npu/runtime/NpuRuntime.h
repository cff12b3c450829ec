//===- NpuRuntime.h - The NPU's device driver ------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_RUNTIME_NPURUNTIME_H
#define NARAE_BACKENDS_NPU_RUNTIME_NPURUNTIME_H

#include "narae/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

/// The runtime side of backend "npu", for `narae_register_backend`: a
/// simulator behind the functions of a device.
const NaraeBackendRuntime *narae_npu_runtime(void);

#ifdef __cplusplus
}
#endif

#endif // NARAE_BACKENDS_NPU_RUNTIME_NPURUNTIME_H
