//===- ImportColumns.cpp - Col2Im, DeformConv, MaxRoiPool -----------------===//
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

namespace narae::onnx {

/// Element i of a 1-D i64 tensor as a dimension.
static Value at(const Node &n, Value vector, int64_t i) {
  return n.slice(vector, 0, i, i + 1);
}

/// Adds up the columns of an image: element (k, l) of [N, C*K, L] goes to
/// position `l * stride - pad + k * dilation` of each dimension, where k and l
/// are indices in the block and in the grid of blocks. What falls outside goes
/// to one element past the image, which a slice drops.
static LogicalResult col2Im(Node &n) {
  if (failed(checkRank(n, 0, 3, 3)) || failed(checkRank(n, 1, 1, 1)) ||
      failed(checkRank(n, 2, 1, 1)))
    return failure();
  int64_t spatial = staticDim(n.input(1), 0);
  if (spatial < 0 || staticDim(n.input(2), 0) != spatial)
    return n.error() << "image_shape and block_shape must have the same, "
                        "known, number of elements";
  Type i64 = n.b.getI64Type();
  Value image = n.cast(n.input(1), i64), block = n.cast(n.input(2), i64);
  SmallVector<int64_t> strides = n.intsAttr("strides");
  SmallVector<int64_t> pads = n.intsAttr("pads");
  SmallVector<int64_t> dilations = n.intsAttr("dilations");
  if (strides.empty())
    strides.assign(spatial, 1);
  if (dilations.empty())
    dilations.assign(spatial, 1);
  if (pads.empty())
    pads.assign(2 * spatial, 0);
  if (int64_t(strides.size()) != spatial ||
      int64_t(dilations.size()) != spatial ||
      int64_t(pads.size()) != 2 * spatial)
    return n.error() << "strides, dilations and pads must be for " << spatial
                     << " dimensions";

  Values imageDims, blockDims, gridDims;
  Value imageSize = constDim(n, 1), blockSize = constDim(n, 1),
        gridSize = constDim(n, 1);
  for (int64_t i = 0; i < spatial; ++i) {
    imageDims.push_back(at(n, image, i));
    blockDims.push_back(at(n, block, i));
    // (image + pads - dilation * (block - 1) - 1) / stride + 1
    Value reach = dimArith(n, DimOp::Sub, blockDims[i], 1);
    reach = dimArith(n, DimOp::Mul, reach, dilations[i]);
    Value steps =
        dimArith(n, DimOp::Add, imageDims[i], pads[i] + pads[i + spatial] - 1);
    steps = dimArith(n, DimOp::Div, dimArith(n, DimOp::Sub, steps, reach),
                     strides[i]);
    gridDims.push_back(dimArith(n, DimOp::Add, steps, 1));
    imageSize = dimArith(n, DimOp::Mul, imageDims[i], imageSize);
    blockSize = dimArith(n, DimOp::Mul, blockDims[i], blockSize);
    gridSize = dimArith(n, DimOp::Mul, gridDims[i], gridSize);
  }
  // Indices of [K, L], from the last dimension to the first.
  Value k = iota(n, {blockSize, constDim(n, 1)}, 0, i64);
  Value l = iota(n, {constDim(n, 1), gridSize}, 1, i64);
  Value index, stride, inside;
  for (int64_t i = spatial; i-- > 0;) {
    Value offset =
        mulConst(n, n.make<fm::ModOp>(k, blockDims[i]), dilations[i]);
    Value start =
        addConst(n, mulConst(n, n.make<fm::ModOp>(l, gridDims[i]), strides[i]),
                 -pads[i]);
    Value place = n.make<fm::AddOp>(offset, start);
    Value fits = n.make<fm::AndOp>(compare(n, place, "ge", 0.0),
                                   compare(n, place, "lt", imageDims[i]));
    index = index ? n.make<fm::AddOp>(index, n.make<fm::MulOp>(place, stride))
                  : place;
    inside = inside ? n.make<fm::AndOp>(inside, fits) : fits;
    stride =
        stride ? dimArith(n, DimOp::Mul, stride, imageDims[i]) : imageDims[i];
    k = n.make<fm::DivOp>(k, blockDims[i]);
    l = n.make<fm::DivOp>(l, gridDims[i]);
    if (!index || !inside)
      return failure();
  }
  index = select(n, inside, index, imageSize);

  Value x = n.input(0);
  Value batch = dimOf(n, x, 0);
  Value channels = dimArith(n, DimOp::Div, dimOf(n, x, 1), blockSize);
  Value columns = dimArith(n, DimOp::Mul, blockSize, gridSize);
  Value updates = reshapeTo(n, x, {batch, channels, columns});
  Value indices =
      broadcastTo(n, n.reshape(index, {1, 1, -1}), {batch, channels, columns});
  Value zeros =
      filled(n, {batch, channels, dimArith(n, DimOp::Add, imageSize, 1)}, 0,
             n.elem(0));
  Value y = n.make<fm::ScatterElementsOp>(zeros, indices, updates, uint64_t(2),
                                          llvm::StringRef("add"));
  y = sliceDims(n, y, 2, constDim(n, 0), imageSize);
  Values shape{batch, channels};
  shape.append(imageDims.begin(), imageDims.end());
  return n.setOutput(0, reshapeTo(n, y, shape));
}

/// Samples the input bilinearly at every shifted position of the kernel, which
/// fm.grid_sample does, and multiplies the samples with the filter.
static LogicalResult deformConv(Node &n) {
  if (failed(checkRank(n, 0, 4, 4)) || failed(checkRank(n, 1, 4, 4)) ||
      failed(checkRank(n, 2, 4, 4)))
    return failure();
  Value x = n.input(0), w = n.input(1), offset = n.input(2);
  auto window = readWindow(n, 2, tensorType(w).getShape().drop_front(2));
  if (failed(window))
    return failure();
  int64_t kh = window->kernel[0], kw = window->kernel[1];
  if (kh < 1 || kw < 1)
    return n.error() << "the kernel's size must be known";
  if (window->autoPad != "explicit")
    return n.error() << "auto_pad is not an attribute of DeformConv";
  int64_t group = n.intAttr("group", 1);
  int64_t offsetGroup = n.intAttr("offset_group", 1);
  if (group < 1 || offsetGroup < 1)
    return n.error() << "group and offset_group must be positive";

  Type type = wideType(n.elem(0));
  auto c = [&](int64_t value) { return constDim(n, value); };
  Value batch = dimOf(n, x, 0), channels = dimOf(n, x, 1);
  Value oh = dimOf(n, offset, 2), ow = dimOf(n, offset, 3);
  Value images = dimArith(n, DimOp::Mul, batch, offsetGroup);
  Value perOffset = dimArith(n, DimOp::Div, channels, offsetGroup);

  // [N * offset_group, kh, kw, 2, oh, ow]
  Value shifts =
      n.cast(reshapeTo(n, offset, {images, c(kh), c(kw), c(2), oh, ow}), type);
  // Pixel p as a position in [-1, 1]: where the corners' centres are the ends,
  // 2 p / (size - 1) - 1, which is exact more often; with one pixel there, or
  // sizes that are not known, over the outer edges, (2 p + 1) / size - 1.
  bool align = staticDim(x, 2) > 1 && staticDim(x, 3) > 1;
  auto coordinate = [&](int64_t axis) -> Value {
    Value shift = n.squeeze(n.slice(shifts, 3, axis, axis + 1), {3});
    Value out = iota(n, {c(1), c(1), c(1), axis ? c(1) : oh, axis ? ow : c(1)},
                     axis ? 4 : 3, type);
    Value tap = iota(n, {n.constInts({1, axis ? 1 : kh, axis ? kw : 1, 1, 1})},
                     axis ? 2 : 1, type);
    out = addConst(n, mulConst(n, out, window->strides[axis]),
                   -double(window->pads[axis]));
    tap = mulConst(n, tap, window->dilations[axis]);
    Value position = n.make<fm::AddOp>(n.make<fm::AddOp>(out, tap), shift);
    Value size = dimArith(n, DimOp::Sub, dimOf(n, x, 2 + axis), align);
    position = addConst(n, mulConst(n, position, 2), !align);
    position = n.make<fm::DivOp>(position, n.cast(size, type));
    return n.unsqueeze(addConst(n, position, -1), {5});
  };
  Value grid = concat(n, {coordinate(1), coordinate(0)}, 5);
  Value taps = c(kh * kw);
  grid = reshapeTo(n, grid,
                   {images, dimArith(n, DimOp::Mul, oh, kh * kw), ow, c(2)});
  Value source = n.cast(
      reshapeTo(n, x, {images, perOffset, dimOf(n, x, 2), dimOf(n, x, 3)}),
      type);
  Value samples = n.make<fm::GridSampleOp>(
      source, grid, llvm::StringRef("linear"), llvm::StringRef("zeros"), align);
  if (n.hasInput(4)) {
    samples =
        reshapeTo(n, samples, {batch, c(offsetGroup), perOffset, taps, oh, ow});
    Value mask =
        reshapeTo(n, n.input(4), {batch, c(offsetGroup), c(1), taps, oh, ow});
    samples = n.make<fm::MulOp>(samples, n.cast(mask, type));
  }

  Value pixels = dimArith(n, DimOp::Mul, oh, ow);
  Value perGroup = dimArith(n, DimOp::Div, channels, group);
  Value inner = dimArith(n, DimOp::Mul, perGroup, kh * kw);
  Value columns = reshapeTo(n, samples, {batch, c(group), inner, pixels});
  Value outChannels = dimOf(n, w, 0);
  Value filter =
      reshapeTo(n, n.cast(w, type),
                {c(group), dimArith(n, DimOp::Div, outChannels, group), inner});
  Value y =
      reshapeTo(n, matmul(n, filter, columns), {batch, outChannels, oh, ow});
  if (n.hasInput(3))
    y = n.make<fm::AddOp>(y, n.cast(alongAxis(n, n.input(3), 1, 4), type));
  return n.setOutput(0, y ? n.cast(y, n.elem(0)) : Value());
}

/// The largest element of each cell of a grid over each region. The regions'
/// cells are products of intervals, so rows are reduced before columns.
static LogicalResult maxRoiPool(Node &n) {
  if (failed(checkRank(n, 0, 4, 4)) || failed(checkRank(n, 1, 2, 2)))
    return failure();
  SmallVector<int64_t> pooled = n.intsAttr("pooled_shape");
  if (pooled.size() != 2 || pooled[0] < 1 || pooled[1] < 1)
    return n.error() << "pooled_shape must be two positive sizes";
  double scale = n.floatAttr("spatial_scale", 1);
  Type type = wideType(n.elem(0));
  Value x = n.cast(n.input(0), type), rois = n.cast(n.input(1), type);
  auto column = [&](int64_t i) { return n.slice(rois, 1, i, i + 1); };
  Value batch = n.cast(n.squeeze(column(0), {1}), n.b.getI64Type());
  Value y = n.make<fm::GatherOp>(x, batch, uint64_t(0)); // [R, C, H, W]
  Value lowest = scalarLike(n, -INFINITY, x);
  for (int64_t axis = 0; axis < 2 && y; ++axis) {
    // The axis to reduce is the third of four: H, then W.
    int64_t cells = pooled[axis];
    auto corner = [&](int64_t i) { // rounds halves up
      return n.make<fm::FloorOp>(
          addConst(n, mulConst(n, column(i), scale), 0.5));
    };
    Value begin = corner(2 - axis), end = corner(4 - axis); // [R, 1]
    Value extent = addConst(n, n.make<fm::SubOp>(end, begin), 1);
    extent = n.make<fm::MaxOp>(extent, scalarLike(n, 1, extent));
    Value cell = mulConst(n, extent, 1.0 / cells);
    Value index = iota(n, {n.constInts({1, cells})}, 1, type);
    Value from = n.make<fm::AddOp>(
        n.make<fm::FloorOp>(n.make<fm::MulOp>(index, cell)), begin);
    Value to = n.make<fm::AddOp>(
        n.make<fm::CeilOp>(n.make<fm::MulOp>(addConst(n, index, 1), cell)),
        begin);
    // [R, 1, cells, size, 1] against [R, C, 1, size, rest].
    from = n.unsqueeze(from, {1, 3, 4});
    to = n.unsqueeze(to, {1, 3, 4});
    Value position = iota(n,
                          {n.constInts({1, 1, 1}),
                           dimOf(n, n.input(0), 2 + axis), constDim(n, 1)},
                          3, type);
    Value inside = n.make<fm::AndOp>(compare(n, position, "ge", from),
                                     compare(n, position, "lt", to));
    y = axis ? n.transpose(y, {0, 1, 3, 2}) : y;
    y = select(n, inside, n.unsqueeze(y, {2}), lowest);
    y = n.reduce("max", y, {3}, /*keepDims=*/false);
    y = axis ? n.transpose(y, {0, 1, 3, 2}) : y;
  }
  // Cells without any pixel are 0.
  y = select(n, compare(n, y, "eq", lowest), scalarLike(n, 0, x), y);
  return n.setOutput(0, n.cast(y, n.elem(0)));
}

void addColumns(ImporterTable &table) {
  table.add("Col2Im", checked<col2Im, 3>);
  table.add("DeformConv", checked<deformConv, 3>);
  table.add("MaxRoiPool", checked<maxRoiPool, 2>);
}

} // namespace narae::onnx
