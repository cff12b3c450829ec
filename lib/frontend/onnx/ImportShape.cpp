//===- ImportShape.cpp - Shapes and data movement -------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/Compose.h"
#include "lib/frontend/onnx/RunTimeAxes.h"
#include "lib/frontend/onnx/ShapeParts.h"

using namespace mlir;

namespace narae::onnx {

/// Dimensions [start, end) of the input; both may be negative and are clamped.
static LogicalResult shape(Node &n) {
  int64_t rank = n.rank(0);
  auto bound = [&](StringRef name, int64_t otherwise) {
    int64_t value = n.intAttr(name, otherwise);
    return std::clamp<int64_t>(value < 0 ? value + rank : value, 0, rank);
  };
  int64_t start = bound("start", 0), end = bound("end", rank);
  return n.setOutput(0, dimsOf(n, n.input(0), start, std::max(start, end)));
}

static LogicalResult size(Node &n) {
  return n.setOutput(0, n.make<fm::SizeOfOp>(n.input(0)));
}

static LogicalResult reshape(Node &n) {
  Value shape = n.input(1);
  if (n.has("shape")) // before opset 5
    shape = n.constInts(n.intsAttr("shape"));
  if (!shape)
    return n.error() << "Reshape has no shape";
  UnitAttr zero = n.intAttr("allowzero", 0) ? n.b.getUnitAttr() : UnitAttr();
  return n.setOutput(0, n.make<fm::ReshapeOp>(n.input(0), shape, zero));
}

static LogicalResult flatten(Node &n) {
  int64_t rank = n.rank(0), axis = n.intAttr("axis", 1);
  if (axis < -rank || axis > rank)
    return n.error() << "axis " << axis << " is not in [" << -rank << ", "
                     << rank << "]";
  axis = axis < 0 ? axis + rank : axis;
  return n.setOutput(0, n.make<fm::FlattenOp>(n.input(0), axis));
}

FailureOr<std::optional<SmallVector<int64_t>>>
axesOf(const Node &n, unsigned input, int64_t rank) {
  SmallVector<int64_t> axes;
  if (n.has("axes")) {
    axes = n.intsAttr("axes");
  } else if (n.hasInput(input)) {
    auto values = n.constantInts(input);
    if (!values)
      return n.error() << "the axes of " << n.opType()
                       << " are computed at run time; they must be constants",
             failure();
    axes = *values;
  } else {
    return std::optional<SmallVector<int64_t>>();
  }
  for (int64_t &axis : axes) {
    FailureOr<int64_t> checked = n.axis(axis, rank);
    if (failed(checked))
      return failure();
    axis = *checked;
  }
  llvm::sort(axes);
  if (std::adjacent_find(axes.begin(), axes.end()) != axes.end())
    return n.error() << "an axis is given twice", failure();
  return std::optional<SmallVector<int64_t>>(std::move(axes));
}

static bool axesAtRunTime(const Node &n) {
  return !n.has("axes") && n.hasInput(1) && !n.constantInts(1);
}

static LogicalResult squeeze(Node &n) {
  if (axesAtRunTime(n))
    return n.setOutput(0, squeezeAtRunTime(n, n.input(0), n.input(1)));
  auto axes = axesOf(n, 1, n.rank(0));
  if (failed(axes))
    return failure();
  if (!*axes) {
    axes->emplace();
    for (int64_t i = 0; i < n.rank(0); ++i) {
      if (n.type(0).isDynamicDim(i))
        return n.error() << "Squeeze without axes of a tensor with dynamic "
                            "dimensions; give the axes";
      if (n.type(0).getDimSize(i) == 1)
        (*axes)->push_back(i);
    }
  }
  return n.setOutput(0, n.squeeze(n.input(0), **axes));
}

static LogicalResult unsqueeze(Node &n) {
  if (axesAtRunTime(n))
    return n.setOutput(0, unsqueezeAtRunTime(n, n.input(0), n.input(1)));
  int64_t count = n.intsAttr("axes").size();
  if (!n.has("axes") && n.hasInput(1)) {
    auto type = n.type(1);
    count = type.hasStaticShape() ? type.getNumElements() : 0;
  }
  auto axes = axesOf(n, 1, n.rank(0) + count);
  if (failed(axes))
    return failure();
  if (!*axes)
    return n.error() << "Unsqueeze has no axes";
  return n.setOutput(0, n.unsqueeze(n.input(0), **axes));
}

static LogicalResult expand(Node &n) {
  return n.setOutput(0, n.make<fm::BroadcastOp>(n.input(0), n.input(1)));
}

static LogicalResult concatenate(Node &n) {
  FailureOr<int64_t> axis = n.axis(n.intAttr("axis", 1), n.rank(0));
  if (failed(axis))
    return failure();
  Values values;
  for (unsigned i = 0; i < n.numInputs(); ++i)
    values.push_back(n.input(i));
  return n.setOutput(0, concat(n, values, *axis));
}

static LogicalResult tile(Node &n) {
  if (n.opset < 6)
    return n.error() << "Tile of operator set " << n.opset
                     << " is not supported; convert the model to a newer one";
  return n.setOutput(0, n.make<fm::TileOp>(n.input(0), n.input(1)));
}

static LogicalResult transpose(Node &n) {
  SmallVector<int64_t> perm = n.intsAttr("perm");
  int64_t rank = n.rank(0);
  if (!n.has("perm"))
    for (int64_t i = rank - 1; i >= 0; --i)
      perm.push_back(i);
  SmallVector<int64_t> sorted(perm);
  llvm::sort(sorted);
  if (sorted != axesFrom(0, rank))
    return n.error() << "perm [" << llvm::iterator_range(perm)
                     << "] is no permutation of the " << rank << " axes";
  return n.setOutput(0, n.transpose(n.input(0), perm));
}

//===----------------------------------------------------------------------===//
// Split
//===----------------------------------------------------------------------===//

LogicalResult splitSizes(const Node &n, unsigned input, int64_t axis,
                         int64_t parts, Values &sizes) {
  if (n.has("split")) {
    for (int64_t size : n.intsAttr("split"))
      sizes.push_back(constDim(n, size));
  } else if (Value split = n.input(input)) {
    int64_t count = rankOf(split) == 1 ? staticDim(split, 0) : -1;
    for (int64_t i = 0; i < std::min(count, parts); ++i)
      sizes.push_back(n.cast(n.slice(split, 0, i, i + 1), n.b.getI64Type()));
    if (count != parts)
      sizes.clear();
  } else {
    // Equal parts; the last may be smaller.
    Value dim = dimOf(n, n.input(0), axis);
    Value part =
        dimArith(n, DimOp::Div, dimArith(n, DimOp::Add, dim, parts - 1), parts);
    for (int64_t i = 0; i < parts; ++i)
      sizes.push_back(part);
  }
  if (static_cast<int64_t>(sizes.size()) != parts)
    return n.error() << "`split` must hold the sizes of the " << parts
                     << " outputs, and as many";
  return success();
}

static LogicalResult split(Node &n) {
  FailureOr<int64_t> axis = n.axis(n.intAttr("axis", 0), n.rank(0));
  if (failed(axis))
    return failure();
  int64_t parts = n.numOutputs();
  if (n.has("num_outputs") && n.intAttr("num_outputs", parts) != parts)
    return n.error() << "num_outputs is " << n.intAttr("num_outputs", parts)
                     << ", but there are " << parts << " outputs";
  Values sizes;
  if (failed(splitSizes(n, 1, *axis, parts, sizes)))
    return failure();
  Value start = constDim(n, 0);
  for (int64_t i = 0; i < parts; ++i) {
    Value end = dimArith(n, DimOp::Add, start, sizes[i]);
    if (failed(n.setOutput(i, sliceDims(n, n.input(0), *axis, start, end))))
      return failure();
    start = end;
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Blocks of pixels
//===----------------------------------------------------------------------===//

static LogicalResult depthToSpace(Node &n) {
  int64_t block = n.intAttr("blocksize", 0);
  std::string mode = n.strAttr("mode", "DCR");
  if (failed(checkRank(n, 0, 4, 4)))
    return failure();
  if (block <= 0 || block > 32768 || (mode != "DCR" && mode != "CRD"))
    return n.error() << "DepthToSpace has blocksize " << block << " and mode "
                     << mode;
  Value x = n.input(0), size = constDim(n, block);
  Value batch = dimOf(n, x, 0), height = dimOf(n, x, 2), width = dimOf(n, x, 3);
  Value depth = dimArith(n, DimOp::Div, dimOf(n, x, 1), block * block);
  bool blocksFirst = mode == "DCR";
  Value y = blocksFirst
                ? reshapeTo(n, x, {batch, size, size, depth, height, width})
                : reshapeTo(n, x, {batch, depth, size, size, height, width});
  y = blocksFirst ? n.transpose(y, {0, 3, 4, 1, 5, 2})
                  : n.transpose(y, {0, 1, 4, 2, 5, 3});
  return n.setOutput(
      0, reshapeTo(n, y,
                   {batch, depth, dimArith(n, DimOp::Mul, height, block),
                    dimArith(n, DimOp::Mul, width, block)}));
}

static LogicalResult spaceToDepth(Node &n) {
  int64_t block = n.intAttr("blocksize", 0);
  if (failed(checkRank(n, 0, 4, 4)))
    return failure();
  std::string mode = n.strAttr("mode", "DCR"); // from opset 28 on
  if (block <= 0 || block > 32768 || (mode != "DCR" && mode != "CRD"))
    return n.error() << "SpaceToDepth has blocksize " << block << " and mode "
                     << mode;
  Value x = n.input(0), size = constDim(n, block);
  Value batch = dimOf(n, x, 0), depth = dimOf(n, x, 1);
  Value height = dimArith(n, DimOp::Div, dimOf(n, x, 2), block);
  Value width = dimArith(n, DimOp::Div, dimOf(n, x, 3), block);
  Value y = reshapeTo(n, x, {batch, depth, height, size, width, size});
  y = mode == "DCR" ? n.transpose(y, {0, 3, 5, 1, 2, 4})
                    : n.transpose(y, {0, 1, 3, 5, 2, 4});
  return n.setOutput(
      0, reshapeTo(n, y,
                   {batch, dimArith(n, DimOp::Mul, depth, block * block),
                    height, width}));
}

void registerShape(ImporterTable &table) {
  table.add("Shape", checked<shape, 1>);
  table.add("Size", checked<size, 1>);
  table.add("Reshape", checked<reshape, 1>);
  table.add("Flatten", checked<flatten, 1>);
  table.add("Squeeze", checked<squeeze, 1>);
  table.add("Unsqueeze", checked<unsqueeze, 1>);
  table.add("Expand", checked<expand, 2>);
  table.add("Concat", checked<concatenate, 1>);
  table.add("Split", checked<split, 1>);
  table.add("Tile", checked<tile, 2>);
  table.add("Transpose", checked<transpose, 1>);
  table.add("DepthToSpace", checked<depthToSpace, 1>);
  table.add("SpaceToDepth", checked<spaceToDepth, 1>);
  addGenerators(table);
  addPads(table);
}

} // namespace narae::onnx
