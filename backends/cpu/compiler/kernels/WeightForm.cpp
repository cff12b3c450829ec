//===- WeightForm.cpp - How weights of a product lie in memory ------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/WeightForm.h"
#include "backends/cpu/compiler/kernels/ByteVectors.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;
using fm::Expr;

/// Rows that nobody has packed, of whole units.
void WeightForm::findRows(Operation *def, Expr depth, int64_t width) {
  auto k = fm::constantOf(depth);
  if (!isa_and_nonnull<fm::CastOp, fm::DequantizeOp>(def) || !k ||
      !isa<BlockArgument>(def->getOperand(0)))
    return;
  Type element =
      cast<RankedTensorType>(def->getOperand(0).getType()).getElementType();
  auto format = fm::blockFormatOf(element);
  if (!format && !element.isF16() && !element.isBF16() &&
      !element.isFloat8E4M3FN())
    return;
  if (*k % (format ? fm::blockInfo(*format).elements : width))
    return;
  auto dequantize = dyn_cast<fm::DequantizeOp>(def);
  if (dequantize && dequantize.getScale()) {
    // A unit has one scale.
    int64_t step = dequantize.getScaleColumns();
    if (step % width && step < *k)
      return;
    scaled = dequantize;
  }
  weights = Rows, panels = def->getOperand(0), narrow = element;
  if (format)
    layout = &codegen::BlockPanelLayout::of(*format);
}

/// The way from the rhs to packed weights, as PackNarrow.cpp leaves it.
void WeightForm::findWeights(fm::SymbolicScope &scope, Value matrices,
                             bool transposed, Expr depth, int64_t width) {
  Operation *def = matrices.getDefiningOp();
  if (auto blocks = dyn_cast_or_null<fm::BlockPanelsOp>(def)) {
    auto format = fm::findBlockFormat(blocks.getFormat());
    if (!isa<BlockArgument>(blocks.getInput()) || !transposed || !format ||
        !fm::constantOf(depth))
      return;
    weights = Blocks, panels = blocks.getInput();
    layout = &codegen::BlockPanelLayout::of(*format);
    return;
  }
  if (transposed)
    findRows(def, depth, width);
  if (weights == Rows)
    return;
  auto dequantize = dyn_cast_or_null<fm::DequantizeOp>(def);
  if (!dequantize && !isa_and_nonnull<fm::CastOp>(def))
    return;
  auto unpack = def->getOperand(0).getDefiningOp<fm::UnpackPanelsOp>();
  if (!unpack || !isa<BlockArgument>(unpack.getInput()) ||
      unpack.getTransposed() != transposed ||
      fm::constantOf(scope.dims(unpack.getInput()).back()) != width ||
      !fm::constantOf(depth))
    return;
  Type element =
      cast<RankedTensorType>(unpack.getInput().getType()).getElementType();
  if (!element.isF16() && !element.isBF16() && !element.isFloat8E4M3FN())
    return;
  if (dequantize && !transposed)
    return;
  weights = Narrow, panels = unpack.getInput();
  narrow = element, scaled = dequantize;
}

bool WeightForm::takesBytes(const codegen::MachineModel &machine) const {
  return layout && !machine.exact &&
         ByteVectors::canDot(machine, layout->maxByte());
}

int64_t WeightForm::depthStep(int64_t width) const {
  if (layout)
    return fm::blockInfo(layout->format).elements;
  return weights == Rows ? width : 1;
}
