//===- ModelBuilder.cpp - Describes the model of a GGUF file --------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/gguf/ModelBuilder.h"

namespace narae::gguf {

using language::LanguageModel;
using language::Layer;
using llvm::StringRef;
using llvm::Twine;

bool ModelBuilder::sizes(LanguageModel &model, const File &file) {
  size_t before = problems.size();
  hidden = model.hidden = keys.size("embedding_length");
  model.maxContext = keys.size("context_length");
  blocks = keys.size("block_count");
  epsilon = keys.number(
      "attention.layer_norm_rms_epsilon",
      // the name in some files of EXAONE 3
      keys.find("attention.layer_norm_epsilon")
          ? std::optional<double>(keys.number("attention.layer_norm_epsilon"))
          : std::nullopt);
  if (problems.size() != before)
    return false;
  // A layer has tensors: this bounds all that follows by the file's size.
  if (static_cast<uint64_t>(blocks) > file.tensors.size()) {
    keys.problem("block_count", "is " + Twine(blocks) + ", but the file has " +
                                    Twine(file.tensors.size()) +
                                    " tensors: is a part of it missing?");
    return false;
  }
  return true;
}

/// The number in "blk.N.", or none.
static std::optional<int64_t> layerOf(StringRef name) {
  int64_t layer;
  if (!name.consume_front("blk.") || name.consumeInteger(10, layer) ||
      !name.starts_with("."))
    return std::nullopt;
  return layer;
}

/// Layers that predict the tokens after the next are in `block_count`, and
/// last; some files name them and have none.
void ModelBuilder::setNextTokenLayersApart(LanguageModel &model,
                                           const File &file) {
  int64_t extra = keys.size("nextn_predict_layers", 0, /*least=*/0);
  layers = blocks;
  if (!extra)
    return;
  if (extra >= blocks) {
    keys.problem("nextn_predict_layers",
                 "is " + Twine(extra) + " of " + Twine(blocks) + " layers");
    return;
  }
  std::vector<bool> ordinary(extra), predicts(extra);
  for (const TensorInfo &info : file.tensors) {
    std::optional<int64_t> at = layerOf(info.name);
    if (!at || *at < blocks - extra)
      continue;
    if (*at >= blocks) {
      if (*at < blocks + extra) // not counted in block_count
        tensors.drop(info.name);
      continue;
    }
    (info.name.contains(".nextn.") ? predicts
                                   : ordinary)[*at - blocks + extra] = true;
  }
  bool present = false;
  // Layers without what such a layer begins with are ordinary ones.
  while (extra && ordinary[0] && !predicts[0]) {
    ordinary.erase(ordinary.begin());
    predicts.erase(predicts.begin());
    --extra;
  }
  layers = blocks - extra;
  for (const TensorInfo &info : file.tensors)
    if (std::optional<int64_t> at = layerOf(info.name);
        at && *at >= layers && *at < blocks) {
      tensors.drop(info.name);
      present = true;
    }
  if (extra)
    model.notes.push_back(
        (Twine(extra) +
         (extra == 1 ? " layer that predicts" : " layers that predict") +
         " tokens after the next (MTP)" +
         (present ? " set apart" : " named, but not in the file"))
            .str());
}

Layer ModelBuilder::layer(int64_t at) {
  std::string prefix = "blk." + std::to_string(at) + ".";
  Layer layer;
  if (arch.norms != Architecture::After)
    layer.attentionNorm = norm(prefix + "attn_norm", hidden);
  if (arch.attention == Architecture::Latent)
    layer.latent = latentAttention(at);
  else
    layer.attention = attention(at);
  switch (arch.norms) {
  case Architecture::Before:
    layer.mlpNorm = norm(prefix + "ffn_norm", hidden);
    break;
  case Architecture::BeforeRenamed:
    layer.mlpNorm = norm(prefix + "post_attention_norm", hidden);
    break;
  case Architecture::After:
    layer.attentionPostNorm = norm(prefix + "post_attention_norm", hidden);
    layer.mlpPostNorm = norm(prefix + "post_ffw_norm", hidden);
    break;
  }
  feedForward(layer, at);
  layer.residualMultiplier = residual;
  return layer;
}

void ModelBuilder::multipliers(LanguageModel &model) {
  if (!arch.multipliers)
    return;
  // 0 stands for none; the file holds a divisor of the logits.
  auto multiplier = [&](const char *key) {
    double value = keys.number(key, 1, /*positive=*/false);
    return value == 0 ? 1 : value;
  };
  model.logitsMultiplier = 1 / multiplier("logit_scale");
  model.embeddingMultiplier = multiplier("embedding_scale");
  residual = multiplier("residual_scale");
}

bool ModelBuilder::build(LanguageModel &model, const File &file) {
  model.family = arch.name.str();
  if (!sizes(model, file))
    return false;
  setNextTokenLayersApart(model, file);
  multipliers(model);

  if (const TensorInfo *embedding = tensors.find("token_embd.weight"))
    model.vocabulary = embedding->shape.size() == 2 ? embedding->shape[0] : 0;
  int64_t said =
      keys.size("vocab_size", std::max<int64_t>(model.vocabulary, 1));
  if (said != model.vocabulary)
    model.vocabulary = said; // the shapes disagree with it, and say so
  model.embedding =
      tensors.take("token_embd.weight", {model.vocabulary, hidden});

  readRotation(model);
  for (int64_t at = 0; at < layers; ++at)
    model.layers.push_back(layer(at));

  model.norm = norm("output_norm", hidden);
  if (tensors.has("output.weight"))
    model.head = linear("output", model.vocabulary, hidden);
  return true;
}

} // namespace narae::gguf
