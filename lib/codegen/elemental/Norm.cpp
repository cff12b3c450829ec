//===- Norm.cpp - Elements of softmax and norms ---------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each element reads its whole row: right, and slow. The row emitter computes
// a row at a time.
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/elemental/Helpers.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;

/// Folds `step` over the elements of `input` with indices [axis, end) free.
static Value foldRow(KernelContext &k, Value input, ValueRange indices,
                     size_t axis, size_t end, Value init,
                     llvm::function_ref<Value(Value acc, Value x)> step) {
  SmallVector<Value> sizes;
  for (size_t d = axis; d < end; ++d)
    sizes.push_back(k.dim(input, d));
  Arith a(k, elementOf(input));
  bool failed = false;
  auto results = reduceLoops(
      k, sizes, init, [&](ValueRange at, ValueRange acc) -> SmallVector<Value> {
        Indices place(indices.begin(), indices.end());
        llvm::copy(at, place.begin() + axis);
        Value x = k.element(input, place);
        failed |= !x;
        return {x ? step(acc[0], a.widen(x)) : acc[0]};
      });
  return failed ? Value() : results[0];
}

static Value softmax(KernelContext &k, Operation *op, unsigned,
                     ValueRange indices) {
  auto softmax = cast<fm::SoftmaxOp>(op);
  Value input = softmax.getInput();
  Arith a(k, elementOf(input));
  size_t axis = softmax.getAxis();
  Value max = foldRow(k, input, indices, axis, axis + 1, a.lowest(),
                      [&](Value acc, Value x) { return a.max(acc, x); });
  Value own = max ? k.element(input, indices) : max;
  if (!own)
    return {};
  Value sum = foldRow(
      k, input, indices, axis, axis + 1, a.zero(),
      [&](Value acc, Value x) { return a.add(acc, a.exp(a.sub(x, max))); });
  Value shifted = a.sub(a.widen(own), max);
  if (softmax.getLog())
    return a.narrow(a.sub(shifted, a.unary<math::LogOp>(sum)));
  return a.narrow(a.div(a.exp(shifted), sum));
}

/// value * scale + bias, both optional; with `isCentred` scale + 1 is meant.
static Value scaleAndShift(const Arith &a, Operation *op, Value value,
                           Value scale, Value bias, ValueRange indices,
                           bool isCentred = false) {
  KernelContext &k = a.k;
  ArrayRef<Expr> dims = k.dims(op->getResult(0));
  auto operandElement = [&](Value operand) {
    Value v = k.broadcastElement(operand, dims, indices);
    return v ? a.widenFrom(v, elementOf(operand)) : v;
  };
  if (scale) {
    Value v = operandElement(scale);
    if (!v)
      return {};
    value = a.mul(value, isCentred ? a.add(v, a.one()) : v);
  }
  if (bias) {
    Value v = operandElement(bias);
    if (!v)
      return {};
    value = a.add(value, v);
  }
  return a.narrow(value);
}

static Value layerNorm(KernelContext &k, Operation *op, unsigned,
                       ValueRange indices) {
  auto norm = cast<fm::LayerNormOp>(op);
  Value input = norm.getInput();
  Arith a(k, elementOf(input));
  size_t axis = norm.getAxis(), rank = indices.size();
  Expr size = k.scope.product(k.dims(input).drop_front(axis));
  Value count = fromIndex(k, k.expr(size), a.type);
  Value sum = foldRow(k, input, indices, axis, rank, a.zero(),
                      [&](Value acc, Value x) { return a.add(acc, x); });
  Value own = sum ? k.element(input, indices) : sum;
  if (!own)
    return {};
  Value mean = a.div(sum, count);
  Value squares =
      foldRow(k, input, indices, axis, rank, a.zero(), [&](Value acc, Value x) {
        Value d = a.sub(x, mean);
        return a.add(acc, a.mul(d, d));
      });
  Value variance =
      a.add(a.div(squares, count), a.cst(norm.getEpsilon().convertToDouble()));
  Value value = a.div(a.sub(a.widen(own), mean), a.sqrt(variance));
  return scaleAndShift(a, op, value, norm.getScale(), norm.getBias(), indices);
}

static Value rmsNorm(KernelContext &k, Operation *op, unsigned,
                     ValueRange indices) {
  auto norm = cast<fm::RmsNormOp>(op);
  Value input = norm.getInput();
  Arith a(k, elementOf(input));
  size_t axis = norm.getAxis(), rank = indices.size();
  Expr size = k.scope.product(k.dims(input).drop_front(axis));
  Value squares =
      foldRow(k, input, indices, axis, rank, a.zero(),
              [&](Value acc, Value x) { return a.add(acc, a.mul(x, x)); });
  Value own = squares ? k.element(input, indices) : squares;
  if (!own)
    return {};
  Value mean = a.add(a.div(squares, fromIndex(k, k.expr(size), a.type)),
                     a.cst(norm.getEpsilon().convertToDouble()));
  return scaleAndShift(a, op, a.div(a.widen(own), a.sqrt(mean)),
                       norm.getScale(), {}, indices, norm.getZeroCentred());
}

void codegen::registerNormElements(ElementTable &t) {
  t["fm.softmax"] = {softmax, ElementCost::Loop};
  t["fm.layer_norm"] = {layerNorm, ElementCost::Loop};
  t["fm.rms_norm"] = {rmsNorm, ElementCost::Loop};
}
