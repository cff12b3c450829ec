//===- KernelsPortable.cpp - The loops for any CPU ------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#define KERNELS_NAME portableKernels
#define KERNELS_TEXT "portable"
#include "backends/npu/simulator/cpu/Kernels.inc"
