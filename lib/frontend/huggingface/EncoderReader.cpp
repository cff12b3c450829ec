//===- EncoderReader.cpp - A text encoder out of tensors ------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/huggingface/EncoderReader.h"

#include "llvm/ADT/StringSwitch.h"

using namespace narae;
using namespace narae::huggingface;
using namespace narae::language;

bool huggingface::isEncoder(llvm::StringRef modelType,
                            llvm::ArrayRef<std::string> classes) {
  if (!modelType.empty())
    return modelType.equals_insensitive("bert");
  for (const std::string &name : classes)
    if (llvm::StringRef(name).starts_with("Bert"))
      return true;
  return false;
}

namespace {
class EncoderReader {
public:
  EncoderReader(Config &config, Tensors &tensors, Problems &problems)
      : config(config), tensors(tensors), problems(problems) {}
  EncoderModel read();

private:
  void readSizes();
  Linear linear(const std::string &name, int64_t out, int64_t in) {
    return {tensors.takeMatrix(name + ".weight", {out, in}),
            tensors.take(name + ".bias", {out})};
  }
  LayerNorm norm(const std::string &name) {
    return {tensors.take(name + ".weight", {model.hidden}),
            tensors.take(name + ".bias", {model.hidden}), epsilon};
  }
  EncoderLayer layer(const std::string &at);
  void setHeadsApart(const std::string &prefix);

  Config &config;
  Tensors &tensors;
  Problems &problems;
  EncoderModel model;
  int64_t layers = 0, width = 0;
  double epsilon = 0;
};
} // namespace

void EncoderReader::readSizes() {
  model.hidden = config.required({"hidden_size"});
  model.vocabulary = config.required({"vocab_size"});
  model.heads = config.required({"num_attention_heads"}, 1, 65536);
  model.maxPositions = config.required({"max_position_embeddings"});
  model.types = config.integer({"type_vocab_size"}).value_or(2);
  layers = config.required({"num_hidden_layers"}, 1, 2048);
  width = config.required({"intermediate_size"});
  epsilon = config.number({"layer_norm_eps"}).value_or(1e-12);
  if (model.hidden % model.heads)
    config.fail({"num_attention_heads"}, "does not divide hidden_size");
  std::string positions =
      config.word({"position_embedding_type"}).value_or("absolute");
  if (positions != "absolute")
    config.fail({"position_embedding_type"},
                "is '" + positions + "'; known is absolute");
  if (config.flag({"is_decoder"}).value_or(false))
    config.fail({"is_decoder"}, "is true; BERT is read as an encoder");
  std::string name = config.word({"hidden_act"}).value_or("gelu");
  auto known = llvm::StringSwitch<std::optional<Activation>>(name)
                   .Case("gelu", Activation::Gelu)
                   .Cases("gelu_new", "gelu_pytorch_tanh", Activation::GeluTanh)
                   .Case("relu", Activation::Relu)
                   .Cases("silu", "swish", Activation::Silu)
                   .Default(std::nullopt);
  if (!known)
    config.fail({"hidden_act"},
                "is '" + name + "'; known are gelu, gelu_new, relu, silu");
  model.activation = known.value_or(Activation::Gelu);
}

EncoderLayer EncoderReader::layer(const std::string &at) {
  EncoderLayer layer;
  int64_t size = model.hidden;
  layer.query = linear(at + "attention.self.query", size, size);
  layer.key = linear(at + "attention.self.key", size, size);
  layer.value = linear(at + "attention.self.value", size, size);
  layer.output = linear(at + "attention.output.dense", size, size);
  layer.attentionNorm = norm(at + "attention.output.LayerNorm");
  layer.up = linear(at + "intermediate.dense", width, size);
  layer.down = linear(at + "output.dense", size, width);
  layer.mlpNorm = norm(at + "output.LayerNorm");
  return layer;
}

void EncoderReader::setHeadsApart(const std::string &prefix) {
  std::string buffer = prefix + "embeddings.position_ids";
  tensors.setApart([&](llvm::StringRef name) { return name == buffer; });
  size_t count = tensors.setApart([&](llvm::StringRef name) {
    return name.starts_with(prefix + "pooler.") || name.starts_with("cls.") ||
           name.starts_with("classifier.") || name.starts_with("qa_outputs.");
  });
  if (count)
    model.notes.push_back("what is computed from last_hidden_state (pooler, "
                          "heads) is set apart: " +
                          std::to_string(count) + " tensors");
}

EncoderModel EncoderReader::read() {
  model.family = "bert";
  model.withoutWeights = tensors.areUnknown();
  size_t before = problems.size();
  readSizes();
  if (problems.size() != before)
    return std::move(model);
  std::string prefix =
      tensors.has("bert.embeddings.word_embeddings.weight") ? "bert." : "";
  std::string at = prefix + "embeddings.";
  model.embedding = tensors.take(at + "word_embeddings.weight",
                                 {model.vocabulary, model.hidden});
  model.positionEmbedding = tensors.take(at + "position_embeddings.weight",
                                         {model.maxPositions, model.hidden});
  model.typeEmbedding = tensors.take(at + "token_type_embeddings.weight",
                                     {model.types, model.hidden});
  model.embeddingNorm = norm(at + "LayerNorm");
  for (int64_t i = 0; i < layers && problems.size() < before + 200; ++i)
    model.layers.push_back(
        layer(prefix + "encoder.layer." + std::to_string(i) + "."));
  setHeadsApart(prefix);
  return std::move(model);
}

EncoderModel huggingface::readEncoder(Config &config, Tensors &tensors,
                                      Problems &problems) {
  return EncoderReader(config, tensors, problems).read();
}
