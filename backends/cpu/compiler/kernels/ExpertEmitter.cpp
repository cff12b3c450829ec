//===- ExpertEmitter.cpp - Tokens by the matrices of their experts --------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Tokens are sorted by expert, so that each chosen matrix is read once. Parts
// own rows of all matrices (columns of the result); each sorts for itself,
// which takes less time than to wait for another. An expert with few tokens
// takes dot products with its rows as they lie, one with many the
// micro-kernel.
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/CacheRows.h"
#include "backends/cpu/compiler/kernels/Emitters.h"
#include "backends/cpu/compiler/kernels/Gemm.h"
#include "backends/cpu/compiler/kernels/Packing.h"
#include "dialects/rt/KernelScope.h"
#include "lib/codegen/Elemental.h"
#include "lib/codegen/Scalar.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;
using codegen::Indices;

/// Up to so many tokens of an expert dot products are faster.
static constexpr int64_t kFewTokens = 4;
/// Rows of a matrix that share a token's vectors.
static constexpr int64_t kRows = 4;

namespace {

/// The op with its sizes.
struct Experts {
  mutable fm::ExpertMatmulOp op; ///< accessors of ops are not const
  int64_t experts, outer, inner, chosen;
  fm::Expr items; ///< tokens times chosen
  /// Where the matrices are, when rows of floats are in memory.
  Value memory;

  static std::optional<Experts> of(fm::SymbolicScope &scope, Operation *op);
  GemmPlan plan(const MachineModel &machine) const {
    MLIRContext *context = op->getContext();
    GemmPlan plan =
        GemmPlan::make(machine, items, getAffineConstantExpr(inner, context));
    plan.packsB = plan.hasTile = true;
    return plan;
  }
};

/// Bytes of scratch memory: those of the product, widened rows, where an
/// expert's items begin, and the items in order.
struct ExpertScratch {
  int64_t wideAt, wideRow, startsAt, cursorsAt, orderAt;

  ExpertScratch(fm::SymbolicScope &scope, const Experts &e,
                const GemmPlan &plan) {
    fm::Expr depth = scope.cst(e.inner);
    wideAt = llvm::alignTo(*fm::constantOf(plan.scratch(scope, depth)), 64);
    wideRow = llvm::alignTo(plan.kc, 16) + 16;
    startsAt = wideAt + plan.tile.nr * wideRow * 4;
    cursorsAt = startsAt + llvm::alignTo((e.experts + 1) * 4, 64);
    orderAt = cursorsAt + llvm::alignTo(e.experts * 4, 64);
  }
};

class ExpertBody {
public:
  ExpertBody(KernelContext &k, const MachineModel &machine, const Experts &e)
      : k(k), machine(machine), e(e), plan(e.plan(machine)),
        at(k.scope, e, plan), v(k.b, k.loc, machine),
        starts(k.scratchAt(k.index(at.startsAt))),
        cursors(k.scratchAt(k.index(at.cursorsAt))),
        order(k.scratchAt(k.index(at.orderAt))) {}
  void emit();

private:
  void sort();
  void many(Value expert, Value first, Value count);
  void few(Value expert, Value first, Value count);
  void dots(Value expert, Value row, int64_t rows, Value item);
  Value panel(Value expert, const GemmBlock &block, Value k0, Value kc,
              Value room);
  Value expertOf(Value item);
  /// Where the input row of an item begins.
  Value inputRow(Value item);
  Value matrixRow(Value expert, Value row);
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
  Value starts, cursors, order;
  Value zero = k.index(0), one = k.index(1);
  Value chosen = k.index(e.chosen);
};

} // namespace

std::optional<Experts> Experts::of(fm::SymbolicScope &scope, Operation *op) {
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
  Value memory = matmul.getExperts();
  if (auto cast = memory.getDefiningOp<fm::CastOp>())
    memory = cast.getInput();
  Type type = codegen::elementOf(memory);
  if (isa<BlockArgument>(memory) &&
      (type.isF32() || type.isF16() || type.isBF16()))
    e.memory = memory;
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

Value ExpertBody::matrixRow(Value expert, Value row) {
  Value line = k.addI(k.mulI(expert, k.index(e.outer)), row);
  return k.address(k.pointerOf(e.memory), codegen::elementOf(e.memory),
                   k.mulI(line, k.index(e.inner)));
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

//===----------------------------------------------------------------------===//
// Many tokens of an expert
//===----------------------------------------------------------------------===//

Value ExpertBody::panel(Value expert, const GemmBlock &block, Value k0,
                        Value kc, Value room) {
  Value nr = k.index(plan.tile.nr);
  if (!e.memory) {
    packElements(
        k,
        [&](Value d, Value col) {
          return k.element(e.op.getExperts(),
                           {expert, k.addI(block.col, col), k.addI(k0, d)});
        },
        kc, block.cols, room, nr);
    return room;
  }
  Type type = codegen::elementOf(e.memory), f32 = k.b.getF32Type();
  if (type.isF32()) {
    packTransposed(k, v, v.at(matrixRow(expert, block.col), k0),
                   k.index(e.inner), block.cols, kc, room, nr);
    return room;
  }
  Value wide = k.scratchAt(k.index(at.wideAt)), distance = k.index(at.wideRow);
  Value lanes = k.index(v.lanes), whole = k.mulI(k.divI(kc, lanes), lanes);
  k.forLoop(zero, block.cols, one, [&](Value col) {
    Value from = k.address(matrixRow(expert, k.addI(block.col, col)), type, k0);
    Value to = v.at(wide, k.mulI(col, distance));
    k.forLoop(zero, whole, lanes, [&](Value i) {
      v.store(loadWide(v, type, k.address(from, type, i)), v.at(to, i));
    });
    k.forLoop(whole, kc, one, [&](Value i) {
      v.storeScalar(codegen::convert(k, k.load(from, type, i), type, f32),
                    v.at(to, i));
    });
  });
  packTransposed(k, v, wide, distance, block.cols, kc, room, nr);
  return room;
}

void ExpertBody::many(Value expert, Value first, Value count) {
  Gemm gemm;
  gemm.batches = one;
  gemm.rows = count;
  gemm.cols = k.index(e.outer);
  gemm.depth = k.index(e.inner);
  auto itemOf = [&](Value row) { return get(order, k.addI(first, row)); };
  gemm.packA = [&](const GemmBlock &block, Value k0, Value kc, Value to) {
    k.forLoop(zero, block.rows, one, [&](Value r) {
      Value from = v.at(inputRow(itemOf(k.addI(block.row, r))), k0);
      copyFloats(k, v, from, v.at(to, k.mulI(r, k.index(plan.lda))), kc);
    });
  };
  gemm.panelB = [&](const GemmBlock &block, Value k0, Value kc, Value room) {
    return panel(expert, block, k0, kc, room);
  };
  gemm.finish = [&](const GemmBlock &block, Value tile) {
    TileStore store;
    store.anchor = e.op.getResult();
    store.row = [&](Value row) { return indicesOf(itemOf(row)); };
    store.at = [](Indices row, Value col) {
      row.push_back(col);
      return row;
    };
    storeTile(k, plan, block, tile, store);
  };
  emitGemm(k, machine, plan, gemm);
}

//===----------------------------------------------------------------------===//
// Few tokens of an expert
//===----------------------------------------------------------------------===//

/// Rows [row, row + rows) of a matrix by an item's input.
void ExpertBody::dots(Value expert, Value row, int64_t rows, Value item) {
  Type type = codegen::elementOf(e.memory);
  // Two sums a row hide more latency.
  int64_t steps = e.inner % (2 * v.lanes) == 0 ? 2 : 1;
  SmallVector<Value> matrix, init(rows * steps, v.zero());
  for (int64_t r = 0; r < rows; ++r)
    matrix.push_back(matrixRow(expert, k.addI(row, k.index(r))));
  Value input = inputRow(item);
  auto sums = k.forLoop(zero, k.index(e.inner), k.index(steps * v.lanes), init,
                        [&](Value i, ValueRange acc) -> SmallVector<Value> {
                          SmallVector<Value> next;
                          for (int64_t s = 0; s < steps; ++s) {
                            Value d = k.addI(i, k.index(s * v.lanes));
                            Value x = v.load(v.at(input, d));
                            for (int64_t r = 0; r < rows; ++r) {
                              Value w = loadWide(v, type,
                                                 k.address(matrix[r], type, d));
                              next.push_back(v.fma(w, x, acc[s * rows + r]));
                            }
                          }
                          return next;
                        });
  Value result = e.op.getResult();
  for (int64_t r = 0; r < rows; ++r) {
    Value sum = steps == 2 ? v.add(sums[r], sums[rows + r]) : sums[r];
    Value total = v.sum(sum);
    Indices at = indicesOf(item);
    at.push_back(k.addI(row, k.index(r)));
    k.define(result, [&](ValueRange) { return total; });
    storeYields(k, at);
    k.undefine(result);
  }
}

void ExpertBody::few(Value expert, Value first, Value count) {
  auto [begin, end] = k.share(k.index(e.outer), kRows);
  Value step = k.index(kRows);
  Value whole = k.addI(begin, k.mulI(k.divI(k.subI(end, begin), step), step));
  auto rows = [&](Value from, Value to, int64_t height) {
    k.forLoop(from, to, k.index(height), [&](Value row) {
      k.forLoop(zero, count, one, [&](Value i) {
        dots(expert, row, height, get(order, k.addI(first, i)));
      });
    });
  };
  rows(begin, whole, kRows);
  rows(whole, end, 1);
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
      if (!e.memory || e.inner % v.lanes)
        return emitMany();
      Value isFew = k.lessI(count, k.index(kFewTokens + 1));
      k.ifElse(isFew, {}, none(emitFew), none(emitMany));
    });
  });
}

namespace {

class ExpertEmitter final : public codegen::KernelEmitter {
public:
  StringRef name() const override { return "experts"; }

  bool matches(rt::KernelOp kernel, const MachineModel &) override {
    fm::SymbolicScope scope = rt::scopeOf(kernel);
    auto e = Experts::of(scope, codegen::anchorOf(kernel));
    return e && yieldsFollow(kernel, scope, e->op.getResult());
  }

  DictionaryAttr configure(rt::KernelOp kernel, const MachineModel &machine,
                           fm::Expr &scratch) override {
    fm::SymbolicScope scope = rt::scopeOf(kernel);
    auto e = *Experts::of(scope, codegen::anchorOf(kernel));
    ExpertScratch at(scope, e, e.plan(machine));
    scratch =
        scope.add(scope.mul(e.items, scope.cst(4)), scope.cst(at.orderAt + 64));
    return DictionaryAttr::get(kernel.getContext());
  }

  LogicalResult emit(KernelContext &k, const MachineModel &machine) override {
    auto e = *Experts::of(k.scope, codegen::anchorOf(k.kernel));
    ExpertBody(k, machine, e).emit();
    return success();
  }
};

} // namespace

std::unique_ptr<codegen::KernelEmitter> cpu::createExpertEmitter() {
  return std::make_unique<ExpertEmitter>();
}
