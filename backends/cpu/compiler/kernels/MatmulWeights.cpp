//===- MatmulWeights.cpp - Weights in fewer bits ----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Panels of f32 from weights in narrow floats and blocks, for products of many
// rows; and products that need no panels.
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/MatmulBody.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;
using fm::Expr;

/// The matrix of weights that a batch multiplies, for WeightPanels.
GemmBlock MatmulBody::matrixOf(const GemmBlock &block) {
  GemmBlock at = block;
  size_t fixed = p.weights == Product::Rows ? 2 : 3;
  ArrayRef<Expr> own = k.dims(p.panels).drop_back(fixed);
  at.batch = k.index(0);
  if (p.isFlat || own.empty())
    return at;
  ArrayRef<Expr> batches = ArrayRef(dims).drop_back(2);
  at.batch = k.linear(
      own, broadcastIndices(k, own, batches, k.delinear(batches, block.batch)));
  return at;
}

WeightPanels MatmulBody::weights() {
  return WeightPanels(k, v, p, p.cols, *fm::constantOf(p.depth));
}

/// The panel of f32 of weights in fewer bits.
void MatmulBody::widen(const GemmBlock &block, Value k0, Value kc, Value room) {
  Value end = k.expr(plan.scratch(k.scope, p.depth));
  Value spare = k.scratchAt(k.mulI(k.ceilDivI(end, k.index(64)), k.index(64)));
  weights().widen(plan, matrixOf(block), k0, kc, room, spare);
}

Value MatmulBody::lhsRows(const GemmBlock &block) {
  Value offset = k.mulI(block.row, k.expr(p.depth));
  return v.at(k.pointerOf(p.lhs),
              k.addI(offset, batchOffset(p.lhs, 2, block.batch)));
}

Stream MatmulBody::stream(WeightPanels &panels) {
  Stream s;
  s.batches = k.expr(p.batches), s.rows = k.expr(p.rows);
  s.cols = k.expr(p.cols), s.width = whole.width, s.maxRows = whole.rows;
  int64_t most = whole.bytes ? (v.lanes >= 16 ? 8 : 4) : kStreamedRows;
  s.heights = streamHeights(whole.staticRows, most);
  Value rowsAt = k.scratchAt(k.index(whole.streamTileBytes()));
  auto matrix = [this](const GemmBlock &block) { return matrixOf(block); };
  if (whole.bytes) {
    auto quantize = [this](const QuantizedRows &rows, const GemmBlock &block,
                           Value to) {
      rows.quantize(k, v, lhsRows(block), k.expr(p.depth), block.rows, to);
    };
    panels.streamBytes(s, rowsAt, whole.rows, quantize, matrix);
  } else {
    s.product = [this, &panels, matrix, rowsAt](const GemmBlock &block,
                                                Value row, int64_t height) {
      Value x = v.at(lhsRows(block), k.mulI(row, k.expr(p.depth)));
      return panels.product(matrix(block), x, height, rowsAt);
    };
  }
  if (whole.isDirect) {
    Gemm g = gemm();
    s.output = g.output, s.ldc = g.ldc;
    return s;
  }
  s.tile = k.scratchAt(k.index(0));
  s.finish = [this](const GemmBlock &block, Value tile) {
    GemmPlan narrow = plan;
    narrow.tile.nr = whole.width;
    finish(block, tile, narrow);
  };
  return s;
}
