//===- RopeReader.h - Rotary embeddings of a configuration ------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_HUGGINGFACE_ROPEREADER_H
#define NARAE_LIB_FRONTEND_HUGGINGFACE_ROPEREADER_H
#include "lib/frontend/huggingface/Config.h"
#include "lib/frontend/huggingface/Family.h"

#include <map>

namespace narae::huggingface {

/// What config.json says of rotary embeddings, in the older spelling
/// (rope_theta, rope_scaling) or the newer one (rope_parameters, which may
/// hold one object for each type of layer).
class RopeReader {
public:
  /// `dim`: elements of a head that may rotate.
  RopeReader(Config &config, const Family &family, int64_t dim,
             int64_t maxContext);

  /// Of a layer of the type "full_attention" or "sliding_attention"; none
  /// where such layers do not rotate.
  std::optional<language::Rope> of(const std::string &layerType) const;
  /// What latent attention multiplies its scale with (YaRN).
  double softmaxFactor(const std::string &layerType) const;
  /// Up to how many positions the frequencies hold: of "dynamic" scaling they
  /// change with the length beyond max_position_embeddings, of "longrope"
  /// beyond original_max_position_embeddings. 0: any.
  int64_t longest() const { return limit; }

private:
  struct Rule {
    std::optional<language::Rope> rope;
    double softmaxFactor = 1;
  };
  /// `scaling`: the object, if any; `theta`: when it has none itself.
  Rule read(std::optional<Config> scaling, double theta, bool eighth);
  language::Rope yarn(Config &scaling, double theta, int64_t dim,
                      double &softmaxFactor);
  void llama3(Config &scaling, std::vector<double> &frequencies);
  void longrope(Config &scaling, language::Rope &rope);
  double positive(Config &scaling, llvm::StringRef key, double byDefault);
  double originalContext(Config &scaling);

  Config &config;
  int64_t dim, maxContext;
  double partial = 1;
  int64_t limit = 0;
  Rule rule;                         ///< of all layers, unless
  std::map<std::string, Rule> types; ///< there is one of their type
};

} // namespace narae::huggingface

#endif // NARAE_LIB_FRONTEND_HUGGINGFACE_ROPEREADER_H
