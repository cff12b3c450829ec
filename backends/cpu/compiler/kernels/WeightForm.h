//===- WeightForm.h - How weights of a product lie in memory ----*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_COMPILER_KERNELS_WEIGHTFORM_H
#define NARAE_BACKENDS_CPU_COMPILER_KERNELS_WEIGHTFORM_H

#include "lib/codegen/BlockPanels.h"
#include "lib/codegen/KernelEmitter.h"

namespace narae::cpu {

/// The rhs of a product, or the matrices of experts.
struct WeightForm {
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
  fm::DequantizeOp scaled; ///< the op with the scales of floats, or null
  /// Of Blocks, and of Rows of blocks once they are packed.
  const codegen::BlockPanelLayout *layout = nullptr;

  /// Whether products are of bytes, when rows of f32 are in memory.
  bool takesBytes(const codegen::MachineModel &machine) const;
  /// Numbers of a row that stay together in blocks of k.
  int64_t depthStep(int64_t width) const;

  /// Finds out about matrices whose rows (columns unless `transposed`) have
  /// `depth` numbers; Plain where nothing else fits. `width`: columns of a
  /// panel of floats.
  void findWeights(fm::SymbolicScope &scope, mlir::Value matrices,
                   bool transposed, fm::Expr depth, int64_t width);

private:
  void findRows(mlir::Operation *def, fm::Expr depth, int64_t width);
};

} // namespace narae::cpu

#endif // NARAE_BACKENDS_CPU_COMPILER_KERNELS_WEIGHTFORM_H
