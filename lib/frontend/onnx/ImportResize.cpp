//===- ImportResize.cpp - Resize and Upsample -----------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// fm.resize wants, for each axis, the new size and the factor that coordinates
// use. ONNX gives one of the two, as an attribute or an input, for all axes or
// for some. Numbers that are known become constants, in f32 as ONNX's own
// shape inference has it; a factor that is a fraction of a power of two stays
// exact on dynamic dimensions.
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/Compose.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

#include <cmath>

using namespace mlir;
using llvm::SmallVector;
using llvm::StringRef;

namespace narae::onnx {

namespace {
struct Resize {
  SmallVector<int64_t> axes;
  Value sizes;  ///< [axes] i64
  Value scales; ///< [axes] f32
  Maybe roi;    ///< [2 * axes] f32
  std::string mode = "nearest", coordinates = "half_pixel",
              nearest = "round_prefer_floor";
  double cubicCoefficient = -0.75, extrapolation = 0;
  bool excludeOutside = false, antialias = false;
};
} // namespace

static Value constFloats(const Node &n, llvm::ArrayRef<double> values) {
  SmallVector<float> floats(values.begin(), values.end());
  auto type = RankedTensorType::get({int64_t(values.size())}, n.b.getF32Type());
  return n.make<fm::ConstantOp>(cast<ElementsAttr>(
      DenseElementsAttr::get(type, llvm::ArrayRef<float>(floats))));
}

/// The dimensions of the axes as one tensor.
static Value axisSizes(const Node &n, Value x, llvm::ArrayRef<int64_t> axes) {
  Values dims;
  for (int64_t axis : axes)
    dims.push_back(dimOf(n, x, axis));
  return shapeOfDims(n, dims);
}

/// floor(dim * scale) for a known scale.
static Value scaledDim(const Node &n, Value x, int64_t axis, double scale) {
  if (int64_t size = staticDim(x, axis); size >= 0)
    return constDim(n, int64_t(std::floor(float(size) * float(scale))));
  Value dim = dimOf(n, x, axis);
  for (int64_t divisor = 1; divisor <= 64; divisor *= 2) {
    double factor = scale * divisor;
    if (factor == std::floor(factor))
      return dimArith(n, DimOp::Div,
                      dimArith(n, DimOp::Mul, dim, int64_t(factor)), divisor);
  }
  Value product = mulConst(n, n.cast(dim, n.b.getF32Type()), scale);
  return n.cast(n.make<fm::FloorOp>(product), n.b.getI64Type());
}

/// New sizes from scale factors, known or not.
static LogicalResult fromScales(const Node &n, Value x, Resize &r, Value scales,
                                std::optional<SmallVector<double>> known) {
  r.scales = n.cast(scales, n.b.getF32Type());
  bool cropped = r.coordinates == "tf_crop_and_resize";
  if (known && !cropped) {
    Values sizes;
    for (auto [axis, scale] : llvm::zip(r.axes, *known)) {
      if (!(scale > 0))
        return n.error() << "scales has " << scale
                         << "; factors must be positive";
      sizes.push_back(scaledDim(n, x, axis, scale));
    }
    r.scales = constFloats(n, *known);
    r.sizes = shapeOfDims(n, sizes);
    return success();
  }
  Value size = n.cast(axisSizes(n, x, r.axes), n.b.getF32Type());
  Value product = n.make<fm::MulOp>(size, r.scales);
  if (cropped) {
    int64_t count = r.axes.size();
    product = n.make<fm::MulOp>(
        product, n.make<fm::SubOp>(n.slice(r.roi, 0, count, 2 * count),
                                   n.slice(r.roi, 0, 0, count)));
  }
  r.sizes = n.cast(n.make<fm::FloorOp>(product), n.b.getI64Type());
  return success();
}

/// One factor for all axes, and sizes from it, for the two policies that keep
/// the aspect ratio.
static void keepAspectRatio(const Node &n, Value x, Resize &r, bool larger) {
  auto wanted = n.scope.constants(r.sizes);
  auto sizes = n.scope.constants(axisSizes(n, x, r.axes));
  if (wanted && sizes) {
    double scale = larger ? 0 : INFINITY;
    for (auto [a, b] : llvm::zip(*wanted, *sizes))
      scale = larger ? std::max(scale, double(a) / b)
                     : std::min(scale, double(a) / b);
    SmallVector<int64_t> result;
    for (int64_t size : *sizes)
      result.push_back(int64_t(scale * size + 0.5));
    r.sizes = n.constInts(result);
    r.scales = constFloats(n, SmallVector<double>(sizes->size(), scale));
    return;
  }
  Type f32 = n.b.getF32Type();
  Value old = n.cast(axisSizes(n, x, r.axes), f32);
  Value ratios = n.make<fm::DivOp>(n.cast(r.sizes, f32), old);
  Value scale = n.reduce(larger ? "max" : "min", ratios, {0}, true);
  r.scales = broadcastTo(n, scale, {constDim(n, r.axes.size())});
  Value exact = addConst(n, n.make<fm::MulOp>(old, scale), 0.5);
  r.sizes = n.cast(n.make<fm::FloorOp>(exact), n.b.getI64Type());
}

/// Factors from new sizes.
static LogicalResult fromSizes(const Node &n, Value x, Resize &r, Value sizes) {
  r.sizes = n.cast(sizes, n.b.getI64Type());
  std::string policy = n.strAttr("keep_aspect_ratio_policy", "stretch");
  if (policy == "not_larger" || policy == "not_smaller") {
    keepAspectRatio(n, x, r, /*larger=*/policy == "not_smaller");
    return success();
  }
  if (policy != "stretch")
    return n.error() << "keep_aspect_ratio_policy is '" << policy
                     << "'; it must be stretch, not_larger or not_smaller";
  auto wanted = n.scope.constants(r.sizes);
  auto old = n.scope.constants(axisSizes(n, x, r.axes));
  if (wanted && old) {
    SmallVector<double> scales;
    for (auto [a, b] : llvm::zip(*wanted, *old))
      scales.push_back(b ? double(a) / b : 1);
    r.scales = constFloats(n, scales);
    return success();
  }
  Type f32 = n.b.getF32Type();
  r.scales = n.make<fm::DivOp>(n.cast(r.sizes, f32),
                               n.cast(axisSizes(n, x, r.axes), f32));
  return success();
}

/// Drops axes whose size stays as it is: they would only cost time.
static void dropIdentities(const Node &n, Value x, Resize &r) {
  auto sizes = n.scope.elements(r.sizes);
  auto scales = n.scope.get(r.scales).floats;
  if (!sizes || r.coordinates == "tf_crop_and_resize")
    return;
  SmallVector<int64_t> kept, places;
  for (auto [i, axis] : llvm::enumerate(r.axes)) {
    bool same =
        (*sizes)[i] == n.scope.dim(x, axis) && (!scales || (*scales)[i] == 1);
    if (same)
      continue;
    kept.push_back(axis);
    places.push_back(i);
  }
  if (kept.size() == r.axes.size())
    return;
  auto pick = [&](Value v) {
    Values parts;
    for (int64_t i : places)
      parts.push_back(n.slice(v, 0, i, i + 1));
    return parts.empty() ? Value() : concat(n, parts, 0);
  };
  r.sizes = pick(r.sizes);
  r.scales = pick(r.scales);
  r.axes = kept;
}

/// tf_half_pixel_for_nn is (x + 0.5) / scale, half a pixel more than
/// half_pixel; two of its roundings have a counterpart there.
static LogicalResult normaliseCoordinates(const Node &n, Resize &r) {
  if (r.coordinates != "tf_half_pixel_for_nn")
    return success();
  StringRef nearest = llvm::StringSwitch<StringRef>(r.nearest)
                          .Case("floor", "round_prefer_ceil")
                          .Case("round_prefer_floor", "ceil")
                          .Default("");
  if (r.mode != "nearest" || nearest.empty())
    return n.error() << "tf_half_pixel_for_nn is supported with mode "
                        "'nearest' and nearest_mode floor or "
                        "round_prefer_floor only";
  r.coordinates = "half_pixel";
  r.nearest = nearest.str();
  return success();
}

static LogicalResult checkNames(const Node &n, const Resize &r) {
  auto oneOf = [&](StringRef what, StringRef value,
                   llvm::ArrayRef<StringRef> names) -> LogicalResult {
    if (llvm::is_contained(names, value))
      return success();
    return n.error() << what << " is '" << value << "'; it must be one of "
                     << llvm::join(names, ", ");
  };
  if (failed(oneOf("mode", r.mode, {"nearest", "linear", "cubic"})) ||
      failed(oneOf("coordinate_transformation_mode", r.coordinates,
                   {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel",
                    "align_corners", "asymmetric", "tf_crop_and_resize"})) ||
      failed(
          oneOf("nearest_mode", r.nearest,
                {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"})))
    return failure();
  return success();
}

static LogicalResult emit(Node &n, Resize &r) {
  Value x = n.input(0);
  if (!r.sizes || !r.scales || failed(normaliseCoordinates(n, r)) ||
      failed(checkNames(n, r)))
    return failure();
  dropIdentities(n, x, r);
  if (r.axes.empty())
    return n.setOutput(0, x);
  return n.setOutput(0, n.make<fm::ResizeOp>(
                            x, r.sizes, r.scales, r.roi, r.axes, r.mode,
                            r.coordinates, r.nearest,
                            llvm::APFloat(r.cubicCoefficient), r.excludeOutside,
                            r.antialias, llvm::APFloat(r.extrapolation)));
}

/// Whether an optional 1-D input is there and not empty, as opset 11 writes
/// absent ones.
static bool given(const Node &n, unsigned i) {
  return n.hasInput(i) && rankOf(n.input(i)) == 1 &&
         staticDim(n.input(i), 0) != 0;
}

/// Input i with `count` elements; null after a diagnostic when it has another
/// number. A length that is not static is taken to be right.
static Value sized(const Node &n, unsigned i, int64_t count) {
  Value value = n.input(i);
  int64_t length = rankOf(value) == 1 ? staticDim(value, 0) : 0;
  if (length == count)
    return value;
  if (length < 0)
    return n.reshape(value, {count});
  n.error() << "input " << i << " must have " << count << " elements";
  return {};
}

/// Upsample, and Resize of opset 10: scale factors from the left corner.
static LogicalResult upsample(Node &n) {
  Resize r;
  r.axes = axesFrom(0, n.rank(0));
  r.mode = n.strAttr("mode", "nearest");
  if (r.mode == "bilinear" || r.mode == "trilinear")
    r.mode = "linear";
  r.coordinates = "asymmetric";
  r.nearest = "floor";
  Value scales;
  std::optional<SmallVector<double>> known;
  int64_t count = r.axes.size();
  if (n.hasInput(1)) {
    scales = sized(n, 1, count);
    known = n.constantFloats(1);
  } else {
    known = n.floatsAttr("scales");
    if (n.has("width_scale")) // the first opset, on four dimensions
      known = {1, 1, n.floatAttr("height_scale", 1),
               n.floatAttr("width_scale", 1)};
    if (int64_t(known->size()) != count)
      return n.error() << "scales must have " << count << " elements";
    scales = constFloats(n, *known);
  }
  if (!scales || failed(fromScales(n, n.input(0), r, scales, known)))
    return failure();
  return emit(n, r);
}

static LogicalResult resize(Node &n) {
  if (n.opset < 11)
    return upsample(n);
  Resize r;
  r.axes = n.intsAttr("axes");
  if (!n.has("axes"))
    r.axes = axesFrom(0, n.rank(0));
  for (int64_t &axis : r.axes) {
    auto valid = n.axis(axis, n.rank(0));
    if (failed(valid))
      return failure();
    axis = *valid;
  }
  int64_t count = r.axes.size();
  r.mode = n.strAttr("mode", "nearest");
  r.coordinates = n.strAttr("coordinate_transformation_mode", "half_pixel");
  r.nearest = n.strAttr("nearest_mode", "round_prefer_floor");
  r.cubicCoefficient = n.floatAttr("cubic_coeff_a", -0.75);
  r.extrapolation = n.floatAttr("extrapolation_value", 0);
  r.excludeOutside = n.intAttr("exclude_outside", 0);
  r.antialias = n.intAttr("antialias", 0);
  if (r.coordinates == "tf_crop_and_resize") {
    if (!given(n, 1))
      return n.error() << "tf_crop_and_resize needs the input roi";
    r.roi.value = n.cast(sized(n, 1, 2 * count), n.b.getF32Type());
    if (!r.roi.value)
      return failure();
  }
  Value x = n.input(0);
  if (given(n, 3)) {
    Value sizes = sized(n, 3, count);
    if (!sizes || failed(fromSizes(n, x, r, sizes)))
      return failure();
  } else if (given(n, 2)) {
    Value scales = sized(n, 2, count);
    if (!scales || failed(fromScales(n, x, r, scales, n.constantFloats(2))))
      return failure();
  } else if (count) {
    return n.error() << "one of the inputs scales and sizes is needed";
  } else {
    return n.setOutput(0, x);
  }
  return emit(n, r);
}

void addResize(ImporterTable &table) {
  table.add("Resize", checked<resize, 1>);
  table.add("Upsample", checked<upsample, 1>);
}

} // namespace narae::onnx
