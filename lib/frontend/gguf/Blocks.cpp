//===- Blocks.cpp - Norms, projections, feed-forward parts ----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/gguf/ModelBuilder.h"

namespace narae::gguf {

using language::Experts;
using language::Linear;
using language::Mlp;
using language::Norm;
using llvm::StringRef;
using llvm::Twine;

Norm ModelBuilder::norm(const Twine &name, int64_t size) {
  Norm norm;
  norm.scale = tensors.take((name + ".weight").str(), {size});
  norm.epsilon = epsilon;
  return norm;
}

Linear ModelBuilder::linear(const Twine &name, int64_t out, int64_t in) {
  Linear linear;
  std::string prefix = name.str();
  linear.weight = tensors.take(prefix + ".weight", {out, in});
  linear.bias = tensors.takeOptional(prefix + ".bias", {out});
  return linear;
}

/// Limits this small stand for none.
static double limitOf(double value) { return value > 1e-6 ? value : 0; }

Mlp ModelBuilder::mlp(const Twine &prefix, StringRef suffix, int64_t width,
                      double limit) {
  std::string start = prefix.str(), end = suffix.str();
  Mlp mlp;
  mlp.gate = linear(start + "ffn_gate" + end, width, hidden);
  mlp.up = linear(start + "ffn_up" + end, width, hidden);
  mlp.down = linear(start + "ffn_down" + end, hidden, width);
  mlp.limit = limitOf(limit);
  return mlp;
}

void ModelBuilder::feedForward(language::Layer &layer, int64_t at) {
  bool sparse = false;
  keys.find("feed_forward_length"); // of dense layers, if there are any
  if (arch.feed == Architecture::ExpertsOnly)
    sparse = at >= keys.size("leading_dense_block_count", 0, /*least=*/0);
  else if (arch.feed == Architecture::DenseOrExperts)
    sparse = keys.size("expert_count", 0, /*least=*/0) > 0;
  if (sparse) {
    layer.experts = experts(at);
    return;
  }
  if (arch.feed == Architecture::ExpertsOnly)
    keys.skip("expert_"); // of the layers after the dense ones, if any
  double limit =
      arch.limits ? keys.layerNumber("swiglu_clamp_shexp", at, blocks, 0) : 0;
  layer.mlp = mlp("blk." + Twine(at) + ".", "",
                  keys.layerSize("feed_forward_length", at, blocks), limit);
}

/// How the experts are chosen.
void ModelBuilder::router(Experts &experts, int64_t at) {
  enum { Unsaid, SoftmaxOfAll, SigmoidOfAll, SoftmaxOfChosen };
  std::string prefix = "blk." + std::to_string(at) + ".";
  experts.router =
      tensors.take(prefix + "ffn_gate_inp.weight", {experts.count, hidden});
  for (const char *name :
       {"exp_probs_b.bias", "exp_probs_b.weight", "exp_probs_b"})
    if (!experts.choiceBias)
      experts.choiceBias = tensors.takeOptional(prefix + name, {experts.count});

  int64_t scoring = keys.size("expert_gating_func", Unsaid, /*least=*/0);
  experts.scoring = scoring == Unsaid         ? arch.scoring
                    : scoring == SigmoidOfAll ? Experts::Sigmoid
                                              : Experts::Softmax;
  experts.normalise = keys.flag("expert_weights_norm", arch.normalise);
  if (scoring == SoftmaxOfChosen && !experts.choiceBias)
    experts.normalise = true; // the same as softmax of all, normalised
  else if (scoring > SigmoidOfAll)
    keys.problem("expert_gating_func", "is " + Twine(scoring) +
                                           "; 1 (softmax), 2 (sigmoid) and, "
                                           "without a bias, 3 (softmax of the "
                                           "chosen) are supported");
  double scaling = keys.number("expert_weights_scale", 1, /*positive=*/false);
  experts.scaling = scaling == 0 ? 1 : scaling; // 0 stands for none

  experts.groups =
      std::max<int64_t>(1, keys.size("expert_group_count", 1, /*least=*/0));
  experts.chosenGroups = std::max<int64_t>(
      1, keys.size("expert_group_used_count", experts.groups, /*least=*/0));
  if (experts.groups == 1)
    return;
  if (experts.count % experts.groups || experts.chosenGroups > experts.groups)
    keys.problem("expert_group_count", "is " + Twine(experts.groups) +
                                           ", of which " +
                                           Twine(experts.chosenGroups) +
                                           " are chosen, but there "
                                           "are " +
                                           Twine(experts.count) + " experts");
  else if (experts.count / experts.groups < 2 ||
           experts.count / experts.groups * experts.chosenGroups <
               experts.chosen)
    keys.problem("expert_group_count",
                 "is " + Twine(experts.groups) + ": a group of " +
                     Twine(experts.count / experts.groups) +
                     " experts is too small to choose from");
  if (experts.scoring == Experts::Softmax)
    keys.problem("expert_group_count",
                 "groups of softmax scores are chosen by their best expert "
                 "(DeepSeek-V2), which is not supported; groups of sigmoid "
                 "scores (DeepSeek-V3) are");
}

Experts ModelBuilder::experts(int64_t at) {
  std::string prefix = "blk." + std::to_string(at) + ".";
  Experts experts;
  experts.count = keys.size("expert_count");
  experts.chosen = keys.layerSize("expert_used_count", at, blocks);
  if (experts.chosen > experts.count)
    keys.problem("expert_used_count", "is " + Twine(experts.chosen) + " of " +
                                          Twine(experts.count) + " experts");
  router(experts, at);

  // Old files do not say the width where the family has but one.
  std::optional<int64_t> width;
  if (const TensorInfo *down = tensors.find(prefix + "ffn_down_exps.weight"))
    width = down->shape.back();
  int64_t f = keys.layerSize("expert_feed_forward_length", at, blocks, width);
  if (arch.feed == Architecture::DenseOrExperts)
    f = keys.layerSize("feed_forward_length", at, blocks, f);

  std::string fused = prefix + "ffn_gate_up_exps.weight";
  if (tensors.has(fused)) {
    experts.gate = tensors.takeRows(fused, experts.count, 2 * f, hidden, 0, f,
                                    {experts.count, f, hidden});
    experts.up = tensors.takeRows(fused, experts.count, 2 * f, hidden, f, f,
                                  {experts.count, f, hidden});
  } else {
    experts.gate = tensors.take(prefix + "ffn_gate_exps.weight",
                                {experts.count, f, hidden});
    experts.up =
        tensors.take(prefix + "ffn_up_exps.weight", {experts.count, f, hidden});
  }
  experts.down =
      tensors.take(prefix + "ffn_down_exps.weight", {experts.count, hidden, f});
  if (arch.limits)
    experts.limit =
        limitOf(keys.layerNumber("swiglu_clamp_exp", at, blocks, 0));

  int64_t shared = 0;
  if (arch.feed == Architecture::ExpertsOnly) {
    int64_t count = keys.size("expert_shared_count", 0, /*least=*/0);
    shared = keys.size("expert_shared_feed_forward_length", 0, /*least=*/0);
    shared = shared ? shared : count * f;
  }
  if (shared)
    experts.shared =
        mlp(prefix, "_shexp", shared,
            arch.limits ? keys.layerNumber("swiglu_clamp_shexp", at, blocks, 0)
                        : 0);
  return experts;
}

} // namespace narae::gguf
