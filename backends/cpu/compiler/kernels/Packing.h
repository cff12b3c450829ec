//===- Packing.h - Operands in the micro-kernel's order ---------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Copies of pieces of f32 matrices into scratch memory. Sizes and strides are
// indices and count floats. Where the source is not in memory, `ElementAt`
// computes its elements.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_COMPILER_KERNELS_PACKING_H
#define NARAE_BACKENDS_CPU_COMPILER_KERNELS_PACKING_H

#include "backends/cpu/compiler/kernels/VectorBuilder.h"

namespace narae::cpu {

using ElementAt = std::function<Value(Value row, Value col)>;

/// to[r * ldTo + c] = from[r * ldFrom + c] for r < rows, c < cols. With masks
/// up to lanes - 1 floats behind each row become 0.
void packRows(KernelContext &k, VectorBuilder &v, Value from, Value ldFrom,
              Value rows, Value cols, Value to, Value ldTo);

/// to[c * ldTo + r] = from[r * ldFrom + c]. Of each row of `to`, up to the
/// next multiple of lanes in r may be overwritten.
void packTransposed(KernelContext &k, VectorBuilder &v, Value from,
                    Value ldFrom, Value rows, Value cols, Value to, Value ldTo);

/// to[r * ldTo + c] = element(r, c). `to` is a pointer of k.scratchAt.
void packElements(KernelContext &k, const ElementAt &element, Value rows,
                  Value cols, Value to, Value ldTo);

} // namespace narae::cpu

#endif // NARAE_BACKENDS_CPU_COMPILER_KERNELS_PACKING_H
