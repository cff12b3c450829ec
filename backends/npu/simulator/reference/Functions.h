//===- Functions.h - Functions of one f32 --------------------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The vector engine's functions of one f32, bit for bit as docs/npu-isa.md
// defines them. Nothing here depends on a library's or compiler's choices:
// sums, products, quotients, square roots and fused multiply-adds of IEEE 754
// only.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_SIMULATOR_FUNCTIONS_H
#define NARAE_BACKENDS_NPU_SIMULATOR_FUNCTIONS_H

#include "backends/npu/isa/Instruction.h"

namespace narae::npu {

float npuExp(float x);
float npuLog(float x);
float npuSin(float x);
float npuCos(float x);
float npuTanh(float x);
float npuErf(float x);
float npuSigmoid(float x);
float npuSilu(float x);
float npuGelu(float x);
float npuGeluTanh(float x);
float npuSoftplus(float x);
float activate(Activation activation, float x);

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_SIMULATOR_FUNCTIONS_H
