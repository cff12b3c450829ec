//===- Resize.cpp - Elements of resampling --------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// ONNX Resize as its reference implementation computes it: per axis a source
// coordinate, the taps around it and their coefficients, in f64. The axes
// are separable, so that an element is a sum over all combinations of taps of
// products of coefficients.
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/elemental/Helpers.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;

namespace {

/// One resized axis of one element.
struct Axis {
  int64_t dim;       ///< of the input
  Value size;        ///< its size
  Value base;        ///< floor of the coordinate; one less when it is whole
  Value ratio;       ///< coordinate - base, in (0, 1]
  Value first, taps; ///< index of the first tap and their number
  Value squeeze;     ///< min(scale, 1) with antialiasing, else null
  Value norm;        ///< sum of the coefficients where they are normalised
  Value outside;     ///< i1: the coordinate is extrapolated; or null
};

class Resampler {
public:
  Resampler(KernelContext &k, fm::ResizeOp op, ValueRange indices)
      : k(k), op(op), indices(indices), a(k, k.b.getF64Type()) {}
  Value emit();

private:
  KernelContext &k;
  fm::ResizeOp op;
  ValueRange indices;
  Arith a; ///< f64

  Value f64(Value index) { return fromIndex(k, index, a.type); }
  Value scaleOf(size_t i, Value size, Value newSize);
  Value roiAt(size_t i);
  Value coordinate(size_t i, const Axis &axis, Value out, Value newSize,
                   Value scale);
  bool prepare(size_t i, Axis &axis);
  Value coefficient(const Axis &axis, Value tap);
  Value cubic(Value distance);
  bool nearest() { return op.getMode() == "nearest"; }
};

} // namespace

/// The i-th scale. Where it is the quotient of the sizes rounded to f32, the
/// exact quotient is meant.
Value Resampler::scaleOf(size_t i, Value size, Value newSize) {
  Value given = k.element(op.getScales(), Indices{k.index(i)});
  if (!given)
    return {};
  Value exact = a.div(f64(newSize), f64(size));
  Type f32 = k.b.getF32Type();
  Value rounded = convert(k, exact, a.type, f32);
  Type type = elementOf(op.getScales());
  Value same = k.b.create<arith::CmpFOp>(k.loc, arith::CmpFPredicate::OEQ,
                                         rounded, convert(k, given, type, f32));
  return k.selectV(same, exact, convert(k, given, type, a.type));
}

Value Resampler::roiAt(size_t i) {
  Value v = k.element(op.getRoi(), Indices{k.index(i)});
  return v ? convert(k, v, elementOf(op.getRoi()), a.type) : v;
}

Value Resampler::coordinate(size_t i, const Axis &axis, Value out,
                            Value newSize, Value scale) {
  StringRef mode = op.getCoordinates();
  Value x = f64(out), half = a.cst(0.5);
  Value width = f64(axis.size), outWidth = a.mul(scale, width);
  Value last = a.sub(width, a.one());
  Value isOne = a.cmp(Compare::Eq, outWidth, a.one());
  Value steps = a.sub(outWidth, a.one());
  Value halfPixel = a.sub(a.div(a.add(x, half), scale), half);
  if (mode == "align_corners")
    return k.selectV(isOne, a.zero(), a.div(a.mul(x, last), steps));
  if (mode == "asymmetric")
    return a.div(x, scale);
  if (mode == "pytorch_half_pixel")
    return k.selectV(isOne, a.cst(-0.5), halfPixel);
  if (mode == "half_pixel_symmetric") {
    Value adjustment = a.div(f64(newSize), outWidth);
    Value offset = a.mul(a.mul(width, half), a.sub(a.one(), adjustment));
    return a.add(offset, halfPixel);
  }
  if (mode == "tf_crop_and_resize" && op.getRoi()) {
    Value start = roiAt(i), end = roiAt(i + op.getAxes().size());
    if (!start || !end)
      return {};
    Value extent = a.mul(a.sub(end, start), last);
    Value inner =
        k.selectV(isOne, a.mul(extent, half), a.div(a.mul(x, extent), steps));
    return a.add(inner, a.mul(start, last));
  }
  return halfPixel;
}

bool Resampler::prepare(size_t i, Axis &axis) {
  Value out = indices[axis.dim];
  Value newSize = k.dim(op.getResult(), axis.dim);
  Value scale = scaleOf(i, axis.size, newSize);
  Value x = scale ? coordinate(i, axis, out, newSize, scale) : scale;
  if (!x)
    return false;
  if (op.getCoordinates() == "tf_crop_and_resize")
    axis.outside = k.b.create<arith::OrIOp>(
        k.loc, a.lt(x, a.zero()), a.gt(x, a.sub(f64(axis.size), a.one())));
  // A whole coordinate belongs to the tap on its left, with ratio 1.
  Value floor = a.floor(x);
  Value whole = a.cmp(Compare::Eq, floor, x);
  axis.ratio = k.selectV(whole, a.one(), a.sub(x, floor));
  Value low = k.selectV(whole, a.sub(floor, a.one()), floor);
  axis.base = toIndex(k, low, a.type);
  if (nearest()) {
    Value isLeft = k.constantAttr(k.b.getBoolAttr(false));
    StringRef mode = op.getNearest();
    if (mode == "round_prefer_floor")
      isLeft = a.cmp(Compare::Le, axis.ratio, a.cst(0.5));
    else if (mode == "round_prefer_ceil")
      isLeft = a.lt(axis.ratio, a.cst(0.5));
    else if (mode == "floor")
      isLeft = a.lt(axis.ratio, a.one());
    axis.first = k.selectV(isLeft, axis.base, k.addI(axis.base, k.index(1)));
    axis.taps = k.index(1);
    return true;
  }
  bool isCubic = op.getMode() == "cubic";
  if (op.getAntialias()) {
    // The kernel is stretched when sizes shrink.
    axis.squeeze = k.b.create<arith::MinNumFOp>(k.loc, scale, a.one());
    Value reach = a.floor(a.div(a.cst(isCubic ? -2 : -1), axis.squeeze));
    Value start = toIndex(k, a.add(reach, a.one()), a.type);
    axis.first = k.addI(axis.base, start);
    axis.taps = k.subI(k.index(2), k.mulI(start, k.index(2)));
  } else {
    axis.first = isCubic ? k.subI(axis.base, k.index(1)) : axis.base;
    axis.taps = k.index(isCubic ? 4 : 2);
  }
  if (op.getAntialias() || op.getExcludeOutside()) {
    Value sum = k.forLoop(k.index(0), axis.taps, k.index(1), {a.zero()},
                          [&](Value tap, ValueRange acc) -> SmallVector<Value> {
                            return {a.add(acc[0], coefficient(axis, tap))};
                          })[0];
    axis.norm = k.selectV(a.cmp(Compare::Eq, sum, a.zero()), a.one(), sum);
  }
  return true;
}

/// Keys' cubic convolution kernel at a distance >= 0.
Value Resampler::cubic(Value d) {
  double c = op.getCubicCoeff().convertToDouble();
  Value d2 = a.mul(d, d), d3 = a.mul(d2, d);
  Value near =
      a.add(a.sub(a.mul(a.cst(c + 2), d3), a.mul(a.cst(c + 3), d2)), a.one());
  Value far = a.sub(a.add(a.sub(a.mul(a.cst(c), d3), a.mul(a.cst(5 * c), d2)),
                          a.mul(a.cst(8 * c), d)),
                    a.cst(4 * c));
  return k.selectV(a.cmp(Compare::Le, d, a.one()), near,
                   k.selectV(a.lt(d, a.cst(2)), far, a.zero()));
}

/// The coefficient of a tap, not yet normalised.
Value Resampler::coefficient(const Axis &axis, Value tap) {
  Value at = k.addI(axis.first, tap);
  Value distance = a.abs(a.sub(f64(k.subI(at, axis.base)), axis.ratio));
  if (axis.squeeze)
    distance = a.mul(distance, axis.squeeze);
  Value c = op.getMode() == "cubic" ? cubic(distance)
                                    : a.max(a.sub(a.one(), distance), a.zero());
  if (op.getExcludeOutside())
    c = k.selectV(inBounds(k, at, axis.size), c, a.zero());
  return c;
}

Value Resampler::emit() {
  Value input = op.getInput();
  Type element = elementOf(input);
  Expr product = k.scope.cst(1);
  SmallVector<Axis> axes;
  for (auto [i, dim] : llvm::enumerate(op.getAxes())) {
    Expr size = k.scope.dim(input, dim);
    product = k.scope.mul(product, size);
    // Axes that keep their size and are not cropped are copied.
    auto scales = k.scope.floats(op.getScales());
    if (size == k.scope.dim(op.getResult(), dim) &&
        op.getCoordinates() != "tf_crop_and_resize" && scales &&
        (*scales)[i] == 1.0)
      continue;
    Axis axis;
    axis.dim = dim;
    axis.size = k.expr(size);
    if (!prepare(i, axis))
      return {};
    axes.push_back(axis);
  }
  auto read = [&](ValueRange taps) {
    Indices at(indices.begin(), indices.end());
    for (auto [axis, tap] : llvm::zip(axes, taps)) {
      Value last = k.subI(axis.size, k.index(1));
      at[axis.dim] = k.maxI(k.minI(k.addI(axis.first, tap), last), k.index(0));
    }
    return unlessEmpty(k, product, element,
                       [&] { return k.element(input, at); });
  };
  Value result;
  if (nearest()) {
    result = read(Indices(axes.size(), k.index(0)));
  } else {
    SmallVector<Value> sizes;
    for (Axis &axis : axes)
      sizes.push_back(axis.taps);
    bool failed = false;
    Value sum =
        reduceLoops(k, sizes, a.zero(),
                    [&](ValueRange taps, ValueRange acc) -> SmallVector<Value> {
                      Value x = read(taps);
                      if (!x) {
                        failed = true;
                        return {acc[0]};
                      }
                      Value term = convert(k, x, element, a.type);
                      for (auto [axis, tap] : llvm::zip(axes, taps)) {
                        Value c = coefficient(axis, tap);
                        if (axis.norm)
                          c = a.div(c, axis.norm);
                        term = a.mul(term, c);
                      }
                      return {a.add(acc[0], term)};
                    })[0];
    if (failed)
      return {};
    if (auto type = dyn_cast<IntegerType>(element);
        type && type.getWidth() <= 32) {
      // Rounded, and clamped to the type's range.
      unsigned bits = type.getWidth();
      double low = type.isUnsigned() ? 0 : -std::ldexp(1.0, bits - 1);
      double high = std::ldexp(1.0, bits - !type.isUnsigned()) - 1;
      sum = a.unary<math::RoundEvenOp>(sum);
      sum = a.min(a.max(sum, a.cst(low)), a.cst(high));
    }
    result = convert(k, sum, a.type, element);
  }
  if (!result)
    return {};
  Value outside;
  for (Axis &axis : axes)
    if (axis.outside)
      outside =
          outside
              ? Value(k.b.create<arith::OrIOp>(k.loc, outside, axis.outside))
              : axis.outside;
  if (!outside)
    return result;
  Value fill = convert(k, a.cst(op.getExtrapolation().convertToDouble()),
                       a.type, element);
  return k.selectV(outside, fill, result);
}

static Value resize(KernelContext &k, Operation *op, unsigned,
                    ValueRange indices) {
  return Resampler(k, cast<fm::ResizeOp>(op), indices).emit();
}

void codegen::registerResizeElements(ElementTable &t) {
  t["fm.resize"] = {resize, ElementCost::Loop};
}
