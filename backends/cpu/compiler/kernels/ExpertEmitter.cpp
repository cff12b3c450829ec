//===- ExpertEmitter.cpp - Tokens by the matrices of their experts --------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Tokens are sorted by expert, so that each chosen matrix is read once. Parts
// own rows of all matrices (columns of the result); each sorts for itself,
// which takes less time than to wait for another. Quantised matrices are
// multiplied as bytes; of others an expert with few tokens takes products with
// its rows or narrow panels, one with many the micro-kernel.
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/ByteVectors.h"
#include "backends/cpu/compiler/kernels/Emitters.h"
#include "backends/cpu/compiler/kernels/Gemm.h"
#include "backends/cpu/compiler/kernels/Packing.h"
#include "backends/cpu/compiler/kernels/WeightPanels.h"
#include "dialects/rt/KernelScope.h"
#include "lib/codegen/Elemental.h"
#include "lib/codegen/Scalar.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;
using codegen::Indices;

/// Rows of a block of quantised activations.
static constexpr int64_t kQuantizedRows = 128;

namespace {

/// The op with its sizes.
struct Experts : WeightForm {
  mutable fm::ExpertMatmulOp op; ///< accessors of ops are not const
  int64_t experts, outer, inner, chosen;
  fm::Expr items;          ///< tokens times chosen
  bool takesBytes = false; ///< quantised rows
  bool takesFew = false;   ///< few tokens have a way of their own

  static std::optional<Experts> of(fm::SymbolicScope &scope, Operation *op,
                                   const MachineModel &machine);
  GemmPlan plan(const MachineModel &machine) const {
    MLIRContext *context = op->getContext();
    GemmPlan plan = GemmPlan::make(
        machine, items, getAffineConstantExpr(inner, context),
        depthStep(RegisterTile::of(machine).nr), /*packsB=*/true);
    plan.hasTile = true;
    return plan;
  }
  int64_t blockRows() const {
    return takesBytes ? kQuantizedRows : kStreamedRows;
  }
};

/// Bytes of scratch memory. Products of many tokens and of few share the
/// beginning: those of many widen rows in `spareAt`, those of few have a tile,
/// then their rows, then sums on their way to vectors. Behind lie where an
/// expert's items begin, and the items in order.
struct ExpertScratch {
  int64_t spareAt, rowsAt, linesAt, startsAt, cursorsAt, orderAt;

  ExpertScratch(fm::SymbolicScope &scope, const Experts &e,
                const MachineModel &machine) {
    GemmPlan plan = e.plan(machine);
    fm::Expr depth = scope.cst(e.inner);
    auto align = [](int64_t at) { return int64_t(llvm::alignTo(at, 64)); };
    spareAt = align(*fm::constantOf(plan.scratch(scope, depth)));
    int64_t many = spareAt + WeightPanels::spareBytes(e, plan);
    int64_t tile = e.blockRows() * WeightPanels::streamWidth(e, machine) * 4;
    rowsAt = align(tile);
    linesAt = align(rowsAt + (e.takesBytes ? WeightPanels::bytesScratch(
                                                 e, e.inner, kQuantizedRows)
                                           : kStreamedRows * e.inner * 4));
    startsAt = align(e.takesBytes ? linesAt : std::max(many, linesAt + tile));
    cursorsAt = startsAt + align((e.experts + 1) * 4);
    orderAt = cursorsAt + align(e.experts * 4);
  }
};

class ExpertBody {
public:
  ExpertBody(KernelContext &k, const MachineModel &machine, const Experts &e)
      : k(k), machine(machine), e(e), plan(e.plan(machine)),
        at(k.scope, e, machine), v(k.b, k.loc, machine),
        weights(k, v, e, k.scope.cst(e.outer), e.inner),
        starts(k.scratchAt(k.index(at.startsAt))),
        cursors(k.scratchAt(k.index(at.cursorsAt))),
        order(k.scratchAt(k.index(at.orderAt))) {}
  void emit();

private:
  void sort();
  void many(Value expert, Value first, Value count);
  void few(Value expert, Value first, Value count);
  Value panel(Value expert, const GemmBlock &block, Value k0, Value kc,
              Value room);
  Stream stream(Value expert, Value first, Value count);
  void finish(const GemmPlan &tilePlan, const GemmBlock &block, Value first,
              Value tile);
  Value itemAt(Value first, Value row) {
    return get(order, k.addI(first, row));
  }
  Value expertOf(Value item);
  /// Where the input row of an item begins.
  Value inputRow(Value item);
  Indices indicesOf(Value item) {
    return {k.divI(item, chosen), k.remI(item, chosen)};
  }
  Value get(Value from, Value i) {
    Value x = k.load(from, k.b.getI32Type(), i);
    return k.b.create<arith::IndexCastOp>(k.loc, k.b.getIndexType(), x);
  }
  void put(Value x, Value to, Value i) {
    Value narrow = k.b.create<arith::IndexCastOp>(k.loc, k.b.getI32Type(), x);
    k.store(narrow, to, k.b.getI32Type(), i);
  }

  KernelContext &k;
  const MachineModel &machine;
  const Experts &e;
  GemmPlan plan;
  ExpertScratch at;
  VectorBuilder v;
  WeightPanels weights;
  Value starts, cursors, order;
  Value zero = k.index(0), one = k.index(1);
  Value chosen = k.index(e.chosen);
};

} // namespace

std::optional<Experts> Experts::of(fm::SymbolicScope &scope, Operation *op,
                                   const MachineModel &machine) {
  auto matmul = dyn_cast_or_null<fm::ExpertMatmulOp>(op);
  if (!matmul || !isF32(matmul.getInput()) ||
      !isa<BlockArgument>(matmul.getInput()) ||
      !isa<BlockArgument>(matmul.getIndices()))
    return std::nullopt;
  Experts e;
  e.op = matmul;
  ArrayRef<fm::Expr> dims = scope.dims(matmul.getExperts());
  auto experts = fm::constantOf(dims[0]), outer = fm::constantOf(dims[1]),
       inner = fm::constantOf(dims[2]);
  auto chosen = fm::constantOf(scope.dim(matmul.getIndices(), 1));
  if (!experts || !outer || !inner || !chosen || *experts < 1 || *outer < 1 ||
      *inner < 1 || *chosen < 1)
    return std::nullopt;
  e.experts = *experts, e.outer = *outer, e.inner = *inner, e.chosen = *chosen;
  e.items = scope.product(scope.dims(matmul.getIndices()));
  int64_t width = RegisterTile::of(machine).nr;
  Value matrices = matmul.getExperts();
  e.findWeights(scope, matrices, /*transposed=*/true, scope.cst(e.inner),
                width);
  if (isa<BlockArgument>(matrices) && isF32(matrices))
    e.weights = Rows, e.panels = matrices,
    e.narrow = codegen::elementOf(matrices);
  e.takesBytes = static_cast<WeightForm &>(e).takesBytes(machine);
  e.takesFew =
      e.weights == Narrow || (e.weights == Rows && e.inner % width == 0);
  return e;
}

Value ExpertBody::expertOf(Value item) {
  Value index = k.element(e.op.getIndices(), indicesOf(item));
  Value expert = codegen::toIndex(k, index, k.b.getI32Type());
  return k.maxI(k.minI(expert, k.index(e.experts - 1)), zero);
}

Value ExpertBody::inputRow(Value item) {
  bool isShared = k.dims(e.op.getInput()).size() == 2;
  Value row = isShared ? k.divI(item, chosen) : item;
  return v.at(k.pointerOf(e.op.getInput()), k.mulI(row, k.index(e.inner)));
}

/// Counting sort: stable, so that the order is that of the tokens.
void ExpertBody::sort() {
  Value experts = k.index(e.experts), items = k.expr(e.items);
  k.forLoop(zero, experts, one, [&](Value i) { put(zero, cursors, i); });
  k.forLoop(zero, items, one, [&](Value item) {
    Value expert = expertOf(item);
    put(k.addI(get(cursors, expert), one), cursors, expert);
  });
  Value total = k.forLoop(zero, experts, one, {zero},
                          [&](Value i, ValueRange sum) -> SmallVector<Value> {
                            Value next = k.addI(sum[0], get(cursors, i));
                            put(sum[0], starts, i);
                            put(sum[0], cursors, i);
                            return {next};
                          })[0];
  put(total, starts, experts);
  k.forLoop(zero, items, one, [&](Value item) {
    Value expert = expertOf(item), place = get(cursors, expert);
    put(item, order, place);
    put(k.addI(place, one), cursors, expert);
  });
}

/// Gives a tile's rows to the items that begin at `first`.
void ExpertBody::finish(const GemmPlan &tilePlan, const GemmBlock &block,
                        Value first, Value tile) {
  TileStore store;
  store.anchor = e.op.getResult();
  store.row = [&](Value row) { return indicesOf(itemAt(first, row)); };
  storeTile(k, tilePlan, block, tile, store);
}

//===----------------------------------------------------------------------===//
// Many tokens of an expert
//===----------------------------------------------------------------------===//

Value ExpertBody::panel(Value expert, const GemmBlock &block, Value k0,
                        Value kc, Value room) {
  if (e.weights == Experts::Plain) {
    packElements(
        k,
        [&](Value d, Value col) {
          return k.element(e.op.getExperts(),
                           {expert, k.addI(block.col, col), k.addI(k0, d)});
        },
        kc, block.cols, room, k.index(plan.tile.nr));
    return room;
  }
  GemmBlock matrix = block;
  matrix.batch = expert;
  weights.widen(plan, matrix, k0, kc, room, k.scratchAt(k.index(at.spareAt)));
  return room;
}

void ExpertBody::many(Value expert, Value first, Value count) {
  Gemm gemm;
  gemm.batches = one;
  gemm.rows = count;
  gemm.cols = k.index(e.outer);
  gemm.depth = k.index(e.inner);
  gemm.packA = [&](const GemmBlock &block, Value k0, Value kc, Value to) {
    k.forLoop(zero, block.rows, one, [&](Value r) {
      Value from = v.at(inputRow(itemAt(first, k.addI(block.row, r))), k0);
      copyFloats(k, v, from, v.at(to, k.mulI(r, k.index(plan.lda))), kc);
    });
  };
  gemm.panelB = [&](const GemmBlock &block, Value k0, Value kc, Value room) {
    return panel(expert, block, k0, kc, room);
  };
  gemm.finish = [&](const GemmBlock &block, Value tile) {
    finish(plan, block, first, tile);
  };
  emitGemm(k, machine, plan, gemm);
}

//===----------------------------------------------------------------------===//
// Few tokens of an expert, and bytes
//===----------------------------------------------------------------------===//

Stream ExpertBody::stream(Value expert, Value first, Value count) {
  Stream s;
  s.batches = one, s.rows = count, s.cols = k.index(e.outer);
  s.width = WeightPanels::streamWidth(e, machine);
  s.maxRows = e.blockRows();
  s.heights =
      streamHeights(0, e.takesBytes ? (v.lanes >= 16 ? 8 : 4) : kStreamedRows);
  Value rows = k.scratchAt(k.index(at.rowsAt));
  auto matrix = [expert](const GemmBlock &block) {
    GemmBlock matrix = block;
    matrix.batch = expert;
    return matrix;
  };
  auto inputOf = [this, first](const GemmBlock &block, Value row) {
    return inputRow(itemAt(first, k.addI(block.row, row)));
  };
  if (e.takesBytes) {
    auto quantize = [this, inputOf](const QuantizedRows &rows,
                                    const GemmBlock &block, Value to) {
      ByteVectors b8(v);
      k.forLoop(zero, block.rows, one, [&](Value row) {
        rows.quantize(k, v, inputOf(block, row), k.index(e.inner), one,
                      b8.at(to, k.mulI(row, k.index(rows.rowBytes()))));
      });
    };
    weights.streamBytes(s, rows, kQuantizedRows, quantize, matrix);
  } else {
    s.prepare = [this, inputOf, rows](const GemmBlock &block) {
      Value depth = k.index(e.inner);
      k.forLoop(zero, block.rows, one, [&](Value row) {
        copyFloats(k, v, inputOf(block, row), v.at(rows, k.mulI(row, depth)),
                   depth);
      });
    };
    s.product = [this, matrix, rows](const GemmBlock &block, Value row,
                                     int64_t height) {
      Value x = v.at(rows, k.mulI(row, k.index(e.inner)));
      return weights.product(matrix(block), x, height,
                             k.scratchAt(k.index(at.linesAt)));
    };
  }
  s.tile = k.scratchAt(zero);
  s.finish = [this, first, width = s.width](const GemmBlock &block,
                                            Value tile) {
    GemmPlan tilePlan = plan;
    tilePlan.tile.nr = width;
    finish(tilePlan, block, first, tile);
  };
  return s;
}

void ExpertBody::few(Value expert, Value first, Value count) {
  emitStream(k, machine, stream(expert, first, count));
}

void ExpertBody::emit() {
  sort();
  k.forLoop(zero, k.index(e.experts), one, [&](Value expert) {
    Value first = get(starts, expert);
    Value count = k.subI(get(starts, k.addI(expert, one)), first);
    auto none = [](llvm::function_ref<void()> emit) {
      return [emit]() {
        emit();
        return SmallVector<Value>();
      };
    };
    auto emitMany = [&] { many(expert, first, count); };
    auto emitFew = [&] { few(expert, first, count); };
    k.ifThen(k.lessI(zero, count), [&] {
      if (e.takesBytes)
        return emitFew();
      if (!e.takesFew)
        return emitMany();
      Value isFew = k.lessI(count, k.index(kStreamedRows + 1));
      k.ifElse(isFew, {}, none(emitFew), none(emitMany));
    });
  });
}

namespace {

class ExpertEmitter final : public codegen::KernelEmitter {
public:
  StringRef name() const override { return "experts"; }

  bool matches(rt::KernelOp kernel, const MachineModel &machine) override {
    fm::SymbolicScope scope = rt::scopeOf(kernel);
    auto e = Experts::of(scope, codegen::anchorOf(kernel), machine);
    return e && yieldsFollow(kernel, scope, e->op.getResult());
  }

  DictionaryAttr configure(rt::KernelOp kernel, const MachineModel &machine,
                           fm::Expr &scratch) override {
    fm::SymbolicScope scope = rt::scopeOf(kernel);
    auto e = *Experts::of(scope, codegen::anchorOf(kernel), machine);
    ExpertScratch at(scope, e, machine);
    scratch =
        scope.add(scope.mul(e.items, scope.cst(4)), scope.cst(at.orderAt + 64));
    Builder b(kernel.getContext());
    const auto *way = e.takesBytes ? "bytes" : e.takesFew ? "stream" : "panels";
    NamedAttrList config;
    config.set("way", b.getStringAttr(way));
    if (e.takesBytes) // what the driver reports the loss of
      config.set("activations", b.getStringAttr("int8"));
    return config.getDictionary(kernel.getContext());
  }

  LogicalResult emit(KernelContext &k, const MachineModel &machine) override {
    auto e = *Experts::of(k.scope, codegen::anchorOf(k.kernel), machine);
    ExpertBody(k, machine, e).emit();
    return success();
  }
};

} // namespace

std::unique_ptr<codegen::KernelEmitter> cpu::createExpertEmitter() {
  return std::make_unique<ExpertEmitter>();
}
