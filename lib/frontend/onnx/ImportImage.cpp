//===- ImportImage.cpp - GridSample, RoiAlign, AffineGrid -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/Compose.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using llvm::StringRef;

namespace narae::onnx {

static LogicalResult gridSample(Node &n) {
  if (failed(checkRank(n, 0, 3)) ||
      failed(checkRank(n, 1, n.rank(0), n.rank(0))))
    return failure();
  std::string given = n.strAttr("mode", "linear");
  StringRef mode = llvm::StringSwitch<StringRef>(given)
                       .Cases("linear", "bilinear", "linear")
                       .Cases("cubic", "bicubic", "cubic")
                       .Case("nearest", "nearest")
                       .Default("");
  if (mode.empty())
    return n.error() << "mode is '" << given
                     << "'; it must be linear, cubic or nearest";
  std::string padding = n.strAttr("padding_mode", "zeros");
  if (padding != "zeros" && padding != "border" && padding != "reflection")
    return n.error() << "padding_mode is '" << padding
                     << "'; it must be zeros, border or reflection";
  return n.setOutput(
      0, n.make<fm::GridSampleOp>(n.input(0), n.input(1), mode, padding,
                                  bool(n.intAttr("align_corners", 0))));
}

static LogicalResult roiAlign(Node &n) {
  if (failed(checkRank(n, 0, 4, 4)) || failed(checkRank(n, 1, 2, 2)) ||
      failed(checkRank(n, 2, 1, 1)))
    return failure();
  std::string mode = llvm::StringRef(n.strAttr("mode", "avg")).lower();
  if (mode != "avg" && mode != "max")
    return n.error() << "mode is '" << mode << "'; it must be avg or max";
  // The attribute came in opset 16; before, corners were not shifted.
  StringRef otherwise = n.opset < 16 ? "output_half_pixel" : "half_pixel";
  std::string coordinates =
      n.strAttr("coordinate_transformation_mode", otherwise);
  if (coordinates != "half_pixel" && coordinates != "output_half_pixel")
    return n.error() << "coordinate_transformation_mode is '" << coordinates
                     << "'; it must be half_pixel or output_half_pixel";
  int64_t height = n.intAttr("output_height", 1);
  int64_t width = n.intAttr("output_width", 1);
  int64_t sampling = n.intAttr("sampling_ratio", 0);
  if (height < 1 || width < 1 || sampling < 0)
    return n.error() << "output_height and output_width must be positive and "
                        "sampling_ratio not negative";
  return n.setOutput(
      0, n.make<fm::RoiAlignOp>(
             n.input(0), n.input(1), n.cast(n.input(2), n.b.getI64Type()),
             uint64_t(height), uint64_t(width), uint64_t(sampling),
             llvm::APFloat(n.floatAttr("spatial_scale", 1)), mode == "max",
             coordinates == "half_pixel"));
}

/// grid[n, position, c] = sum over j of theta[n, c, j] * base[position, j],
/// where base has the coordinates of the position in [-1, 1], the last
/// dimension's first, and 1.
static LogicalResult affineGrid(Node &n) {
  if (failed(checkRank(n, 0, 3, 3)) || failed(checkRank(n, 1, 1, 1)))
    return failure();
  int64_t rank = staticDim(n.input(1), 0);
  if (rank != 4 && rank != 5)
    return n.error() << "size must have 4 elements (2-D) or 5 (3-D)";
  int64_t spatial = rank - 2;
  bool align = n.intAttr("align_corners", 0);
  Value theta = widen(n, n.input(0));
  if (!theta)
    return failure();
  Type type = elementOf(theta);
  Value size = n.cast(n.input(1), n.b.getI64Type());
  Value batch = dimOf(n, theta, 0), one = constDim(n, 1);

  // Column j of theta as [N, 1, .., 1, spatial].
  auto column = [&](int64_t j) {
    Values dims{batch};
    dims.append(spatial, one);
    dims.push_back(constDim(n, spatial));
    return reshapeTo(n, n.slice(theta, 2, j, j + 1), dims);
  };
  Value grid = column(spatial);
  for (int64_t i = 0; i < spatial; ++i) {
    Value extent = n.slice(size, 0, 2 + i, 3 + i);
    Values dims(rank, one);
    dims[1 + i] = extent;
    // -1 + 2 k / (size - 1) with aligned corners, else -1 + (2 k + 1) / size.
    Value k = mulConst(n, iota(n, dims, 1 + i, type), 2);
    Value divisor = extent;
    if (align)
      divisor = dimArith(n, DimOp::Max, dimArith(n, DimOp::Sub, extent, 1), 1);
    else
      k = addConst(n, k, 1);
    Value place = addConst(n, n.make<fm::DivOp>(k, n.cast(divisor, type)), -1);
    grid = n.make<fm::AddOp>(grid,
                             n.make<fm::MulOp>(column(spatial - 1 - i), place));
  }
  return n.setOutput(0, grid ? n.cast(grid, n.elem(0)) : Value());
}

void registerImage(ImporterTable &table) {
  table.add("GridSample", checked<gridSample, 2>);
  table.add("RoiAlign", checked<roiAlign, 3>);
  table.add("AffineGrid", checked<affineGrid, 2>);
  addResize(table);
}

} // namespace narae::onnx
