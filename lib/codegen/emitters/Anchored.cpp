//===- Anchored.cpp - Kernels of one anchor -------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/emitters/Anchored.h"
#include "dialects/rt/KernelScope.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;

namespace {

/// Whether values depend on the anchor, and if so at the same place.
struct Places {
  fm::SymbolicScope scope;
  Value anchor;
  llvm::DenseMap<Value, bool> dependence;

  Places(fm::SymbolicScope scope, Value anchor)
      : scope(std::move(scope)), anchor(anchor) {}

  bool depends(Value v) {
    if (v == anchor)
      return true;
    Operation *op = v.getDefiningOp();
    if (!op)
      return false;
    if (auto it = dependence.find(v); it != dependence.end())
      return it->second;
    bool result =
        llvm::any_of(op->getOperands(), [&](Value o) { return depends(o); });
    return dependence[v] = result;
  }

  bool samePlace(Value v) {
    if (v == anchor)
      return true;
    Operation *op = v.getDefiningOp();
    bool reshapes =
        isa<fm::ReshapeOp, fm::FlattenOp, fm::SqueezeOp, fm::UnsqueezeOp>(op);
    if (!reshapes && !isElementwise(op))
      return false;
    for (Value operand : op->getOperands()) {
      if (!depends(operand))
        continue;
      if (!reshapes && scope.get(operand).dims != scope.get(v).dims)
        return false;
      if (!samePlace(operand))
        return false;
    }
    return true;
  }
};

} // namespace

std::optional<AnchoredKernel> AnchoredKernel::match(rt::KernelOp kernel) {
  AnchoredKernel result;
  result.anchor = anchorOf(kernel);
  if (!result.anchor || result.anchor->getNumResults() != 1)
    return std::nullopt;
  for (Operation &op : kernel.block().without_terminator()) {
    ElementCost cost = elementEntry(&op).cost;
    if (&op != result.anchor &&
        (cost == ElementCost::Loop || cost == ElementCost::None))
      return std::nullopt;
  }
  Places places(rt::scopeOf(kernel), result.anchor->getResult(0));
  for (auto [i, v] : llvm::enumerate(kernel.yield()->getOperands())) {
    if (places.depends(v)) {
      if (!places.samePlace(v))
        return std::nullopt;
      result.epilogues.push_back(i);
      continue;
    }
    if (places.scope.get(v).dims !=
        places.scope.get(result.anchor->getOperand(0)).dims)
      return std::nullopt;
    result.producers.push_back(i);
  }
  return result;
}

LogicalResult AnchoredKernel::storeEpilogues(KernelContext &k,
                                             ValueRange indices,
                                             Value element) const {
  Value result = anchor->getResult(0);
  k.define(result, [element](ValueRange) { return element; });
  KernelContext::Remember remember(k);
  for (unsigned i : epilogues) {
    Value v = k.kernel.yield()->getOperand(i);
    Indices at(indices.begin(), indices.end());
    if (k.dims(v) != k.dims(result)) {
      Value offset = k.linear(k.dims(result), indices);
      at = k.isFlat(v, {result}) ? k.flatIndices(k.dims(v), offset)
                                 : k.delinear(k.dims(v), offset);
    }
    Value x = k.element(v, at);
    if (!x)
      return failure();
    k.storeResult(i, at, x);
  }
  return success();
}

LogicalResult AnchoredKernel::storeProducers(KernelContext &k,
                                             ValueRange indices) const {
  for (unsigned i : producers) {
    Value x = k.element(k.kernel.yield()->getOperand(i), indices);
    if (!x)
      return failure();
    k.storeResult(i, indices, x);
  }
  return success();
}

SmallVector<Value> AnchoredKernel::sameShapeEpilogues(KernelContext &k) const {
  SmallVector<Value> values;
  for (unsigned i : epilogues) {
    Value v = k.kernel.yield()->getOperand(i);
    if (k.dims(v) == k.dims(anchor->getResult(0)))
      values.push_back(v);
  }
  return values;
}

SmallVector<Value> AnchoredKernel::producerValues(KernelContext &k) const {
  SmallVector<Value> values;
  for (unsigned i : producers)
    values.push_back(k.kernel.yield()->getOperand(i));
  return values;
}
