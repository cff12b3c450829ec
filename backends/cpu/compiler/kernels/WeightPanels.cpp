//===- WeightPanels.cpp - Weights in fewer bits for products --------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/WeightPanels.h"
#include "backends/cpu/compiler/kernels/PackRows.h"
#include "backends/cpu/compiler/kernels/Packing.h"
#include "backends/cpu/compiler/kernels/RowWeights.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;
using fm::Expr;

/// Up to so many rows of bytes are multiplied by blocks as a file has them.
static constexpr int64_t kDirectRows = 4;

int64_t WeightPanels::streamWidth(const WeightForm &form,
                                  const MachineModel &machine) {
  return form.weights == WeightForm::Narrow ? RegisterTile::of(machine).nr
                                            : BlockPanelLayout::rows;
}

int64_t WeightPanels::spareBytes(const WeightForm &form, const GemmPlan &plan) {
  bool isWide = form.narrow && form.narrow.isF32();
  return form.weights == WeightForm::Rows && !isWide
             ? plan.kc * plan.tile.nr * 4 + 64
             : 0;
}

int64_t WeightPanels::bytesScratch(const WeightForm &form, int64_t depth,
                                   int64_t rows) {
  QuantizedRows quantized(*form.layout, depth);
  int64_t panel = form.weights == WeightForm::Rows ? quantized.panelBytes() : 0;
  return rows * quantized.rowBytes() + panel;
}

Value WeightPanels::panel(const GemmBlock &at, int64_t bytes, int64_t width) {
  ByteVectors b8(v);
  Value panels = k.ceilDivI(k.expr(cols), k.index(width));
  Value number =
      k.addI(k.mulI(at.batch, panels), k.divI(at.col, k.index(width)));
  return b8.at(k.pointerOf(form.panels), k.mulI(number, k.index(bytes)));
}

Value WeightPanels::row(const GemmBlock &at, Value row) {
  ByteVectors b8(v);
  auto [elements, size] = fm::storageUnit(form.narrow);
  Value rows = k.expr(cols), last = k.subI(rows, k.index(1));
  // Rows of all matrices follow each other.
  Value n = k.addI(k.minI(k.addI(at.col, row), last), k.mulI(at.batch, rows));
  return b8.at(k.pointerOf(form.panels),
               k.mulI(n, k.index(depth / elements * size)));
}

//===----------------------------------------------------------------------===//
// Panels of f32
//===----------------------------------------------------------------------===//

void WeightPanels::widen(const GemmPlan &plan, const GemmBlock &at, Value k0,
                         Value kc, Value room, Value spare) {
  if (form.weights == WeightForm::Blocks)
    widenBlocks(plan, at, k0, kc, room);
  else if (form.weights == WeightForm::Narrow)
    widenNarrow(plan, at, k0, kc, room);
  else
    widenRows(plan, at, k0, kc, room, spare);
}

void WeightPanels::widenBlocks(const GemmPlan &plan, const GemmBlock &at,
                               Value k0, Value kc, Value room) {
  ByteVectors bytes(v);
  PanelBlock decoder(bytes, *form.layout);
  int64_t nr = plan.tile.nr, groups = form.layout->groups();
  constexpr int64_t rows = BlockPanelLayout::rows;
  int64_t size = form.layout->bytes(), blocks = depth / (32 * groups);
  Value elements = k.index(32 * groups), one = k.index(1);
  Value panels = k.divI(k.addI(at.cols, k.index(rows - 1)), k.index(rows));
  Value first = panel(at, blocks * size, rows);
  Value firstBlock = k.divI(k0, elements), count = k.divI(kc, elements);
  k.forLoop(k.index(0), panels, one, [&](Value i) {
    Value number = k.addI(k.mulI(i, k.index(blocks)), firstBlock);
    Value from = bytes.at(first, k.mulI(number, k.index(size)));
    Value to = v.at(room, k.mulI(i, k.index(rows)));
    k.forLoop(k.index(0), count, one, [&](Value kb) {
      Value here = bytes.at(from, k.mulI(kb, k.index(size)));
      SmallVector<GroupScales, 2> scales;
      for (unsigned part = 0; part < decoder.parts(); ++part)
        scales.push_back(decoder.blockScales(here, part));
      k.forLoop(k.index(0), k.index(groups), one, [&](Value g) {
        Value row = k.addI(k.mulI(kb, elements), k.mulI(g, k.index(32)));
        Value group =
            bytes.at(here, k.mulI(g, k.index(form.layout->groupBytes())));
        decodeGroup(decoder, scales, group, v.at(to, k.mulI(row, k.index(nr))),
                    nr, v.machine.exact);
      });
    });
  });
}

void WeightPanels::widenNarrow(const GemmPlan &plan, const GemmBlock &at,
                               Value k0, Value kc, Value room) {
  ByteVectors bytes(v);
  int64_t nr = plan.tile.nr, size = form.narrow.getIntOrFloatBitWidth() / 8;
  Value from = panel(at, depth * nr * size, nr), end = k.addI(k0, kc);
  auto widen = [&](Value first, Value last, const Pair &scale) {
    k.forLoop(first, last, k.index(1), [&](Value column) {
      Value source = bytes.at(from, k.mulI(column, k.index(nr * size)));
      Value target = v.at(room, k.mulI(k.subI(column, k0), k.index(nr)));
      for (int64_t j = 0; j < 2; ++j) {
        Value x =
            bytes.loadWide(form.narrow, bytes.at(source, j * v.lanes * size));
        v.store(form.scaled ? v.mul(x, scale[j]) : x,
                v.at(target, j * int64_t(v.lanes)));
      }
    });
  };
  if (!form.scaled)
    return widen(k0, end, {});
  Value step = k.index(scaleStep());
  k.forLoop(k.divI(k0, step), k.ceilDivI(end, step), k.index(1), [&](Value i) {
    Value first = k.mulI(i, step);
    widen(k.maxI(first, k0), k.minI(k.addI(first, step), end), scales(at, i));
  });
}

//===----------------------------------------------------------------------===//
// Scales
//===----------------------------------------------------------------------===//

/// Numbers of a row that share a scale.
int64_t WeightPanels::scaleStep() {
  fm::DequantizeOp op = form.scaled;
  return std::min<int64_t>(op.getScaleColumns(), depth);
}

/// The scale of a row of the matrix (the last one's for those behind) from
/// number step * scaleStep() on.
Value WeightPanels::scaleOf(const GemmBlock &at, Value row, Value step) {
  fm::DequantizeOp op = form.scaled;
  ArrayRef<Expr> own = k.dims(op.getScale());
  row = k.minI(row, k.subI(k.expr(cols), k.index(1)));
  codegen::Indices indices = k.delinear(own.drop_back(2), at.batch);
  indices.append({k.divI(row, k.index(int64_t(op.getScaleRows()))), step});
  return k.element(op.getScale(), indices);
}

/// The scales of a panel's columns.
WeightPanels::Pair WeightPanels::scales(const GemmBlock &at, Value step) {
  fm::DequantizeOp op = form.scaled;
  int64_t lines = op.getScaleRows(), lanes = v.lanes;
  auto count = fm::constantOf(cols);
  if (lines % (2 * lanes) == 0 || (count && *count <= lines)) {
    Value one = v.broadcast(scaleOf(at, at.col, step));
    return {one, one};
  }
  Pair pair{v.zero(), v.zero()};
  for (int64_t j = 0; j < 2 * lanes; ++j) {
    Value &half = pair[j / lanes];
    half = v.b.create<vector::InsertOp>(
        v.loc, scaleOf(at, k.addI(at.col, k.index(j)), step), half, j % lanes);
  }
  return pair;
}

void WeightPanels::widenRows(const GemmPlan &plan, const GemmBlock &at,
                             Value k0, Value kc, Value room, Value spare) {
  ByteVectors bytes(v);
  if (form.narrow.isF32()) {
    Value from = v.at(row(at, k.index(0)), k0);
    packTransposed(k, v, from, k.index(depth), at.cols, kc, room,
                   k.index(plan.tile.nr));
    return;
  }
  RowWeights weights(k, v, form.narrow);
  Value unit = k.index(weights.elements()), ld = k.index(plan.kc);
  Value first = k.divI(k0, unit), count = k.divI(kc, unit);
  double factor = weights.factor();
  k.forLoop(k.index(0), at.cols, k.index(1), [&](Value i) {
    Value from = row(at, i), to = v.at(spare, k.mulI(i, ld));
    k.forLoop(k.index(0), count, k.index(1), [&](Value j) {
      Value number = k.addI(first, j), target = v.at(to, k.mulI(j, unit));
      Value source = bytes.at(from, k.mulI(number, k.index(weights.bytes())));
      Value scale;
      if (form.scaled) {
        Value step = k.divI(k.mulI(number, unit), k.index(scaleStep()));
        scale = v.broadcast(scaleOf(at, k.addI(at.col, i), step));
      }
      weights.chunks(source, [&](const RowWeights::Chunk &chunk) {
        Value x = weights.number(chunk);
        if (factor != 1)
          x = v.mul(x, v.splat(factor));
        v.store(scale ? v.mul(x, scale) : x, v.at(target, chunk.k));
      });
    });
  });
  packTransposed(k, v, spare, ld, at.cols, kc, room, k.index(plan.tile.nr));
}

//===----------------------------------------------------------------------===//
// Products without panels
//===----------------------------------------------------------------------===//

SmallVector<Value> WeightPanels::product(const GemmBlock &at, Value x,
                                         int64_t height, Value lines) {
  int64_t width = streamWidth(form, v.machine);
  if (form.weights == WeightForm::Narrow) {
    int64_t line = width * form.narrow.getIntOrFloatBitWidth() / 8;
    Value from = panel(at, depth * line, width);
    return form.scaled ? scaledProduct(at, from, line, x, height)
                       : narrowProduct(k, v, from, form.narrow, depth, x, depth,
                                       height);
  }
  RowWeights weights(k, v, form.narrow);
  // Large blocks fill the registers alone.
  int64_t together = weights.elements() > 32 ? 1 : height > 2 ? 2 : 4;
  k.forLoop(k.index(0), k.index(width), k.index(together), [&](Value j) {
    SmallVector<Value> rows;
    for (int64_t i = 0; i < together; ++i)
      rows.push_back(row(at, k.addI(j, k.index(i))));
    auto scaleAt = [&](int64_t i, Value step) {
      return scaleOf(at, k.addI(at.col, k.addI(j, k.index(i))), step);
    };
    RowScales scales{form.scaled ? scaleStep() : depth, scaleAt};
    auto sums = rowProduct(k, v, weights, rows, depth, x, depth, height,
                           form.scaled ? &scales : nullptr);
    for (auto [i, sum] : llvm::enumerate(sums)) {
      int64_t line = i / together * width + i % together;
      v.storeScalar(sum, v.at(v.at(lines, j), line));
    }
  });
  SmallVector<Value> vectors;
  for (int64_t i = 0; i < height * width; i += v.lanes)
    vectors.push_back(v.load(v.at(lines, i)));
  return vectors;
}

/// A product with the panel at `from`, whose lines have `line` bytes: a sum
/// for each scale.
SmallVector<Value> WeightPanels::scaledProduct(const GemmBlock &at, Value from,
                                               int64_t line, Value x,
                                               int64_t height) {
  ByteVectors b8(v);
  int64_t step = scaleStep();
  auto add = [&](Value i, int64_t count, ValueRange sums) {
    Value first = k.mulI(i, k.index(step));
    auto part =
        narrowProduct(k, v, b8.at(from, k.mulI(first, k.index(line))),
                      form.narrow, count, v.at(x, first), depth, height);
    Pair factors = scales(at, i);
    for (int64_t j = 0; j < 2 * height; ++j)
      part[j] = v.fma(part[j], factors[j % 2], sums[j]);
    return part;
  };
  int64_t whole = depth / step;
  SmallVector<Value> sums(height * 2, v.zero());
  sums = k.forLoop(
      k.index(0), k.index(whole), k.index(1), sums,
      [&](Value i, ValueRange carried) { return add(i, step, carried); });
  return depth % step ? add(k.index(whole), depth % step, sums) : sums;
}

/// The rows of quantised blocks that a panel has.
PanelRows WeightPanels::panelRows(const GemmBlock &at) {
  auto [elements, size] = fm::storageUnit(form.narrow);
  auto count = fm::constantOf(cols);
  bool isWhole = count && *count % BlockPanelLayout::rows == 0;
  Value last = isWhole ? Value() : k.subI(at.cols, k.index(1));
  return {row(at, k.index(0)), k.index(depth / elements * size), last};
}

void WeightPanels::streamBytes(
    Stream &s, Value scratch, int64_t maxRows,
    const std::function<void(const QuantizedRows &, const GemmBlock &, Value)>
        &quantize,
    const std::function<GemmBlock(const GemmBlock &)> &matrix) {
  QuantizedRows rows(*form.layout, depth);
  s.width = BlockPanelLayout::rows, s.maxRows = maxRows;
  s.prepare = [=](const GemmBlock &block) { quantize(rows, block, scratch); };
  auto rowAt = [=](Value row) {
    return ByteVectors(v).at(scratch, k.mulI(row, k.index(rows.rowBytes())));
  };
  if (form.weights != WeightForm::Rows) {
    s.product = [=](const GemmBlock &block, Value row, int64_t height) {
      Value weights =
          panel(matrix(block), rows.panelBytes(), BlockPanelLayout::rows);
      return rows.product(k, v, weights, rowAt(row), height);
    };
    return;
  }
  // Few rows read the file's blocks; for many they are packed first.
  s.fewRows = maxRows <= kDirectRows ? kDirectRows : kDirectRows / 2;
  s.fewHeights = streamHeights(maxRows <= kDirectRows ? maxRows : 0, s.fewRows);
  s.few = [=](const GemmBlock &block, Value row, int64_t height) {
    return rows.product(k, v, panelRows(matrix(block)), rowAt(row), height);
  };
  Value packed = ByteVectors(v).at(scratch, maxRows * rows.rowBytes());
  s.panel = [=](const GemmBlock &block) {
    int64_t blocks = depth / fm::blockInfo(form.layout->format).elements;
    RowPacker(k, v, *form.layout, panelRows(matrix(block)))
        .panel(k.index(blocks), packed);
  };
  s.product = [=](const GemmBlock &block, Value row, int64_t height) {
    QuantizedRows cached = rows;
    cached.asksAhead = false;
    return cached.product(k, v, packed, rowAt(row), height);
  };
}
