//===- RunTimeAxes.cpp - Reductions over axes known when run --------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/RunTimeAxes.h"

using namespace mlir;

namespace narae::onnx {

Value branch(const Node &n, Value condition, llvm::function_ref<Value()> onTrue,
             llvm::function_ref<Value()> onFalse) {
  if (!condition)
    return {};
  OperationState state(n.loc, fm::IfOp::getOperationName());
  state.addOperands(condition);
  state.addTypes(n.b.getNoneType());
  for (auto emit : {onTrue, onFalse}) {
    Region *region = state.addRegion();
    OpBuilder::InsertionGuard guard(n.b);
    n.b.createBlock(region);
    Value result = emit();
    if (!result)
      return {};
    n.b.create<fm::YieldOp>(n.loc, ValueRange(result));
  }
  Operation *op = fm::createInferred(n.b, state, n.scope);
  return op ? op->getResult(0) : Value();
}

namespace {
/// Decides axis by axis whether it is one of those given.
struct Chooser {
  const Node &n;
  Value value, axes;
  bool keepDims;
  ReduceFn reduce;
  int64_t rank, count;

  /// The axes before `axis` are decided; `chosen` are those of them given.
  Value choose(int64_t axis, SmallVector<int64_t> chosen) {
    int64_t missing = count - chosen.size();
    if (missing == 0)
      return reduce(value, chosen, keepDims);
    SmallVector<int64_t> with(chosen);
    with.push_back(axis);
    if (missing == rank - axis) // all that are left
      return choose(axis + 1, with);
    Value hit = n.make<fm::OrOp>(compare(n, axes, "eq", double(axis)),
                                 compare(n, axes, "eq", double(axis - rank)));
    Value any = n.reduce("any", hit, {0}, /*keepDims=*/false);
    return branch(
        n, any, [&] { return choose(axis + 1, with); },
        [&] { return choose(axis + 1, chosen); });
  }
};
} // namespace

Value reduceAtRunTime(const Node &n, Value value, Value axes, bool keepDims,
                      bool noop, ReduceFn reduce) {
  int64_t rank = rankOf(value);
  int64_t count = rankOf(axes) == 1 ? staticDim(axes, 0) : -1;
  if (count < 0 || count > rank || rank > 6) {
    n.error() << "the axes of " << n.opType()
              << " are computed at run time, as " << axes.getType()
              << "; their number must be static, at most the rank, which must "
                 "be at most 6";
    return {};
  }
  if (count == 0)
    return reduce(value, noop ? SmallVector<int64_t>() : axesFrom(0, rank),
                  keepDims);
  Chooser chooser{n, value, axes, keepDims, reduce, rank, count};
  return chooser.choose(0, {});
}

} // namespace narae::onnx
