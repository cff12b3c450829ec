//===- MatmulEmitter.cpp - Matrix products in f32 -------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// fm.packed_matmul streams panels that are in memory. fm.matmul packs panels
// itself, one at a time, which costs little when a block has many rows. When
// the rhs has no batch, rows of all batches are rows of one product.
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/Emitters.h"
#include "backends/cpu/compiler/kernels/Gemm.h"
#include "backends/cpu/compiler/kernels/Packing.h"
#include "dialects/rt/KernelScope.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;
using codegen::Indices;
using fm::Expr;

namespace {

/// Both ops, and the product's sizes as expressions.
struct Product {
  Operation *op = nullptr;
  Value lhs, rhs, bias, result;
  bool transposeLhs = false, transposeRhs = false, isPacked = false;
  Expr rows, cols, depth, batches;
  bool isFlat = false; ///< rows of all batches are rows of one product

  static std::optional<Product> of(fm::SymbolicScope &scope, Operation *op);
};

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

GemmPlan planOf(rt::KernelOp kernel, fm::SymbolicScope &scope, const Product &p,
                const MachineModel &machine) {
  GemmPlan plan = GemmPlan::make(machine, p.rows, p.depth);
  plan.packsB = !p.isPacked;
  plan.hasTile = !isDirect(kernel, scope, p);
  return plan;
}

} // namespace

std::optional<Product> Product::of(fm::SymbolicScope &scope, Operation *op) {
  Product p;
  std::optional<Type> acc;
  p.op = op;
  if (auto packed = dyn_cast_or_null<fm::PackedMatmulOp>(op)) {
    p.lhs = packed.getLhs(), p.rhs = packed.getRhs();
    p.bias = packed.getBias(), p.transposeLhs = packed.getTransposeLhs();
    p.isPacked = true, acc = packed.getAcc();
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
  size_t fixed = p.isPacked ? 3 : 2;
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
  return p;
}

namespace {

class MatmulEmitter final : public codegen::KernelEmitter {
public:
  StringRef name() const override { return "matmul"; }

  bool matches(rt::KernelOp kernel, const MachineModel &machine) override {
    fm::SymbolicScope scope = rt::scopeOf(kernel);
    auto p = Product::of(scope, codegen::anchorOf(kernel));
    if (!p || !yieldsFollow(kernel, scope, p->result))
      return false;
    if (!p->isPacked)
      return !isTiny(scope, *p);
    return isa<BlockArgument>(p->rhs) &&
           fm::constantOf(scope.dims(p->rhs).back()) ==
               RegisterTile::of(machine).nr;
  }

  DictionaryAttr configure(rt::KernelOp kernel, const MachineModel &machine,
                           Expr &scratch) override {
    fm::SymbolicScope scope = rt::scopeOf(kernel);
    Product p = *Product::of(scope, codegen::anchorOf(kernel));
    GemmPlan plan = planOf(kernel, scope, p, machine);
    scratch = plan.scratch(scope, p.depth);
    Builder b(kernel.getContext());
    return b.getDictionaryAttr(
        {b.getNamedAttr("mc", b.getI64IntegerAttr(plan.mc)),
         b.getNamedAttr("kc", b.getI64IntegerAttr(plan.kc)),
         b.getNamedAttr("tile",
                        b.getDenseI64ArrayAttr({plan.tile.mr, plan.tile.nr}))});
  }

  LogicalResult emit(KernelContext &k, const MachineModel &machine) override;

private:
  /// Packing would cost more than it saves.
  static bool isTiny(fm::SymbolicScope &scope, const Product &p) {
    auto work = fm::constantOf(scope.mul(scope.mul(p.rows, p.cols), p.depth));
    return work && *work < 512;
  }
};

/// Emission, with the values that all steps share.
class MatmulBody {
public:
  MatmulBody(KernelContext &k, const MachineModel &machine, const Product &p)
      : k(k), v(k.b, k.loc, machine), p(p),
        plan(planOf(k.kernel, k.scope, p, machine)),
        dims(k.dims(p.result).begin(), k.dims(p.result).end()) {}

  Gemm gemm();
  const GemmPlan &getPlan() const { return plan; }

private:
  Indices rowIndices(Value batch, Value row);
  Value batchOffset(Value tensor, unsigned fixed, Value batch);
  void packA(const GemmBlock &block, Value k0, Value kc, Value to);
  Value panelB(const GemmBlock &block, Value k0, Value kc, Value room);
  void finish(const GemmBlock &block, Value tile);
  Indices operandIndices(Value tensor, ValueRange resultIndices, Value row,
                         Value col);

  KernelContext &k;
  VectorBuilder v;
  const Product &p;
  GemmPlan plan;
  fm::Exprs dims;
};

} // namespace

/// Indices of the result but the last, of a row of the product.
Indices MatmulBody::rowIndices(Value batch, Value row) {
  if (p.isFlat)
    return k.delinear(ArrayRef(dims).drop_back(), row);
  Indices indices = k.delinear(ArrayRef(dims).drop_back(2), batch);
  indices.push_back(row);
  return indices;
}

/// Where an operand's matrices of a batch start; `fixed` dimensions follow
/// its batch dimensions.
Value MatmulBody::batchOffset(Value tensor, unsigned fixed, Value batch) {
  ArrayRef<Expr> own = k.dims(tensor);
  if (p.isFlat || own.size() == fixed)
    return k.index(0);
  Indices at =
      broadcastIndices(k, own.drop_back(fixed), ArrayRef(dims).drop_back(2),
                       k.delinear(ArrayRef(dims).drop_back(2), batch));
  return k.mulI(k.linear(own.drop_back(fixed), at),
                k.expr(k.scope.product(own.take_back(fixed))));
}

/// Indices of an operand's element (row, col) in the matrix of a batch.
Indices MatmulBody::operandIndices(Value tensor, ValueRange resultIndices,
                                   Value row, Value col) {
  ArrayRef<Expr> own = k.dims(tensor);
  Indices at =
      broadcastIndices(k, own.drop_back(2), ArrayRef(dims).drop_back(2),
                       resultIndices.take_front(dims.size() - 2));
  at.append({row, col});
  return at;
}

void MatmulBody::packA(const GemmBlock &block, Value k0, Value kc, Value to) {
  Value lda = k.index(plan.lda), depth = k.expr(p.depth);
  if (Value pointer = k.pointerOf(p.lhs)) {
    Value offset = batchOffset(p.lhs, 2, block.batch);
    if (!p.transposeLhs) {
      offset = k.addI(offset, k.addI(k.mulI(block.row, depth), k0));
      return packRows(k, v, v.at(pointer, offset), depth, block.rows, kc, to,
                      lda);
    }
    Value rows = k.expr(p.rows);
    offset = k.addI(offset, k.addI(k.mulI(k0, rows), block.row));
    return packTransposed(k, v, v.at(pointer, offset), rows, kc, block.rows, to,
                          lda);
  }
  packElements(
      k,
      [&](Value r, Value c) {
        Indices row = rowIndices(block.batch, k.addI(block.row, r));
        Value m = row.back(), kk = k.addI(k0, c);
        return k.element(p.lhs, p.transposeLhs
                                    ? operandIndices(p.lhs, row, kk, m)
                                    : operandIndices(p.lhs, row, m, kk));
      },
      block.rows, kc, to, lda);
}

Value MatmulBody::panelB(const GemmBlock &block, Value k0, Value kc,
                         Value room) {
  Value nr = k.index(plan.tile.nr), depth = k.expr(p.depth);
  Value pointer = k.pointerOf(p.rhs);
  if (p.isPacked) {
    // Columns begin at a panel: panel * depth * nr is col * depth.
    Value offset = k.addI(k.mulI(block.col, depth), k.mulI(k0, nr));
    return v.at(pointer, k.addI(batchOffset(p.rhs, 3, block.batch), offset));
  }
  if (pointer && p.transposeRhs) {
    Value offset = k.addI(k.mulI(block.col, depth), k0);
    offset = k.addI(offset, batchOffset(p.rhs, 2, block.batch));
    packTransposed(k, v, v.at(pointer, offset), depth, block.cols, kc, room,
                   nr);
  } else if (pointer) {
    Value cols = k.expr(p.cols);
    Value offset = k.addI(k.mulI(k0, cols), block.col);
    offset = k.addI(offset, batchOffset(p.rhs, 2, block.batch));
    packRows(k, v, v.at(pointer, offset), cols, kc, block.cols, room, nr);
  } else {
    Indices batch = rowIndices(block.batch, block.row);
    packElements(
        k,
        [&](Value r, Value c) {
          Value kk = k.addI(k0, r), n = k.addI(block.col, c);
          return k.element(p.rhs, p.transposeRhs
                                      ? operandIndices(p.rhs, batch, n, kk)
                                      : operandIndices(p.rhs, batch, kk, n));
        },
        kc, block.cols, room, nr);
  }
  return room;
}

void MatmulBody::finish(const GemmBlock &block, Value tile) {
  TileStore store;
  store.anchor = p.result;
  store.row = [&](Value row) { return rowIndices(block.batch, row); };
  store.at = [](Indices row, Value col) {
    row.push_back(col);
    return row;
  };
  if (p.bias)
    store.change = [&](Value element, ValueRange indices) -> Value {
      Value bias = k.broadcastElement(p.bias, dims, indices);
      return bias ? k.b.create<arith::AddFOp>(k.loc, element, bias) : element;
    };
  storeTile(k, plan, block, tile, store);
}

Gemm MatmulBody::gemm() {
  Gemm g;
  g.batches = k.expr(p.batches), g.rows = k.expr(p.rows);
  g.cols = k.expr(p.cols), g.depth = k.expr(p.depth);
  g.packA = [this](const GemmBlock &block, Value k0, Value kc, Value to) {
    packA(block, k0, kc, to);
  };
  g.panelB = [this](const GemmBlock &block, Value k0, Value kc, Value room) {
    return panelB(block, k0, kc, room);
  };
  if (plan.hasTile) {
    g.finish = [this](const GemmBlock &block, Value tile) {
      finish(block, tile);
    };
    return g;
  }
  g.ldc = g.cols;
  g.output = [this](const GemmBlock &block) {
    Value row = k.addI(k.mulI(block.batch, k.expr(p.rows)), block.row);
    return v.at(k.args.outputs[0],
                k.addI(k.mulI(row, k.expr(p.cols)), block.col));
  };
  if (p.bias) {
    g.start = Start::ColumnBias;
    g.bias = [this](const GemmBlock &block) {
      return v.at(k.pointerOf(p.bias), block.col);
    };
  }
  return g;
}

LogicalResult MatmulEmitter::emit(KernelContext &k,
                                  const MachineModel &machine) {
  Product p = *Product::of(k.scope, codegen::anchorOf(k.kernel));
  MatmulBody body(k, machine, p);
  emitGemm(k, machine, body.getPlan(), body.gemm());
  return success();
}

std::unique_ptr<codegen::KernelEmitter> cpu::createMatmulEmitter() {
  return std::make_unique<MatmulEmitter>();
}
