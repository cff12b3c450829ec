//===- DimGroups.cpp - Dimensions that one loop may walk ------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/emitters/DimGroups.h"
#include "lib/codegen/Elemental.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;
using fm::Expr;

namespace {

/// How a tensor has a dimension of the loop nest.
enum class Access {
  Any,  ///< the nest's dimension is 1
  Full, ///< the same
  None, ///< broadcast
  Alone ///< in a way of its own: must not be in a group with others
};

using Row = SmallVector<Access, 6>;

struct Analysis {
  KernelContext &k;
  ArrayRef<Expr> dims;
  ArrayRef<Value> leaves;
  llvm::DenseSet<Value> seen;
  SmallVector<Row> rows;

  void visit(Value v);
  /// The operands that are read at the result's own indices, but along the
  /// axes in `alone`; empty for other ops.
  SmallVector<Value> passThrough(Operation *op, SmallVector<int64_t> &alone);
};

} // namespace

SmallVector<Value> Analysis::passThrough(Operation *op,
                                         SmallVector<int64_t> &alone) {
  if (isElementwise(op))
    return SmallVector<Value>(op->getOperands());
  if (isa<fm::BroadcastOp>(op))
    return {op->getOperand(0)};
  if (auto concat = dyn_cast<fm::ConcatOp>(op)) {
    alone.push_back(concat.getAxis());
    return SmallVector<Value>(op->getOperands());
  }
  if (auto slice = dyn_cast<fm::SliceOp>(op)) {
    llvm::append_range(alone, slice.getAxes());
    return {slice.getInput()};
  }
  if (auto pad = dyn_cast<fm::PadOp>(op)) {
    llvm::append_range(alone, pad.getAxes());
    return {pad.getInput()};
  }
  if (isa<fm::TriluOp>(op)) {
    int64_t rank = k.dims(op->getResult(0)).size();
    alone.append({rank - 2, rank - 1});
    return {op->getOperand(0)};
  }
  return {};
}

void Analysis::visit(Value v) {
  if (!seen.insert(v).second)
    return;
  ArrayRef<Expr> own = k.dims(v);
  size_t shift = dims.size() - own.size();
  Row row(dims.size(), Access::None);
  for (size_t d = 0; d < dims.size(); ++d) {
    // A tensor that is larger than a unit dimension, as a slice's input is, has
    // a gap between the dimensions around it.
    if (fm::constantOf(dims[d]) == 1)
      row[d] = d < shift || fm::constantOf(own[d - shift]) == 1 ? Access::Any
                                                                : Access::Alone;
    else if (d < shift || fm::constantOf(own[d - shift]) == 1)
      row[d] = Access::None;
    else
      row[d] = own[d - shift] == dims[d] ? Access::Full : Access::Alone;
  }
  Operation *op = v.getDefiningOp();
  SmallVector<int64_t> alone;
  SmallVector<Value> operands;
  if (!k.isFlat(v, leaves)) {
    if (op)
      operands = passThrough(op, alone);
    if (operands.empty())
      for (Access &access : row)
        if (access == Access::Full)
          access = Access::Alone;
  }
  for (int64_t axis : alone)
    row[axis + shift] = Access::Alone;
  rows.push_back(std::move(row));
  for (Value operand : operands)
    visit(operand);
}

SmallVector<DimGroup> codegen::groupDims(KernelContext &k, ArrayRef<Expr> dims,
                                         ArrayRef<Value> values, unsigned begin,
                                         unsigned end, ArrayRef<Value> leaves) {
  Analysis analysis{k, dims, leaves, {}, {}};
  for (Value v : values)
    analysis.visit(v);
  SmallVector<DimGroup> groups;
  bool gap = false;
  for (unsigned d = begin; d < end; ++d) {
    if (fm::constantOf(dims[d]) == 1) {
      gap |= llvm::any_of(analysis.rows, [&](const Row &row) {
        return row[d] == Access::Alone;
      });
      continue;
    }
    // Joins the last group when all tensors have both, or neither, and nothing
    // in between.
    bool joins = !groups.empty() && !gap;
    gap = false;
    for (const Row &row : analysis.rows) {
      if (!joins)
        break;
      Access before = row[groups.back().place];
      joins = before == row[d] && before != Access::Alone;
    }
    if (joins) {
      DimGroup &group = groups.back();
      group.end = d + 1;
      group.place = d;
      group.size = k.scope.mul(group.size, dims[d]);
    } else {
      groups.push_back({d, d + 1, d, dims[d]});
    }
  }
  return groups;
}
