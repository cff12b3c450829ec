//===- MatmulBody.cpp - The code of a matmul's kernel ---------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/MatmulBody.h"
#include "backends/cpu/compiler/kernels/Packing.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;
using codegen::Indices;
using fm::Expr;

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
  if (p.weights != Product::Plain && p.weights != Product::Panels) {
    widen(block, k0, kc, room);
    return room;
  }
  if (p.weights == Product::Panels) {
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

void MatmulBody::finish(const GemmBlock &block, Value tile,
                        const GemmPlan &tilePlan) {
  TileStore store;
  store.anchor = p.result;
  store.row = [&](Value row) { return rowIndices(block.batch, row); };
  if (p.bias)
    store.change = [&](Value element, ValueRange indices) -> Value {
      Value bias = k.broadcastElement(p.bias, dims, indices);
      return bias ? k.b.create<arith::AddFOp>(k.loc, element, bias) : element;
    };
  storeTile(k, tilePlan, block, tile, store);
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
      finish(block, tile, plan);
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
void MatmulBody::emit() {
  auto products = [&] { emitGemm(k, v.machine, plan, gemm()); };
  auto streams = [&] {
    WeightPanels panels = weights();
    emitStream(k, v.machine, stream(panels));
  };
  if (whole.bytes || (whole.stream && whole.isFew))
    return streams();
  if (!whole.stream)
    return products();
  Value isMany = k.lessI(k.index(kStreamedRows), k.expr(p.rows));
  k.ifElse(
      isMany, {},
      [&] {
        products();
        return SmallVector<Value>();
      },
      [&] {
        streams();
        return SmallVector<Value>();
      });
}
