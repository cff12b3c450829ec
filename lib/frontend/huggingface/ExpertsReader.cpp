//===- ExpertsReader.cpp - MLPs and experts out of tensors ----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/huggingface/DecoderReader.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace narae;
using namespace narae::huggingface;
using namespace narae::language;

Activation DecoderReader::activation() {
  std::string name =
      config.word({"hidden_act", "activation_function", "hidden_activation"})
          .value_or("silu");
  auto known = llvm::StringSwitch<std::optional<Activation>>(name)
                   .Cases("silu", "swish", Activation::Silu)
                   .Case("gelu", Activation::Gelu)
                   .Cases("gelu_new", "gelu_pytorch_tanh", "gelu_fast",
                          Activation::GeluTanh)
                   .Case("relu", Activation::Relu)
                   .Default(std::nullopt);
  if (!known)
    config.fail({"hidden_act", "activation_function", "hidden_activation"},
                "is '" + name + "'; known are silu, gelu, gelu_new, relu");
  return known.value_or(Activation::Silu);
}

/// What the router does, and sizes.
void DecoderReader::readExperts() {
  bool anyDense =
      llvm::any_of(kinds, [](const LayerKind &kind) { return !kind.sparse; });
  if (anyDense && width == 0)
    width = config.required({"intermediate_size"});
  if (!family.experts)
    return;
  const ExpertTraits &traits = *family.experts;
  router.count =
      config.required({"n_routed_experts", "num_experts", "num_local_experts",
                       "num_routed_experts", "moe_num_experts"},
                      1, 65536);
  router.chosen = config.required(
      {"num_experts_per_tok", "num_experts_per_token", "moe_topk"}, 1, 65536);
  expertWidth = config.required(
      {"moe_intermediate_size", "expert_intermediate_size"}, 1, 1 << 20);
  if (traits.defaultShared)
    sharedExperts =
        config.integer({"n_shared_experts", "num_shared_experts"}, 0, 1024)
            .value_or(traits.defaultShared);
  router.normalise =
      config.flag({"norm_topk_prob"}).value_or(traits.defaultNormalise);
  router.scaling =
      config.number({"routed_scaling_factor"}).value_or(traits.defaultScaling);
  if (traits.groups) {
    router.groups = config.integer({"n_group"}).value_or(traits.defaultGroups);
    router.chosenGroups =
        config.integer({"topk_group"})
            .value_or(std::min(traits.defaultChosenGroups, router.groups));
    if (router.count % router.groups || router.chosenGroups > router.groups)
      config.fail({"n_group"}, "and topk_group do not fit " +
                                   std::to_string(router.count) + " experts");
    else if (router.groups > 1 && router.count / router.groups < 2)
      config.fail({"n_group"}, "leaves one expert a group; groups are judged "
                               "by their best two");
  }
  router.droppedGroupsScoreZero = traits.droppedGroupsScoreZero;
  if (router.chosen >
      router.count / std::max<int64_t>(router.groups, 1) * router.chosenGroups)
    config.fail({"num_experts_per_tok"},
                "is more than there are experts to choose from");
  router.scoring = traits.softmax ? Experts::Softmax : Experts::Sigmoid;
  std::string scoring = traits.softmax ? "softmax" : "sigmoid";
  if (auto word = config.word({"scoring_func", "score_function"});
      word && *word != scoring)
    config.fail({"scoring_func", "score_function"},
                "is '" + *word + "'; " + family.name + " models have '" +
                    scoring + "'");
  if (auto word = config.word({"topk_method"});
      word && *word != "noaux_tc" && !(*word == "greedy" && router.groups == 1))
    config.fail({"topk_method"}, "is '" + *word + "'; known is noaux_tc");
}

Mlp DecoderReader::mlp(const std::string &at, int64_t mlpWidth, double limit) {
  Mlp mlp;
  mlp.gate = linear(at + family.names.gate, mlpWidth, model.hidden, mlpBias);
  mlp.up = linear(at + family.names.up, mlpWidth, model.hidden, mlpBias);
  mlp.down = linear(at + family.names.down, model.hidden, mlpWidth, mlpBias);
  mlp.activation = act;
  mlp.limit = limit;
  return mlp;
}

/// One tensor for each expert, or all in two as transformers saves them:
/// gate_up_proj [E, 2 I, H], each expert's gate first, and down_proj.
void DecoderReader::expertWeights(Experts &e, const std::string &at) {
  int64_t in = model.hidden, wide = expertWidth;
  if (tensors.has(at + "gate_up_proj")) {
    Weight both =
        tensors.takeMatrix(at + "gate_up_proj", {e.count, 2 * wide, in});
    std::vector<std::pair<int64_t, int64_t>> gates, ups;
    for (int64_t i = 0; i < e.count; ++i) {
      gates.push_back({i * 2 * wide, wide});
      ups.push_back({i * 2 * wide + wide, wide});
    }
    e.gate = tensors.rows(both, gates, {e.count, wide, in});
    e.up = tensors.rows(both, ups, {e.count, wide, in});
    e.down = tensors.takeMatrix(at + "down_proj", {e.count, in, wide});
    return;
  }
  auto stacked = [&](const char *which, const Shape &shape) {
    std::string name = at + "*." + which + ".weight";
    if (tensors.areUnknown()) {
      Shape all = shape;
      all.insert(all.begin(), e.count);
      return tensors.takeMatrix(name, all);
    }
    std::vector<Weight> parts;
    for (int64_t i = 0; i < e.count; ++i) {
      std::string part = at + std::to_string(i) + "." + which + ".weight";
      // Experts beyond the first missing one would only repeat it.
      bool missing = !tensors.has(part);
      parts.push_back(tensors.takeMatrix(part, shape));
      if (missing)
        return parts.front();
    }
    return tensors.stack(name, parts);
  };
  e.gate = stacked(family.names.gate, {wide, in});
  e.up = stacked(family.names.up, {wide, in});
  e.down = stacked(family.names.down, {in, wide});
}

Experts DecoderReader::experts(const std::string &at, double limit) {
  Experts e = router;
  e.activation = act;
  e.limit = limit;
  // Never fp8: `take`, not `takeMatrix`.
  e.router = tensors.take(at + "gate.weight", {e.count, model.hidden});
  std::string bias = at + "gate.e_score_correction_bias";
  if (tensors.has(at + "e_score_correction_bias"))
    bias = at + "e_score_correction_bias";
  ExpertTraits::Bias which = family.experts->choiceBias;
  if (which == ExpertTraits::HasBias ||
      (which == ExpertTraits::MayHaveBias && tensors.has(bias, true)))
    e.choiceBias = tensors.take(bias, {e.count});
  expertWeights(e, at + "experts.");
  if (sharedExperts)
    e.shared = mlp(at + "shared_experts.", expertWidth * sharedExperts, limit);
  return e;
}
