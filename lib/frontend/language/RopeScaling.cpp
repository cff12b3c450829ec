//===- RopeScaling.cpp - Frequencies of rotary embeddings -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/language/RopeScaling.h"

#include <algorithm>
#include <cmath>

namespace narae::language {

static constexpr double pi = 3.14159265358979323846;

std::vector<double> inverseFrequencies(double theta, int64_t dim) {
  std::vector<double> frequencies;
  for (int64_t i = 0; i < dim; i += 2)
    frequencies.push_back(
        std::pow(theta, -static_cast<double>(i) / static_cast<double>(dim)));
  return frequencies;
}

void scaleLinear(std::vector<double> &frequencies, double factor) {
  for (double &frequency : frequencies)
    frequency /= factor;
}

void scaleLlama3(std::vector<double> &frequencies,
                 const Llama3Scaling &scaling) {
  double longest = scaling.originalContext / scaling.lowFrequencyFactor;
  double shortest = scaling.originalContext / scaling.highFrequencyFactor;
  for (double &frequency : frequencies) {
    double wavelength = 2 * pi / frequency;
    if (wavelength > longest) {
      frequency /= scaling.factor;
    } else if (wavelength >= shortest) {
      double smooth =
          (scaling.originalContext / wavelength - scaling.lowFrequencyFactor) /
          (scaling.highFrequencyFactor - scaling.lowFrequencyFactor);
      frequency *= (1 - smooth) / scaling.factor + smooth;
    }
  }
}

double yarnMscale(double factor, double mscale) {
  return factor <= 1 ? 1 : 0.1 * mscale * std::log(factor) + 1;
}

double yarnAttentionFactor(const YarnScaling &scaling) {
  if (scaling.attentionFactor)
    return *scaling.attentionFactor;
  double mscale = scaling.mscale.value_or(0);
  double allDim = scaling.mscaleAllDim.value_or(0);
  if (mscale != 0 && allDim != 0)
    return yarnMscale(scaling.factor, mscale) /
           yarnMscale(scaling.factor, allDim);
  return yarnMscale(scaling.factor);
}

double yarnSoftmaxFactor(const YarnScaling &scaling) {
  double allDim = scaling.mscaleAllDim.value_or(0);
  if (allDim == 0)
    return 1;
  double mscale = yarnMscale(scaling.factor, allDim);
  return mscale * mscale;
}

Rope yarnRope(double theta, int64_t dim, const YarnScaling &scaling) {
  // The dimension that turns `rotations` times over the original context.
  auto dimensionOf = [&](double rotations) {
    return dim * std::log(scaling.originalContext / (rotations * 2 * pi)) /
           (2 * std::log(theta));
  };
  double low = dimensionOf(scaling.betaFast);
  double high = dimensionOf(scaling.betaSlow);
  if (scaling.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(dim - 1));
  if (low == high)
    high += 0.001; // keeps the ramp finite

  Rope rope;
  rope.factor = yarnAttentionFactor(scaling);
  rope.inverseFrequencies = inverseFrequencies(theta, dim);
  for (size_t i = 0; i < rope.inverseFrequencies.size(); ++i) {
    double ramp = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0,
                             1.0); // 0: kept, 1: stretched
    rope.inverseFrequencies[i] *= 1 - ramp + ramp / scaling.factor;
  }
  return rope;
}

} // namespace narae::language
