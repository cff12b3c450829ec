//===- KernelsAvx2.cpp - The loops for AVX2 -------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#if defined(__x86_64__)
#define KERNELS_NAME avx2Kernels
#define KERNELS_TEXT "avx2"
#include "backends/npu/simulator/cpu/Kernels.inc"
#endif
