//===- ImportSignal.cpp - Windows and MelWeightMatrix ---------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/Compose.h"

#include <cmath>

using namespace mlir;

namespace narae::onnx {

/// Sums of cosines: sum over i of factors[i] * cos(2 pi i k / N) for k below
/// the size, where N is the size, or one less for symmetric windows.
static LogicalResult window(Node &n, llvm::ArrayRef<double> factors) {
  Type type = onnxType(n, n.intAttr("output_datatype", 1));
  if (!type)
    return failure();
  Value size = asDim(n, n.input(0));
  // f64: the argument grows with the window and f32 would lose digits.
  Type wide = n.b.getF64Type();
  Value k = iota(n, {size}, 0, wide);
  Value period =
      n.intAttr("periodic", 1) ? size : dimArith(n, DimOp::Sub, size, 1);
  Value angle =
      n.make<fm::DivOp>(mulConst(n, k, 2 * M_PI), n.cast(period, wide));
  Value y;
  for (size_t i = 1; i < factors.size(); ++i) {
    Value term = mulConst(n, n.make<fm::CosOp>(mulConst(n, angle, double(i))),
                          factors[i]);
    y = y ? n.make<fm::AddOp>(y, term) : term;
  }
  y = addConst(n, y, factors[0]);
  return n.setOutput(0, y ? n.cast(y, type) : Value());
}

static LogicalResult hann(Node &n) { return window(n, {0.5, -0.5}); }
static LogicalResult hamming(Node &n) {
  return window(n, {25.0 / 46, -21.0 / 46});
}
static LogicalResult blackman(Node &n) { return window(n, {0.42, -0.5, 0.08}); }

/// Triangles over the bins of a spectrum: band i rises from edge[i] to
/// edge[i + 1] and falls to edge[i + 2]; edges are evenly spaced on the mel
/// scale, 2595 * log10(1 + f / 700), and rounded down to bins.
static LogicalResult melWeights(Node &n) {
  Type type = onnxType(n, n.intAttr("output_datatype", 1));
  if (!type)
    return failure();
  Type wide = n.b.getF64Type();
  Value bands = asDim(n, n.input(0)), length = asDim(n, n.input(1));
  Value bins = dimArith(n, DimOp::Add, dimArith(n, DimOp::Div, length, 2), 1);
  auto number = [&](Value v) { return n.cast(v, wide); };
  const double perMel = 2595 / std::log(10.0);
  auto mel = [&](unsigned input) {
    Value hertz = number(asScalar(n, n.input(input)));
    return mulConst(n, n.make<fm::Log1pOp>(mulConst(n, hertz, 1.0 / 700)),
                    perMel);
  };
  Value low = mel(3), high = mel(4);
  Value count = dimArith(n, DimOp::Add, bands, 2);
  Value step = n.make<fm::DivOp>(n.make<fm::SubOp>(high, low), number(count));
  Value rate = number(asScalar(n, n.input(2)));
  Value lengthPlusOne = number(dimArith(n, DimOp::Add, length, 1));
  // Edge i + shift of every band, as a row [1, bands].
  Value band = iota(n, {constDim(n, 1), bands}, 1, wide);
  auto edge = [&](double shift) {
    Value mels = n.make<fm::AddOp>(
        n.make<fm::MulOp>(addConst(n, band, shift), step), low);
    Value hertz =
        mulConst(n, n.make<fm::Expm1Op>(mulConst(n, mels, 1 / perMel)), 700);
    Value bin =
        n.make<fm::DivOp>(n.make<fm::MulOp>(hertz, lengthPlusOne), rate);
    return n.make<fm::FloorOp>(bin);
  };
  Value left = edge(0), centre = edge(1), right = edge(2);
  Value bin = iota(n, {bins, constDim(n, 1)}, 0, wide);
  auto ratio = [&](Value a, Value b) { // where b is 0, a is too: 1
    Value safe = select(n, compare(n, b, "eq", 0.0), scalarLike(n, 1, b), b);
    return n.make<fm::DivOp>(a, safe);
  };
  auto both = [&](Value a, Value b) { return n.make<fm::AndOp>(a, b); };
  Value rise =
      ratio(n.make<fm::SubOp>(bin, left), n.make<fm::SubOp>(centre, left));
  rise =
      select(n, compare(n, centre, "eq", left), scalarLike(n, 1, rise), rise);
  Value fall =
      ratio(n.make<fm::SubOp>(right, bin), n.make<fm::SubOp>(right, centre));
  Value zero = scalarLike(n, 0, rise);
  Value y = select(
      n, both(compare(n, bin, "ge", left), compare(n, bin, "le", centre)), rise,
      zero);
  y = select(n,
             both(compare(n, bin, "ge", centre), compare(n, bin, "lt", right)),
             fall, y);
  return n.setOutput(0, y ? n.cast(y, type) : Value());
}

void registerSignal(ImporterTable &table) {
  table.add("HannWindow", checked<hann, 1>);
  table.add("HammingWindow", checked<hamming, 1>);
  table.add("BlackmanWindow", checked<blackman, 1>);
  table.add("MelWeightMatrix", checked<melWeights, 5>);
  addFourier(table);
}

} // namespace narae::onnx
