//===- Reduce.cpp - Reductions --------------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Where the innermost dimension is reduced, an output is a loop with an
// accumulator, which LLVM vectorises. Where it is kept, a block of adjacent
// outputs is accumulated in scratch memory, row after row, so that the inner
// loop is contiguous too. Outputs are dealt out to the parts; what is summed
// never is, so that results do not depend on the number of parts.
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/elemental/Reduction.h"
#include "lib/codegen/emitters/Anchored.h"
#include "lib/codegen/emitters/DimGroups.h"
#include "lib/codegen/emitters/Generic.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;

namespace {

/// Outputs that are accumulated together.
constexpr int64_t kBlock = 256;

class ReduceEmitter : public KernelEmitter {
public:
  StringRef name() const override { return "reduce"; }
  bool matches(rt::KernelOp kernel, const MachineModel &) override {
    auto match = AnchoredKernel::match(kernel);
    return match && isa<fm::ReduceOp>(match->anchor);
  }
  DictionaryAttr configure(rt::KernelOp kernel, const MachineModel &,
                           Expr &scratch) override {
    scratch = getAffineConstantExpr(kBlock * 8, kernel.getContext());
    return DictionaryAttr::get(kernel.getContext());
  }
  LogicalResult emit(KernelContext &k, const MachineModel &machine) override;
};

class Reducer {
public:
  Reducer(KernelContext &k, const AnchoredKernel &kernel);
  LogicalResult emit();

private:
  KernelContext &k;
  const AnchoredKernel &kernel;
  fm::ReduceOp op;
  Value input;
  Exprs dims;
  Reduction reduction;
  SmallVector<DimGroup> reduced;
  bool failed = false;

  bool isReduced(size_t d) {
    return llvm::is_contained(op.getAxes(), int64_t(d));
  }
  Value read(ValueRange indices);
  Indices resultIndices(ValueRange indices);
  SmallVector<Value> reducedSizes();
  void place(Indices &indices, ValueRange at);
  void store(ValueRange indices, Value result);
  void emitInner();
  void emitOuter(unsigned kept);
};

} // namespace

Reducer::Reducer(KernelContext &k, const AnchoredKernel &kernel)
    : k(k), kernel(kernel), op(cast<fm::ReduceOp>(kernel.anchor)),
      input(op.getInput()), dims(k.dims(input)), reduction(k, op) {
  // Runs of adjacent reduced dimensions, grouped.
  SmallVector<Value> values = kernel.producerValues(k);
  values.push_back(input);
  for (size_t d = 0; d < dims.size(); ++d) {
    if (!isReduced(d))
      continue;
    size_t end = d + 1;
    while (end < dims.size() && isReduced(end))
      ++end;
    llvm::append_range(reduced, groupDims(k, dims, values, d, end));
    d = end;
  }
}

Value Reducer::read(ValueRange indices) {
  KernelContext::Remember remember(k);
  Value x = k.element(input, indices);
  failed |= !x || mlir::failed(kernel.storeProducers(k, indices));
  return x;
}

/// Indices of the operand without those of the reduced dimensions.
Indices Reducer::resultIndices(ValueRange indices) {
  Indices result;
  for (auto [d, index] : llvm::enumerate(indices)) {
    if (!isReduced(d))
      result.push_back(index);
    else if (op.getKeepDims())
      result.push_back(k.index(0));
  }
  return result;
}

SmallVector<Value> Reducer::reducedSizes() {
  SmallVector<Value> sizes;
  for (const DimGroup &group : reduced)
    sizes.push_back(k.expr(group.size));
  return sizes;
}

void Reducer::place(Indices &indices, ValueRange at) {
  for (auto [group, index] : llvm::zip(reduced, at))
    indices[group.place] = index;
}

void Reducer::store(ValueRange indices, Value result) {
  failed |=
      mlir::failed(kernel.storeEpilogues(k, resultIndices(indices), result));
}

/// The innermost dimension is reduced: one output at a time.
void Reducer::emitInner() {
  SmallVector<unsigned> keptDims;
  Exprs kept;
  for (size_t d = 0; d < dims.size(); ++d)
    if (!isReduced(d)) {
      keptDims.push_back(d);
      kept.push_back(dims[d]);
    }
  auto [begin, end] = k.share(k.expr(k.scope.product(kept)));
  k.forLoop(begin, end, k.index(1), [&](Value output) {
    Indices indices(dims.size(), k.index(0));
    for (auto [d, index] : llvm::zip(keptDims, k.delinear(kept, output)))
      indices[d] = index;
    auto total = reduceLoops(
        k, reducedSizes(), reduction.start(),
        [&](ValueRange at, ValueRange acc) -> SmallVector<Value> {
          Indices from = indices;
          place(from, at);
          Value x = read(from);
          return x ? reduction.step(acc, x) : SmallVector<Value>(acc);
        });
    store(indices, reduction.end(total));
  });
}

/// Dimensions [kept, rank) are kept: blocks of outputs along the last group.
void Reducer::emitOuter(unsigned kept) {
  // The group must be walkable in the operand and in the result.
  SmallVector<Value> values = kernel.producerValues(k);
  values.push_back(input);
  DimGroup inner = groupDims(k, dims, values, kept, dims.size()).back();
  Value result = op.getResult();
  ArrayRef<Expr> resultDims = k.dims(result);
  unsigned shift = dims.size() - resultDims.size();
  DimGroup own = groupDims(k, resultDims, kernel.sameShapeEpilogues(k),
                           kept - shift, resultDims.size(), {result})
                     .back();
  inner.begin = std::max(inner.begin, own.begin + shift);
  inner.size = k.scope.product(
      ArrayRef(dims).slice(inner.begin, inner.end - inner.begin));

  SmallVector<unsigned> keptDims;
  Exprs outer;
  for (size_t d = 0; d < inner.begin; ++d)
    if (!isReduced(d)) {
      keptDims.push_back(d);
      outer.push_back(dims[d]);
    }
  Type type = reduction.accumulatorType();
  Value columns = k.expr(inner.size), block = k.index(kBlock);
  Value blocks = k.ceilDivI(columns, block);
  Value rows = k.expr(k.scope.product(outer));
  auto [begin, end] = k.share(k.mulI(rows, blocks));
  k.forLoop(begin, end, k.index(1), [&](Value unit) {
    Value divisor = k.maxI(blocks, k.index(1));
    Indices indices(dims.size(), k.index(0));
    for (auto [d, index] :
         llvm::zip(keptDims, k.delinear(outer, k.divI(unit, divisor))))
      indices[d] = index;
    Value first = k.mulI(k.remI(unit, divisor), block);
    Value count = k.minI(block, k.subI(columns, first));
    auto forBlock = [&](llvm::function_ref<void(Value, Value)> body) {
      k.forLoop(k.index(0), count, k.index(1),
                [&](Value j) { body(j, k.addI(first, j)); });
    };
    forBlock([&](Value j, Value) {
      k.store(reduction.init(), k.args.scratch, type, j);
    });
    reduceLoops(k, reducedSizes(), {},
                [&](ValueRange at, ValueRange) -> SmallVector<Value> {
                  Indices from = indices;
                  place(from, at);
                  forBlock([&](Value j, Value column) {
                    from[inner.place] = column;
                    Value x = read(from);
                    if (!x)
                      return;
                    Value sum = k.load(k.args.scratch, type, j);
                    k.store(reduction.combine(sum, x), k.args.scratch, type, j);
                  });
                  return {};
                });
    forBlock([&](Value j, Value column) {
      Indices at = indices;
      at[inner.place] = column;
      store(at, reduction.finish(k.load(k.args.scratch, type, j)));
    });
  });
}

LogicalResult Reducer::emit() {
  // The innermost dimension that is not 1 decides.
  unsigned kept = dims.size();
  bool keepsInner = false;
  for (size_t d = dims.size(); d-- > 0;) {
    if (isReduced(d))
      break;
    kept = d;
    keepsInner |= fm::constantOf(dims[d]) != 1;
  }
  if (keepsInner && !reduced.empty())
    emitOuter(kept);
  else
    emitInner();
  return failure(failed);
}

LogicalResult ReduceEmitter::emit(KernelContext &k, const MachineModel &) {
  auto kernel = AnchoredKernel::match(k.kernel);
  return Reducer(k, *kernel).emit();
}

std::unique_ptr<KernelEmitter> codegen::createReduceEmitter() {
  return std::make_unique<ReduceEmitter>();
}
