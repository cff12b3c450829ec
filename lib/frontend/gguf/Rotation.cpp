//===- Rotation.cpp - Rotary embeddings of GGUF models --------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/gguf/ModelBuilder.h"
#include "lib/frontend/language/RopeScaling.h"

#include "llvm/Support/Endian.h"

#include <cmath>

namespace narae::gguf {

using language::Rope;
using language::YarnScaling;
using llvm::Twine;

/// `rope_freqs.weight` divides the frequencies: Llama 3's rule, worked out by
/// whoever wrote the file.
void ModelBuilder::applyFactors(Rope &rope) {
  llvm::StringRef name = "rope_freqs.weight";
  const TensorInfo *info = tensors.find(name);
  if (!info)
    return;
  size_t count = rope.inverseFrequencies.size();
  tensors.take(name, {static_cast<int64_t>(count)});
  if (info->type->storage != language::Storage::F32 ||
      info->bytes.size() != count * sizeof(float)) {
    if (info->type->storage != language::Storage::F32)
      problems.push_back({name.str(), "has type " + info->type->name.str() +
                                          "; F32 is expected"});
    return;
  }
  for (size_t i = 0; i < count; ++i) {
    float factor = llvm::support::endian::read<float, llvm::endianness::little>(
        info->bytes.data() + i * sizeof(float));
    if (!(factor > 0) || !std::isfinite(factor)) {
      problems.push_back({name.str(), "has a factor that is not above 0"});
      return;
    }
    rope.inverseFrequencies[i] /= factor;
  }
}

Rope ModelBuilder::rotation(int64_t dim, bool sliding, double *softmax) {
  double theta = keys.number("rope.freq_base", 10000);
  double slidingTheta = keys.number("rope.freq_base_swa", theta);
  theta = sliding ? slidingTheta : theta;
  double factor = keys.number("rope.scale_linear", 1, /*positive=*/false);
  factor = keys.number("rope.scaling.factor", factor, /*positive=*/false);
  if (factor == 0)
    factor = 1; // stands for none
  std::string type = keys.word("rope.scaling.type", "linear");
  double original = keys.number("rope.scaling.original_context_length",
                                keys.number("context_length", 1));
  double strength = keys.number("rope.scaling.attn_factor", 1);

  Rope rope;
  if (type == "yarn") {
    YarnScaling yarn;
    yarn.factor = factor;
    yarn.originalContext = original;
    yarn.betaFast = keys.number("rope.scaling.yarn_beta_fast", 32);
    yarn.betaSlow = keys.number("rope.scaling.yarn_beta_slow", 1);
    if (keys.find("rope.scaling.yarn_attn_factor"))
      yarn.attentionFactor = keys.number("rope.scaling.yarn_attn_factor");
    if (keys.number("rope.scaling.yarn_ext_factor", 1, false) != 1)
      keys.problem("rope.scaling.yarn_ext_factor", "only 1 is supported");
    // DeepSeek's files hold a tenth of mscale_all_dim, and its mscale is the
    // same, or 1 where that is 0 or 1.
    double all = keys.number("rope.scaling.yarn_log_multiplier", 0,
                             /*positive=*/false) *
                 (arch.attention == Architecture::Latent ? 10 : 1);
    if (std::abs(all - 1) < 1e-6)
      all = 1; // as f32 a tenth is not exact
    if (all != 0)
      yarn.mscale = yarn.mscaleAllDim = all;
    rope = language::yarnRope(theta, dim, yarn);
    if (softmax)
      *softmax = language::yarnSoftmaxFactor(yarn);
    else if (all != 0 && arch.attention == Architecture::Grouped)
      keys.problem("rope.scaling.yarn_log_multiplier",
                   "is " +
                       keys.find("rope.scaling.yarn_log_multiplier")->show() +
                       "; only 0 is supported here");
  } else {
    rope.inverseFrequencies = language::inverseFrequencies(theta, dim);
    if (type == "linear")
      language::scaleLinear(rope.inverseFrequencies, factor);
    else if (type != "none")
      keys.problem("rope.scaling.type",
                   "is \"" + type +
                       "\"; \"none\", \"linear\" and \"yarn\" are supported");
  }
  rope.factor *= strength;
  rope.pairs = arch.pairs;
  applyFactors(rope);
  return rope;
}

} // namespace narae::gguf
