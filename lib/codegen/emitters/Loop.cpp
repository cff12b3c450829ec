//===- Loop.cpp - Loops over the elements of a kernel's results -----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Results of the same dimensions share a loop nest. Its dimensions are
// grouped (DimGroups.h): the last group is the innermost loop, which LLVM
// vectorises; the others are walked by one loop over rows, whose counter is
// decomposed once a row. The last group is cut where a concatenation along it
// changes from one operand to the next.
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/Elemental.h"
#include "lib/codegen/emitters/DimGroups.h"
#include "lib/codegen/emitters/Generic.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;
using fm::Expr;
using fm::Exprs;

namespace {

class LoopEmitter : public KernelEmitter {
public:
  StringRef name() const override { return "loop"; }
  bool writesElementsOnce() const override { return true; }
  bool matches(rt::KernelOp kernel, const MachineModel &) override {
    return llvm::all_of(kernel.block().without_terminator(), [](Operation &op) {
      return elementEntry(&op).fn != nullptr;
    });
  }
  LogicalResult emit(KernelContext &k, const MachineModel &machine) override;
};

/// One nest for several results.
class Nest {
public:
  Nest(KernelContext &k, ArrayRef<unsigned> results)
      : k(k), results(results),
        dims(k.dims(k.kernel.yield()->getOperand(results.front()))) {}
  LogicalResult emit();

private:
  KernelContext &k;
  ArrayRef<unsigned> results;
  Exprs dims;
  bool failed = false;

  Value value(unsigned result) { return k.kernel.yield()->getOperand(result); }
  void store(ValueRange indices);
  void findConcats(const DimGroup &inner);
  void innerLoop(const DimGroup &inner, Indices indices, Value begin,
                 Value end);

  /// Concatenations along the innermost loop that begin operands at the same
  /// places, and those places.
  SmallVector<fm::ConcatOp> concats;
  Exprs joints;
};

} // namespace

void Nest::store(ValueRange indices) {
  KernelContext::Remember remember(k);
  for (unsigned r : results) {
    Value v = k.element(value(r), indices);
    if (!v) {
      failed = true;
      return;
    }
    k.storeResult(r, indices, v);
  }
}

void Nest::findConcats(const DimGroup &inner) {
  if (inner.end != inner.begin + 1 || inner.end != dims.size())
    return;
  for (auto concat : k.kernel.block().getOps<fm::ConcatOp>()) {
    size_t rank = k.dims(concat.getResult()).size();
    if (int64_t(concat.getAxis()) + 1 != int64_t(rank) ||
        k.scope.dim(concat.getResult(), rank - 1) != inner.size ||
        concat.getInputs().size() > 16)
      continue;
    Exprs own;
    Expr offset = k.scope.cst(0);
    for (Value input : concat.getInputs()) {
      own.push_back(offset);
      offset = k.scope.add(offset, k.scope.dim(input, rank - 1));
    }
    if (concats.empty())
      joints = own;
    if (own == joints)
      concats.push_back(concat);
  }
}

void Nest::innerLoop(const DimGroup &inner, Indices indices, Value begin,
                     Value end) {
  size_t pieces = std::max<size_t>(1, joints.size());
  for (size_t i = 0; i < pieces; ++i) {
    Value from = begin, to = end;
    if (pieces > 1) {
      from = k.maxI(begin, k.expr(joints[i]));
      if (i + 1 < pieces)
        to = k.minI(end, k.expr(joints[i + 1]));
    }
    k.forLoop(from, to, k.index(1), [&](Value iv) {
      if (pieces > 1)
        for (fm::ConcatOp concat : concats)
          k.chooseOperand(concat, iv, i);
      indices[inner.place] = iv;
      store(indices);
    });
  }
  for (fm::ConcatOp concat : concats)
    k.chooseOperand(concat, {}, 0);
}

LogicalResult Nest::emit() {
  SmallVector<Value> values;
  for (unsigned r : results)
    values.push_back(value(r));
  SmallVector<DimGroup> groups = groupDims(k, dims, values, 0, dims.size());
  Indices indices(dims.size(), k.index(0));
  if (groups.empty()) {
    Value isFirst = k.b.create<arith::CmpIOp>(k.loc, arith::CmpIPredicate::eq,
                                              k.args.part, k.index(0));
    k.ifThen(isFirst, [&] { store(indices); });
    return failure(failed);
  }
  // Elements with loops inside are work enough to be dealt out one by one.
  int64_t grain = anchorOf(k.kernel) ? 1 : 16;
  DimGroup inner = groups.pop_back_val();
  findConcats(inner);
  Value columns = k.expr(inner.size);
  if (groups.empty()) {
    auto [begin, end] = k.share(columns, grain);
    innerLoop(inner, indices, begin, end);
    return failure(failed);
  }
  Exprs outer;
  for (const DimGroup &group : groups)
    outer.push_back(group.size);
  Value rows = k.expr(k.scope.product(outer));
  // Parts take rows where there are enough of them, else a piece of each.
  Value many = k.b.create<arith::CmpIOp>(k.loc, arith::CmpIPredicate::sge, rows,
                                         k.mulI(k.args.parts, k.index(4)));
  Value narrow = k.lessI(columns, k.mulI(k.args.parts, k.index(16 * grain)));
  Value byRow = k.b.create<arith::OrIOp>(k.loc, many, narrow);
  auto [rowBegin, rowEnd] = k.share(rows);
  auto [columnBegin, columnEnd] = k.share(columns, grain);
  rowBegin = k.selectV(byRow, rowBegin, k.index(0));
  rowEnd = k.selectV(byRow, rowEnd, rows);
  columnBegin = k.selectV(byRow, k.index(0), columnBegin);
  columnEnd = k.selectV(byRow, columns, columnEnd);
  k.forLoop(rowBegin, rowEnd, k.index(1),
            [&, cb = columnBegin, ce = columnEnd](Value row) {
              Indices at = k.delinear(outer, row);
              for (auto [group, index] : llvm::zip(groups, at))
                indices[group.place] = index;
              innerLoop(inner, indices, cb, ce);
            });
  return failure(failed);
}

LogicalResult LoopEmitter::emit(KernelContext &k, const MachineModel &) {
  // Results of the same dimensions are computed together.
  SmallVector<SmallVector<unsigned>> nests;
  for (unsigned r = 0; r < k.kernel.yield()->getNumOperands(); ++r) {
    ArrayRef<Expr> dims = k.dims(k.kernel.yield()->getOperand(r));
    auto *it = llvm::find_if(nests, [&](ArrayRef<unsigned> nest) {
      return k.dims(k.kernel.yield()->getOperand(nest.front())) == dims;
    });
    if (it == nests.end())
      nests.push_back({r});
    else
      it->push_back(r);
  }
  for (ArrayRef<unsigned> nest : nests)
    if (failed(Nest(k, nest).emit()))
      return failure();
  return success();
}

std::unique_ptr<KernelEmitter> codegen::createLoopEmitter() {
  return std::make_unique<LoopEmitter>();
}
