//===- Product.cpp - What a matmul's kernel computes --------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/Product.h"
#include "backends/cpu/compiler/kernels/Emitters.h"
#include "backends/cpu/compiler/kernels/MicroKernel.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;
using fm::Expr;

/// Rows that nobody has packed, of whole units.
void Product::findRows(int64_t width) {
  Operation *def = rhs.getDefiningOp();
  auto k = fm::constantOf(depth);
  if (!isa_and_nonnull<fm::CastOp, fm::DequantizeOp>(def) ||
      def->getNumOperands() != 1 || !transposeRhs || !k ||
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
  weights = Rows, panels = def->getOperand(0), narrow = element;
  if (format)
    layout = &codegen::BlockPanelLayout::of(*format);
}

/// The way from the rhs to packed weights, as PackNarrow.cpp leaves it.
void Product::findWeights(fm::SymbolicScope &scope, int64_t width) {
  Operation *def = rhs.getDefiningOp();
  if (auto blocks = dyn_cast_or_null<fm::BlockPanelsOp>(def)) {
    auto format = fm::findBlockFormat(blocks.getFormat());
    if (!isa<BlockArgument>(blocks.getInput()) || !transposeRhs || !format ||
        !fm::constantOf(depth))
      return;
    weights = Blocks, panels = blocks.getInput();
    layout = &codegen::BlockPanelLayout::of(*format);
    return;
  }
  findRows(width);
  if (weights == Rows)
    return;
  auto dequantize = dyn_cast_or_null<fm::DequantizeOp>(def);
  if (!dequantize && !isa_and_nonnull<fm::CastOp>(def))
    return;
  auto unpack = def->getOperand(0).getDefiningOp<fm::UnpackPanelsOp>();
  if (!unpack || !isa<BlockArgument>(unpack.getInput()) ||
      unpack.getTransposed() != transposeRhs ||
      fm::constantOf(scope.dims(unpack.getInput()).back()) != width ||
      !fm::constantOf(depth))
    return;
  Type element =
      cast<RankedTensorType>(unpack.getInput().getType()).getElementType();
  if (!element.isF16() && !element.isBF16() && !element.isFloat8E4M3FN())
    return;
  // A panel lies in one block of scales.
  if (dequantize &&
      (!transposeRhs || int64_t(dequantize.getScaleRows()) % width ||
       !isa_and_nonnull<BlockArgument>(dequantize.getScale())))
    return;
  weights = Narrow, panels = unpack.getInput();
  narrow = element, scaled = dequantize;
}

std::optional<Product> Product::of(fm::SymbolicScope &scope, Operation *op,
                                   const codegen::MachineModel &machine) {
  Product p;
  std::optional<Type> acc;
  int64_t width = RegisterTile::of(machine).nr;
  p.op = op;
  if (auto packed = dyn_cast_or_null<fm::PackedMatmulOp>(op)) {
    p.lhs = packed.getLhs(), p.rhs = packed.getRhs();
    p.bias = packed.getBias(), p.transposeLhs = packed.getTransposeLhs();
    p.weights = Panels, acc = packed.getAcc();
  } else if (auto matmul = dyn_cast_or_null<fm::MatmulOp>(op)) {
    p.lhs = matmul.getLhs(), p.rhs = matmul.getRhs();
    p.bias = matmul.getBias(), p.transposeLhs = matmul.getTransposeLhs();
    p.transposeRhs = matmul.getTransposeRhs(), acc = matmul.getAcc();
  } else {
    return std::nullopt;
  }
  p.result = op->getResult(0);
  if (!isF32(p.lhs) || !isF32(p.rhs) || !isF32(p.result) ||
      (p.bias && !isF32(p.bias)) || (acc && !acc->isF32()))
    return std::nullopt;
  ArrayRef<Expr> dims = scope.dims(p.result), lhs = scope.dims(p.lhs);
  ArrayRef<Expr> rhs = scope.dims(p.rhs);
  size_t fixed = p.weights == Panels ? 3 : 2;
  if (dims.size() < 2 || lhs.size() < 2 || rhs.size() < fixed)
    return std::nullopt;
  p.rows = dims[dims.size() - 2], p.cols = dims.back();
  p.depth = lhs[lhs.size() - (p.transposeLhs ? 2 : 1)];
  p.batches = scope.product(dims.drop_back(2));
  bool sharesRhs = llvm::all_of(rhs.drop_back(fixed),
                                [](Expr e) { return fm::constantOf(e) == 1; });
  p.isFlat = sharesRhs && !p.transposeLhs;
  if (p.isFlat) {
    p.rows = scope.mul(p.batches, p.rows);
    p.batches = scope.cst(1);
  }
  if (p.weights == Panels) {
    p.panels = p.rhs;
    if (!isa<BlockArgument>(p.rhs) || fm::constantOf(rhs.back()) != width)
      return std::nullopt;
  } else {
    p.findWeights(scope, width);
  }
  return p;
}
