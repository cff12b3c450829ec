//===- Dispatch.cpp - The vector instructions of this CPU -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/simulator/cpu/Kernels.h"

using namespace narae::npu::cpu;

const Kernels *narae::npu::cpu::findKernels(const std::string &name) {
  if (name == "portable")
    return &portableKernels();
#if defined(__x86_64__)
  bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
              __builtin_cpu_supports("f16c");
  bool avx512 = avx2 && __builtin_cpu_supports("avx512f") &&
                __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512dq") &&
                __builtin_cpu_supports("avx512vl");
  if (name == "avx2" && avx2)
    return &avx2Kernels();
  if (name == "avx512" && avx512)
    return &avx512Kernels();
#endif
  return nullptr;
}

const Kernels &narae::npu::cpu::bestKernels() {
  static const Kernels &best = [&]() -> const Kernels & {
    for (const char *name : {"avx512", "avx2"})
      if (const Kernels *kernels = findKernels(name))
        return *kernels;
    return portableKernels();
  }();
  return best;
}
