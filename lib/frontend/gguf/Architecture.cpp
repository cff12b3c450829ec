//===- Architecture.cpp - Families that GGUF files name -------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/gguf/Architecture.h"

#include "llvm/ADT/StringExtras.h"

#include <algorithm>
#include <set>

namespace narae::gguf {

using llvm::StringRef;
using A = Architecture;
using E = language::Experts;

static const Architecture architectures[] = {
    // name, pairs, norms, head norms, attention, window, feed forward,
    // scoring, normalise, multipliers, limits
    {"llama", true, A::Before, A::None, A::Grouped, A::Global,
     A::DenseOrExperts, E::Softmax, true, false, false},
    {"qwen2", false, A::Before, A::None, A::Grouped, A::Global, A::DenseOnly,
     E::Softmax, true, false, false},
    {"qwen3", false, A::Before, A::Needed, A::Grouped, A::Global, A::DenseOnly,
     E::Softmax, true, false, false},
    {"qwen3moe", false, A::Before, A::Needed, A::Grouped, A::Global,
     A::ExpertsOnly, E::Softmax, true, false, false},
    {"exaone", false, A::Before, A::None, A::Grouped, A::Global, A::DenseOnly,
     E::Softmax, true, false, false},
    {"exaone4", false, A::After, A::Needed, A::Grouped, A::MayHave,
     A::DenseOnly, E::Softmax, true, false, false},
    {"exaone-moe", false, A::Before, A::Needed, A::Grouped, A::Has,
     A::ExpertsOnly, E::Sigmoid, false, false, true},
    {"glm4moe", false, A::BeforeRenamed, A::Possible, A::Grouped, A::Global,
     A::ExpertsOnly, E::Sigmoid, false, false, false},
    {"deepseek2", true, A::Before, A::None, A::Latent, A::Global,
     A::ExpertsOnly, E::Softmax, false, false, false},
    {"granite", true, A::Before, A::None, A::Grouped, A::Global, A::DenseOnly,
     E::Softmax, true, true, false},
};

const Architecture *findArchitecture(StringRef name) {
  std::string wanted = name.lower();
  std::replace(wanted.begin(), wanted.end(), '_', '-');
  for (const Architecture &architecture : architectures)
    if (wanted == architecture.name)
      return &architecture;
  return nullptr;
}

/// Relatives that people have, and what they add.
static const struct {
  llvm::StringLiteral name, nearest, differs;
} relatives[] = {
    {"arcee", "llama", "squared ReLU without a gate"},
    {"axk2", "deepseek2", "gated norms, an output gate and sparse attention"},
    {"bailingmoe2", "glm4moe", "fused projections and its own norm placement"},
    {"deci", "llama", "layers without attention or feed-forward part"},
    {"deepseek", "qwen3moe", "shared experts, dense first layers"},
    {"deepseek32", "deepseek2", "sparse attention by an indexer"},
    {"gemma", "llama", "scaled embeddings and GELU"},
    {"gemma2", "exaone4", "four norms a layer and capped logits"},
    {"gemma3", "exaone4", "four norms a layer, scaled embeddings and GELU"},
    {"glm4", "glm4moe", "fused gate and up, and post norms"},
    {"gpt-oss", "qwen3moe", "attention sinks, MXFP4 and clamped experts"},
    {"granitehybrid", "granite", "recurrent (Mamba 2) layers"},
    {"granitemoe", "granite", "experts"},
    {"internlm2", "llama", "its own order of the fused projection"},
    {"llama4", "llama", "chunked attention and experts that scale inputs"},
    {"mistral3", "llama", "attention scaled by position"},
    {"olmo2", "exaone4", "norms of all heads together"},
    {"phi3", "llama", "fused projections and long-context rotations"},
    {"qwen", "qwen2", "a fused projection and its own tokenizer"},
    {"qwen2moe", "qwen3moe", "a gated shared expert and biases"},
    {"qwen3next", "qwen3moe", "linear attention layers"},
    {"qwen35", "qwen3", "linear attention layers"},
    {"qwen35moe", "qwen3moe", "linear attention layers"},
    {"smollm3", "llama", "layers without rotation"},
    {"stablelm", "llama", "layer norms with biases"},
};

/// The kind of a tensor: its name without the layer's number.
static StringRef kindOf(StringRef name) {
  StringRef rest = name;
  if (!rest.consume_front("blk."))
    return name;
  return rest.drop_while(llvm::isDigit).drop_front(rest.contains('.') ? 1 : 0);
}

/// The architecture whose tensors those of a file look most like.
static StringRef nearestBy(const std::set<std::string> &kinds) {
  auto has = [&](const char *kind) { return kinds.count(kind) != 0; };
  if (has("attn_kv_a_mqa.weight"))
    return "deepseek2";
  if (has("ffn_gate_exps.weight") || has("ffn_gate_up_exps.weight"))
    return has("exp_probs_b.bias")
               ? (has("ffn_norm.weight") ? "exaone-moe" : "glm4moe")
               : "qwen3moe";
  if (has("post_ffw_norm.weight") && !has("attn_norm.weight"))
    return "exaone4";
  if (has("attn_q_norm.weight"))
    return "qwen3";
  if (has("attn_q.bias"))
    return "qwen2";
  return "llama";
}

/// The kinds of tensors that the layers of an architecture can have.
static std::set<std::string> kindsOf(StringRef name) {
  std::set<std::string> kinds = {"token_embd.weight", "output_norm.weight",
                                 "output.weight", "rope_freqs.weight",
                                 "attn_output.weight"};
  const Architecture &row = *findArchitecture(name);
  auto add = [&](std::initializer_list<const char *> names) {
    for (const char *kind : names)
      kinds.insert(kind);
  };
  if (row.norms != A::After)
    add({"attn_norm.weight"});
  if (row.norms == A::Before)
    add({"ffn_norm.weight"});
  else
    add({"post_attention_norm.weight"});
  if (row.norms == A::After)
    add({"post_ffw_norm.weight"});
  if (row.headNorms != A::None)
    add({"attn_q_norm.weight", "attn_k_norm.weight"});
  if (row.attention == A::Latent)
    add({"attn_q_a.weight", "attn_q_a_norm.weight", "attn_q_b.weight",
         "attn_q.weight", "attn_kv_a_mqa.weight", "attn_kv_a_norm.weight",
         "attn_k_b.weight", "attn_v_b.weight", "attn_kv_b.weight"});
  else
    add({"attn_q.weight", "attn_k.weight", "attn_v.weight", "attn_q.bias",
         "attn_k.bias", "attn_v.bias", "attn_output.bias", "attn_qkv.weight",
         "attn_qkv.bias"});
  add({"ffn_gate.weight", "ffn_up.weight", "ffn_down.weight"});
  if (row.feed != A::DenseOnly)
    add({"ffn_gate_inp.weight", "ffn_gate_exps.weight", "ffn_up_exps.weight",
         "ffn_down_exps.weight", "ffn_gate_up_exps.weight", "exp_probs_b.bias",
         "ffn_gate_shexp.weight", "ffn_up_shexp.weight",
         "ffn_down_shexp.weight"});
  return kinds;
}

std::string explainUnknown(StringRef name, const File &file) {
  std::string text = "the architecture '" + name.take_front(60).str() +
                     "' is not supported; these are:";
  for (const Architecture &architecture : architectures)
    text +=
        (&architecture == architectures ? " " : ", ") + architecture.name.str();
  std::set<std::string> kinds;
  for (const TensorInfo &info : file.tensors)
    kinds.insert(kindOf(info.name).str());
  for (const auto &relative : relatives)
    if (name.equals_insensitive(relative.name))
      return text + ". Nearest is " + relative.nearest.str() +
             "; what differs: " + relative.differs.str();
  if (kinds.empty())
    return text;
  StringRef nearest = nearestBy(kinds);
  text += ". Nearest by its tensors is " + nearest.str();
  std::set<std::string> known = kindsOf(nearest);
  std::string more;
  unsigned count = 0;
  for (const std::string &kind : kinds)
    if (!known.count(kind) && ++count <= 8)
      more += (more.empty() ? "" : ", ") + kind.substr(0, 60);
  if (count > 8)
    more += " and " + std::to_string(count - 8) + " more";
  return text + (more.empty() ? ", whose tensors it has; its keys may differ"
                              : "; what differs: it also has " + more);
}

} // namespace narae::gguf
