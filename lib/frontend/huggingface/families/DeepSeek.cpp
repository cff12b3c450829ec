//===- DeepSeek.cpp - DeepSeek-V3, A.X K1, A.X K2 and VAETKI --------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/huggingface/Family.h"

using namespace narae;
using namespace narae::huggingface;

/// Also Kanana-2, whose q_lora_rank is null.
static Family deepseekV3() {
  Family family;
  family.name = "deepseek_v3";
  family.modelTypes = {"deepseek_v3"};
  family.classes = {"DeepseekV3ForCausalLM"};
  LatentTraits latent;
  latent.epsilon = 1e-6;
  family.latent = latent;
  ExpertTraits experts;
  experts.defaultGroups = 8;
  experts.defaultChosenGroups = 4;
  experts.defaultScaling = 2.5;
  experts.defaultDense = 3;
  family.experts = experts;
  return family;
}

/// A norm of what the experts give, and nothing else new.
static Family axk1() {
  Family family = deepseekV3();
  family.name = "axk1";
  family.modelTypes = {"axk1", "ax_k1"};
  family.classes = {"AXK1ForCausalLM"};
  family.norms.mlpPost = "post_mlp_layernorm";
  family.norms.mlpPostOfExpertsOnly = true;
  family.experts->defaultDense = 1;
  // Releases route without one (transformers fills in zeros).
  family.experts->choiceBias = ExpertTraits::MayHaveBias;
  return family;
}

/// Gated norms and a gate on the result of attention. Up to index_topk
/// positions its sparse attention is dense attention.
static Family axk2() {
  Family family = deepseekV3();
  family.name = "axk2";
  family.modelTypes = {"axk2", "ax_k2"};
  family.classes = {"AXK2ForCausalLM"};
  family.norms.gated = true;
  family.latent->outputGate = true;
  family.latent->indexer = true;
  family.experts->defaultGroups = 1;
  family.experts->defaultChosenGroups = 1;
  family.experts->droppedGroupsScoreZero = true;
  family.experts->defaultDense = 1;
  return family;
}

static Family vaetki() {
  Family family = deepseekV3();
  family.name = "vaetki";
  family.modelTypes = {"vaetki"};
  family.classes = {"VaetkiForCausalLM"};
  // `post_attention_layernorm` norms the result of attention here.
  family.norms = {"input_layernorm", "post_attention_layernorm",
                  "pre_mlp_layernorm", "post_mlp_layernorm"};
  family.norms.zeroCentred = true;
  family.latent->epsilon = std::nullopt;
  family.windows = Windows::Layers;
  family.globalTheta = true;
  family.experts->choiceBias = ExpertTraits::NoBias;
  family.experts->groups = false;
  return family;
}

std::vector<Family> huggingface::deepseekFamilies() {
  return {deepseekV3(), axk1(), axk2(), vaetki()};
}
