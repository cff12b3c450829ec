//===- ImportPool.cpp - Pools and MaxUnpool -------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/Compose.h"
#include "lib/frontend/onnx/Window.h"

#include <cmath>

using namespace mlir;
using llvm::SmallVector;
using llvm::StringRef;

namespace narae::onnx {

static FailureOr<Window> readPool(const Node &n) {
  if (failed(checkRank(n, 0, 3)))
    return failure();
  return readWindow(n, n.rank(0) - 2, {});
}

static LogicalResult pool(Node &n, StringRef kind, int64_t p = 2) {
  auto w = readPool(n);
  if (failed(w))
    return failure();
  return n.setOutput(
      0,
      n.make<fm::PoolOp>(n.input(0), kind, w->kernel, w->strides, w->pads,
                         w->dilations, w->autoPad, w->ceilMode,
                         bool(n.intAttr("count_include_pad", 0)), uint64_t(p)));
}

static LogicalResult maxPool(Node &n) {
  if (failed(pool(n, "max")))
    return failure();
  if (!n.hasOutput(1))
    return success();
  auto w = readPool(n);
  bool columnMajor = n.intAttr("storage_order", 0);
  return n.setOutput(1, n.make<fm::MaxPoolIndicesOp>(n.input(0), w->kernel,
                                                     w->strides, w->pads,
                                                     w->dilations, w->autoPad,
                                                     w->ceilMode, columnMajor));
}

static LogicalResult averagePool(Node &n) { return pool(n, "average"); }

/// The attribute p: a float in the first opset, an integer since.
static FailureOr<int64_t> readNorm(const Node &n) {
  double p = n.opset < 2 ? n.floatAttr("p", 2) : double(n.intAttr("p", 2));
  if (p < 1 || p != std::floor(p))
    return n.error() << "p is " << p << "; it must be a positive integer";
  return int64_t(p);
}

static LogicalResult lpPool(Node &n) {
  auto p = readNorm(n);
  return failed(p) ? failure() : pool(n, "lp", *p);
}

/// Reduces all spatial dimensions to size 1.
static LogicalResult globalPool(Node &n, StringRef kind) {
  if (failed(checkRank(n, 0, 2)))
    return failure();
  SmallVector<int64_t> axes = axesFrom(2, n.rank(0));
  if (kind == "max")
    return n.setOutput(0, n.reduce(kind, n.input(0), axes, true));
  Value y = n.reduce(kind, widen(n, n.input(0)), axes, true);
  return n.setOutput(0, n.cast(y, n.elem(0)));
}
static LogicalResult globalMaxPool(Node &n) { return globalPool(n, "max"); }
static LogicalResult globalAveragePool(Node &n) {
  return globalPool(n, "mean");
}

static LogicalResult globalLpPool(Node &n) {
  auto p = readNorm(n);
  if (failed(p) || failed(checkRank(n, 0, 2)))
    return failure();
  SmallVector<int64_t> axes = axesFrom(2, n.rank(0));
  Value x = widen(n, n.input(0));
  Value y;
  if (*p == 1) {
    y = n.reduce("sum", n.make<fm::AbsOp>(x), axes, true);
  } else if (*p == 2) {
    y = n.make<fm::SqrtOp>(n.reduce("sum_square", x, axes, true));
  } else {
    Value power =
        n.make<fm::PowOp>(n.make<fm::AbsOp>(x), scalarLike(n, double(*p), x));
    y = n.make<fm::PowOp>(n.reduce("sum", power, axes, true),
                          scalarLike(n, 1.0 / *p, x));
  }
  return n.setOutput(0, y ? n.cast(y, n.elem(0)) : Value());
}

/// Scatters to where MaxPool found the elements. The indices count in the
/// shape that the window implies; an output_shape larger than that is filled
/// with zeros at its end.
static LogicalResult maxUnpool(Node &n) {
  auto w = readPool(n);
  if (failed(w))
    return failure();
  Value x = n.input(0);
  int64_t rank = n.rank(0), spatial = rank - 2;
  Values implied{dimOf(n, x, 0), dimOf(n, x, 1)};
  for (int64_t i = 0; i < spatial; ++i) {
    Value size = dimArith(n, DimOp::Sub, dimOf(n, x, i + 2), 1);
    size = dimArith(n, DimOp::Mul, size, w->strides[i]);
    implied.push_back(dimArith(
        n, DimOp::Add, size, w->kernel[i] - w->pads[i] - w->pads[i + spatial]));
  }
  Value count = constDim(n, 1);
  for (Value size : implied)
    count = dimArith(n, DimOp::Mul, size, count);
  Value y = n.make<fm::ScatterElementsOp>(filled(n, {count}, 0, n.elem(0)),
                                          n.reshape(n.input(1), {-1}),
                                          n.reshape(x, {-1}), uint64_t(0));
  y = reshapeTo(n, y, implied);
  if (!n.hasInput(2))
    return n.setOutput(0, y);

  // An element a dimension; some models give the spatial ones only.
  int64_t given = staticDim(n.input(2), 0);
  if (given < 0)
    given = rank;
  if (given != rank && given != spatial)
    return n.error() << "output_shape must have " << rank << " elements";
  Value wanted = n.cast(n.input(2), n.b.getI64Type());
  for (int64_t i = 0; i < spatial && y; ++i) {
    int64_t at = given - spatial + i;
    Value more =
        dimArith(n, DimOp::Sub, n.slice(wanted, 0, at, at + 1), implied[i + 2]);
    y = padAxis(n, y, i + 2, constDim(n, 0), more);
  }
  return n.setOutput(0, y);
}

void addPools(ImporterTable &table) {
  table.add("MaxPool", checked<maxPool, 1>);
  table.add("AveragePool", checked<averagePool, 1>);
  table.add("LpPool", checked<lpPool, 1>);
  table.add("GlobalMaxPool", checked<globalMaxPool, 1>);
  table.add("GlobalAveragePool", checked<globalAveragePool, 1>);
  table.add("GlobalLpPool", checked<globalLpPool, 1>);
  table.add("MaxUnpool", checked<maxUnpool, 2>);
}

} // namespace narae::onnx
