//===- Configure.cpp - Choices made before scheduling ---------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/Configure.h"

#include "dialects/rt/KernelScope.h"
#include "lib/codegen/Elemental.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;
using fm::Expr;

/// Whether an expression uses the first `count` symbols only. A scope makes
/// further symbols for what a kernel computes itself.
static bool usesOnly(Expr expr, unsigned count) {
  bool fine = true;
  expr.walk([&](Expr e) {
    if (auto symbol = dyn_cast<AffineSymbolExpr>(e))
      fine &= symbol.getPosition() < count;
  });
  return fine;
}

//===----------------------------------------------------------------------===//
// Work
//===----------------------------------------------------------------------===//

/// Multiply-adds of a vectorised product that take as long as one element of
/// element-wise work.
static constexpr int64_t kMultiplyAdds = 8;

/// Operations per element of the first result, or of the first operand for
/// ops that walk that.
static Expr workOf(Operation *op, fm::SymbolicScope &scope) {
  auto products = [&](Expr count) {
    return scope.ceilDiv(count, scope.cst(kMultiplyAdds));
  };
  auto size = [&](Value value) { return scope.product(scope.dims(value)); };
  auto times = [&](Expr e, int64_t n) { return scope.mul(e, scope.cst(n)); };
  Expr results = size(op->getResult(0));
  if (isa<fm::MatmulOp, fm::PackedMatmulOp>(op)) {
    Value lhs = op->getOperand(0);
    int64_t rank = scope.rank(lhs);
    Expr k = scope.dim(lhs, op->hasAttr("transpose_lhs") ? rank - 2 : rank - 1);
    return products(scope.mul(results, k));
  }
  if (isa<fm::ConvOp>(op))
    return products(scope.mul(
        results, scope.product(scope.dims(op->getOperand(1)).drop_front())));
  if (isa<fm::ConvTransposeOp>(op))
    return products(
        scope.mul(size(op->getOperand(0)),
                  scope.product(scope.dims(op->getOperand(1)).drop_front())));
  if (auto pool = dyn_cast<fm::PoolOp>(op)) {
    int64_t window = 1;
    for (int64_t n : pool.getKernel())
      window *= n;
    return times(results, window);
  }
  if (auto attention = dyn_cast<fm::AttentionOp>(op)) {
    Value key = attention.getKey();
    Expr keys = scope.dim(key, attention.getKvBshd() ? 1 : 2);
    return products(
        scope.mul(scope.add(size(op->getOperand(0)), results), keys));
  }
  if (auto attention = dyn_cast<fm::CachedAttentionOp>(op)) {
    // A full cache; how much of it is seen is known only when it runs.
    Expr keys = scope.dim(attention.getKey(), 2);
    if (int64_t window = attention.getWindow())
      keys = scope.min(keys, scope.cst(window));
    return products(
        scope.mul(scope.add(size(attention.getQuery()), results), keys));
  }
  if (isa<fm::ExpertMatmulOp>(op))
    return products(scope.mul(results, scope.dim(op->getOperand(1), 2)));
  if (auto update = dyn_cast<fm::CacheUpdateOp>(op))
    return times(size(update.getUpdate()), 2);
  if (auto recurrent = dyn_cast<fm::RecurrentOp>(op)) {
    Expr steps = scope.mul(scope.dim(recurrent.getInput(), 0),
                           scope.dim(recurrent.getInput(), 1));
    return products(scope.mul(
        steps, scope.add(size(recurrent.getW()), size(recurrent.getR()))));
  }
  switch (elementEntry(op).cost) {
  case ElementCost::Free:
  case ElementCost::Cheap:
    return results;
  case ElementCost::Once:
    return times(results, 16);
  case ElementCost::Loop:
  case ElementCost::None:
    break;
  }
  // Reductions, norms, sorting: a few operations for each element they read.
  return op->getNumOperands()
             ? scope.add(times(size(op->getOperand(0)), 8), results)
             : results;
}

Expr codegen::estimateWork(rt::KernelOp kernel, fm::SymbolicScope &scope) {
  unsigned symbols = kernel.getSymbols().size();
  Expr total = scope.cst(0);
  for (Operation &op : kernel.block().without_terminator()) {
    if (op.getNumResults() == 0 || isa<fm::ConstantOp, rt::ShapeValueOp>(op))
      continue;
    Expr work = workOf(&op, scope);
    if (usesOnly(work, symbols))
      total = scope.add(total, work);
  }
  // What is left out above is at least as large as the results.
  if (fm::constantOf(total) == 0)
    for (Value result : kernel.yield()->getOperands()) {
      Expr size = scope.product(scope.dims(result));
      if (usesOnly(size, symbols))
        total = scope.add(total, size);
    }
  return total;
}

//===----------------------------------------------------------------------===//
// Configuration
//===----------------------------------------------------------------------===//

/// Arguments that are read at the place of the result's element alone.
static SmallVector<int64_t> sharedArguments(rt::KernelOp kernel,
                                            fm::SymbolicScope &scope) {
  SmallVector<int64_t> shares;
  if (kernel.yield()->getNumOperands() != 1)
    return shares;
  Value result = kernel.yield()->getOperand(0);
  auto type = cast<RankedTensorType>(result.getType());
  auto unit = fm::storageUnit(type.getElementType());
  // Users come later: from the last op backwards.
  DenseMap<Value, bool> isInPlace;
  auto decide = [&](Value value) {
    isInPlace[value] =
        scope.dims(value) == scope.dims(result) &&
        llvm::all_of(value.getUsers(), [&](Operation *user) {
          return user == kernel.yield() ||
                 (isElementwise(user) && isInPlace.lookup(user->getResult(0)));
        });
    return isInPlace[value];
  };
  for (Operation &op : llvm::reverse(kernel.block().without_terminator()))
    for (Value value : op.getResults())
      decide(value);
  for (BlockArgument arg : kernel.block().getArguments()) {
    auto own = cast<RankedTensorType>(arg.getType());
    auto ownUnit = fm::storageUnit(own.getElementType());
    if (own.getShape() == type.getShape() && ownUnit.bytes == unit.bytes &&
        ownUnit.elements == unit.elements && decide(arg))
      shares.push_back(arg.getArgNumber());
  }
  return shares;
}

static LogicalResult configureKernel(rt::KernelOp kernel,
                                     const Emitters &emitters,
                                     const MachineModel &machine) {
  KernelEmitter *emitter = findEmitter(emitters, kernel, machine);
  if (!emitter)
    return kernel.emitError("no code generator for kernel @")
           << kernel.getSymName();
  MLIRContext *context = kernel.getContext();
  unsigned symbols = kernel.getSymbols().size();
  auto map = [&](Expr expr) {
    return AffineMapAttr::get(AffineMap::get(0, symbols, expr, context));
  };
  Expr scratch;
  DictionaryAttr chosen = emitter->configure(kernel, machine, scratch);
  if (!chosen)
    return kernel.emitError("emitter ")
           << emitter->name() << " cannot be configured";
  NamedAttrList config(chosen);
  config.set("emitter", StringAttr::get(context, emitter->name()));
  kernel.setConfigAttr(config.getDictionary(context));
  if (scratch && fm::constantOf(scratch) != 0) {
    if (!usesOnly(scratch, symbols))
      return kernel.emitError("the workspace of emitter ")
             << emitter->name() << " depends on what the kernel computes";
    kernel.setScratchAttr(map(scratch));
  }
  fm::SymbolicScope scope = rt::scopeOf(kernel);
  kernel.setWorkAttr(map(estimateWork(kernel, scope)));
  if (emitter->writesElementsOnce() && !kernel.getInplace())
    if (auto shares = sharedArguments(kernel, scope); !shares.empty())
      kernel.setShares(shares);
  return success();
}

LogicalResult codegen::configureKernels(ArrayRef<rt::KernelOp> kernels,
                                        const Emitters &emitters,
                                        const MachineModel &machine) {
  bool fine = true;
  for (rt::KernelOp kernel : kernels)
    fine &= succeeded(configureKernel(kernel, emitters, machine));
  return success(fine);
}
