//===- Products.h - Sums of products -------------------------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The array's sums of products, in the order that the instruction set defines.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_SIMULATOR_PRODUCTS_H
#define NARAE_BACKENDS_NPU_SIMULATOR_PRODUCTS_H

#include <cstdint>

namespace narae::npu {

/// sums[m,n] := fma(a[m,k], b[k,n], sums[m,n]) for k from `begin` to `end`,
/// ascending; a is rows x depth, b depth x width, row-major.
void addProducts(float *sums, const float *a, const float *b, int64_t rows,
                 int64_t depth, int64_t width, int64_t begin, int64_t end);
/// The same among integers modulo 2^32.
void addProducts(int32_t *sums, const int32_t *a, const int32_t *b,
                 int64_t rows, int64_t depth, int64_t width, int64_t begin,
                 int64_t end);

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_SIMULATOR_PRODUCTS_H
