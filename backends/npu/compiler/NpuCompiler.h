//===- NpuCompiler.h - The NPU backend's compiler side --------- -*- C++
//-*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_COMPILER_NPUCOMPILER_H
#define NARAE_BACKENDS_NPU_COMPILER_NPUCOMPILER_H

#include "narae/backend.h"

const NaraeBackendCompiler *narae_npu_compiler(void);

#endif // NARAE_BACKENDS_NPU_COMPILER_NPUCOMPILER_H
