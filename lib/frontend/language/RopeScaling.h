//===- RopeScaling.h - Frequencies of rotary embeddings ---------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The rules by which checkpoints stretch rotary embeddings. Both front ends
// turn what a file says into the numbers of `language::Rope` with these.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_LANGUAGE_ROPESCALING_H
#define NARAE_LIB_FRONTEND_LANGUAGE_ROPESCALING_H

#include "lib/frontend/language/Model.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace narae::language {

/// theta^(-2i / dim) for i < ceil(dim / 2): `dim` elements of a head rotate.
std::vector<double> inverseFrequencies(double theta, int64_t dim);

/// Positions divided by `factor` ("linear", position interpolation).
void scaleLinear(std::vector<double> &frequencies, double factor);

/// Llama 3.1: wavelengths above originalContext / lowFrequencyFactor are
/// divided by `factor`, those below originalContext / highFrequencyFactor are
/// kept, those between are blended.
struct Llama3Scaling {
  double factor = 1, lowFrequencyFactor = 1, highFrequencyFactor = 4;
  double originalContext = 8192;
};
void scaleLlama3(std::vector<double> &frequencies, const Llama3Scaling &);

/// YaRN (arXiv 2309.00071) as transformers and DeepSeek read it.
struct YarnScaling {
  double factor = 1, originalContext = 0;
  double betaFast = 32, betaSlow = 1;
  /// Whether the blended range of dimensions ends at whole dimensions.
  bool truncate = true;
  /// Of cosine and sine; none: from the two below.
  std::optional<double> attentionFactor;
  /// Both given and not 0: the factor is their ratio, see `yarnMscale`.
  std::optional<double> mscale, mscaleAllDim;
};

/// 0.1 * mscale * ln(factor) + 1, or 1 where factor <= 1.
double yarnMscale(double factor, double mscale = 1);
/// What cosine and sine are multiplied with.
double yarnAttentionFactor(const YarnScaling &);
/// What DeepSeek's kind of attention multiplies the scale of its scores with:
/// yarnMscale(factor, mscaleAllDim)^2, or 1 without mscaleAllDim. Attention
/// with grouped heads does not.
double yarnSoftmaxFactor(const YarnScaling &);
/// Frequencies and factor; `pairs` is left false.
Rope yarnRope(double theta, int64_t dim, const YarnScaling &);

} // namespace narae::language

#endif // NARAE_LIB_FRONTEND_LANGUAGE_ROPESCALING_H
