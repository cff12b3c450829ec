//===- Exaone.cpp - EXAONE 4 and K-EXAONE ---------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/huggingface/Family.h"

using namespace narae;
using namespace narae::huggingface;

/// Norms of results only; also the text part of EXAONE 4.5.
static Family exaone4() {
  Family family;
  family.name = "exaone4";
  family.modelTypes = {"exaone4", "exaone4_5_text"};
  family.classes = {"Exaone4ForCausalLM"};
  // `post_attention_layernorm` norms the result of attention here.
  family.norms.attention = nullptr;
  family.norms.attentionPost = "post_attention_layernorm";
  family.norms.mlp = nullptr;
  family.norms.mlpPost = "post_feedforward_layernorm";
  family.headNorms = HeadNorms::Always;
  family.windows = Windows::Layers;
  family.ropeInWindowsOnly = true;
  family.defaultEpsilon = 1e-5;
  family.defaultWindow = 4096;
  return family;
}

/// K-EXAONE, 2.0 with its windows and limits by layer too. Plain pre-norm,
/// unlike EXAONE 4.
static Family exaoneMoe() {
  Family family = exaone4();
  family.name = "exaone_moe";
  family.modelTypes = {"exaone_moe"};
  family.classes = {"ExaoneMoeForCausalLM", "ExaoneMoEForCausalLM"};
  family.norms = NormNames();
  family.swigluLimits = true;
  ExpertTraits experts;
  experts.defaultScaling = 2.5;
  family.experts = experts;
  return family;
}

std::vector<Family> huggingface::exaoneFamilies() {
  return {exaone4(), exaoneMoe()};
}
