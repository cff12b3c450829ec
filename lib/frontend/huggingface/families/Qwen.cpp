//===- Qwen.cpp - Qwen 2, Qwen 3 and A.X 4.0 ------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/huggingface/Family.h"

using namespace narae;
using namespace narae::huggingface;

/// Also A.X 4.0.
static Family qwen2() {
  Family family;
  family.name = "qwen2";
  family.modelTypes = {"qwen2"};
  family.classes = {"Qwen2ForCausalLM"};
  family.attentionBias = AttentionBias::QueryKeyValue;
  family.windows = Windows::UseSlidingWindow;
  family.defaultWindow = 4096;
  return family;
}

static Family qwen3() {
  Family family;
  family.name = "qwen3";
  family.modelTypes = {"qwen3"};
  family.classes = {"Qwen3ForCausalLM"};
  family.attentionBias = AttentionBias::FlagAll;
  family.headNorms = HeadNorms::Always;
  family.windows = Windows::UseSlidingWindow;
  family.defaultWindow = 4096;
  family.defaultHeadDim = 128;
  return family;
}

static Family qwen3Moe() {
  Family family = qwen3();
  family.name = "qwen3_moe";
  family.modelTypes = {"qwen3_moe"};
  family.classes = {"Qwen3MoeForCausalLM"};
  family.defaultHeadDim = 0;
  ExpertTraits experts;
  experts.softmax = true;
  experts.choiceBias = ExpertTraits::NoBias;
  experts.groups = false;
  experts.defaultNormalise = false;
  experts.defaultShared = 0;
  experts.sparseStep = true;
  family.experts = experts;
  return family;
}

std::vector<Family> huggingface::qwenFamilies() {
  return {qwen2(), qwen3(), qwen3Moe()};
}
