//===- Gemm.cpp - The loops around the micro-kernel -----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/Gemm.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;
using codegen::Indices;

/// The k of a block: a panel of B then fits the L1 cache beside a tile of A.
static constexpr int64_t kDepth = 256;
/// Up to here one block is better than several: C is written once.
static constexpr int64_t kMaxDepth = 512;
/// The same for panels that lie in memory, where the micro-kernel fetches
/// ahead: what L1 does not hold costs nothing, and C is written less often.
static constexpr int64_t kMaxDepthFetched = 1024;
/// The same for few rows, where panels are read once.
static constexpr int64_t kMaxDepthFewRows = 8192;
/// Most rows of a block.
static constexpr int64_t kRows = 192;

GemmPlan GemmPlan::make(const MachineModel &machine, fm::Expr rows,
                        fm::Expr depth, int64_t step, bool packsB) {
  GemmPlan plan;
  plan.packsB = packsB;
  plan.tile = RegisterTile::of(machine);
  auto m = fm::constantOf(rows), k = fm::constantOf(depth);
  plan.kc = std::max(kDepth / step, int64_t(1)) * step;
  bool isFetched = !packsB && plan.tile.fetchAhead;
  bool isFew = m && *m <= plan.tile.mr;
  int64_t most = isFew       ? kMaxDepthFewRows
                 : isFetched ? kMaxDepthFetched
                             : kMaxDepth;
  if (k && *k <= most) {
    plan.kc = std::max<int64_t>(*k, 1);
  } else if (k) {
    int64_t usual = isFetched ? kMaxDepthFetched : kDepth;
    int64_t blocks = llvm::divideCeil(*k, usual);
    plan.kc = llvm::alignTo(llvm::divideCeil(*k, blocks), step * 2);
  }
  plan.lda = rowDistance(plan.kc);
  // A block of rows stays in the L2 cache while panels pass by.
  plan.mc = kRows;
  if (k && *k > 0) {
    int64_t fit = machine.l2Bytes / (4 * *k) / plan.tile.mr * plan.tile.mr;
    plan.mc = std::clamp(fit, 4 * plan.tile.mr, plan.mc);
  }
  if (m)
    plan.mc = std::clamp<int64_t>(*m, 1, plan.mc);
  return plan;
}

fm::Expr GemmPlan::scratch(fm::SymbolicScope &scope, fm::Expr depth) const {
  fm::Expr blocks = scope.ceilDiv(depth, scope.cst(kc));
  return scope.add(scope.mul(blocks, scope.cst(mc * lda * 4)),
                   scope.cst(rowsAt() + 64));
}

namespace {

class GemmEmitter {
public:
  GemmEmitter(KernelContext &k, const MachineModel &machine,
              const GemmPlan &plan, const Gemm &gemm)
      : k(k), machine(machine), plan(plan), gemm(gemm) {}

  void emit();

private:
  void emitRun(GemmBlock block, Value firstPanel, Value endPanel);
  void emitProduct(const GemmBlock &block, Value tile, Value i, Value k0,
                   Value kc);
  void clearTail(Value room, Value kc, Value cols);
  /// Rows of a block: even shares, so that parts balance.
  Value chooseRows(Value panels);
  void forDepth(function_ref<void(Value block, Value k0, Value kc)> body);
  Value packedRows(Value depthBlock) {
    Value offset = k.mulI(depthBlock, k.index(plan.mc * plan.lda * 4));
    return k.scratchAt(k.addI(k.index(plan.rowsAt()), offset));
  }

  KernelContext &k;
  const MachineModel &machine;
  const GemmPlan &plan;
  const Gemm &gemm;
};

} // namespace

Value GemmEmitter::chooseRows(Value panels) {
  Value one = k.index(1), mc = k.index(plan.mc);
  Value blocks = k.maxI(k.ceilDivI(gemm.rows, mc), one);
  // Few panels do not balance: then every part gets as many blocks.
  Value even = k.mulI(k.ceilDivI(blocks, k.args.parts), k.args.parts);
  Value fewPanels = k.lessI(panels, k.mulI(k.args.parts, k.index(4)));
  Value manyRows =
      k.lessI(k.mulI(k.args.parts, k.index(2 * plan.tile.mr)), gemm.rows);
  Value split = k.b.create<arith::AndIOp>(k.loc, fewPanels, manyRows);
  blocks = k.selectV(split, even, blocks);
  // Multiples of 4: the row edge then needs two small tiles at most.
  Value four = k.index(4);
  Value rows = k.mulI(k.ceilDivI(k.ceilDivI(gemm.rows, blocks), four), four);
  return k.maxI(k.minI(rows, mc), one);
}

void GemmEmitter::emit() {
  Value one = k.index(1);
  Value panels = k.ceilDivI(gemm.cols, k.index(plan.tile.nr));
  Value rows = chooseRows(panels);
  Value blocks = k.ceilDivI(gemm.rows, rows);
  Value total = k.mulI(k.mulI(gemm.batches, blocks), panels);
  auto shared = k.share(total);
  Value begin = shared.first, end = shared.second;
  // A run is what this part computes of one block of rows.
  Value somePanels = k.maxI(panels, one), someBlocks = k.maxI(blocks, one);
  Value firstRun = k.divI(begin, somePanels);
  Value endRun =
      k.selectV(k.lessI(begin, end), k.ceilDivI(end, somePanels), firstRun);
  k.forLoop(firstRun, endRun, one, [&](Value run) {
    Value base = k.mulI(run, panels);
    Value firstPanel = k.maxI(k.subI(begin, base), k.index(0));
    Value endPanel = k.minI(k.subI(end, base), panels);
    GemmBlock block;
    block.batch = k.divI(run, someBlocks);
    block.row = k.mulI(k.remI(run, someBlocks), rows);
    block.rows = k.minI(k.subI(gemm.rows, block.row), rows);
    emitRun(block, firstPanel, endPanel);
  });
}

void GemmEmitter::forDepth(function_ref<void(Value, Value, Value)> body) {
  auto depth = getConstantIntValue(gemm.depth);
  if (depth && *depth <= plan.kc)
    return body(k.index(0), k.index(0), gemm.depth);
  Value kc = k.index(plan.kc), one = k.index(1);
  // At least once, so that C is written when k is 0.
  Value blocks = k.maxI(k.ceilDivI(gemm.depth, kc), one);
  k.forLoop(k.index(0), blocks, one, [&](Value i) {
    Value k0 = k.mulI(i, kc);
    body(i, k0, k.minI(k.subI(gemm.depth, k0), kc));
  });
}

void GemmEmitter::emitRun(GemmBlock block, Value firstPanel, Value endPanel) {
  forDepth([&](Value i, Value k0, Value kc) {
    gemm.packA(block, k0, kc, packedRows(i));
  });
  Value nr = k.index(plan.tile.nr);
  k.forLoop(firstPanel, endPanel, k.index(1), [&](Value panel) {
    block.col = k.mulI(panel, nr);
    block.cols = k.minI(k.subI(gemm.cols, block.col), nr);
    Value tile = k.scratchAt(k.index(plan.tileAt()));
    forDepth([&](Value i, Value k0, Value kc) {
      emitProduct(block, tile, i, k0, kc);
    });
    if (plan.hasTile)
      gemm.finish(block, tile);
  });
}

/// Columns of a panel that nobody fills take part in the arithmetic. What is
/// left there from other kernels may be denormal, which costs a hundred times
/// as much as a zero.
void GemmEmitter::clearTail(Value room, Value kc, Value cols) {
  Value zero = k.index(0), one = k.index(1), nr = k.index(plan.tile.nr);
  Type f32 = k.b.getF32Type();
  Value nothing = k.zero(f32);
  k.ifThen(k.lessI(cols, nr), [&] {
    k.forLoop(zero, kc, one, [&](Value row) {
      Value start = k.mulI(row, nr);
      k.forLoop(cols, nr, one, [&](Value col) {
        k.store(nothing, room, f32, k.addI(start, col));
      });
    });
  });
}

/// A panel of C for a block of k.
void GemmEmitter::emitProduct(const GemmBlock &block, Value tile, Value i,
                              Value k0, Value kc) {
  PanelCall call;
  call.a = packedRows(i);
  call.rows = block.rows;
  Value room = k.scratchAt(k.index(plan.panelAt()));
  if (plan.packsB)
    clearTail(room, kc, block.cols);
  call.b = gemm.panelB(block, k0, kc, room);
  call.depth = kc;
  call.c = plan.hasTile ? tile : gemm.output(block);
  call.ldc = plan.hasTile ? k.index(plan.tile.nr) : gemm.ldc;
  call.cols = block.cols;
  if (gemm.start != Start::Zero)
    call.bias = gemm.bias(block);
  call.accumulate = k.lessI(k.index(0), i);
  callPanelKernel(k, machine, plan.lda, gemm.start, call);
}

void cpu::emitGemm(KernelContext &k, const MachineModel &machine,
                   const GemmPlan &plan, const Gemm &gemm) {
  GemmEmitter(k, machine, plan, gemm).emit();
}

//===----------------------------------------------------------------------===//
// Finished tiles
//===----------------------------------------------------------------------===//

void cpu::storeYields(KernelContext &k, ValueRange indices) {
  for (auto [i, value] : llvm::enumerate(k.kernel.yield()->getOperands()))
    if (Value element = k.element(value, indices))
      k.storeResult(i, indices, element);
}

void cpu::storeTile(KernelContext &k, const GemmPlan &plan,
                    const GemmBlock &block, Value tile,
                    const TileStore &store) {
  Value zero = k.index(0), one = k.index(1), nr = k.index(plan.tile.nr);
  Type f32 = k.b.getF32Type();
  auto columns = [&](Value cols) {
    k.forLoop(zero, block.rows, one, [&](Value r) {
      Indices row = store.row(k.addI(block.row, r));
      Value start = k.mulI(r, nr);
      k.forLoop(zero, cols, one, [&](Value j) {
        Value col = k.addI(block.col, j);
        Indices at = row;
        if (store.at)
          at = store.at(row, col);
        else
          at.push_back(col);
        k.define(store.anchor, [&](ValueRange indices) -> Value {
          Value element = k.load(tile, f32, k.addI(start, j));
          return store.change ? store.change(element, indices) : element;
        });
        storeYields(k, at);
        k.undefine(store.anchor);
      });
    });
  };
  // A constant number of columns vectorises without a remainder.
  Value isEdge = k.lessI(block.cols, nr);
  k.ifElse(
      isEdge, {},
      [&] {
        columns(block.cols);
        return SmallVector<Value>();
      },
      [&] {
        columns(nr);
        return SmallVector<Value>();
      });
}

Indices cpu::broadcastIndices(KernelContext &k, ArrayRef<fm::Expr> own,
                              ArrayRef<fm::Expr> result, ValueRange indices) {
  Indices operand;
  size_t shift = result.size() - own.size();
  for (auto [i, dim] : llvm::enumerate(own)) {
    Value index = indices[i + shift], zero = k.index(0);
    auto size = fm::constantOf(dim);
    if (size && *size == 1)
      operand.push_back(zero);
    else if (size || dim == result[i + shift])
      operand.push_back(index);
    else
      operand.push_back(
          k.selectV(k.lessI(k.index(1), k.expr(dim)), index, zero));
  }
  return operand;
}
