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
#include "backends/cpu/compiler/kernels/PackRows.h"
#include "backends/cpu/compiler/kernels/Packing.h"
#include "backends/cpu/compiler/kernels/PanelBlock.h"
#include "backends/cpu/compiler/kernels/RowWeights.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;
using codegen::Indices;
using fm::Expr;

/// Panels of 16 rows, decoded into one panel of f32.
void MatmulBody::widenBlocks(const GemmBlock &block, Value k0, Value kc,
                             Value room) {
  ByteVectors bytes(v);
  PanelBlock decoder(bytes, *p.layout);
  int64_t nr = plan.tile.nr, groups = p.layout->groups();
  constexpr int64_t rows = BlockPanelLayout::rows;
  Value elements = k.index(32 * groups), one = k.index(1);
  ArrayRef<Expr> own = k.dims(p.panels);
  Value blocks = k.expr(own[own.size() - 2]);
  Value panels = k.divI(k.addI(block.cols, k.index(rows - 1)), k.index(rows));
  Value pointer = k.pointerOf(p.panels);
  Value base = batchOffset(p.panels, 3, block.batch);
  Value first = k.divI(block.col, k.index(rows));
  Value firstBlock = k.divI(k0, elements), count = k.divI(kc, elements);
  k.forLoop(k.index(0), panels, one, [&](Value panel) {
    Value at = k.addI(k.mulI(k.addI(first, panel), blocks), firstBlock);
    Value from =
        bytes.at(pointer, k.addI(base, k.mulI(at, k.index(p.layout->bytes()))));
    Value to = v.at(room, k.mulI(panel, k.index(rows)));
    k.forLoop(k.index(0), count, one, [&](Value kb) {
      Value here = bytes.at(from, k.mulI(kb, k.index(p.layout->bytes())));
      SmallVector<GroupScales, 2> scales;
      for (unsigned part = 0; part < decoder.parts(); ++part)
        scales.push_back(decoder.blockScales(here, part));
      k.forLoop(k.index(0), k.index(groups), one, [&](Value g) {
        Value row = k.addI(k.mulI(kb, elements), k.mulI(g, k.index(32)));
        decodeGroup(decoder, scales,
                    bytes.at(here, k.mulI(g, k.index(p.layout->groupBytes()))),
                    v.at(to, k.mulI(row, k.index(nr))), nr, v.machine.exact);
      });
    });
  });
}

void MatmulBody::widenNarrow(const GemmBlock &block, Value k0, Value kc,
                             Value room) {
  ByteVectors bytes(v);
  int64_t nr = plan.tile.nr, size = p.narrow.getIntOrFloatBitWidth() / 8;
  Value depth = k.expr(p.depth);
  Value first = k.addI(k.mulI(block.col, depth), k.mulI(k0, k.index(nr)));
  first = k.addI(first, batchOffset(p.panels, 3, block.batch));
  Value from = bytes.at(k.pointerOf(p.panels), k.mulI(first, k.index(size)));
  k.forLoop(k.index(0), kc, k.index(1), [&](Value row) {
    Value scale;
    if (p.scaled) {
      fm::DequantizeOp op = p.scaled;
      ArrayRef<Expr> own = k.dims(op.getScale());
      Value line = k.divI(block.col, k.index(int64_t(op.getScaleRows())));
      Value column =
          k.divI(k.addI(k0, row), k.index(int64_t(op.getScaleColumns())));
      Value at = k.addI(k.mulI(line, k.expr(own.back())), column);
      at = k.addI(at, batchOffset(op.getScale(), 2, block.batch));
      scale = v.broadcast(v.loadScalar(v.at(k.pointerOf(op.getScale()), at)));
    }
    Value start = k.mulI(row, k.index(nr));
    Value source = bytes.at(from, k.mulI(start, k.index(size)));
    Value target = v.at(room, start);
    for (int64_t j = 0; j < nr; j += v.lanes) {
      Value x = bytes.loadWide(p.narrow, bytes.at(source, j * size));
      v.store(scale ? v.mul(x, scale) : x, v.at(target, j));
    }
  });
}

/// Where a row of the weights starts; rows behind the last are the last.
Value MatmulBody::weightRow(const GemmBlock &block, Value row) {
  ByteVectors bytes(v);
  auto [elements, size] = fm::storageUnit(p.narrow);
  int64_t rowBytes = *fm::constantOf(p.depth) / elements * size;
  Value rows = k.expr(p.cols), last = k.subI(rows, k.index(1));
  Value n = k.minI(k.addI(block.col, row), last);
  if (!p.isFlat && k.dims(p.panels).size() > 2) {
    // Rows of all matrices follow each other.
    ArrayRef<Expr> own = k.dims(p.panels);
    Indices at =
        broadcastIndices(k, own.drop_back(2), ArrayRef(dims).drop_back(2),
                         k.delinear(ArrayRef(dims).drop_back(2), block.batch));
    n = k.addI(n, k.mulI(k.linear(own.drop_back(2), at), rows));
  }
  return bytes.at(k.pointerOf(p.panels), k.mulI(n, k.index(rowBytes)));
}

/// Rows are widened one after the other, and then become columns.
void MatmulBody::widenRows(const GemmBlock &block, Value k0, Value kc,
                           Value room) {
  ByteVectors bytes(v);
  RowWeights weights(k, v, p.narrow);
  Value unit = k.index(weights.elements()), ld = k.index(plan.kc);
  Value end = k.expr(plan.scratch(k.scope, p.depth));
  Value rows = k.scratchAt(k.mulI(k.ceilDivI(end, k.index(64)), k.index(64)));
  Value first = k.divI(k0, unit), count = k.divI(kc, unit);
  k.forLoop(k.index(0), block.cols, k.index(1), [&](Value row) {
    Value from = weightRow(block, row), to = v.at(rows, k.mulI(row, ld));
    k.forLoop(k.index(0), count, k.index(1), [&](Value i) {
      Value source =
          bytes.at(from, k.mulI(k.addI(first, i), k.index(weights.bytes())));
      Value target = v.at(to, k.mulI(i, unit));
      weights.chunks(source, [&](const RowWeights::Chunk &chunk) {
        v.store(weights.number(chunk), v.at(target, chunk.k));
      });
    });
  });
  packTransposed(k, v, rows, ld, block.cols, kc, room, k.index(plan.tile.nr));
}

/// A panel of rows of quantised blocks, to `to`.
void MatmulBody::packPanel(const GemmBlock &block, Value to) {
  int64_t elements = fm::blockInfo(p.layout->format).elements;
  int64_t blocks = *fm::constantOf(p.depth) / elements;
  int64_t rowBytes = blocks * fm::blockInfo(p.layout->format).bytes;
  auto cols = fm::constantOf(p.cols);
  bool isWhole = cols && *cols % BlockPanelLayout::rows == 0;
  Value last = k.subI(block.cols, k.index(1));
  SmallVector<Value> rows;
  for (int64_t r = 0; r < BlockPanelLayout::rows; ++r) {
    Value row = k.index(isWhole ? r * rowBytes : r);
    rows.push_back(isWhole ? row
                           : k.mulI(k.minI(row, last), k.index(rowBytes)));
  }
  RowPacker packer(k, v, *p.layout);
  packer.panel(weightRow(block, k.index(0)), rows, k.index(blocks), to);
}

Value MatmulBody::lhsRows(const GemmBlock &block) {
  Value offset = k.mulI(block.row, k.expr(p.depth));
  return v.at(k.pointerOf(p.lhs),
              k.addI(offset, batchOffset(p.lhs, 2, block.batch)));
}

Stream MatmulBody::stream() {
  Stream s;
  s.batches = k.expr(p.batches), s.rows = k.expr(p.rows);
  s.cols = k.expr(p.cols), s.width = whole.width, s.maxRows = whole.rows;
  int64_t most = whole.bytes ? (v.lanes >= 16 ? 8 : 4) : kStreamedRows;
  s.heights = streamHeights(whole.staticRows, most);
  int64_t depth = *fm::constantOf(p.depth);
  Value rowsAt = k.scratchAt(k.index(whole.streamTileBytes()));
  auto panelAt = [this](const GemmBlock &block, int64_t bytes) {
    // Panels of a batch, the one of this column, in bytes.
    ByteVectors b8(v);
    Value number = k.divI(block.col, k.index(whole.width));
    Value at = k.mulI(number, k.index(bytes));
    Value batch = batchOffset(p.panels, 3, block.batch);
    int64_t size = p.layout ? 1 : p.narrow.getIntOrFloatBitWidth() / 8;
    return b8.at(k.pointerOf(p.panels),
                 k.addI(at, k.mulI(batch, k.index(size))));
  };
  if (whole.bytes) {
    QuantizedRows rows(*p.layout, depth);
    Value packed;
    if (p.weights == Product::Rows) {
      rows.asksAhead = false;
      packed = ByteVectors(v).at(rowsAt, whole.rows * rows.rowBytes());
      s.panel = [=](const GemmBlock &block) { packPanel(block, packed); };
    }
    s.prepare = [=](const GemmBlock &block) {
      rows.quantize(k, v, lhsRows(block), k.expr(p.depth), block.rows, rowsAt);
    };
    s.product = [=](const GemmBlock &block, Value row, int64_t height) {
      ByteVectors b8(v);
      Value from = b8.at(rowsAt, k.mulI(row, k.index(rows.rowBytes())));
      Value panel = packed ? packed : panelAt(block, rows.panelBytes());
      return rows.product(k, v, panel, from, height);
    };
  } else if (p.weights == Product::Rows) {
    s.product = [=](const GemmBlock &block, Value row, int64_t height) {
      Value x = v.at(lhsRows(block), k.mulI(row, k.expr(p.depth)));
      RowWeights weights(k, v, p.narrow);
      // Large blocks fill the registers alone.
      int64_t together = weights.elements() > 32 ? 1 : height > 2 ? 2 : 4;
      k.forLoop(k.index(0), k.index(whole.width), k.index(together),
                [&](Value j) {
                  SmallVector<Value> rows;
                  for (int64_t i = 0; i < together; ++i)
                    rows.push_back(weightRow(block, k.addI(j, k.index(i))));
                  auto sums =
                      rowProduct(k, v, weights, rows, depth, x, depth, height);
                  for (auto [i, sum] : llvm::enumerate(sums)) {
                    int64_t line = i / together * whole.width + i % together;
                    v.storeScalar(sum, v.at(v.at(rowsAt, j), line));
                  }
                });
      SmallVector<Value> vectors;
      for (int64_t i = 0; i < height * whole.width; i += v.lanes)
        vectors.push_back(v.load(v.at(rowsAt, i)));
      return vectors;
    };
  } else {
    int64_t bytes = depth * whole.width * p.narrow.getIntOrFloatBitWidth() / 8;
    s.product = [=](const GemmBlock &block, Value row, int64_t height) {
      Value x = v.at(lhsRows(block), k.mulI(row, k.expr(p.depth)));
      return narrowProduct(k, v, panelAt(block, bytes), p.narrow, depth, x,
                           depth, height);
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
