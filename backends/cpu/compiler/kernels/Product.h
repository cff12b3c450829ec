//===- Product.h - What a matmul's kernel computes ------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_COMPILER_KERNELS_PRODUCT_H
#define NARAE_BACKENDS_CPU_COMPILER_KERNELS_PRODUCT_H

#include "backends/cpu/compiler/kernels/WeightForm.h"

namespace narae::cpu {

/// fm.matmul or fm.packed_matmul in f32, and its sizes as expressions.
struct Product : WeightForm {
  mlir::Operation *op = nullptr;
  mlir::Value lhs, rhs, bias, result;
  bool transposeLhs = false, transposeRhs = false;
  fm::Expr rows, cols, depth, batches;
  bool isFlat = false; ///< rows of all batches are rows of one product

  /// None for other ops, types and ways to store the rhs.
  static std::optional<Product> of(fm::SymbolicScope &scope,
                                   mlir::Operation *op,
                                   const codegen::MachineModel &machine);
};

} // namespace narae::cpu

#endif // NARAE_BACKENDS_CPU_COMPILER_KERNELS_PRODUCT_H
