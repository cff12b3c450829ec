//===- Product.h - What a matmul's kernel computes ------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_COMPILER_KERNELS_PRODUCT_H
#define NARAE_BACKENDS_CPU_COMPILER_KERNELS_PRODUCT_H

#include "lib/codegen/BlockPanels.h"
#include "lib/codegen/KernelEmitter.h"

namespace narae::cpu {

/// fm.matmul or fm.packed_matmul in f32, and its sizes as expressions.
struct Product {
  mlir::Operation *op = nullptr;
  mlir::Value lhs, rhs, bias, result;
  bool transposeLhs = false, transposeRhs = false;
  fm::Expr rows, cols, depth, batches;
  bool isFlat = false; ///< rows of all batches are rows of one product

  /// How the rhs lies in memory.
  enum Weights {
    Plain,  ///< as the op says, or computed
    Panels, ///< f32 panels
    Narrow, ///< panels of a narrower float
    Blocks, ///< panel blocks
    Rows    ///< rows [.., cols, depth] as a checkpoint has them (RowWeights.h)
  };
  Weights weights = Plain;
  mlir::Value panels;      ///< the argument with the panels or rows
  mlir::Type narrow;       ///< element type of Narrow and Rows
  fm::DequantizeOp scaled; ///< the op with the scales of Narrow, or null
  /// Of Blocks, and of Rows of blocks once they are packed.
  const codegen::BlockPanelLayout *layout = nullptr;

  /// None for other ops, types and ways to store the rhs.
  static std::optional<Product> of(fm::SymbolicScope &scope,
                                   mlir::Operation *op,
                                   const codegen::MachineModel &machine);

private:
  void findRows(int64_t width);
  void findWeights(fm::SymbolicScope &scope, int64_t width);
};

} // namespace narae::cpu

#endif // NARAE_BACKENDS_CPU_COMPILER_KERNELS_PRODUCT_H
