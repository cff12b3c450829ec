//===- Encoder.h - A text encoder, described --------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_LANGUAGE_ENCODER_H
#define NARAE_LIB_FRONTEND_LANGUAGE_ENCODER_H

#include "lib/frontend/language/Model.h"

namespace narae::language {

/// (x - mean) / sqrt(variance + epsilon) * scale + bias.
struct LayerNorm {
  Weight scale, bias;
  double epsilon = 1e-12;
};

/// BERT's layer: x = attentionNorm(x + attention(x)), then
/// mlpNorm(x + down(activation(up x))).
struct EncoderLayer {
  Linear query, key, value, output;
  LayerNorm attentionNorm;
  Linear up, down;
  LayerNorm mlpNorm;
};

/// An encoder of whole texts: every token sees every other that the mask does
/// not hide.
struct EncoderModel {
  std::string name, family;
  int64_t hidden = 0, vocabulary = 0, heads = 0;
  int64_t maxPositions = 0; ///< rows of `positionEmbedding`
  int64_t types = 0;        ///< rows of `typeEmbedding`
  Weight embedding, positionEmbedding, typeEmbedding;
  LayerNorm embeddingNorm;
  Activation activation = Activation::Gelu;
  std::vector<EncoderLayer> layers;
  std::vector<Attachment> attachments;
  std::vector<std::string> notes;
  bool withoutWeights = false;
};

} // namespace narae::language

#endif // NARAE_LIB_FRONTEND_LANGUAGE_ENCODER_H
