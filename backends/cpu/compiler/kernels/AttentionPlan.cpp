//===- AttentionPlan.cpp - Sizes of attention kernels ---------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/kernels/AttentionPlan.h"

using namespace mlir;
using namespace narae;
using namespace narae::cpu;
using fm::Expr;

std::optional<Attention> Attention::of(fm::SymbolicScope &scope,
                                       Operation *op) {
  auto attention = dyn_cast_or_null<fm::AttentionOp>(op);
  if (!attention)
    return std::nullopt;
  // Narrower floats are widened when they are packed.
  for (Value value : {attention.getQuery(), attention.getKey(),
                      attention.getValue(), attention.getResult()}) {
    Type type = cast<ShapedType>(value.getType()).getElementType();
    if (!type.isF32() && !type.isF16() && !type.isBF16())
      return std::nullopt;
  }
  Attention a;
  a.op = attention;
  ArrayRef<Expr> q = scope.dims(attention.getQuery());
  ArrayRef<Expr> k = scope.dims(attention.getKey());
  bool qSwaps = attention.getQBshd(), kvSwaps = attention.getKvBshd();
  a.batch = q[0];
  a.heads = q[qSwaps ? 2 : 1], a.queries = q[qSwaps ? 1 : 2];
  a.groups = k[kvSwaps ? 2 : 1], a.keys = k[kvSwaps ? 1 : 2];
  a.depth = q[3];
  a.width = scope.dims(attention.getValue())[3];
  return a;
}

AttentionPlan AttentionPlan::make(const MachineModel &machine,
                                  const Attention &a) {
  AttentionPlan plan;
  plan.tile = RegisterTile::of(machine);
  plan.rows = plan.keys = 128;
  if (auto queries = fm::constantOf(a.queries))
    plan.rows = std::clamp<int64_t>(*queries, 1, plan.rows);
  auto depth = fm::constantOf(a.depth);
  plan.depth = depth && *depth <= 512 ? std::max<int64_t>(*depth, 1) : 256;
  plan.lda = rowDistance(std::max(plan.keys, plan.depth));
  return plan;
}

Expr AttentionPlan::outputAt(fm::SymbolicScope &scope,
                             const Attention &a) const {
  Expr blocks = scope.ceilDiv(a.depth, scope.cst(depth));
  return scope.add(scope.mul(blocks, scope.cst(rows * lda * 4)),
                   scope.cst(queriesAt()));
}

Expr AttentionPlan::outputRow(fm::SymbolicScope &scope,
                              const Attention &a) const {
  Expr vectors = scope.ceilDiv(a.width, scope.cst(16));
  return scope.mul(vectors, scope.cst(16));
}

Expr AttentionPlan::scratch(fm::SymbolicScope &scope,
                            const Attention &a) const {
  Expr output = scope.mul(outputRow(scope, a), scope.cst(rows * 4));
  return scope.add(scope.add(outputAt(scope, a), output), scope.cst(64));
}
