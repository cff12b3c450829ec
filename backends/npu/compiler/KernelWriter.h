//===- KernelWriter.h - Kernels as programs -------------------- -*- C++
//-*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_COMPILER_KERNELWRITER_H
#define NARAE_BACKENDS_NPU_COMPILER_KERNELWRITER_H

#include "backends/npu/object/Object.h"
#include "dialects/rt/RtDialect.h"

namespace narae::npu {

/// The program of a kernel, with what a launch binds. Fails after diagnostics.
llvm::FailureOr<Kernel> writeKernel(rt::KernelOp kernel,
                                    const Machine &machine);

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_COMPILER_KERNELWRITER_H
