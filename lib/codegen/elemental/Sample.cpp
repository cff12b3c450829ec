//===- Sample.cpp - Elements of grid sampling and RoI alignment -----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/elemental/Helpers.h"

using namespace mlir;
using namespace narae;
using namespace narae::codegen;

//===----------------------------------------------------------------------===//
// grid_sample
//===----------------------------------------------------------------------===//

namespace {

class GridSampler {
public:
  GridSampler(KernelContext &k, fm::GridSampleOp op, ValueRange indices)
      : k(k), op(op), indices(indices), a(k, elementOf(op.getGrid())),
        spatial(indices.size() - 2) {}
  Value emit();

private:
  KernelContext &k;
  fm::GridSampleOp op;
  ValueRange indices;
  Arith a; ///< of coordinates
  unsigned spatial;

  Value size(unsigned i) { return k.dim(op.getInput(), i + 2); }
  Value sizeF(unsigned i) { return fromIndex(k, size(i), a.type); }
  Value reflect(Value x, unsigned i);
  Value coordinate(unsigned i);
  Value coefficient(Value fraction, Value tap);
  Value pixel(ValueRange at);
  std::pair<Value, Value> border(unsigned i);
};

} // namespace

/// The ends of the range that coordinates are reflected into.
std::pair<Value, Value> GridSampler::border(unsigned i) {
  if (op.getAlignCorners())
    return {a.zero(), a.sub(sizeF(i), a.one())};
  return {a.cst(-0.5), a.sub(sizeF(i), a.cst(0.5))};
}

/// Reflects at both borders until inside.
Value GridSampler::reflect(Value x, unsigned i) {
  auto [low, high] = border(i);
  Value range = a.sub(high, low);
  Value isLow = a.lt(x, low);
  Value distance = a.select(isLow, a.sub(low, x), a.sub(x, high));
  Value times = a.unary<math::TruncOp>(a.div(distance, range));
  Value rest = a.sub(distance, a.mul(times, range));
  Value halves = a.mul(times, a.cst(0.5));
  Value even = a.cmp(Compare::Eq, a.floor(halves), halves);
  Value fromLow = a.add(low, rest), fromHigh = a.sub(high, rest);
  Value inward = a.select(isLow, fromLow, fromHigh);
  Value across = a.select(isLow, fromHigh, fromLow);
  Value folded = a.select(even, inward, across);
  Value outside = k.b.create<arith::OrIOp>(k.loc, isLow, a.gt(x, high));
  return a.select(outside, folded, x);
}

/// The source coordinate along spatial dimension `i`.
Value GridSampler::coordinate(unsigned i) {
  // The grid names dimensions from the last to the first.
  Indices at{indices[0]};
  llvm::append_range(at, indices.drop_front(2));
  at.push_back(k.index(spatial - 1 - i));
  Value n = k.element(op.getGrid(), at);
  if (!n)
    return {};
  n = a.widen(n);
  Value shifted = a.add(n, a.one()), size = sizeF(i);
  Value x = op.getAlignCorners()
                ? a.mul(a.mul(shifted, a.cst(0.5)), a.sub(size, a.one()))
                : a.mul(a.sub(a.mul(shifted, size), a.one()), a.cst(0.5));
  if (op.getMode() == "nearest")
    x = a.unary<math::RoundEvenOp>(x);
  auto [low, high] = border(i);
  Value outside = k.b.create<arith::OrIOp>(k.loc, a.lt(x, low), a.gt(x, high));
  if (op.getPadding() == "border") {
    Value clamped = a.min(a.max(x, a.zero()), a.sub(size, a.one()));
    return a.select(outside, clamped, x);
  }
  return op.getPadding() == "reflection" ? reflect(x, i) : x;
}

/// The element at integer coordinates, padded.
Value GridSampler::pixel(ValueRange at) {
  Indices place{indices[0], indices[1]};
  Value inside;
  for (unsigned i = 0; i < spatial; ++i) {
    Value x = at[i];
    if (op.getPadding() == "reflection")
      x = toIndex(k, reflect(fromIndex(k, x, a.type), i), a.type);
    if (op.getPadding() == "zeros") {
      Value here = inBounds(k, x, size(i));
      inside =
          inside ? Value(k.b.create<arith::AndIOp>(k.loc, inside, here)) : here;
    }
    Value last = k.subI(size(i), k.index(1));
    place.push_back(k.maxI(k.minI(x, last), k.index(0)));
  }
  Type element = elementOf(op.getInput());
  auto read = [&] { return k.element(op.getInput(), place); };
  if (inside)
    return onlyIf(k, inside, element, read);
  Expr product = k.scope.product(k.dims(op.getInput()).drop_front(2));
  return unlessEmpty(k, product, element, read);
}

/// The weight of a tap whose index counts from the first one.
Value GridSampler::coefficient(Value fraction, Value tap) {
  bool cubic = op.getMode().ends_with("cubic");
  Value offset = fromIndex(k, k.subI(tap, k.index(cubic ? 1 : 0)), a.type);
  Value d = a.abs(a.sub(offset, fraction));
  if (!cubic)
    return a.sub(a.one(), d);
  constexpr double c = -0.75;
  Value d2 = a.mul(d, d), d3 = a.mul(d2, d);
  Value near =
      a.add(a.sub(a.mul(a.cst(c + 2), d3), a.mul(a.cst(c + 3), d2)), a.one());
  Value far = a.sub(a.add(a.sub(a.mul(a.cst(c), d3), a.mul(a.cst(5 * c), d2)),
                          a.mul(a.cst(8 * c), d)),
                    a.cst(4 * c));
  return a.select(a.cmp(Compare::Le, d, a.one()), near, far);
}

Value GridSampler::emit() {
  bool nearest = op.getMode() == "nearest";
  bool cubic = op.getMode().ends_with("cubic");
  Indices first;
  SmallVector<Value> fractions, sizes;
  for (unsigned i = 0; i < spatial; ++i) {
    Value x = coordinate(i);
    if (!x)
      return {};
    Value floor = a.floor(x), low = toIndex(k, floor, a.type);
    first.push_back(cubic ? k.subI(low, k.index(1)) : low);
    fractions.push_back(a.sub(x, floor));
    sizes.push_back(k.index(cubic ? 4 : 2));
  }
  if (nearest)
    return pixel(first);
  Type element = elementOf(op.getInput());
  Arith sum(k, element);
  bool failed = false;
  Value total =
      reduceLoops(k, sizes, sum.zero(),
                  [&](ValueRange taps, ValueRange acc) -> SmallVector<Value> {
                    Indices at;
                    Value weight;
                    for (unsigned i = 0; i < spatial; ++i) {
                      at.push_back(k.addI(first[i], taps[i]));
                      Value c = coefficient(fractions[i], taps[i]);
                      weight = weight ? a.mul(weight, c) : c;
                    }
                    Value x = pixel(at);
                    failed |= !x;
                    if (!x)
                      return {acc[0]};
                    Value w = convert(k, weight, a.type, sum.type);
                    return {sum.add(acc[0], sum.mul(sum.widen(x), w))};
                  })[0];
  return failed ? Value() : sum.narrow(total);
}

static Value gridSample(KernelContext &k, Operation *op, unsigned,
                        ValueRange indices) {
  return GridSampler(k, cast<fm::GridSampleOp>(op), indices).emit();
}

//===----------------------------------------------------------------------===//
// roi_align
//===----------------------------------------------------------------------===//

static Value roiAlign(KernelContext &k, Operation *op, unsigned,
                      ValueRange indices) {
  auto roi = cast<fm::RoiAlignOp>(op);
  Value input = roi.getInput();
  Type element = elementOf(input);
  Arith a(k, element);
  bool isMax = roi.getMax();
  Value batch = k.element(roi.getBatchIndices(), Indices{indices[0]});
  if (!batch)
    return {};
  batch = wrapIndex(k, toIndex(k, batch, elementOf(roi.getBatchIndices())),
                    k.scope.dim(input, 0));
  Value scale = a.cst(roi.getSpatialScale().convertToDouble());
  Value shift = a.cst(roi.getHalfPixel() ? 0.5 : 0.0);
  SmallVector<Value, 4> corner; // x1 y1 x2 y2
  for (int64_t i = 0; i < 4; ++i) {
    Value v = k.element(roi.getRois(), Indices{indices[0], k.index(i)});
    if (!v)
      return {};
    v = a.widenFrom(v, elementOf(roi.getRois()));
    corner.push_back(a.sub(a.mul(v, scale), shift));
  }
  // By dimension, height first: bin size and the number of samples.
  Value start[2] = {corner[1], corner[0]}, bin[2], grid[2];
  int64_t pooled[2] = {int64_t(roi.getOutputHeight()),
                       int64_t(roi.getOutputWidth())};
  for (int d = 0; d < 2; ++d) {
    Value extent = a.sub(corner[3 - d], corner[1 - d]);
    if (!roi.getHalfPixel())
      extent = a.max(extent, a.one());
    bin[d] = a.div(extent, a.cst(pooled[d]));
    grid[d] = roi.getSamplingRatio() > 0
                  ? k.index(roi.getSamplingRatio())
                  : k.maxI(toIndex(k, a.unary<math::CeilOp>(bin[d]), a.type),
                           k.index(0));
  }
  // A sample's coordinate, its two neighbours and their weights.
  struct Sample {
    Value low, high, lowWeight, highWeight, outside;
  };
  auto sample = [&](int d, Value i) {
    Value size = k.dim(input, d + 2), sizeF = fromIndex(k, size, a.type);
    Value step =
        a.div(a.mul(a.add(fromIndex(k, i, a.type), a.cst(0.5)), bin[d]),
              fromIndex(k, grid[d], a.type));
    Value place = a.mul(fromIndex(k, indices[d + 2], a.type), bin[d]);
    Value x = a.add(a.add(start[d], place), step);
    Sample s;
    s.outside =
        k.b.create<arith::OrIOp>(k.loc, a.lt(x, a.cst(-1)), a.gt(x, sizeF));
    x = a.max(x, a.zero());
    Value last = k.maxI(k.subI(size, k.index(1)), k.index(0));
    Value floor = toIndex(k, x, a.type);
    Value isLast = k.b.create<arith::CmpIOp>(k.loc, arith::CmpIPredicate::sge,
                                             floor, last);
    s.low = k.maxI(k.selectV(isLast, last, floor), k.index(0));
    s.high = k.selectV(isLast, last, k.addI(floor, k.index(1)));
    s.high = k.maxI(k.minI(s.high, last), k.index(0));
    Value fraction = a.sub(x, fromIndex(k, s.low, a.type));
    s.highWeight = a.select(isLast, a.zero(), fraction);
    s.lowWeight = a.sub(a.one(), s.highWeight);
    return s;
  };
  bool failed = false;
  Value init = isMax ? a.lowest() : a.zero();
  Expr product = k.scope.product(k.dims(input));
  Value total = reduceLoops(
      k, {grid[0], grid[1]}, init,
      [&](ValueRange at, ValueRange acc) -> SmallVector<Value> {
        Sample y = sample(0, at[0]), x = sample(1, at[1]);
        Value outside = k.b.create<arith::OrIOp>(k.loc, y.outside, x.outside);
        Value sum;
        for (auto [row, rowWeight] : {std::make_pair(y.low, y.lowWeight),
                                      std::make_pair(y.high, y.highWeight)})
          for (auto [col, colWeight] : {std::make_pair(x.low, x.lowWeight),
                                        std::make_pair(x.high, x.highWeight)}) {
            Indices place{batch, indices[1], row, col};
            Value v = unlessEmpty(k, product, element,
                                  [&] { return k.element(input, place); });
            if (!v) {
              failed = true;
              return {acc[0]};
            }
            Value term = a.mul(a.widen(v), a.mul(rowWeight, colWeight));
            sum = !sum ? term : isMax ? a.max(sum, term) : a.add(sum, term);
          }
        sum = a.select(outside, a.zero(), sum);
        return {isMax ? a.max(acc[0], sum) : a.add(acc[0], sum)};
      })[0];
  if (failed)
    return {};
  Value samples = k.mulI(grid[0], grid[1]);
  if (isMax)
    return a.narrow(a.select(k.lessI(k.index(0), samples), total, a.zero()));
  return a.narrow(
      a.div(total, fromIndex(k, k.maxI(samples, k.index(1)), a.type)));
}

void codegen::registerSampleElements(ElementTable &t) {
  t["fm.grid_sample"] = {gridSample, ElementCost::Loop};
  t["fm.roi_align"] = {roiAlign, ElementCost::Loop};
}
