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
    p.findWeights(scope, p.rhs, p.transposeRhs, p.depth, width);
  }
  return p;
}
