//===- Sequential.cpp - Ops that are kernels of their own -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Ops whose elements cannot be computed one by one. Their operands may have
// producers; their results are stored as they are.
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/emitters/Sequential.h"
#include "dialects/rt/KernelScope.h"
#include "lib/codegen/emitters/Generic.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;

//===----------------------------------------------------------------------===//
// Results and lanes
//===----------------------------------------------------------------------===//

Value SequentialOp::pointer(unsigned result) const {
  for (auto [i, v] : llvm::enumerate(k.kernel.yield()->getOperands()))
    if (v == op->getResult(result))
      return k.args.outputs[i];
  return {};
}

void SequentialOp::store(unsigned result, Value value, Value offset) const {
  for (auto [i, v] : llvm::enumerate(k.kernel.yield()->getOperands()))
    if (v == op->getResult(result))
      k.store(value, k.args.outputs[i], element(result), offset);
}

void SequentialOp::storeAt(unsigned result, Value value,
                           ValueRange indices) const {
  store(result, value, k.linear(k.dims(op->getResult(result)), indices));
}

Value SequentialOp::load(unsigned result, Value offset) const {
  return k.load(pointer(result), element(result), offset);
}

void SequentialOp::onFirstPart(llvm::function_ref<void()> body) const {
  k.ifThen(k.b.create<arith::CmpIOp>(k.loc, arith::CmpIPredicate::eq,
                                     k.args.part, k.index(0)),
           body);
}

Lanes::Lanes(KernelContext &k, ArrayRef<Expr> dims, int64_t axis)
    : k(k), before(dims.take_front(axis)), after(dims.drop_front(axis + 1)),
      axis(axis), beforeSize(k.expr(k.scope.product(before))),
      afterSize(k.expr(k.scope.product(after))) {}

Indices Lanes::of(Value lane) const {
  Exprs all(before);
  llvm::append_range(all, after);
  Indices indices = k.delinear(all, lane);
  indices.insert(indices.begin() + axis, k.index(0));
  return indices;
}

//===----------------------------------------------------------------------===//
// The emitter
//===----------------------------------------------------------------------===//

static SequentialFn functionOf(Operation *op) {
  return llvm::StringSwitch<SequentialFn>(op->getName().getStringRef())
      .Case("fm.scatter_elements", emitScatterElements)
      .Case("fm.scatter_nd", emitScatterNd)
      .Case("fm.cumulative", emitCumulative)
      .Case("fm.top_k", emitTopK)
      .Case("fm.non_zero", emitNonZero)
      .Case("fm.unique", emitUnique)
      .Case("fm.non_max_suppression", emitNonMaxSuppression)
      .Case("fm.route", emitRoute)
      .Default(nullptr);
}

namespace {

class SequentialEmitter : public KernelEmitter {
public:
  StringRef name() const override { return "sequential"; }

  bool matches(rt::KernelOp kernel, const MachineModel &) override {
    Operation *anchor = anchorOf(kernel);
    if (!anchor || !functionOf(anchor))
      return false;
    for (Operation &op : kernel.block().without_terminator()) {
      ElementCost cost = elementEntry(&op).cost;
      if (&op != anchor &&
          (cost == ElementCost::Loop || cost == ElementCost::None))
        return false;
    }
    return llvm::all_of(kernel.yield()->getOperands(),
                        [&](Value v) { return v.getDefiningOp() == anchor; });
  }

  DictionaryAttr configure(rt::KernelOp kernel, const MachineModel &,
                           Expr &scratch) override {
    // Keys, and indices twice, of what is sorted; and once more of what is
    // kept.
    Operation *anchor = anchorOf(kernel);
    fm::SymbolicScope scope = rt::scopeOf(kernel);
    Exprs dims(scope.dims(anchor->getOperand(0)));
    Expr sorted;
    if (auto topK = dyn_cast<fm::TopKOp>(anchor))
      sorted = scope.add(dims[topK.getAxis()],
                         scope.dim(topK.getValues(), topK.getAxis()));
    else if (isa<fm::UniqueOp>(anchor))
      sorted = dims[0];
    else if (isa<fm::NonMaxSuppressionOp, fm::RouteOp>(anchor))
      sorted = dims[1];
    if (sorted)
      scratch = scope.add(scope.mul(sorted, scope.cst(40)), scope.cst(256));
    return DictionaryAttr::get(kernel.getContext());
  }

  LogicalResult emit(KernelContext &k, const MachineModel &) override {
    Operation *anchor = anchorOf(k.kernel);
    return functionOf(anchor)({k, anchor});
  }
};

} // namespace

std::unique_ptr<KernelEmitter> codegen::createSequentialEmitter() {
  return std::make_unique<SequentialEmitter>();
}
