//===- MatmulEmitter.cpp - Matrix products in f32 -------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// fm.packed_matmul streams panels that are in memory. fm.matmul packs panels
// itself, one at a time, which costs little when a block has many rows; panels
// of narrow floats and of quantised blocks it widens in the same way. For few
// rows narrow panels are widened in registers instead (Stream.h), and quantised
// ones are multiplied as bytes, for any number of rows, unless results must be
// exact. When the rhs has no batch, rows of all batches are rows of one
// product.
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/Emitters.h"
#include "backends/cpu/compiler/kernels/MatmulBody.h"
#include "dialects/rt/KernelScope.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;
using fm::Expr;

namespace {

/// A bias that is a row of memory, the same for all rows.
bool isColumnBias(fm::SymbolicScope &scope, const Product &p) {
  ArrayRef<Expr> dims = scope.dims(p.bias);
  return isa<BlockArgument>(p.bias) && isF32(p.bias) && !dims.empty() &&
         dims.back() == p.cols && llvm::all_of(dims.drop_back(), [](Expr e) {
           return fm::constantOf(e) == 1;
         });
}

/// Whether the micro-kernel writes the kernel's only result itself.
bool isDirect(rt::KernelOp kernel, fm::SymbolicScope &scope, const Product &p) {
  return kernel.yield()->getNumOperands() == 1 &&
         kernel.yield()->getOperand(0) == p.result &&
         (!p.bias || isColumnBias(scope, p));
}

/// Rows of a block of quantised activations.
constexpr int64_t kQuantizedRows = 128;
} // namespace

MatmulPlan cpu::planMatmul(rt::KernelOp kernel, fm::SymbolicScope &scope,
                           const Product &p, const MachineModel &machine) {
  MatmulPlan plan;
  // Blocks of k are whole blocks of weights.
  int64_t step = p.depthStep(RegisterTile::of(machine).nr);
  plan.gemm = GemmPlan::make(machine, p.rows, p.depth, step,
                             p.weights != Product::Panels);
  plan.isDirect = isDirect(kernel, scope, p);
  plan.gemm.hasTile = !plan.isDirect;
  bool reads = isa<BlockArgument>(p.lhs) && !p.transposeLhs;
  plan.bytes = reads && p.takesBytes(machine);
  plan.stream = (p.weights == Product::Narrow || p.weights == Product::Rows) &&
                reads && !plan.bytes;
  auto rows = fm::constantOf(p.rows);
  plan.staticRows = rows.value_or(0);
  plan.isFew = rows && *rows <= kStreamedRows;
  if (rows && !plan.isFew)
    plan.stream = false;
  if (plan.bytes || plan.stream) {
    plan.width = WeightPanels::streamWidth(p, machine);
    plan.rows = plan.bytes ? kQuantizedRows : kStreamedRows;
    if (rows)
      plan.rows = std::clamp<int64_t>(*rows, 1, plan.rows);
    // Whole panels are stored as vectors.
    auto cols = fm::constantOf(p.cols);
    if (p.bias || !cols || *cols % plan.width)
      plan.isDirect = false;
    plan.gemm.hasTile |= !plan.isDirect;
  }
  return plan;
}

Expr cpu::matmulScratch(fm::SymbolicScope &scope, const Product &p,
                        const MatmulPlan &plan) {
  if (plan.bytes) {
    int64_t depth = *fm::constantOf(p.depth);
    return scope.cst(plan.streamTileBytes() +
                     WeightPanels::bytesScratch(p, depth, plan.rows) + 64);
  }
  // Sums of the rows of a panel of rows are collected behind the tile.
  if (plan.stream && plan.isFew)
    return scope.cst(plan.streamTileBytes() + plan.rows * plan.width * 4);
  Expr scratch = plan.gemm.scratch(scope, p.depth);
  if (int64_t spare = WeightPanels::spareBytes(p, plan.gemm))
    scratch = scope.add(scratch, scope.cst(spare));
  return scratch;
}

namespace {

class MatmulEmitter final : public codegen::KernelEmitter {
public:
  StringRef name() const override { return "matmul"; }
  bool writesElementsOnce() const override { return true; }

  bool matches(rt::KernelOp kernel, const MachineModel &machine) override {
    fm::SymbolicScope scope = rt::scopeOf(kernel);
    auto p = Product::of(scope, codegen::anchorOf(kernel), machine);
    if (!p || !yieldsFollow(kernel, scope, p->result))
      return false;
    return p->weights != Product::Plain || !isTiny(scope, *p);
  }

  DictionaryAttr configure(rt::KernelOp kernel, const MachineModel &machine,
                           Expr &scratch) override {
    fm::SymbolicScope scope = rt::scopeOf(kernel);
    Product p = *Product::of(scope, codegen::anchorOf(kernel), machine);
    MatmulPlan plan = planMatmul(kernel, scope, p, machine);
    scratch = matmulScratch(scope, p, plan);
    Builder b(kernel.getContext());
    const auto *way = plan.bytes ? "bytes" : plan.stream ? "stream" : "panels";
    NamedAttrList config;
    config.set("mc", b.getI64IntegerAttr(plan.gemm.mc));
    config.set("kc", b.getI64IntegerAttr(plan.gemm.kc));
    config.set("tile",
               b.getDenseI64ArrayAttr({plan.gemm.tile.mr, plan.gemm.tile.nr}));
    config.set("way", b.getStringAttr(way));
    if (plan.bytes) // what the driver reports the loss of
      config.set("activations", b.getStringAttr("int8"));
    return config.getDictionary(kernel.getContext());
  }

  LogicalResult emit(KernelContext &k, const MachineModel &machine) override;

private:
  /// Packing would cost more than it saves.
  static bool isTiny(fm::SymbolicScope &scope, const Product &p) {
    auto work = fm::constantOf(scope.mul(scope.mul(p.rows, p.cols), p.depth));
    return work && *work < 512;
  }
};

} // namespace

LogicalResult MatmulEmitter::emit(KernelContext &k,
                                  const MachineModel &machine) {
  Product p = *Product::of(k.scope, codegen::anchorOf(k.kernel), machine);
  MatmulBody(k, machine, p).emit();
  return success();
}

std::unique_ptr<codegen::KernelEmitter> cpu::createMatmulEmitter() {
  return std::make_unique<MatmulEmitter>();
}
