//===- ImportPad.cpp - Padding and cropping -------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/RunTimeAxes.h"
#include "lib/frontend/onnx/ShapeParts.h"

using namespace mlir;

namespace narae::onnx {

static LogicalResult pad(Node &n) {
  int64_t rank = n.rank(0);
  std::string mode = n.strAttr("mode", "constant");
  if (mode != "constant" && mode != "edge" && mode != "reflect" &&
      mode != "wrap")
    return n.error() << "Pad has the mode '" << mode
                     << "'; it is constant, edge, reflect or wrap";
  Value pads = n.input(1), value = n.input(2);
  if (n.has("pads") || n.has("paddings")) { // before opset 11
    pads = n.constInts(n.intsAttr(n.has("pads") ? "pads" : "paddings"));
    value = n.constScalar(n.floatAttr("value", 0), n.elem(0));
  }
  if (!pads)
    return n.error() << "Pad has no pads";
  pads = n.cast(pads, n.b.getI64Type());
  SmallVector<int64_t> axes = axesFrom(0, rank);
  if (n.hasInput(3) && !n.constantInts(3)) {
    // All axes, those not named without padding.
    int64_t count = n.rank(3) == 1 ? staticDim(n.input(3), 0) : -1;
    if (count < 0)
      return n.error() << "the number of axes must be static";
    Value zeros = n.constInts(SmallVector<int64_t>(rank, 0));
    auto side = [&](int64_t from) {
      return scatterByAxis(n, n.input(3), rank,
                           n.slice(pads, 0, from, from + count), zeros);
    };
    pads = concat(n, {side(0), side(count)}, 0);
  } else if (n.hasInput(3)) {
    // Not sorted: the pads are in the order of the axes.
    axes = *n.constantInts(3);
    for (int64_t &value : axes) {
      FailureOr<int64_t> axis = n.axis(value, rank);
      if (failed(axis))
        return failure();
      value = *axis;
    }
  }
  value = value ? asScalar(n, value) : n.constScalar(0, n.elem(0));
  return n.setOutput(0, n.make<fm::PadOp>(n.input(0), pads, value,
                                          ArrayRef<int64_t>(axes),
                                          StringRef(mode)));
}

/// Crops or pads around the centre, so that the axes get the sizes in input 1.
static LogicalResult centerCropPad(Node &n) {
  int64_t rank = n.rank(0);
  SmallVector<int64_t> axes = n.intsAttr("axes");
  if (!n.has("axes"))
    axes = axesFrom(0, rank);
  Value x = n.input(0), sizes = n.cast(n.input(1), n.b.getI64Type());
  if (rankOf(sizes) != 1 || staticDim(sizes, 0) != int64_t(axes.size()))
    return n.error() << "CenterCropPad needs as many sizes as axes ("
                     << axes.size() << ")";
  for (auto [i, value] : llvm::enumerate(axes)) {
    FailureOr<int64_t> axis = n.axis(value, rank);
    if (failed(axis))
      return failure();
    Value have = dimOf(n, x, *axis), want = n.slice(sizes, 0, i, i + 1);
    // Half of what is too much goes from the front, half of what is missing
    // comes to the front, both rounded down.
    Value zero = constDim(n, 0);
    Value crop =
        dimArith(n, DimOp::Max, dimArith(n, DimOp::Sub, have, want), zero);
    Value start = dimArith(n, DimOp::Div, crop, 2);
    Value kept = dimArith(n, DimOp::Min, have, want);
    x = sliceDims(n, x, *axis, start, dimArith(n, DimOp::Add, start, kept));
    Value missing = dimArith(n, DimOp::Sub, want, kept);
    Value before = dimArith(n, DimOp::Div, missing, 2);
    x = padAxis(n, x, *axis, before, dimArith(n, DimOp::Sub, missing, before));
  }
  return n.setOutput(0, x);
}

void addPads(ImporterTable &table) {
  table.add("Pad", checked<pad, 1>);
  table.add("CenterCropPad", checked<centerCropPad, 2>);
}

} // namespace narae::onnx
