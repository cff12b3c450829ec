//===- Matmul.h - The tensor engine's products ----------------- -*- C++
//-*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_COMPILER_OPS_MATMUL_H
#define NARAE_BACKENDS_NPU_COMPILER_OPS_MATMUL_H

#include "backends/npu/compiler/ops/Helpers.h"

namespace narae::npu {

/// What is behind casts from f16 and bf16 to f32: products take it as it is.
mlir::Value stripWidening(mlir::Value value);

/// The type in which the array multiplies two element types: the narrower one.
/// None with the reason and a way out where it cannot.
std::optional<ElementType> productType(mlir::Type a, mlir::Type b,
                                       const TensorUnit &unit,
                                       std::string &problem);

/// acc := a * b, or += in all rounds but the first.
void emitProduct(StreamWriter &out, const Window &acc, const Window &a,
                 const Window &b, std::optional<Scalar> round);

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_COMPILER_OPS_MATMUL_H
