//===- Helpers.cpp - What element functions have in common ----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/elemental/Helpers.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;

Exprs codegen::listOf(KernelContext &k, Operation *op, Value tensor) {
  if (auto exprs = k.scope.elementsOrItems(tensor))
    return *exprs;
  k.error(op) << "an operand that is a list has no known length";
  return {};
}

Value codegen::scalarElement(KernelContext &k, Value tensor) {
  Indices zeros(k.dims(tensor).size(), k.index(0));
  return k.element(tensor, zeros);
}

Value codegen::scalarIndex(KernelContext &k, Value tensor) {
  if (auto exprs = k.scope.elements(tensor); exprs && exprs->size() == 1)
    return k.expr(exprs->front());
  Value v = scalarElement(k, tensor);
  return v ? toIndex(k, v, elementOf(tensor)) : v;
}

Indices codegen::broadcastIndices(KernelContext &k, ArrayRef<Expr> own,
                                  ArrayRef<Expr> resultDims,
                                  ValueRange indices) {
  size_t shift = resultDims.size() - own.size();
  Indices operand;
  for (auto [i, dim] : llvm::enumerate(own)) {
    auto size = fm::constantOf(dim);
    Value index = indices[i + shift];
    if (size && *size == 1)
      index = k.index(0);
    else if (!size && dim != resultDims[i + shift])
      index =
          k.selectV(k.b.create<arith::CmpIOp>(k.loc, arith::CmpIPredicate::eq,
                                              k.expr(dim), k.index(1)),
                    k.index(0), index);
    operand.push_back(index);
  }
  return operand;
}

Value codegen::wrapIndex(KernelContext &k, Value index, Expr dim) {
  Value size = k.expr(dim);
  Value wrapped =
      k.selectV(k.lessI(index, k.index(0)), k.addI(index, size), index);
  Value last = k.subI(size, k.index(1));
  return k.maxI(k.minI(wrapped, last), k.index(0));
}

Value codegen::onlyIf(KernelContext &k, Value condition, Type element,
                      llvm::function_ref<Value()> emit) {
  Type reg = KernelContext::registerType(element);
  bool failed = false;
  auto results = k.ifElse(
      condition, {reg},
      [&]() -> SmallVector<Value> {
        Value v = emit();
        failed |= !v;
        return {v ? v : k.zero(element)};
      },
      [&]() -> SmallVector<Value> { return {k.zero(element)}; });
  return failed ? Value() : results[0];
}

Value codegen::unlessEmpty(KernelContext &k, Expr dim, Type element,
                           llvm::function_ref<Value()> emit) {
  if (k.scope.range(dim).first >= 1)
    return emit();
  return onlyIf(k, k.lessI(k.index(0), k.expr(dim)), element, emit);
}

Value codegen::inBounds(KernelContext &k, Value index, Value dim) {
  // Negative indices are huge as unsigned ones.
  return k.b.create<arith::CmpIOp>(k.loc, arith::CmpIPredicate::ult, index,
                                   dim);
}

SmallVector<Value> codegen::reduceLoops(
    KernelContext &k, ArrayRef<Value> sizes, ValueRange init,
    llvm::function_ref<SmallVector<Value>(ValueRange, ValueRange)> body) {
  Indices indices;
  std::function<SmallVector<Value>(size_t, ValueRange)> nest =
      [&](size_t i, ValueRange carried) -> SmallVector<Value> {
    if (i == sizes.size())
      return body(indices, carried);
    if (getConstantIntValue(sizes[i]) == 1) {
      indices.push_back(k.index(0));
      auto results = nest(i + 1, carried);
      indices.pop_back();
      return results;
    }
    return k.forLoop(k.index(0), sizes[i], k.index(1), carried,
                     [&](Value iv, ValueRange inner) {
                       indices.push_back(iv);
                       auto results = nest(i + 1, inner);
                       indices.pop_back();
                       return results;
                     });
  };
  return nest(0, init);
}

Expr codegen::windowPad(KernelContext &k, StringRef autoPad,
                        ArrayRef<int64_t> pads, unsigned i, unsigned spatial,
                        Expr inputDim, Expr outputDim, int64_t stride,
                        Expr window) {
  fm::SymbolicScope &s = k.scope;
  if (autoPad == "same_upper" || autoPad == "same_lower") {
    Expr covered =
        s.add(s.mul(s.sub(outputDim, s.cst(1)), s.cst(stride)), window);
    Expr total = s.max(s.sub(covered, inputDim), s.cst(0));
    Expr half = s.floorDiv(total, s.cst(2));
    return autoPad == "same_upper" ? half : s.sub(total, half);
  }
  if (autoPad == "valid" || i >= pads.size())
    return s.cst(0);
  return s.cst(pads[i]);
}
