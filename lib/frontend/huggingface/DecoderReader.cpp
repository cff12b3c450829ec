//===- DecoderReader.cpp - A decoder out of configuration and tensors -----===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/huggingface/DecoderReader.h"

#include "llvm/ADT/STLExtras.h"

using namespace narae;
using namespace narae::huggingface;
using namespace narae::language;

/// More layers than any model has; lists of them are made on a file's word.
static constexpr int64_t kMaxLayers = 2048;
/// Heads larger than this do not exist; their frequencies are held in memory.
static constexpr int64_t kMaxHeadDim = 4096;
/// Enough to see what is wrong.
static constexpr size_t kMaxProblems = 200;

void DecoderReader::readSizes() {
  model.hidden = config.required({"hidden_size", "n_embd"});
  model.vocabulary = config.required({"vocab_size"});
  positions = config.required({"max_position_embeddings"}, 1, int64_t(1) << 31);
  model.maxContext = std::min(positions, int64_t(1) << 24);
  layers = config.required({"num_hidden_layers", "num_layers", "n_layer"}, 1,
                           kMaxLayers);
  drafting = config
                 .integer({"num_nextn_predict_layers", "num_mtp_layers",
                           "mtp_num_layers", "num_mtp_modules"},
                          0, kMaxLayers)
                 .value_or(0);
  epsilon = config.number({"rms_norm_eps", "layer_norm_epsilon"})
                .value_or(family.defaultEpsilon);
  heads = config.required({"num_attention_heads"}, 1, 65536);
  kvHeads = config.integer({"num_key_value_heads"}, 1, 65536).value_or(heads);
  if (heads % kvHeads)
    config.fail({"num_key_value_heads"},
                "does not divide the " + std::to_string(heads) + " heads");
  if (family.latent) {
    readLatentSizes();
  } else {
    bool given = config.has({"head_dim"});
    headDim = config.integer({"head_dim"}, 1, kMaxHeadDim).value_or(0);
    if (headDim == 0)
      headDim = family.defaultHeadDim;
    if (headDim == 0 && !given) {
      headDim = std::max<int64_t>(model.hidden / heads, 1);
      if (model.hidden % heads || headDim > kMaxHeadDim)
        config.fail({"head_dim"}, "is missing, and hidden_size is not what "
                                  "heads of a sensible size take");
    }
    headDim = std::clamp<int64_t>(headDim, 1, kMaxHeadDim);
  }
  width = config.integer({"intermediate_size"}).value_or(0);
}

/// Where the tensors of the text model begin. Models with pictures have it
/// under one of several names.
void DecoderReader::findPrefix() {
  prefix = family.names.prefix;
  if (tensors.areUnknown())
    return;
  std::string embedding = std::string(family.names.embedding) + ".weight";
  std::string plain = family.names.prefix;
  for (const std::string &candidate :
       {plain, "model.language_model." + plain, "language_model." + plain,
        std::string("model.language_model."), std::string("language_model."),
        std::string("model.text_model."), std::string()})
    if (tensors.has(candidate + embedding)) {
      prefix = candidate;
      return;
    }
}

std::string DecoderReader::layerPrefix(int64_t index) const {
  return prefix + family.names.layers + "." + std::to_string(index) + ".";
}

Norm DecoderReader::norm(const std::string &name, int64_t size,
                         double eps) const {
  Norm norm;
  norm.scale = tensors.take(name, {size});
  norm.epsilon = eps;
  norm.zeroCentred = family.norms.zeroCentred;
  return norm;
}

/// A norm of the hidden state; a gated one has its scale and two matrices
/// under its name, as releases or as transformers call them.
Norm DecoderReader::layerNorm(const std::string &name, bool gated) const {
  if (!gated)
    return norm(name + ".weight", model.hidden, epsilon);
  bool nested = tensors.has(name + ".norm.weight", /*whenUnknown=*/true);
  Norm norm = this->norm(name + (nested ? ".norm.weight" : ".weight"),
                         model.hidden, epsilon);
  bool released = tensors.has(name + ".W_down.weight", /*whenUnknown=*/true);
  std::string down = released ? ".W_down.weight" : ".mlp.fc1.weight";
  std::string up = released ? ".W_up.weight" : ".mlp.fc2.weight";
  norm.gateDown =
      Linear{tensors.take(name + down, {gateRank, model.hidden}), std::nullopt};
  norm.gateUp =
      Linear{tensors.take(name + up, {model.hidden, gateRank}), std::nullopt};
  return norm;
}

Linear DecoderReader::linear(const std::string &name, int64_t out, int64_t in,
                             bool bias) const {
  Linear linear;
  linear.weight = tensors.takeMatrix(name + ".weight", {out, in});
  if (bias)
    linear.bias = tensors.take(name + ".bias", {out});
  return linear;
}

Layer DecoderReader::layer(int64_t index) {
  const LayerKind &kind = kinds[index];
  const NormNames &norms = family.norms;
  std::string at = layerPrefix(index);
  Layer layer;
  layer.residualMultiplier = residualMultiplier;
  if (norms.attention)
    layer.attentionNorm = layerNorm(at + norms.attention, norms.gated);
  if (norms.attentionPost && postNorms)
    layer.attentionPostNorm = layerNorm(at + norms.attentionPost, false);
  if (norms.mlp)
    layer.mlpNorm = layerNorm(at + norms.mlp, norms.gated && kind.sparse);
  if (norms.mlpPost && postNorms &&
      (kind.sparse || !norms.mlpPostOfExpertsOnly)) {
    // Transformers keeps it among the experts.
    std::string inside = at + "mlp." + norms.mlpPost;
    layer.mlpPostNorm = layerNorm(
        tensors.has(inside + ".weight") ? inside : at + norms.mlpPost, false);
  } else if (norms.mlpPostOfExpertsOnly) {
    // Releases of A.X K1 have it in dense layers too, which do not use it.
    std::string unused = std::string(norms.mlpPost) + ".weight";
    tensors.setApart([&](llvm::StringRef name) {
      return name.consume_front(at) &&
             (name == unused || name == "mlp." + unused);
    });
  }
  if (family.latent)
    layer.latent = latent(at, kind);
  else
    layer.attention = attention(at, kind);
  if (kind.sparse)
    layer.experts = experts(at + "mlp.", kind.limit);
  else
    layer.mlp = mlp(at + "mlp.", width, kind.limit);
  return layer;
}

void DecoderReader::readHead() {
  model.embedding = tensors.take(prefix + family.names.embedding + ".weight",
                                 {model.vocabulary, model.hidden});
  model.norm =
      norm(prefix + family.names.norm + ".weight", model.hidden, epsilon);
  std::string name = "lm_head.weight";
  for (const char *other :
       {"language_model.lm_head.weight", "model.language_model.lm_head.weight",
        "model.lm_head.weight"})
    if (!tensors.has(name) && tensors.has(other))
      name = other;
  std::optional<bool> inner = config.flag({"tie_word_embeddings"});
  std::optional<bool> tied =
      outer ? outer->flag({"tie_word_embeddings"}) : std::nullopt;
  if (!tied)
    tied = inner;
  if (!tied) {
    tied = !tensors.has(name, /*whenUnknown=*/true);
    if (*tied)
      model.notes.push_back("the embedding serves as lm_head, which the files "
                            "do not have");
  }
  if (!*tied) {
    // Never fp8: `take`, not `takeMatrix`.
    model.head = Linear{tensors.take(name, {model.vocabulary, model.hidden}),
                        std::nullopt};
    return;
  }
  if (!tensors.has(name))
    return;
  std::string embedding = prefix + family.names.embedding + ".weight";
  if (!tensors.equal(name, embedding))
    config.fail({"tie_word_embeddings"},
                "is true, and the files have '" + name +
                    "' with other values than '" + embedding + "'");
  tensors.setApart([&](llvm::StringRef other) { return other == name; });
}

void DecoderReader::readMultipliers() {
  if (family.multipliers == Multipliers::None)
    return;
  model.embeddingMultiplier =
      config.number({"embedding_multiplier"}).value_or(1);
  residualMultiplier = config.number({"residual_multiplier"}).value_or(1);
  double logits = config.number({"logits_scaling"}).value_or(1);
  bool divide = family.multipliers == Multipliers::DivideLogits;
  if (divide && logits == 0)
    config.fail({"logits_scaling"}, "divides the logits and is 0");
  model.logitsMultiplier = divide && logits != 0 ? 1 / logits : logits;
  attentionScale = config.number({"attention_multiplier"});
  // Granite's class says 1 where its configuration says nothing.
  if (!attentionScale && divide)
    attentionScale = 1;
  if (!divide)
    postNorms = config.flag({"use_post_norm"}).value_or(true);
}

/// Whether layers without a window rotate too: in families where only those
/// with one do, if the configuration has no window at all. One that has a
/// window and no layer to use it rotates nowhere, as in transformers.
void DecoderReader::readRotation() {
  auto isNull = [&](llvm::StringRef key) {
    const llvm::json::Value *value = config.json().get(key);
    return value && value->kind() == llvm::json::Value::Null;
  };
  bool noWindow =
      isNull("sliding_window") ||
      (isNull("sliding_window_pattern") && !config.has({"layer_types"}));
  bool anyLayer = llvm::any_of(
      kinds, [](const LayerKind &kind) { return kind.window != 0; });
  rotatesAll = !family.ropeInWindowsOnly || (noWindow && !anyLayer);
  if (!rotatesAll && !anyLayer)
    model.notes.push_back("no layer has a window, and sliding_window is not "
                          "null: no layer rotates, as in transformers");
}

/// Layers that draft tokens: `mtp.*`, and layers behind the last one.
void DecoderReader::setApartDrafting() {
  std::string behind = prefix + family.names.layers + ".";
  auto isDrafting = [&](llvm::StringRef name) {
    for (const char *start : {"mtp.", "model.mtp.", "language_model.mtp.",
                              "model.language_model.mtp."})
      if (name.starts_with(start))
        return true;
    if (!name.consume_front(behind))
      return false;
    int64_t index;
    if (name.split('.').first.getAsInteger(10, index) || index < layers)
      return false;
    // Without a word of the configuration only by their own tensors.
    return index < layers + drafting ||
           tensors.has(layerPrefix(index) + "eh_proj.weight");
  };
  size_t count = tensors.setApart(isDrafting);
  if (count)
    model.notes.push_back("layers that draft tokens (MTP) are set apart: " +
                          std::to_string(count) + " tensors");
  else if (drafting)
    model.notes.push_back(
        "the configuration names " + std::to_string(drafting) +
        (drafting == 1 ? " layer that drafts" : " layers that draft") +
        " tokens (MTP), set apart" +
        (tensors.areUnknown() ? "" : "; the files have none"));
}

LanguageModel DecoderReader::read() {
  model.family = family.name;
  model.withoutWeights = tensors.areUnknown();
  size_t before = problems.size();
  readSizes();
  for (llvm::StringRef key : family.ignoredKeys)
    config.ignore({key});
  kinds = readLayerKinds(config, family, layers, drafting, model.notes);
  readRotation();
  ropes.emplace(config, family, family.latent ? ropeDim : headDim, positions);
  if (int64_t longest = ropes->longest();
      longest && longest <= model.maxContext) {
    model.maxContext = longest;
    model.contextReason = "rotary frequencies change with the length beyond " +
                          std::to_string(longest) +
                          " positions (dynamic scaling or longrope), which is "
                          "not supported";
  }
  readExperts();
  act = activation();
  bool bias = family.attentionBias != AttentionBias::Never || family.latent
                  ? config.flag({"attention_bias"}).value_or(false)
                  : false;
  queryBias = bias || family.attentionBias == AttentionBias::QueryKeyValue;
  outputBias =
      bias && (family.attentionBias == AttentionBias::FlagAll || family.latent);
  headNorms = family.headNorms == HeadNorms::Always ||
              (family.headNorms == HeadNorms::Flag &&
               config.flag({"use_qk_norm"}).value_or(false));
  mlpBias = family.mlpBias && config.flag({"mlp_bias"}).value_or(false);
  if (family.norms.gated) {
    if (!config.flag({"gated_norm"}).value_or(true))
      config.fail({"gated_norm"}, "is false, which is not supported");
    gateRank = config.integer({"gated_norm_rank"}).value_or(16);
  }
  readMultipliers();
  // Tensors of sizes that do not hold would only repeat what is wrong.
  if (problems.size() != before)
    return model;
  findPrefix();
  for (int64_t i = 0; i < layers && problems.size() < before + kMaxProblems;
       ++i)
    model.layers.push_back(layer(i));
  readHead();
  setApartDrafting();
  model.setApartParameters = indexerParameters;
  return std::move(model);
}
