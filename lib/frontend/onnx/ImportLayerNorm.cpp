//===- ImportLayerNorm.cpp - LayerNormalization and its kin ---------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/Compose.h"

using namespace mlir;
using llvm::APFloat;
using llvm::SmallVector;

namespace narae::onnx {

namespace {
/// A normalisation of the dimensions [axis, rank), with mean or without.
struct Norm {
  Value x;
  Maybe scale, bias;
  int64_t axis;
  double epsilon;
  bool centered; ///< LayerNorm; else RMSNorm
};
} // namespace

/// Whether scale or bias has exactly the normalised dimensions, as the ops of
/// fm want it; ONNX lets it broadcast.
static bool covers(const Node &n, const Maybe &factor, const Norm &norm) {
  if (!factor.value)
    return true;
  int64_t rank = rankOf(norm.x);
  if (rankOf(factor.value) != rank - norm.axis)
    return false;
  for (int64_t i = norm.axis; i < rank; ++i)
    if (!sameDim(n, norm.x, i, factor.value, i - norm.axis))
      return false;
  return true;
}

/// The result in the type of x.
static Value emit(const Node &n, const Norm &norm) {
  if (!norm.x)
    return {};
  bool fits = covers(n, norm.scale, norm) && covers(n, norm.bias, norm);
  Type type = elementOf(norm.x);
  Value x = fits ? norm.x : widen(n, norm.x);
  auto typed = [&](const Maybe &v) {
    return Maybe{v.value && fits ? n.cast(v.value, type) : Value()};
  };
  Maybe scale = typed(norm.scale), bias = typed(norm.bias);
  Value y = norm.centered
                ? n.make<fm::LayerNormOp>(x, scale, bias, uint64_t(norm.axis),
                                          APFloat(norm.epsilon))
                : n.make<fm::RmsNormOp>(x, scale, uint64_t(norm.axis),
                                        APFloat(norm.epsilon));
  bool biasLeft = norm.bias.value && !(fits && norm.centered);
  if (!fits && norm.scale.value)
    y = n.make<fm::MulOp>(y, n.cast(norm.scale.value, elementOf(x)));
  if (biasLeft)
    y = n.make<fm::AddOp>(y, n.cast(norm.bias.value, elementOf(x)));
  return y ? n.cast(y, type) : Value();
}

/// Sets the outputs that are statistics, in the type `stash`: the mean (where
/// `meanOutput` is an output) and 1 / deviation.
static LogicalResult setStatistics(Node &n, const Norm &norm, Type stash,
                                   unsigned meanOutput,
                                   unsigned inverseOutput) {
  bool wantsMean = meanOutput && n.hasOutput(meanOutput);
  if (!wantsMean && !n.hasOutput(inverseOutput))
    return success();
  SmallVector<int64_t> axes = axesFrom(norm.axis, rankOf(norm.x));
  Value x = widen(n, norm.x);
  if (norm.centered) {
    Value mean = n.reduce("mean", x, axes, /*keepDims=*/true);
    if (wantsMean &&
        failed(n.setOutput(meanOutput, mean ? n.cast(mean, stash) : Value())))
      return failure();
    x = n.make<fm::SubOp>(x, mean);
  } else if (wantsMean) {
    return n.error() << "output " << meanOutput << " (the mean) is not "
                     << "computed by this op; remove it";
  }
  if (!n.hasOutput(inverseOutput))
    return success();
  Value square = n.reduce("mean", n.make<fm::MulOp>(x, x), axes, true);
  Value inverse = n.make<fm::ReciprocalOp>(
      n.make<fm::SqrtOp>(addConst(n, square, norm.epsilon)));
  return n.setOutput(inverseOutput, inverse ? n.cast(inverse, stash) : Value());
}

/// The three ops whose operands are x, scale and (centered only) bias.
static LogicalResult norm(Node &n, bool centered, unsigned meanOutput,
                          unsigned inverseOutput) {
  auto axis = n.axis(n.intAttr("axis", -1), n.rank(0));
  if (failed(axis))
    return failure();
  Type stash = onnxType(n, n.intAttr("stash_type", 1));
  if (!stash)
    return failure();
  if (!isa<FloatType>(stash))
    return n.error() << "stash_type must be a float type";
  // Statistics are in f32 at least; f64 only where it is asked for.
  Type type = n.elem(0);
  Norm norm{n.input(0),
            maybeInput(n, 1),
            centered ? maybeInput(n, 2) : Maybe{},
            *axis,
            n.floatAttr("epsilon", 1e-5),
            centered};
  if (stash.isF64())
    norm.x = n.cast(norm.x, stash);
  Value y = emit(n, norm);
  if (failed(n.setOutput(0, y ? n.cast(y, type) : Value())))
    return failure();
  return setStatistics(n, norm, stash, meanOutput, inverseOutput);
}

static LogicalResult layerNorm(Node &n) { return norm(n, true, 1, 2); }
static LogicalResult rmsNorm(Node &n) { return norm(n, false, 0, 1); }

/// com.microsoft: input + skip (+ bias), normalised. The sum is an output too.
static LogicalResult skipNorm(Node &n, bool centered) {
  Value sum = n.make<fm::AddOp>(n.input(0), n.input(1));
  unsigned biasInput = centered ? 4 : 3;
  if (n.hasInput(biasInput))
    sum = n.make<fm::AddOp>(sum, n.input(biasInput));
  if (!sum)
    return failure();
  if (rankOf(sum) == 0)
    return n.error() << "the input is a scalar; it has no axis to normalise";
  Norm norm{sum,
            maybeInput(n, 2),
            centered ? maybeInput(n, 3) : Maybe{},
            rankOf(sum) - 1,
            n.floatAttr("epsilon", 1e-12),
            centered};
  if (failed(n.setOutput(0, emit(n, norm))))
    return failure();
  if (n.hasOutput(3) && failed(n.setOutput(3, sum)))
    return failure();
  return setStatistics(n, norm, n.b.getF32Type(), 1, 2);
}

static LogicalResult skipLayerNorm(Node &n) { return skipNorm(n, true); }
static LogicalResult skipSimplified(Node &n) { return skipNorm(n, false); }

void addLayerNorms(ImporterTable &table) {
  table.add("LayerNormalization", checked<layerNorm, 2>);
  table.add("RMSNormalization", checked<rmsNorm, 2>);
  // ONNX Runtime writes these two into the default domain.
  table.add("SimplifiedLayerNormalization", checked<rmsNorm, 2>);
  table.add("SimplifiedLayerNormalization", checked<rmsNorm, 2>,
            "com.microsoft");
  table.add("SkipLayerNormalization", checked<skipLayerNorm, 3>,
            "com.microsoft");
  table.add("SkipSimplifiedLayerNormalization", checked<skipSimplified, 3>,
            "com.microsoft");
}

} // namespace narae::onnx
