//===- ImportFourier.cpp - DFT and STFT -----------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// The transform of length N is a product with the matrix of cosines and sines
// of 2 pi (k n mod N) / N, in f64: with N of hundreds, sums of f32 would show
// where exact zeros are expected.
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/Compose.h"

#include <cmath>

using namespace mlir;

namespace narae::onnx {

namespace {
/// A transform of dimension 1 of [A, N, B, 1], or of [A, N, B, 2] for complex
/// numbers.
struct Transform {
  Value length; ///< dimension
  bool complex = false;
  bool inverse = false, oneSided = false;
};
/// cos and sin of 2 pi k n / N, each [rows, columns] f64.
struct Circle {
  Value cosines, sines;
};
} // namespace

static Circle circle(const Node &n, Value rows, Value columns, Value length) {
  Type i64 = n.b.getI64Type(), f64 = n.b.getF64Type();
  Value one = constDim(n, 1);
  Value product = n.make<fm::MulOp>(iota(n, {rows, one}, 0, i64),
                                    iota(n, {one, columns}, 1, i64));
  Value turn = n.cast(n.make<fm::ModOp>(product, length), f64);
  Value angle =
      n.make<fm::DivOp>(mulConst(n, turn, 2 * M_PI), n.cast(length, f64));
  return {n.make<fm::CosOp>(angle), n.make<fm::SinOp>(angle)};
}

/// Checks the last dimension, of 1 or 2 elements. One of an unknown size is
/// filled up to 2, since real numbers are complex ones too.
static Value withParts(const Node &n, Value x) {
  int64_t last = rankOf(x) - 1, components = staticDim(x, last);
  if (components < 0)
    return padAxis(n, x, last, constDim(n, 0),
                   dimArith(n, DimOp::Sub, constDim(n, 2), dimOf(n, x, last)));
  if (components == 1 || components == 2)
    return x;
  n.error() << "the last dimension must be 1 (real) or 2 (complex)";
  return {};
}

/// [A, N, B, c] with N cut or filled with zeros to `size`: its real and
/// imaginary parts [A, N, B] in f64; the latter is null for real input.
static std::pair<Value, Value> parts(const Node &n, Value x, Value size,
                                     bool complex) {
  if (!x || !size)
    return {};
  Value more = dimArith(n, DimOp::Sub, size, dimOf(n, x, 1));
  Value sized =
      n.cast(padAxis(n, x, 1, constDim(n, 0), more), n.b.getF64Type());
  auto part = [&](int64_t i) {
    return n.squeeze(n.slice(sized, 3, i, i + 1), {3});
  };
  return {part(0), complex ? part(1) : Value()};
}

/// [A, K, B, 2], or [A, N, B, 1] for the inverse of a one-sided spectrum; f64.
static Value transformed(const Node &n, Value x, const Transform &t) {
  Value half = dimArith(n, DimOp::Add, dimArith(n, DimOp::Div, t.length, 2), 1);
  bool toReal = t.inverse && t.oneSided;
  auto [real, imaginary] = parts(n, x, toReal ? half : t.length, t.complex);
  Value rows = t.oneSided && !t.inverse ? half : t.length;
  Value columns = toReal ? half : t.length;
  auto [cosines, sines] = circle(n, rows, columns, t.length);
  Type f64 = n.b.getF64Type();
  if (toReal) {
    // The other half mirrors this one: all but the ends count twice.
    Value k = iota(n, {constDim(n, 1), half}, 1, n.b.getI64Type());
    Value end = n.make<fm::OrOp>(compare(n, k, "eq", 0.0),
                                 compare(n, mulConst(n, k, 2), "eq", t.length));
    Value weight = select(n, end, n.constScalar(1, f64), n.constScalar(2, f64));
    cosines = n.make<fm::MulOp>(cosines, weight);
    sines = n.make<fm::MulOp>(sines, weight);
  }
  Value y, z; // real and imaginary parts of the result
  y = matmul(n, cosines, real);
  // e^(-i a) = cos a - i sin a forward, e^(i a) in the inverse.
  Value signedSines = t.inverse ? sines : n.make<fm::NegOp>(sines);
  if (imaginary)
    y = n.make<fm::SubOp>(y, matmul(n, signedSines, imaginary));
  if (!toReal) {
    z = matmul(n, signedSines, real);
    if (imaginary)
      z = n.make<fm::AddOp>(z, matmul(n, cosines, imaginary));
  }
  Value result = n.unsqueeze(y, {3});
  if (!toReal)
    result = concat(n, {result, n.unsqueeze(z, {3})}, 3);
  if (t.inverse)
    result = n.make<fm::DivOp>(result, n.cast(t.length, f64));
  return result;
}

/// The products of the dimensions before and after an axis, the axis' size,
/// and the result's shape with another size there; for an axis that is known
/// or one that is computed.
namespace {
struct AxisView {
  Value before, size, after;
  Value shape; ///< all but the last dimension, 1 at the axis
  Value mask;  ///< i1: which dimension is the axis; null when known
  int64_t axis = -1;
};
} // namespace

static AxisView knownAxis(const Node &n, Value x, int64_t axis) {
  int64_t rank = rankOf(x);
  AxisView v;
  v.axis = axis;
  v.before = dimProduct(n, x, 0, axis);
  v.size = dimOf(n, x, axis);
  v.after = dimProduct(n, x, axis + 1, rank - 1);
  return v;
}

static AxisView computedAxis(const Node &n, Value x, Value axis) {
  int64_t rank = rankOf(x);
  Type i64 = n.b.getI64Type();
  Value shape = dimsOf(n, x, 0, rank - 1);
  Value index = n.constInts(axesFrom(0, rank - 1));
  Value at = n.cast(asScalar(n, axis), i64);
  at = select(n, compare(n, at, "lt", 0.0), addConst(n, at, double(rank)), at);
  Value one = scalarLike(n, 1, shape);
  auto product = [&](Value condition) {
    return n.reduce("prod", select(n, condition, shape, one), {0}, true);
  };
  AxisView v;
  v.mask = compare(n, index, "eq", at);
  v.before = product(compare(n, index, "lt", at));
  v.size = product(v.mask);
  v.after = product(compare(n, index, "gt", at));
  v.shape = shape;
  return v;
}

/// The result's shape: that of x with another size at the axis and at the end.
static Value resultShape(const Node &n, Value x, const AxisView &v, Value size,
                         int64_t last) {
  int64_t rank = rankOf(x);
  if (v.mask)
    return shapeOfDims(n,
                       {select(n, v.mask, size, v.shape), constDim(n, last)});
  Values dims;
  for (int64_t i = 0; i < rank - 1; ++i)
    dims.push_back(i == v.axis ? size : dimOf(n, x, i));
  dims.push_back(constDim(n, last));
  return shapeOfDims(n, dims);
}

static LogicalResult dft(Node &n) {
  if (failed(checkRank(n, 0, 2)))
    return failure();
  int64_t rank = n.rank(0);
  Value x = withParts(n, n.input(0));
  if (!x)
    return failure();
  AxisView view;
  std::optional<int64_t> axis;
  if (n.opset < 20) {
    axis = n.intAttr("axis", 1);
  } else if (!n.hasInput(2)) {
    axis = -2;
  } else if (auto known = n.constantInts(2); known && known->size() == 1) {
    axis = (*known)[0];
  }
  if (axis) {
    auto valid = n.axis(*axis, rank);
    if (failed(valid))
      return failure();
    if (*valid == rank - 1)
      return n.error() << "the axis is the last dimension, which holds real "
                          "and imaginary parts";
    view = knownAxis(n, x, *valid);
  } else {
    view = computedAxis(n, x, n.input(2));
  }

  Transform t;
  t.inverse = n.intAttr("inverse", 0);
  t.oneSided = n.intAttr("onesided", 0);
  if (n.hasInput(1))
    t.length = asDim(n, n.input(1));
  else if (t.inverse && t.oneSided)
    t.length =
        dimArith(n, DimOp::Mul, dimArith(n, DimOp::Sub, view.size, 1), 2);
  else
    t.length = view.size;
  // Filled up to 2, the last dimension is 2 without its type saying so.
  t.complex = staticDim(x, rank - 1) != 1;
  Value flat = reshapeTo(
      n, x,
      {view.before, view.size, view.after, constDim(n, t.complex ? 2 : 1)});
  Value y = transformed(n, flat, t);
  if (!y)
    return failure();
  Value shape = resultShape(n, x, view, dimOf(n, y, 1), staticDim(y, 3));
  return n.setOutput(0, n.cast(reshapeTo(n, y, {shape}), n.elem(0)));
}

/// Frames of the signal, which overlap, are gathered and transformed.
static LogicalResult stft(Node &n) {
  if (failed(checkRank(n, 0, 3, 3)))
    return failure();
  Value x = withParts(n, n.input(0));
  if (!x)
    return failure();
  Value step = asDim(n, n.input(1)), samples = dimOf(n, x, 1);
  Transform t;
  t.oneSided = n.intAttr("onesided", 1);
  t.complex = staticDim(x, 2) != 1;
  t.length = n.hasInput(3)   ? asDim(n, n.input(3))
             : n.hasInput(2) ? dimOf(n, n.input(2), 0)
                             : samples;
  Value frames = dimArith(
      n, DimOp::Add,
      dimArith(n, DimOp::Div, dimArith(n, DimOp::Sub, samples, t.length), step),
      1);
  if (!frames)
    return failure();
  Type i64 = n.b.getI64Type();
  Value one = constDim(n, 1);
  Value start = n.make<fm::MulOp>(iota(n, {frames, one}, 0, i64), step);
  Value index = n.make<fm::AddOp>(start, iota(n, {one, t.length}, 1, i64));
  // [batch, frames, length, components], the length in the second place.
  Value framed = n.make<fm::GatherOp>(x, index, uint64_t(1));
  if (n.hasInput(2))
    framed = n.make<fm::MulOp>(framed,
                               n.cast(n.unsqueeze(n.input(2), {1}), n.elem(0)));
  Value columns = n.transpose(framed, {0, 2, 1, 3});
  Value y = n.transpose(transformed(n, columns, t), {0, 2, 1, 3});
  return n.setOutput(0, y ? n.cast(y, n.elem(0)) : Value());
}

void addFourier(ImporterTable &table) {
  table.add("DFT", checked<dft, 1>);
  table.add("STFT", checked<stft, 2>);
}

} // namespace narae::onnx
