//===- Row.cpp - Softmax and norms, a row at a time -----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A row is what is normalised together. The first pass computes its elements,
// once, into scratch memory and gathers the maximum or the sum; the others
// read it from there, and the last stores the epilogue. Rows are dealt out to
// the parts.
//
//===----------------------------------------------------------------------===//

#include "dialects/rt/KernelScope.h"
#include "lib/codegen/elemental/Helpers.h"
#include "lib/codegen/emitters/Anchored.h"
#include "lib/codegen/emitters/DimGroups.h"
#include "lib/codegen/emitters/Generic.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;

namespace {

/// The dimensions [begin, end) of an anchor's operand that are one row.
std::pair<size_t, size_t> rowOf(Operation *anchor, size_t rank) {
  if (auto softmax = dyn_cast<fm::SoftmaxOp>(anchor))
    return {softmax.getAxis(), softmax.getAxis() + 1};
  if (auto norm = dyn_cast<fm::LayerNormOp>(anchor))
    return {norm.getAxis(), rank};
  return {cast<fm::RmsNormOp>(anchor).getAxis(), rank};
}

class RowEmitter : public KernelEmitter {
public:
  StringRef name() const override { return "row"; }
  bool matches(rt::KernelOp kernel, const MachineModel &) override {
    auto match = AnchoredKernel::match(kernel);
    return match &&
           isa<fm::SoftmaxOp, fm::LayerNormOp, fm::RmsNormOp>(match->anchor);
  }
  DictionaryAttr configure(rt::KernelOp kernel, const MachineModel &,
                           Expr &scratch) override {
    Operation *anchor = anchorOf(kernel);
    fm::SymbolicScope scope = rt::scopeOf(kernel);
    Exprs dims(scope.dims(anchor->getOperand(0)));
    auto [begin, end] = rowOf(anchor, dims.size());
    Expr size = scope.product(ArrayRef(dims).slice(begin, end - begin));
    int64_t bytes = elementOf(anchor->getOperand(0)).isF64() ? 8 : 4;
    scratch = scope.mul(size, scope.cst(bytes));
    return DictionaryAttr::get(kernel.getContext());
  }
  LogicalResult emit(KernelContext &k, const MachineModel &machine) override;
};

class Rows {
public:
  Rows(KernelContext &k, const AnchoredKernel &kernel)
      : k(k), kernel(kernel), op(kernel.anchor), input(op->getOperand(0)),
        dims(k.dims(input)), a(k, elementOf(input)), sums(a) {
    std::tie(begin, end) = rowOf(op, dims.size());
    sums.flags = arith::FastMathFlags::reassoc;
  }
  LogicalResult emit();

private:
  KernelContext &k;
  const AnchoredKernel &kernel;
  Operation *op;
  Value input;
  Exprs dims;
  Arith a, sums; ///< exact, and free to sum in any order
  size_t begin, end;
  SmallVector<DimGroup> groups;
  Indices row; ///< indices outside of the row
  bool failed = false;

  /// Visits the row's elements: indices, and the position in the row.
  using Values = SmallVector<Value>;
  Values pass(ValueRange init,
              llvm::function_ref<Values(ValueRange, Value, ValueRange)> body);
  /// Folds the operand's elements, and keeps them.
  Values firstPass(ValueRange init,
                   llvm::function_ref<Values(ValueRange acc, Value x)> step);
  Value sumPass(llvm::function_ref<Value(Value at)> term);
  void lastPass(llvm::function_ref<Value(ValueRange indices, Value at)> value);
  Value kept(Value position) {
    return k.load(k.args.scratch, a.type, position);
  }
  void keep(Value v, Value position) {
    k.store(v, k.args.scratch, a.type, position);
  }
  Value operandElement(Value operand, ValueRange indices);
  Value count() {
    Exprs own(ArrayRef(dims).slice(begin, end - begin));
    return fromIndex(k, k.expr(k.scope.product(own)), a.type);
  }
  void emitSoftmax(fm::SoftmaxOp softmax);
  void emitLayerNorm(fm::LayerNormOp norm);
  void emitRmsNorm(fm::RmsNormOp norm);
};

} // namespace

SmallVector<Value>
Rows::pass(ValueRange init,
           llvm::function_ref<Values(ValueRange, Value, ValueRange)> body) {
  SmallVector<Value> sizes;
  Exprs shape;
  for (const DimGroup &group : groups) {
    sizes.push_back(k.expr(group.size));
    shape.push_back(group.size);
  }
  return reduceLoops(k, sizes, init, [&](ValueRange at, ValueRange acc) {
    Indices indices = row;
    for (auto [group, index] : llvm::zip(groups, at))
      indices[group.place] = index;
    return body(indices, k.linear(shape, at), acc);
  });
}

SmallVector<Value>
Rows::firstPass(ValueRange init,
                llvm::function_ref<Values(ValueRange acc, Value x)> step) {
  return pass(
      init, [&](ValueRange indices, Value position, ValueRange acc) -> Values {
        KernelContext::Remember remember(k);
        Value x = k.element(input, indices);
        if (!x || mlir::failed(kernel.storeProducers(k, indices))) {
          failed = true;
          return Values(acc);
        }
        Value wide = a.widen(x);
        keep(wide, position);
        return step(acc, wide);
      });
}

/// The sum of a term of each position.
Value Rows::sumPass(llvm::function_ref<Value(Value at)> term) {
  return pass(a.zero(), [&](ValueRange, Value at, ValueRange acc) -> Values {
    return {sums.add(acc[0], term(at))};
  })[0];
}

/// Stores the anchor's elements.
void Rows::lastPass(
    llvm::function_ref<Value(ValueRange indices, Value at)> value) {
  pass({}, [&](ValueRange indices, Value at, ValueRange) -> Values {
    failed |= mlir::failed(
        kernel.storeEpilogues(k, indices, a.narrow(value(indices, at))));
    return {};
  });
}

Value Rows::operandElement(Value operand, ValueRange indices) {
  Value v = k.broadcastElement(operand, dims, indices);
  failed |= !v;
  return v ? a.widenFrom(v, elementOf(operand)) : a.one();
}

void Rows::emitSoftmax(fm::SoftmaxOp softmax) {
  Value max = a.endExtremum(
      firstPass(a.startExtremum(true), [&](ValueRange acc, Value x) {
        return a.stepExtremum(true, acc, x);
      }));
  bool log = softmax.getLog();
  Value sum = sumPass([&](Value at) {
    Value e = a.exp(a.sub(kept(at), max));
    if (!log)
      keep(e, at);
    return e;
  });
  Value last = log ? a.unary<math::LogOp>(sum) : a.div(a.one(), sum);
  lastPass([&](ValueRange, Value at) {
    return log ? a.sub(a.sub(kept(at), max), last) : a.mul(kept(at), last);
  });
}

void Rows::emitLayerNorm(fm::LayerNormOp norm) {
  Value n = count();
  Value total = firstPass(a.zero(), [&](ValueRange acc, Value x) -> Values {
    return {sums.add(acc[0], x)};
  })[0];
  Value mean = a.div(total, n);
  Value squares = sumPass([&](Value at) {
    Value d = a.sub(kept(at), mean);
    return a.mul(d, d);
  });
  Value variance =
      a.add(a.div(squares, n), a.cst(norm.getEpsilon().convertToDouble()));
  Value inverse = a.div(a.one(), a.sqrt(variance));
  lastPass([&](ValueRange indices, Value at) {
    Value v = a.mul(a.sub(kept(at), mean), inverse);
    if (norm.getScale())
      v = a.mul(v, operandElement(norm.getScale(), indices));
    if (norm.getBias())
      v = a.add(v, operandElement(norm.getBias(), indices));
    return v;
  });
}

void Rows::emitRmsNorm(fm::RmsNormOp norm) {
  Value squares = firstPass(a.zero(), [&](ValueRange acc, Value x) -> Values {
    return {sums.add(acc[0], a.mul(x, x))};
  })[0];
  Value mean = a.add(a.div(squares, count()),
                     a.cst(norm.getEpsilon().convertToDouble()));
  Value inverse = a.div(a.one(), a.sqrt(mean));
  lastPass([&](ValueRange indices, Value at) {
    Value v = a.mul(kept(at), inverse);
    if (!norm.getScale())
      return v;
    Value scale = operandElement(norm.getScale(), indices);
    return a.mul(v, norm.getZeroCentred() ? a.add(scale, a.one()) : scale);
  });
}

LogicalResult Rows::emit() {
  // Everything that is read along a row, in any of the passes.
  SmallVector<Value> values = kernel.producerValues(k);
  llvm::append_range(values, op->getOperands());
  llvm::append_range(values, kernel.sameShapeEpilogues(k));
  groups = groupDims(k, dims, values, begin, end, {op->getResult(0)});
  SmallVector<unsigned> outerDims;
  Exprs outer;
  for (size_t d = 0; d < dims.size(); ++d)
    if (d < begin || d >= end) {
      outerDims.push_back(d);
      outer.push_back(dims[d]);
    }
  auto [first, last] = k.share(k.expr(k.scope.product(outer)));
  k.forLoop(first, last, k.index(1), [&](Value r) {
    row.assign(dims.size(), k.index(0));
    for (auto [d, index] : llvm::zip(outerDims, k.delinear(outer, r)))
      row[d] = index;
    if (auto softmax = dyn_cast<fm::SoftmaxOp>(op))
      emitSoftmax(softmax);
    else if (auto norm = dyn_cast<fm::LayerNormOp>(op))
      emitLayerNorm(norm);
    else
      emitRmsNorm(cast<fm::RmsNormOp>(op));
  });
  return failure(failed);
}

LogicalResult RowEmitter::emit(KernelContext &k, const MachineModel &) {
  auto kernel = AnchoredKernel::match(k.kernel);
  return Rows(k, *kernel).emit();
}

std::unique_ptr<KernelEmitter> codegen::createRowEmitter() {
  return std::make_unique<RowEmitter>();
}
