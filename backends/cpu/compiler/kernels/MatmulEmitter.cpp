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
#include "backends/cpu/compiler/kernels/Gemm.h"
#include "backends/cpu/compiler/kernels/Packing.h"
#include "backends/cpu/compiler/kernels/PanelBlock.h"
#include "backends/cpu/compiler/kernels/Product.h"
#include "backends/cpu/compiler/kernels/Stream.h"
#include "dialects/rt/KernelScope.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;
using codegen::Indices;
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

/// Rows up to which narrow panels are widened in registers.
constexpr int64_t kStreamedRows = 4;
/// Rows of a block of quantised activations.
constexpr int64_t kQuantizedRows = 128;

/// What code a kernel gets, and the scratch memory it needs.
struct MatmulPlan {
  GemmPlan gemm;
  bool isDirect = false; ///< the result is written without a tile
  bool bytes = false;    ///< products of bytes
  bool stream = false;   ///< narrow panels, few rows
  bool isFew = false;    ///< never more rows than that
  int64_t width = 0;     ///< columns of a streamed panel
  int64_t rows = 0;      ///< of a streamed block
  int64_t staticRows = 0;

  int64_t streamTileBytes() const { return isDirect ? 0 : rows * width * 4; }
};

MatmulPlan planOf(rt::KernelOp kernel, fm::SymbolicScope &scope,
                  const Product &p, const MachineModel &machine) {
  MatmulPlan plan;
  int64_t step =
      p.layout ? fm::blockInfo(p.layout->format).elements : int64_t(1);
  plan.gemm = GemmPlan::make(machine, p.rows, p.depth, step);
  plan.gemm.packsB = p.weights != Product::Panels;
  plan.isDirect = isDirect(kernel, scope, p);
  plan.gemm.hasTile = !plan.isDirect;
  bool reads = isa<BlockArgument>(p.lhs) && !p.transposeLhs;
  plan.bytes = p.weights == Product::Blocks && reads && !machine.exact &&
               ByteVectors::canDot(machine, p.layout->maxByte());
  plan.stream = p.weights == Product::Narrow && !p.scaled && reads;
  auto rows = fm::constantOf(p.rows);
  plan.staticRows = rows.value_or(0);
  plan.isFew = rows && *rows <= kStreamedRows;
  if (rows && !plan.isFew)
    plan.stream = false;
  if (plan.bytes || plan.stream) {
    plan.width = plan.bytes ? BlockPanelLayout::rows : plan.gemm.tile.nr;
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

fm::Expr scratchOf(fm::SymbolicScope &scope, const Product &p,
                   const MatmulPlan &plan) {
  if (plan.bytes) {
    QuantizedRows rows(*p.layout, *fm::constantOf(p.depth));
    return scope.cst(plan.streamTileBytes() + plan.rows * rows.rowBytes() + 64);
  }
  if (plan.stream && plan.isFew)
    return scope.cst(plan.streamTileBytes());
  return plan.gemm.scratch(scope, p.depth);
}

} // namespace

namespace {

class MatmulEmitter final : public codegen::KernelEmitter {
public:
  StringRef name() const override { return "matmul"; }

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
    MatmulPlan plan = planOf(kernel, scope, p, machine);
    scratch = scratchOf(scope, p, plan);
    Builder b(kernel.getContext());
    auto way = plan.bytes ? "bytes" : plan.stream ? "stream" : "panels";
    return b.getDictionaryAttr(
        {b.getNamedAttr("mc", b.getI64IntegerAttr(plan.gemm.mc)),
         b.getNamedAttr("kc", b.getI64IntegerAttr(plan.gemm.kc)),
         b.getNamedAttr("tile", b.getDenseI64ArrayAttr(
                                    {plan.gemm.tile.mr, plan.gemm.tile.nr})),
         b.getNamedAttr("way", b.getStringAttr(way))});
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
        whole(planOf(k.kernel, k.scope, p, machine)), plan(whole.gemm),
        dims(k.dims(p.result).begin(), k.dims(p.result).end()) {}

  void emit();

private:
  Gemm gemm();
  Stream stream();
  void widenBlocks(const GemmBlock &block, Value k0, Value kc, Value room);
  void widenNarrow(const GemmBlock &block, Value k0, Value kc, Value room);
  Value lhsRows(const GemmBlock &block);
  Indices rowIndices(Value batch, Value row);
  Value batchOffset(Value tensor, unsigned fixed, Value batch);
  void packA(const GemmBlock &block, Value k0, Value kc, Value to);
  Value panelB(const GemmBlock &block, Value k0, Value kc, Value room);
  void finish(const GemmBlock &block, Value tile, const GemmPlan &tilePlan);
  Indices operandIndices(Value tensor, ValueRange resultIndices, Value row,
                         Value col);

  KernelContext &k;
  VectorBuilder v;
  const Product &p;
  MatmulPlan whole;
  const GemmPlan &plan;
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
  if (p.weights == Product::Blocks) {
    widenBlocks(block, k0, kc, room);
    return room;
  }
  if (p.weights == Product::Narrow) {
    widenNarrow(block, k0, kc, room);
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
  store.at = [](Indices row, Value col) {
    row.push_back(col);
    return row;
  };
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

//===----------------------------------------------------------------------===//
// Weights in fewer bits
//===----------------------------------------------------------------------===//

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
    int64_t bytes =
        depth / fm::blockInfo(p.layout->format).elements * p.layout->bytes();
    s.prepare = [=](const GemmBlock &block) {
      rows.quantize(k, v, lhsRows(block), k.expr(p.depth), block.rows, rowsAt);
    };
    s.product = [=](const GemmBlock &block, Value row, int64_t height) {
      ByteVectors b8(v);
      Value from = b8.at(rowsAt, k.mulI(row, k.index(rows.rowBytes())));
      return rows.product(k, v, panelAt(block, bytes), from, height);
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

void MatmulBody::emit() {
  auto products = [&] { emitGemm(k, v.machine, plan, gemm()); };
  auto streams = [&] { emitStream(k, v.machine, stream()); };
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

LogicalResult MatmulEmitter::emit(KernelContext &k,
                                  const MachineModel &machine) {
  Product p = *Product::of(k.scope, codegen::anchorOf(k.kernel), machine);
  MatmulBody(k, machine, p).emit();
  return success();
}

std::unique_ptr<codegen::KernelEmitter> cpu::createMatmulEmitter() {
  return std::make_unique<MatmulEmitter>();
}
