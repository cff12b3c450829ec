//===- Granite.cpp - Granite and HyperCLOVA X -----------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/huggingface/Family.h"

using namespace narae;
using namespace narae::huggingface;

static Family granite() {
  Family family;
  family.name = "granite";
  family.modelTypes = {"granite"};
  family.classes = {"GraniteForCausalLM"};
  family.attentionBias = AttentionBias::FlagAll;
  family.mlpBias = true;
  family.multipliers = Multipliers::DivideLogits;
  return family;
}

/// Granite with norms of the results too; logits are multiplied, not divided.
static Family hyperclovax() {
  Family family = granite();
  family.name = "hyperclovax";
  family.modelTypes = {"hyperclovax"};
  family.classes = {"HyperCLOVAXForCausalLM"};
  family.multipliers = Multipliers::MultiplyLogits;
  family.norms.attentionPost = "post_norm1"; // if use_post_norm
  family.norms.mlpPost = "post_norm2";
  return family;
}

std::vector<Family> huggingface::graniteFamilies() {
  return {granite(), hyperclovax()};
}
