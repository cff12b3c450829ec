//===- Kernels.h - Loops over contiguous elements ------------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The loops of the CPU's datapath: over elements that lie together, once for
// each set of vector instructions. All give the same bits: every element is
// computed alone, and sums have the order of the definition.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_SIMULATOR_CPU_KERNELS_H
#define NARAE_BACKENDS_NPU_SIMULATOR_CPU_KERNELS_H

#include "backends/npu/isa/Instruction.h"

namespace narae::npu::cpu {

constexpr int typeCount = 13;

/// Right-hand sides of products that need no conversion beforehand.
enum class Weights { F32, F16, BF16 };

struct Products {
  float *sums;      ///< [rows, width], rows `sumStride` apart
  const float *a;   ///< [rows, depth], rows `aStride` apart
  const uint8_t *b; ///< [depth, width], rows `bStride` bytes apart
  int64_t sumStride, aStride, bStride;
  int64_t rows, depth, width;
};

struct Kernels {
  const char *name;
  /// By type: elements that lie together to f32 and back. Those of 4 bits
  /// begin with the low half of a byte.
  void (*load[typeCount])(const uint8_t *from, float *to, int64_t count);
  void (*store[typeCount])(const float *from, uint8_t *to, int64_t count);
  /// v.* in f32, in place.
  void (*unary)(Opcode opcode, float *a, int64_t count);
  void (*activate)(Activation activation, float *a, int64_t count);
  void (*binary)(Opcode opcode, float *a, const float *b, int64_t count);
  /// a := fma(a, b, c); a := a <> 0 ? b : c.
  void (*fma)(float *a, const float *b, const float *c, int64_t count);
  void (*select)(float *a, const float *b, const float *c, int64_t count);
  /// The sixteen sums of the definition.
  float (*sum)(const float *row, int64_t count);
  float (*sumOfSquares)(const float *row, int64_t count);
  /// The first of the largest elements, or the first NaN; count > 0.
  int64_t (*largest)(const float *row, int64_t count);
  /// p, q := fma(p, c, -(q * s)), fma(q, c, p * s).
  void (*rotate)(float *p, float *q, const float *c, const float *s,
                 int64_t count);
  /// sums += a * b, k ascending, one fused multiply-add a step.
  void (*products[3])(const Products &products); ///< by Weights
  void (*integerProducts)(int32_t *sums, const int32_t *a, const int32_t *b,
                          int64_t rows, int64_t depth, int64_t width);
  /// weights := weights * scales + offsets (null: none) in f32, then rounded to
  /// f16 or bf16.
  void (*dequantize)(float *weights, const float *scales, const float *offsets,
                     bool half, int64_t count);
  /// NaN as the definition stores it.
  void (*canonical)(float *values, int64_t count);
};

const Kernels &portableKernels();
#if defined(__x86_64__)
const Kernels &avx2Kernels();
const Kernels &avx512Kernels();
#endif
/// By name: "portable", "avx2", "avx512"; null where this CPU lacks them.
const Kernels *findKernels(const std::string &name);
/// The fastest of this CPU.
const Kernels &bestKernels();

} // namespace narae::npu::cpu

#endif // NARAE_BACKENDS_NPU_SIMULATOR_CPU_KERNELS_H
