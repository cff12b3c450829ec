//===- ShapeWindow.cpp - Shapes of convolution, pooling, resampling -------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/fm/ShapeHelpers.h"

using namespace mlir;
using namespace narae::fm;
using namespace narae::fm::shape;

//===----------------------------------------------------------------------===//
// Windows
//===----------------------------------------------------------------------===//

namespace {

/// The attributes that convolutions and pools share.
struct Window {
  ArrayRef<int64_t> strides, pads, dilations;
  StringRef autoPad;
  bool ceilMode = false;

  bool isSame() const { return autoPad.starts_with("same"); }

  LogicalResult check(Operation *op, size_t rank) const {
    if (failed(checkOneOf(op, autoPad, "auto_pad",
                          {"explicit", "same_upper", "same_lower", "valid"})) ||
        failed(checkLength(op, strides.size(), rank, "strides")) ||
        failed(checkLength(op, dilations.size(), rank, "dilations")) ||
        ((autoPad == "explicit" || !pads.empty()) &&
         failed(checkLength(op, pads.size(), 2 * rank, "pads"))))
      return failure();
    for (auto [list, name] :
         {std::make_pair(strides, "strides"), {dilations, "dilations"}})
      for (int64_t v : list)
        if (v <= 0)
          return op->emitOpError() << name << " must be positive but has " << v;
    return success();
  }

  /// Padding at both ends of a spatial dimension.
  std::pair<int64_t, int64_t> padsOf(size_t i) const {
    if (autoPad != "explicit")
      return {0, 0};
    return {pads[i], pads[i + pads.size() / 2]};
  }

  /// The number of windows of `kernel` elements along spatial dimension i.
  Expr count(SymbolicScope &scope, size_t i, Expr size, Expr kernel) const {
    Expr stride = scope.cst(strides[i]), one = scope.cst(1);
    if (isSame())
      return scope.ceilDiv(size, stride);
    auto [begin, end] = padsOf(i);
    Expr reach = scope.mul(scope.cst(dilations[i]), scope.sub(kernel, one));
    Expr room = scope.sub(scope.add(size, scope.cst(begin + end - 1)), reach);
    if (!ceilMode)
      return scope.add(scope.floorDiv(room, stride), one);
    // The last window has to begin in the input or in the padding before it.
    Expr last = scope.ceilDiv(room, stride);
    Expr begins =
        scope.less(scope.mul(last, stride), scope.add(size, scope.cst(begin)));
    return scope.select(begins, scope.add(last, one), last);
  }
};

LogicalResult checkCounts(Operation *op, ArrayRef<Expr> dims) {
  for (auto [i, dim] : llvm::enumerate(dims))
    if (auto c = constantOf(dim); c && *c < 0)
      return op->emitOpError("the window is larger than the padded input in "
                             "dimension ")
             << i;
  return success();
}

/// Ranks, types and channels of a convolution; `channelAxis` is that of the
/// input's channels in the filter.
LogicalResult checkConv(Operation *op, SymbolicScope &scope, Value input,
                        Value filter, Value bias, int64_t groups,
                        unsigned channelAxis) {
  Type type = scope.get(input).elementType;
  if (failed(checkMinRank(op, scope, input, 3, "input")) ||
      failed(checkRank(op, scope, filter, scope.rank(input), "filter")) ||
      failed(checkType(op, scope.get(filter).elementType, type, "filter")) ||
      (bias &&
       (failed(checkRank(op, scope, bias, 1, "bias")) ||
        failed(checkType(op, scope.get(bias).elementType, type, "bias")))))
    return failure();
  if (groups <= 0)
    return op->emitOpError("groups must be positive but is ") << groups;
  Expr channels = scope.dim(filter, channelAxis);
  if (channelAxis == 1)
    channels = scope.mul(channels, scope.cst(groups));
  if (failed(checkSame(op, scope, scope.dim(input, 1), channels,
                       "channels of input and filter")))
    return failure();
  if (auto c = constantOf(scope.dim(filter, 0)); c && *c % groups != 0)
    return op->emitOpError()
           << *c << " channels are not a multiple of " << groups << " groups";
  return success();
}

} // namespace

//===----------------------------------------------------------------------===//
// Convolution
//===----------------------------------------------------------------------===//

LogicalResult ConvOp::inferResults(SymbolicScope &scope,
                                   SmallVectorImpl<SymTensor> &results) {
  Window window{getStrides(), getPads(), getDilations(), getAutoPad()};
  if (failed(checkConv(*this, scope, getInput(), getFilter(), getBias(),
                       getGroups(), 1)) ||
      failed(window.check(*this, scope.rank(getInput()) - 2)))
    return failure();
  Exprs input = dimsOf(scope, getInput()), filter = dimsOf(scope, getFilter());
  if (getBias() && failed(checkSame(*this, scope, scope.dim(getBias(), 0),
                                    filter[0], "channels of filter and bias")))
    return failure();
  SymTensor result{scope.get(getInput()).elementType, {input[0], filter[0]}};
  for (size_t i = 2; i < input.size(); ++i)
    result.dims.push_back(window.count(scope, i - 2, input[i], filter[i]));
  if (failed(checkCounts(*this, result.dims)))
    return failure();
  results.push_back(std::move(result));
  return success();
}

LogicalResult
ConvTransposeOp::inferResults(SymbolicScope &scope,
                              SmallVectorImpl<SymTensor> &results) {
  Window window{getStrides(), getPads(), getDilations(), getAutoPad()};
  if (failed(checkConv(*this, scope, getInput(), getFilter(), getBias(),
                       getGroups(), 0)))
    return failure();
  Exprs input = dimsOf(scope, getInput()), filter = dimsOf(scope, getFilter());
  size_t spatial = input.size() - 2;
  ArrayRef<int64_t> extra = getOutputPadding(), fixed = getOutputShape();
  if (failed(window.check(*this, spatial)) ||
      (!extra.empty() &&
       failed(checkLength(*this, extra.size(), spatial, "output_padding"))) ||
      (!fixed.empty() &&
       failed(checkLength(*this, fixed.size(), spatial, "output_shape"))))
    return failure();
  Expr channels = scope.mul(filter[1], scope.cst(getGroups()));
  if (getBias() && failed(checkSame(*this, scope, scope.dim(getBias(), 0),
                                    channels, "channels of filter and bias")))
    return failure();
  SymTensor result{scope.get(getInput()).elementType, {input[0], channels}};
  for (size_t i = 0; i < spatial; ++i) {
    Expr size = input[i + 2], stride = scope.cst(getStrides()[i]);
    if (!fixed.empty()) {
      result.dims.push_back(scope.cst(fixed[i]));
      continue;
    }
    if (window.isSame()) {
      result.dims.push_back(scope.mul(size, stride));
      continue;
    }
    auto [begin, end] = window.padsOf(i);
    int64_t more = (extra.empty() ? 0 : extra[i]) + 1 - begin - end;
    Expr reach = scope.mul(scope.cst(getDilations()[i]),
                           scope.sub(filter[i + 2], scope.cst(1)));
    Expr steps = scope.mul(stride, scope.sub(size, scope.cst(1)));
    result.dims.push_back(scope.add(scope.add(steps, reach), scope.cst(more)));
  }
  if (failed(checkCounts(*this, result.dims)))
    return failure();
  results.push_back(std::move(result));
  return success();
}

//===----------------------------------------------------------------------===//
// Pooling
//===----------------------------------------------------------------------===//

static LogicalResult pool(Operation *op, SymbolicScope &scope, Value value,
                          ArrayRef<int64_t> kernel, Window window, Type type,
                          Results &results) {
  if (failed(checkMinRank(op, scope, value, 3, "input")))
    return failure();
  SymTensor result{type, dimsOf(scope, value)};
  size_t spatial = result.dims.size() - 2;
  if (failed(checkLength(op, kernel.size(), spatial, "kernel")) ||
      failed(window.check(op, spatial)))
    return failure();
  for (auto [i, size] : llvm::enumerate(kernel)) {
    if (size <= 0)
      return op->emitOpError("kernel must be positive but has ") << size;
    result.dims[i + 2] =
        window.count(scope, i, result.dims[i + 2], scope.cst(size));
  }
  if (failed(checkCounts(op, result.dims)))
    return failure();
  results.push_back(std::move(result));
  return success();
}

LogicalResult PoolOp::inferResults(SymbolicScope &scope,
                                   SmallVectorImpl<SymTensor> &results) {
  if (failed(checkOneOf(*this, getKind(), "kind", {"max", "average", "lp"})))
    return failure();
  return pool(
      *this, scope, getInput(), getKernel(),
      {getStrides(), getPads(), getDilations(), getAutoPad(), getCeilMode()},
      scope.get(getInput()).elementType, results);
}

LogicalResult
MaxPoolIndicesOp::inferResults(SymbolicScope &scope,
                               SmallVectorImpl<SymTensor> &results) {
  return pool(
      *this, scope, getInput(), getKernel(),
      {getStrides(), getPads(), getDilations(), getAutoPad(), getCeilMode()},
      IntegerType::get(getContext(), 64), results);
}

//===----------------------------------------------------------------------===//
// Resampling
//===----------------------------------------------------------------------===//

LogicalResult ResizeOp::inferResults(SymbolicScope &scope,
                                     SmallVectorImpl<SymTensor> &results) {
  const SymTensor &input = scope.get(getInput());
  ArrayRef<int64_t> axes = getAxes();
  if (failed(checkOneOf(*this, getMode(), "mode",
                        {"nearest", "linear", "cubic"})) ||
      failed(checkOneOf(*this, getCoordinates(), "coordinates",
                        {"half_pixel", "half_pixel_symmetric",
                         "pytorch_half_pixel", "align_corners", "asymmetric",
                         "tf_half_pixel_for_nn", "tf_crop_and_resize"})) ||
      failed(checkOneOf(
          *this, getNearest(), "nearest",
          {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"})) ||
      failed(checkAxes(*this, axes, input.dims.size())))
    return failure();
  if (getCoordinates() == "tf_crop_and_resize" && !getRoi())
    return emitOpError("tf_crop_and_resize needs a roi");
  Type f32 = Float32Type::get(getContext());
  for (auto [value, name, length] :
       {std::make_tuple(Value(getScales()), "scales", axes.size()),
        std::make_tuple(Value(getRoi()), "roi", 2 * axes.size())})
    if (value &&
        (failed(checkRank(*this, scope, value, 1, name)) ||
         failed(checkType(*this, scope.get(value).elementType, f32, name)) ||
         failed(checkSame(*this, scope, scope.dim(value, 0), scope.cst(length),
                          Twine("the length of ") + name +
                              " and that for the axes"))))
      return failure();
  FailureOr<Exprs> sizes =
      listOperand(*this, scope, getSizes(), "sizes", axes.size());
  if (failed(sizes) || failed(checkSizes(*this, *sizes, "sizes")))
    return failure();
  SymTensor result{input.elementType, input.dims};
  for (auto [axis, size] : llvm::zip(axes, *sizes))
    result.dims[axis] = size;
  results.push_back(std::move(result));
  return success();
}

LogicalResult GridSampleOp::inferResults(SymbolicScope &scope,
                                         SmallVectorImpl<SymTensor> &results) {
  if (failed(checkOneOf(*this, getMode(), "mode",
                        {"nearest", "linear", "cubic"})) ||
      failed(checkOneOf(*this, getPadding(), "padding",
                        {"zeros", "border", "reflection"})) ||
      failed(checkMinRank(*this, scope, getInput(), 3, "input")))
    return failure();
  int64_t rank = scope.rank(getInput());
  if (failed(checkRank(*this, scope, getGrid(), rank, "grid")) ||
      failed(checkFloat(*this, scope.get(getGrid()).elementType, "grid")))
    return failure();
  Exprs input = dimsOf(scope, getInput()), grid = dimsOf(scope, getGrid());
  if (failed(unify(*this, scope, input[0], grid[0],
                   "batches of input and grid")) ||
      failed(checkSame(*this, scope, grid.back(), scope.cst(rank - 2),
                       "a point's coordinates and the spatial dimensions")))
    return failure();
  SymTensor result{scope.get(getInput()).elementType, {input[0], input[1]}};
  result.dims.append(grid.begin() + 1, grid.end() - 1);
  results.push_back(std::move(result));
  return success();
}

LogicalResult RoiAlignOp::inferResults(SymbolicScope &scope,
                                       SmallVectorImpl<SymTensor> &results) {
  int64_t height = getOutputHeight(), width = getOutputWidth();
  if (failed(checkRank(*this, scope, getInput(), 4, "input")) ||
      failed(checkRank(*this, scope, getRois(), 2, "rois")) ||
      failed(checkRank(*this, scope, getBatchIndices(), 1, "batch_indices")) ||
      failed(checkInt(*this, scope.get(getBatchIndices()).elementType,
                      "batch_indices")))
    return failure();
  Expr count = scope.dim(getRois(), 0);
  if (failed(unify(*this, scope, count, scope.dim(getBatchIndices(), 0),
                   "the numbers of rois and batch_indices")) ||
      failed(checkSame(*this, scope, scope.dim(getRois(), 1), scope.cst(4),
                       "a roi's coordinates and their number")))
    return failure();
  if (height <= 0 || width <= 0)
    return emitOpError("the output size must be positive but is ")
           << height << " by " << width;
  results.push_back(
      {scope.get(getInput()).elementType,
       {count, scope.dim(getInput(), 1), scope.cst(height), scope.cst(width)}});
  return success();
}
