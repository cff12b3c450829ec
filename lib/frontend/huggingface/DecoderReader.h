//===- DecoderReader.h - A decoder out of configuration and tensors *- C++
//-*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_HUGGINGFACE_DECODERREADER_H
#define NARAE_LIB_FRONTEND_HUGGINGFACE_DECODERREADER_H
#include "lib/frontend/huggingface/Config.h"
#include "lib/frontend/huggingface/Family.h"
#include "lib/frontend/huggingface/LayerKinds.h"
#include "lib/frontend/huggingface/RopeReader.h"
#include "lib/frontend/huggingface/Tensors.h"

namespace narae::huggingface {

/// Builds the description of one decoder as its family's table says. Every
/// problem is noted; the result is of use only if there was none.
class DecoderReader {
public:
  /// `outer`: the configuration around a text part (of a model with pictures),
  /// which may say whether embeddings are tied; or null.
  DecoderReader(const Family &family, Config &config, Config *outer,
                Tensors &tensors, language::Problems &problems)
      : family(family), config(config), outer(outer), tensors(tensors),
        problems(problems) {}

  language::LanguageModel read();

private:
  // DecoderReader.cpp
  void readSizes();
  void readHead();
  void findPrefix();
  void readMultipliers();
  void readRotation();
  language::Layer layer(int64_t index);
  void setApartDrafting();
  std::string layerPrefix(int64_t index) const;
  language::Norm norm(const std::string &name, int64_t size,
                      double epsilon) const;
  language::Norm layerNorm(const std::string &name, bool gated) const;
  language::Linear linear(const std::string &name, int64_t out, int64_t in,
                          bool bias) const;

  // AttentionReader.cpp
  language::Attention attention(const std::string &at, const LayerKind &kind);
  language::LatentAttention latent(const std::string &at,
                                   const LayerKind &kind);
  void readLatentSizes();
  void splitValueUp(language::LatentAttention &attention,
                    const std::string &name);
  void latentQuery(language::LatentAttention &attention, const std::string &at);
  void setIndexerApart(const std::string &at);

  // ExpertsReader.cpp
  void readExperts();
  language::Mlp mlp(const std::string &at, int64_t width, double limit);
  language::Experts experts(const std::string &at, double limit);
  void expertWeights(language::Experts &experts, const std::string &at);
  language::Activation activation();

  const Family &family;
  Config &config;
  Config *outer;
  Tensors &tensors;
  language::Problems &problems;

  language::LanguageModel model;
  std::string prefix; ///< of tensors, up to the name of the list of layers
  int64_t layers = 0, drafting = 0;
  int64_t positions = 0; ///< max_position_embeddings
  double epsilon = 0;
  std::vector<LayerKind> kinds;
  std::optional<RopeReader> ropes;
  bool rotatesAll = true; ///< layers without a window too
  // Attention.
  int64_t heads = 0, kvHeads = 0, headDim = 0;
  bool queryBias = false, outputBias = false, headNorms = false;
  std::optional<double> attentionScale;
  int64_t queryRank = 0, rank = 0, noRopeDim = 0, ropeDim = 0, valueDim = 0;
  bool pairs = false;
  int64_t indexerParameters = 0;
  int64_t gateRank = 0; ///< of gated norms
  // MLPs.
  double residualMultiplier = 1;
  bool mlpBias = false;
  bool postNorms = true; ///< use_post_norm
  int64_t width = 0, expertWidth = 0, sharedExperts = 0;
  language::Activation act = language::Activation::Silu;
  language::Experts router; ///< all but the weights
};

} // namespace narae::huggingface

#endif // NARAE_LIB_FRONTEND_HUGGINGFACE_DECODERREADER_H
