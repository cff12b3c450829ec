//===- ImportNorm.cpp - Batch, instance, group and Lp normalisation -------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/Compose.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using llvm::APFloat;
using llvm::SmallVector;
using llvm::StringRef;

namespace narae::onnx {

/// x normalised to mean 0 and variance 1 over the dimensions [axis, rank).
static Value normalised(const Node &n, Value x, int64_t axis, double epsilon) {
  return n.make<fm::LayerNormOp>(x, Maybe{}, Maybe{}, uint64_t(axis),
                                 APFloat(epsilon));
}

/// x * scale + bias, a channel's scale and bias on axis 1.
static Value perChannel(const Node &n, Value x, Value scale, Value bias) {
  if (!x)
    return {};
  Type type = elementOf(x);
  auto channel = [&](Value v) {
    return n.cast(alongAxis(n, v, 1, rankOf(x)), type);
  };
  return n.make<fm::AddOp>(n.make<fm::MulOp>(x, channel(scale)), channel(bias));
}

/// Mean and variance (of the population) over all axes but the second.
static std::pair<Value, Value> batchStatistics(const Node &n, Value x) {
  if (!x)
    return {};
  SmallVector<int64_t> axes = axesFrom(0, rankOf(x));
  axes.erase(axes.begin() + 1);
  Value mean = n.reduce("mean", x, axes, /*keepDims=*/true);
  Value difference = n.make<fm::SubOp>(x, mean);
  Value square = n.make<fm::MulOp>(difference, difference);
  return {n.reshape(mean, {-1}), n.reduce("mean", square, axes, false)};
}

/// momentum * running + (1 - momentum) * current, in the running one's type.
static Value movingAverage(const Node &n, Value running, Value current,
                           double momentum) {
  if (!running || !current)
    return {};
  Value old = n.cast(running, elementOf(current));
  Value sum = n.make<fm::AddOp>(mulConst(n, old, momentum),
                                mulConst(n, current, 1 - momentum));
  return sum ? n.cast(sum, elementOf(running)) : Value();
}

/// Whether the node updates its running statistics. Before opset 14 that was
/// said by the outputs it has, in the first opsets also by `is_test`.
static bool isTraining(const Node &n) {
  if (n.opset >= 14)
    return n.intAttr("training_mode", 0);
  bool updates = false;
  for (unsigned i = 1; i < 5; ++i)
    updates |= n.hasOutput(i);
  return updates && !n.intAttr("is_test", 0);
}

static LogicalResult batchNorm(Node &n) {
  if (failed(checkRank(n, 0, 2)))
    return failure();
  Value x = widen(n, n.input(0));
  Type type = elementOf(x);
  Value mean = n.cast(n.input(3), type), variance = n.cast(n.input(4), type);
  Value scale = n.cast(n.input(1), type), bias = n.cast(n.input(2), type);
  double momentum = n.floatAttr("momentum", 0.9);
  if (isTraining(n)) {
    std::tie(mean, variance) = batchStatistics(n, x);
    Value statistics[] = {mean, variance};
    for (auto [i, statistic] : llvm::enumerate(statistics)) {
      Value moved = movingAverage(n, n.input(3 + i), statistic, momentum);
      if (n.hasOutput(1 + i) && failed(n.setOutput(1 + i, moved)))
        return failure();
      if (n.hasOutput(3 + i) && failed(n.setOutput(3 + i, statistic)))
        return failure();
    }
  } else if (n.numOutputs() > 1) {
    for (unsigned i = 1; i < 5; ++i)
      if (n.hasOutput(i) && failed(n.setOutput(i, n.input(i % 2 ? 3 : 4))))
        return failure();
  }
  // One multiply and add for each element; the factors are for channels.
  Value deviation =
      n.make<fm::SqrtOp>(addConst(n, variance, n.floatAttr("epsilon", 1e-5)));
  Value factor = n.make<fm::DivOp>(scale, deviation);
  Value offset = n.make<fm::SubOp>(bias, n.make<fm::MulOp>(mean, factor));
  if (!offset)
    return failure();
  Value y;
  if (rankOf(factor) == 1) {
    y = perChannel(n, x, factor, offset);
  } else { // spatial = 0, in the first opsets: one for each element
    y = n.make<fm::AddOp>(n.make<fm::MulOp>(x, n.unsqueeze(factor, {0})),
                          n.unsqueeze(offset, {0}));
  }
  return n.setOutput(0, y ? n.cast(y, n.elem(0)) : Value());
}

static LogicalResult instanceNorm(Node &n) {
  if (failed(checkRank(n, 0, 3)))
    return failure();
  Value y =
      normalised(n, widen(n, n.input(0)), 2, n.floatAttr("epsilon", 1e-5));
  y = perChannel(n, y, n.input(1), n.input(2));
  return n.setOutput(0, y ? n.cast(y, n.elem(0)) : Value());
}

static LogicalResult groupNorm(Node &n) {
  if (failed(checkRank(n, 0, 2)))
    return failure();
  int64_t groups = n.intAttr("num_groups", 0);
  if (groups < 1)
    return n.error() << "num_groups must be given and positive";
  Value x = widen(n, n.input(0));
  if (!x)
    return failure();
  int64_t channels = staticDim(x, 1), rank = rankOf(x);
  if (channels >= 0 && channels % groups)
    return n.error() << channels << " channels do not divide into " << groups
                     << " groups";
  Values shape{dimOf(n, x, 0), constDim(n, groups),
               dimArith(n, DimOp::Div, dimOf(n, x, 1), groups)};
  if (rank > 2)
    shape.push_back(dimsOf(n, x, 2, rank));
  Value y =
      normalised(n, reshapeTo(n, x, shape), 2, n.floatAttr("epsilon", 1e-5));
  // Scale and bias were for groups in opset 18 and are for channels since.
  if (n.opset < 21)
    y = perChannel(n, y, n.input(1), n.input(2));
  y = reshapeLike(n, y, x);
  if (n.opset >= 21)
    y = perChannel(n, y, n.input(1), n.input(2));
  return n.setOutput(0, y ? n.cast(y, n.elem(0)) : Value());
}

static FailureOr<SmallVector<int64_t>> readAxes(const Node &n) {
  SmallVector<int64_t> axes = n.intsAttr("axes");
  if (!n.has("axes"))
    axes = {0, 2, 3};
  for (int64_t &axis : axes) {
    auto valid = n.axis(axis, n.rank(0));
    if (failed(valid))
      return failure();
    axis = *valid;
  }
  llvm::sort(axes);
  return axes;
}

/// (x - mean) / (deviation + 1e-9), as the op's function body has it.
static LogicalResult meanVarianceNorm(Node &n) {
  auto axes = readAxes(n);
  if (failed(axes))
    return failure();
  Value x = widen(n, n.input(0));
  Value mean = n.reduce("mean", x, *axes, /*keepDims=*/true);
  Value difference = n.make<fm::SubOp>(x, mean);
  Value variance =
      n.reduce("mean", n.make<fm::MulOp>(difference, difference), *axes, true);
  Value y = n.make<fm::DivOp>(difference,
                              addConst(n, n.make<fm::SqrtOp>(variance), 1e-9));
  return n.setOutput(0, y ? n.cast(y, n.elem(0)) : Value());
}

/// x / norm(x) along an axis; 0 where the norm is 0.
static LogicalResult lpNorm(Node &n) {
  auto axis = n.axis(n.intAttr("axis", -1), n.rank(0));
  if (failed(axis))
    return failure();
  int64_t p = n.intAttr("p", 2);
  if (p != 1 && p != 2)
    return n.error() << "p is " << p << "; it must be 1 or 2";
  Value x = widen(n, n.input(0));
  Value norm =
      p == 1 ? n.reduce("sum", n.make<fm::AbsOp>(x), {*axis}, true)
             : n.make<fm::SqrtOp>(n.reduce("sum_square", x, {*axis}, true));
  Value y = select(n, compare(n, norm, "eq", 0.0), scalarLike(n, 0, x),
                   n.make<fm::DivOp>(x, norm));
  return n.setOutput(0, y ? n.cast(y, n.elem(0)) : Value());
}

/// x / (bias + alpha * m)^beta, m the mean of x^2 over a window of channels
/// that counts what lies outside as 0: an average pool.
static LogicalResult lrn(Node &n) {
  if (failed(checkRank(n, 0, 3)))
    return failure();
  int64_t size = n.intAttr("size", 0);
  if (size < 1)
    return n.error() << "size must be given and positive";
  int64_t before = (size - 1) / 2, after = size - 1 - before;
  Value x = widen(n, n.input(0));
  Value rows = reshapeTo(n, n.make<fm::MulOp>(x, x),
                         {dimOf(n, x, 0), constDim(n, 1), dimOf(n, x, 1),
                          dimProduct(n, x, 2, n.rank(0))});
  Value mean = n.make<fm::PoolOp>(
      rows, StringRef("average"), SmallVector<int64_t>{size, 1},
      SmallVector<int64_t>{1, 1}, SmallVector<int64_t>{before, 0, after, 0},
      SmallVector<int64_t>{1, 1}, StringRef("explicit"), /*ceil_mode=*/false,
      /*count_include_pad=*/true);
  Value base = addConst(n, mulConst(n, mean, n.floatAttr("alpha", 1e-4)),
                        n.floatAttr("bias", 1));
  Value power =
      n.make<fm::PowOp>(base, scalarLike(n, n.floatAttr("beta", 0.75), base));
  Value y = n.make<fm::DivOp>(x, reshapeLike(n, power, x));
  return n.setOutput(0, y ? n.cast(y, n.elem(0)) : Value());
}

void registerNorm(ImporterTable &table) {
  table.add("BatchNormalization", checked<batchNorm, 5>);
  table.add("InstanceNormalization", checked<instanceNorm, 3>);
  table.add("GroupNormalization", checked<groupNorm, 3>);
  table.add("MeanVarianceNormalization", checked<meanVarianceNorm, 1>);
  table.add("LpNormalization", checked<lpNorm, 1>);
  table.add("LRN", checked<lrn, 1>);
  addLayerNorms(table);
  addSoftmax(table);
}

} // namespace narae::onnx
