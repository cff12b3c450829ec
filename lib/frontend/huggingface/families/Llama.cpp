//===- Llama.cpp - Llama and those that rename it -------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/huggingface/Family.h"

using namespace narae;
using namespace narae::huggingface;

/// Also A.X 3.1, SOLAR-10.7B, Mi:dm 2.0, Tri-21B, HyperCLOVA X SEED text,
/// Llama-VARCO.
static Family llama() {
  Family family;
  family.name = "llama";
  family.modelTypes = {"llama"};
  family.classes = {"LlamaForCausalLM", "RBLNLlamaForCausalLM"};
  family.attentionBias = AttentionBias::FlagAll;
  family.mlpBias = true;
  return family;
}

static Family mistral() {
  Family family;
  family.name = "mistral";
  family.modelTypes = {"mistral"};
  family.classes = {"MistralForCausalLM"};
  family.windows = Windows::Everywhere;
  family.defaultWindow = 4096;
  return family;
}

/// EXAONE 3.0, 3.5 and Deep: Llama under the names of GPT-2's relatives.
static Family exaone() {
  Family family;
  family.name = "exaone";
  family.modelTypes = {"exaone"};
  family.classes = {"ExaoneForCausalLM"};
  family.defaultEpsilon = 1e-5;
  family.names = {"transformer.",
                  "wte",
                  "h",
                  "ln_f",
                  "attn.attention.q_proj",
                  "attn.attention.k_proj",
                  "attn.attention.v_proj",
                  "attn.attention.out_proj",
                  "c_fc_0",
                  "c_fc_1",
                  "c_proj"};
  family.norms.attention = "ln_1";
  family.norms.mlp = "ln_2";
  return family;
}

std::vector<Family> huggingface::llamaFamilies() {
  return {llama(), mistral(), exaone()};
}
