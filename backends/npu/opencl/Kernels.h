//===- Kernels.h - Programs of the OpenCL datapath ------------ -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The texts of the kernels, in the order in which they are compiled.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_OPENCL_KERNELS_H
#define NARAE_BACKENDS_NPU_OPENCL_KERNELS_H

#include <string>

namespace narae::npu::opencl {

extern const char *const numberKernels;
extern const char *const loopKernels;
extern const char *const rowKernels;

/// All of it, with the polynomials and opcodes of the instruction set.
std::string kernelText();

} // namespace narae::npu::opencl

#endif // NARAE_BACKENDS_NPU_OPENCL_KERNELS_H
