//===- Glm.cpp - GLM 4.5 and Solar Open -----------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/huggingface/Family.h"

using namespace narae;
using namespace narae::huggingface;

static Family glm4Moe() {
  Family family;
  family.name = "glm4_moe";
  family.modelTypes = {"glm4_moe"};
  family.classes = {"Glm4MoeForCausalLM"};
  family.attentionBias = AttentionBias::FlagQueryKeyValue;
  family.headNorms = HeadNorms::Flag;
  family.defaultEpsilon = 1e-5;
  family.defaultPartial = 0.5;
  family.experts = ExpertTraits();
  return family;
}

/// Experts in every layer; `intermediate_size` is there and unused.
static Family solarOpen() {
  Family family = glm4Moe();
  family.name = "solar_open";
  family.modelTypes = {"solar_open"};
  family.classes = {"SolarOpenForCausalLM"};
  family.headNorms = HeadNorms::Never;
  family.defaultPartial = 1; // not GLM's half
  family.defaultTheta = 1e6;
  family.defaultHeadDim = 128;
  family.experts->defaultDense = 0;
  family.ignoredKeys = {"intermediate_size"};
  return family;
}

std::vector<Family> huggingface::glmFamilies() {
  return {glm4Moe(), solarOpen()};
}
