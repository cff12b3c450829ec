//===- ImportReduce.cpp - Reductions and running sums ---------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/GraphImporter.h"
#include "lib/frontend/onnx/RunTimeAxes.h"
#include "lib/frontend/onnx/ShapeParts.h"

using namespace mlir;

namespace narae::onnx {

namespace {
/// A reduction: what happens to each element before, and to the result after.
enum class Kind {
  Sum,
  Mean,
  Max,
  Min,
  Prod,
  L1,
  L2,
  LogSum,
  LogSumExp,
  SumSquare
};
} // namespace

/// One of fm's reductions. Over no axes it leaves single elements.
static Value reduceOver(const Node &n, StringRef kind, Value x,
                        ArrayRef<int64_t> axes, bool keepDims) {
  if (!axes.empty())
    return n.reduce(kind, x, axes, keepDims);
  return kind == "sum_square" ? n.make<fm::MulOp>(x, x) : x;
}

/// log(sum(exp(x - m))) + m with the maximum m, or 0 where that is infinite.
static Value logSumExp(const Node &n, Value x, ArrayRef<int64_t> axes,
                       bool keepDims) {
  Value top = reduceOver(n, "max", x, axes, /*keepDims=*/true);
  Value zero = scalarLike(n, 0, top);
  Value isInf = n.make<fm::IsInfOp>(top, true, true);
  top = select(n, isInf, zero, top);
  Value exps = n.make<fm::ExpOp>(n.make<fm::SubOp>(x, top));
  Value sum = n.make<fm::LogOp>(reduceOver(n, "sum", exps, axes, true));
  Value result = n.make<fm::AddOp>(sum, top);
  return keepDims ? result : n.squeeze(result, axes);
}

static Value reduceAs(const Node &n, Kind kind, Value x, ArrayRef<int64_t> axes,
                      bool keepDims) {
  bool boolean = elementOf(x).isInteger(1);
  switch (kind) {
  case Kind::Sum:
    return reduceOver(n, "sum", x, axes, keepDims);
  case Kind::Mean:
    return reduceOver(n, "mean", x, axes, keepDims);
  case Kind::Max:
    return reduceOver(n, boolean ? "any" : "max", x, axes, keepDims);
  case Kind::Min:
    return reduceOver(n, boolean ? "all" : "min", x, axes, keepDims);
  case Kind::Prod:
    return reduceOver(n, "prod", x, axes, keepDims);
  case Kind::L1:
    return reduceOver(n, "sum", n.make<fm::AbsOp>(x), axes, keepDims);
  case Kind::SumSquare:
    return reduceOver(n, "sum_square", x, axes, keepDims);
  case Kind::L2:
    return n.make<fm::SqrtOp>(reduceOver(n, "sum_square", x, axes, keepDims));
  case Kind::LogSum:
    return n.make<fm::LogOp>(reduceOver(n, "sum", x, axes, keepDims));
  case Kind::LogSumExp:
    return logSumExp(n, x, axes, keepDims);
  }
  llvm_unreachable("all kinds are handled");
}

template <int kindNumber>
static LogicalResult reduction(Node &n) {
  Kind kind = static_cast<Kind>(kindNumber);
  bool keepDims = n.intAttr("keepdims", 1);
  Value x = n.input(0);
  Type type = n.elem(0);
  // Roots and logarithms: of integers in f64, which holds 53 bits of them; of
  // narrow floats in f32, rounded once.
  if (kind == Kind::L2 || kind == Kind::LogSum || kind == Kind::LogSumExp)
    x = isa<FloatType>(type) ? widen(n, x) : n.cast(x, n.b.getF64Type());
  auto reduce = [&](Value value, ArrayRef<int64_t> axes, bool keep) {
    return reduceAs(n, kind, value, axes, keep);
  };
  Value result;
  if (!n.has("axes") && n.hasInput(1) && !n.constantInts(1)) {
    result = reduceAtRunTime(n, x, n.input(1), keepDims,
                             n.intAttr("noop_with_empty_axes", 0), reduce);
  } else {
    auto axes = axesOf(n, 1, n.rank(0));
    if (failed(axes))
      return failure();
    bool none = !*axes || (*axes)->empty();
    if (none && !n.intAttr("noop_with_empty_axes", 0))
      *axes = axesFrom(0, n.rank(0));
    else if (none)
      *axes = SmallVector<int64_t>();
    result = reduce(x, **axes, keepDims);
  }
  return n.setOutput(0, result ? n.cast(result, type) : Value());
}

//===----------------------------------------------------------------------===//
// ArgMax, ArgMin
//===----------------------------------------------------------------------===//

template <bool isMax>
static LogicalResult argReduce(Node &n) {
  FailureOr<int64_t> axis = n.axis(n.intAttr("axis", 0), n.rank(0));
  if (failed(axis))
    return failure();
  UnitAttr last =
      n.intAttr("select_last_index", 0) ? n.b.getUnitAttr() : UnitAttr();
  return n.setOutput(0,
                     n.make<fm::ArgReduceOp>(
                         n.input(0), n.b.getStringAttr(isMax ? "max" : "min"),
                         n.b.getI64IntegerAttr(*axis),
                         n.b.getBoolAttr(n.intAttr("keepdims", 1)), last));
}

//===----------------------------------------------------------------------===//
// Running sums and products
//===----------------------------------------------------------------------===//

template <bool isProd>
static LogicalResult cumulative(Node &n) {
  int64_t rank = n.rank(0);
  auto flag = [&](StringRef name) {
    return n.intAttr(name, 0) ? n.b.getUnitAttr() : UnitAttr();
  };
  auto along = [&](int64_t axis) {
    return n.make<fm::CumulativeOp>(
        n.input(0), n.b.getStringAttr(isProd ? "prod" : "sum"),
        n.b.getI64IntegerAttr(axis), flag("exclusive"), flag("reverse"));
  };
  if (rank == 0)
    return n.error() << n.opType() << " of a scalar has no axis";
  if (auto values = n.constantInts(1)) {
    FailureOr<int64_t> axis =
        n.axis(values->size() == 1 ? values->front() : rank, rank);
    return failed(axis) ? failure() : n.setOutput(0, along(*axis));
  }
  // The axis is known at run time only: choose among the results.
  Value axis = n.cast(asScalar(n, n.input(1)), n.b.getI64Type());
  Value result = along(0);
  for (int64_t i = 1; i < rank; ++i) {
    Value chosen = n.make<fm::OrOp>(compare(n, axis, "eq", double(i)),
                                    compare(n, axis, "eq", double(i - rank)));
    result = select(n, chosen, along(i), result);
  }
  return n.setOutput(0, result);
}

void registerReduce(ImporterTable &table) {
  table.add("ReduceSum", checked<reduction<int(Kind::Sum)>, 1>);
  table.add("ReduceMean", checked<reduction<int(Kind::Mean)>, 1>);
  table.add("ReduceMax", checked<reduction<int(Kind::Max)>, 1>);
  table.add("ReduceMin", checked<reduction<int(Kind::Min)>, 1>);
  table.add("ReduceProd", checked<reduction<int(Kind::Prod)>, 1>);
  table.add("ReduceL1", checked<reduction<int(Kind::L1)>, 1>);
  table.add("ReduceL2", checked<reduction<int(Kind::L2)>, 1>);
  table.add("ReduceLogSum", checked<reduction<int(Kind::LogSum)>, 1>);
  table.add("ReduceLogSumExp", checked<reduction<int(Kind::LogSumExp)>, 1>);
  table.add("ReduceSumSquare", checked<reduction<int(Kind::SumSquare)>, 1>);
  table.add("ArgMax", checked<argReduce<true>, 1>);
  table.add("ArgMin", checked<argReduce<false>, 1>);
  table.add("CumSum", checked<cumulative<false>, 2>);
  table.add("CumProd", checked<cumulative<true>, 2>);
}

} // namespace narae::onnx
