//===- Products.cpp - Sums of products ------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/simulator/Products.h"

#include <cmath>

// The loops over n have independent sums, so vectors of them give the same
// bits. A version for processors with fused multiply-adds is chosen at load.
#if defined(__x86_64__) && defined(__ELF__)
#define NARAE_VERSIONS                                                         \
  __attribute__((target_clones("avx512f", "fma", "default")))
#else
#define NARAE_VERSIONS
#endif

NARAE_VERSIONS
static void addRow(float *sums, const float *a, const float *b, int64_t width,
                   int64_t begin, int64_t end) {
  for (int64_t k = begin; k < end; ++k) {
    float factor = a[k];
    const float *row = b + k * width;
    for (int64_t n = 0; n < width; ++n)
      sums[n] = __builtin_fmaf(factor, row[n], sums[n]);
  }
}

void narae::npu::addProducts(float *sums, const float *a, const float *b,
                             int64_t rows, int64_t depth, int64_t width,
                             int64_t begin, int64_t end) {
  for (int64_t m = 0; m < rows; ++m)
    addRow(sums + m * width, a + m * depth, b, width, begin, end);
}

void narae::npu::addProducts(int32_t *sums, const int32_t *a, const int32_t *b,
                             int64_t rows, int64_t depth, int64_t width,
                             int64_t begin, int64_t end) {
  for (int64_t m = 0; m < rows; ++m)
    for (int64_t k = begin; k < end; ++k) {
      uint32_t factor = uint32_t(a[m * depth + k]);
      for (int64_t n = 0; n < width; ++n) {
        int32_t &sum = sums[m * width + n];
        sum = int32_t(uint32_t(sum) + factor * uint32_t(b[k * width + n]));
      }
    }
}
