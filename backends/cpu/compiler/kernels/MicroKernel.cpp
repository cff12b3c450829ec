//===- MicroKernel.cpp - Register tiles of matrix products ----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/MicroKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/bit.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;

/// Vectors of a panel's row.
static constexpr unsigned kColumns = 2;
/// Steps of k in one iteration: with more, accumulators spill.
static constexpr unsigned kUnroll = 2;

RegisterTile RegisterTile::of(const MachineModel &machine) {
  int64_t lanes = std::max(4u, machine.vectorBytes / 4);
  // Besides the accumulators four or more registers for two steps' rows of B
  // and elements of A: a tile of 14 sometimes spills, which costs a third.
  int64_t mr = machine.vectorRegisters >= 32 ? 12 : 6;
  // A row of B of 128 bytes each 12 cycles is more than what the caches' own
  // prefetchers bring from L2 in time: worth 3 to 9 %. With half of that in
  // the same time it costs 1 to 3 %.
  int64_t fetchAhead = machine.vectorBytes >= 64 ? 16 : 0;
  return {mr, int64_t(kColumns) * lanes, fetchAhead};
}

int64_t cpu::rowDistance(int64_t depth) {
  int64_t distance = llvm::alignTo(std::max<int64_t>(depth, 1), 16) + 16;
  // Rows at multiples of 1 KB would share few sets of the L1 cache.
  return distance % 128 == 0 ? distance + 16 : distance;
}

namespace {

/// Emits the body of the function.
class PanelEmitter {
public:
  PanelEmitter(OpBuilder &b, Location loc, const MachineModel &machine,
               int64_t lda, Start start, Block *entry)
      : b(b), loc(loc), v(b, loc, machine), tile(RegisterTile::of(machine)),
        lda(lda), start(start), a(entry->getArgument(0)),
        rows(entry->getArgument(1)), panel(entry->getArgument(2)),
        depth(entry->getArgument(3)), c(entry->getArgument(4)),
        ldc(entry->getArgument(5)), cols(entry->getArgument(6)),
        bias(entry->getArgument(7)), accumulate(entry->getArgument(8)) {}

  void emit();

private:
  using Accumulators = SmallVector<Value>;

  void emitTile(Value row, unsigned height);
  Accumulators startValues(Value row, unsigned height);
  Accumulators multiply(Value aTile, unsigned height, Accumulators acc);
  Accumulators step(Value aTile, Value k, unsigned unroll, unsigned height,
                    ValueRange acc);
  void write(Value cTile, unsigned height, ArrayRef<Value> acc);
  void writeScalars(Value cTile, unsigned height, ArrayRef<Value> acc);
  void store(Value cTile, unsigned height, ArrayRef<Value> acc, bool add,
             ArrayRef<Value> masks);

  Value cst(int64_t value) { return v.index(value); }
  Value mul(Value x, Value y) { return b.create<arith::MulIOp>(loc, x, y); }
  Value sub(Value x, Value y) { return b.create<arith::SubIOp>(loc, x, y); }
  Value add(Value x, Value y) { return b.create<arith::AddIOp>(loc, x, y); }
  void fetch(Value address, bool forWriting) {
    b.create<LLVM::Prefetch>(loc, address, forWriting, /*hint=*/3,
                             /*cache=*/1);
  }
  Value rowOf(Value base, unsigned row) {
    return v.at(base, mul(ldc, cst(row)));
  }
  /// then() or else().
  void choose(Value condition, function_ref<void()> then,
              function_ref<void()> otherwise);

  OpBuilder &b;
  Location loc;
  VectorBuilder v;
  RegisterTile tile;
  int64_t lda;
  Start start;
  Value a, rows, panel, depth, c, ldc, cols, bias, accumulate;
  SmallVector<Value, 2> columnMasks; ///< lanes of C that exist
  Value isFull;                      ///< cols == NR
  Value spill;                       ///< a tile in memory, without masks
};

} // namespace

void PanelEmitter::choose(Value condition, function_ref<void()> then,
                          function_ref<void()> otherwise) {
  auto op = b.create<scf::IfOp>(loc, condition, bool(otherwise));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&op.getThenRegion().front());
  then();
  if (otherwise) {
    b.setInsertionPointToStart(&op.getElseRegion().front());
    otherwise();
  }
}

/// Whole tiles in a loop, then the row edge in tiles of 8, 4, 2 and 1 rows.
void PanelEmitter::emit() {
  isFull = b.create<arith::CmpIOp>(loc, arith::CmpIPredicate::eq, cols,
                                   cst(tile.nr));
  if (v.masks) {
    for (unsigned j = 0; j < kColumns; ++j)
      columnMasks.push_back(v.maskBelow(sub(cols, cst(j * v.lanes))));
  } else {
    Value count =
        b.create<LLVM::ConstantOp>(loc, b.getI64IntegerAttr(tile.mr * tile.nr));
    spill =
        b.create<LLVM::AllocaOp>(loc, c.getType(), b.getF32Type(), count, 64);
  }
  Value whole =
      mul(b.create<arith::DivUIOp>(loc, rows, cst(tile.mr)), cst(tile.mr));
  int64_t height = llvm::bit_floor(uint64_t(tile.mr - 1));
  auto overTiles = [&](Value begin, Value end, int64_t step) {
    auto loop = b.create<scf::ForOp>(loc, begin, end, cst(step));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    emitTile(loop.getInductionVar(), step);
  };
  overTiles(cst(0), whole, tile.mr);
  for (Value done = whole; height; height /= 2) {
    Value count = b.create<arith::DivUIOp>(loc, sub(rows, done), cst(height));
    Value end = add(done, mul(count, cst(height)));
    overTiles(done, end, height);
    done = end;
  }
}

void PanelEmitter::emitTile(Value row, unsigned height) {
  Value aTile = v.at(a, mul(row, cst(lda)));
  Value cTile = v.at(c, mul(row, ldc));
  for (unsigned i = 0; tile.fetchAhead && i < height; ++i)
    for (unsigned j = 0; j < kColumns; ++j)
      fetch(v.at(rowOf(cTile, i), j * v.lanes), true);
  write(cTile, height, multiply(aTile, height, startValues(row, height)));
}

PanelEmitter::Accumulators PanelEmitter::startValues(Value row,
                                                     unsigned height) {
  if (start == Start::Zero)
    return Accumulators(height * kColumns, v.zero());
  SmallVector<Type> types(start == Start::RowBias ? height : kColumns, v.type);
  auto op = b.create<scf::IfOp>(loc, types, accumulate, true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&op.getThenRegion().front());
  b.create<scf::YieldOp>(loc, SmallVector<Value>(types.size(), v.zero()));
  b.setInsertionPointToStart(&op.getElseRegion().front());
  SmallVector<Value> values;
  if (start == Start::RowBias) {
    Value from = v.at(bias, row);
    for (unsigned i = 0; i < height; ++i)
      values.push_back(v.broadcast(v.loadScalar(v.at(from, i))));
  } else if (v.masks) {
    for (unsigned j = 0; j < kColumns; ++j)
      values.push_back(v.load(v.at(bias, j * v.lanes), columnMasks[j]));
  } else {
    // Past the last column there may be no memory: go through the spill tile.
    choose(
        isFull,
        [&] {
          for (unsigned j = 0; j < kColumns; ++j)
            v.store(v.load(v.at(bias, j * v.lanes)), v.at(spill, j * v.lanes));
        },
        [&] {
          auto copy = b.create<scf::ForOp>(loc, cst(0), cols, cst(1));
          b.setInsertionPointToStart(copy.getBody());
          Value j = copy.getInductionVar();
          v.storeScalar(v.loadScalar(v.at(bias, j)), v.at(spill, j));
        });
    for (unsigned j = 0; j < kColumns; ++j)
      values.push_back(v.load(v.at(spill, j * v.lanes)));
  }
  b.create<scf::YieldOp>(loc, values);
  Accumulators acc;
  for (unsigned i = 0; i < height; ++i)
    for (unsigned j = 0; j < kColumns; ++j)
      acc.push_back(op.getResult(start == Start::RowBias ? i : j));
  return acc;
}

PanelEmitter::Accumulators PanelEmitter::multiply(Value aTile, unsigned height,
                                                  Accumulators acc) {
  Value even =
      mul(b.create<arith::DivUIOp>(loc, depth, cst(kUnroll)), cst(kUnroll));
  Value begin = cst(0);
  for (unsigned unroll : {kUnroll, 1u}) {
    Value end = unroll == 1 ? depth : even;
    auto loop = b.create<scf::ForOp>(loc, begin, end, cst(unroll), acc);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    b.create<scf::YieldOp>(loc, step(aTile, loop.getInductionVar(), unroll,
                                     height, loop.getRegionIterArgs()));
    acc.assign(loop.getResults().begin(), loop.getResults().end());
    begin = even;
  }
  return acc;
}

PanelEmitter::Accumulators PanelEmitter::step(Value aTile, Value k,
                                              unsigned unroll, unsigned height,
                                              ValueRange values) {
  Accumulators acc(values.begin(), values.end());
  Value aHere = v.at(aTile, k), bHere = v.at(panel, mul(k, cst(tile.nr)));
  for (unsigned u = 0; u < unroll; ++u) {
    SmallVector<Value, kColumns> bRow;
    for (unsigned j = 0; j < kColumns; ++j)
      bRow.push_back(v.load(v.at(bHere, u * tile.nr + j * v.lanes)));
    for (unsigned j = 0; tile.fetchAhead && j < kColumns; ++j)
      fetch(v.at(bHere, (u + tile.fetchAhead) * tile.nr + j * v.lanes), false);
    for (unsigned i = 0; i < height; ++i) {
      Value element = v.broadcast(v.loadScalar(v.at(aHere, i * lda + u)));
      for (unsigned j = 0; j < kColumns; ++j) {
        Value &sum = acc[i * kColumns + j];
        sum = v.fma(element, bRow[j], sum);
      }
    }
  }
  return acc;
}

void PanelEmitter::store(Value cTile, unsigned height, ArrayRef<Value> acc,
                         bool addToC, ArrayRef<Value> masks) {
  for (unsigned i = 0; i < height; ++i) {
    Value row = rowOf(cTile, i);
    for (unsigned j = 0; j < kColumns; ++j) {
      Value to = v.at(row, j * v.lanes), value = acc[i * kColumns + j];
      if (addToC)
        value = v.add(value, masks.empty() ? v.load(to) : v.load(to, masks[j]));
      if (masks.empty())
        v.store(value, to);
      else
        v.store(value, to, masks[j]);
    }
  }
}

void PanelEmitter::write(Value cTile, unsigned height, ArrayRef<Value> acc) {
  auto vectors = [&] {
    choose(
        accumulate, [&] { store(cTile, height, acc, true, columnMasks); },
        [&] { store(cTile, height, acc, false, columnMasks); });
  };
  if (v.masks)
    return vectors();
  choose(isFull, vectors, [&] { writeScalars(cTile, height, acc); });
}

/// The column edge without masks: through memory, float by float.
void PanelEmitter::writeScalars(Value cTile, unsigned height,
                                ArrayRef<Value> acc) {
  for (unsigned i = 0; i < height; ++i)
    for (unsigned j = 0; j < kColumns; ++j)
      v.store(acc[i * kColumns + j], v.at(spill, i * tile.nr + j * v.lanes));
  OpBuilder::InsertionGuard guard(b);
  auto overRows = b.create<scf::ForOp>(loc, cst(0), cst(height), cst(1));
  b.setInsertionPointToStart(overRows.getBody());
  Value i = overRows.getInductionVar();
  Value from = v.at(spill, mul(i, cst(tile.nr)));
  Value to = v.at(cTile, mul(i, ldc));
  auto overCols = b.create<scf::ForOp>(loc, cst(0), cols, cst(1));
  b.setInsertionPointToStart(overCols.getBody());
  Value j = overCols.getInductionVar();
  Value value = v.loadScalar(v.at(from, j)), target = v.at(to, j);
  choose(
      accumulate,
      [&] {
        v.storeScalar(b.create<arith::AddFOp>(loc, value, v.loadScalar(target)),
                      target);
      },
      [&] { v.storeScalar(value, target); });
}

func::FuncOp cpu::panelFunction(ModuleOp module, Location loc,
                                const MachineModel &machine, int64_t lda,
                                Start start) {
  static constexpr StringLiteral kStarts[] = {"zero", "rowbias", "colbias"};
  std::string name = ("narae_panel_" + Twine(lda) + "_" +
                      kStarts[static_cast<unsigned>(start)])
                         .str();
  if (auto found = module.lookupSymbol<func::FuncOp>(name))
    return found;
  OpBuilder b(module.getContext());
  b.setInsertionPointToEnd(module.getBody());
  Type pointer = LLVM::LLVMPointerType::get(module.getContext());
  Type index = b.getIndexType();
  auto type = b.getFunctionType({pointer, index, pointer, index, pointer, index,
                                 index, pointer, b.getI1Type()},
                                {});
  auto function = b.create<func::FuncOp>(loc, name, type);
  function.setPrivate();
  // Inlining would give each use the registers that are left over.
  function->setAttr("passthrough",
                    b.getArrayAttr({b.getStringAttr("noinline")}));
  function->setAttr(
      "llvm.linkage",
      LLVM::LinkageAttr::get(module.getContext(), LLVM::Linkage::Internal));
  Block *entry = function.addEntryBlock();
  b.setInsertionPointToStart(entry);
  auto end = b.create<func::ReturnOp>(loc);
  b.setInsertionPoint(end);
  PanelEmitter(b, loc, machine, lda, start, entry).emit();
  return function;
}

void cpu::callPanelKernel(KernelContext &k, const MachineModel &machine,
                          int64_t lda, Start start, const PanelCall &call) {
  auto module =
      k.b.getInsertionBlock()->getParentOp()->getParentOfType<ModuleOp>();
  func::FuncOp function = panelFunction(module, k.loc, machine, lda, start);
  k.b.create<func::CallOp>(
      k.loc, function,
      ValueRange{call.a, call.rows, call.b, call.depth, call.c, call.ldc,
                 call.cols, call.bias ? call.bias : call.a, call.accumulate});
}
