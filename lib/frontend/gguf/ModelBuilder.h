//===- ModelBuilder.h - Describes the model of a GGUF file ------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_GGUF_MODELBUILDER_H
#define NARAE_LIB_FRONTEND_GGUF_MODELBUILDER_H

#include "lib/frontend/gguf/Architecture.h"
#include "lib/frontend/gguf/Keys.h"
#include "lib/frontend/gguf/Tensors.h"

namespace narae::gguf {

/// Turns keys and tensors into blocks. Problems are collected; the result means
/// something only where there are none.
class ModelBuilder {
public:
  ModelBuilder(const Architecture &architecture, Keys &keys, Tensors &tensors,
               language::Problems &problems)
      : arch(architecture), keys(keys), tensors(tensors), problems(problems) {}

  /// False where the file does not even say how large the model is.
  bool build(language::LanguageModel &model, const File &file);

private:
  // Blocks.cpp
  language::Norm norm(const llvm::Twine &name, int64_t size);
  language::Linear linear(const llvm::Twine &name, int64_t out, int64_t in);
  language::Mlp mlp(const llvm::Twine &prefix, llvm::StringRef suffix,
                    int64_t width, double limit);
  void feedForward(language::Layer &layer, int64_t at);
  language::Experts experts(int64_t at);
  void router(language::Experts &experts, int64_t at);

  // Attention.cpp
  language::Attention attention(int64_t at);
  void fusedProjection(language::Attention &attention, int64_t at);
  language::LatentAttention latentAttention(int64_t at);
  void latentUp(language::LatentAttention &attention,
                const std::string &prefix);
  /// The window of a layer; 0: none.
  int64_t windowOf(int64_t at);
  /// Whether layers without a window rotate too: in families where only those
  /// with one do, if the file names no window (or 0). One that names a window
  /// and gives it to no layer rotates nowhere, as in transformers.
  void readRotation(language::LanguageModel &model);

  // Rotation.cpp
  /// The rotation of `dim` elements; `softmax` gets what YaRN multiplies the
  /// scale of latent attention with.
  language::Rope rotation(int64_t dim, bool sliding, double *softmax);
  void applyFactors(language::Rope &rope);

  // ModelBuilder.cpp
  language::Layer layer(int64_t at);
  bool sizes(language::LanguageModel &model, const File &file);
  void setNextTokenLayersApart(language::LanguageModel &model,
                               const File &file);
  void multipliers(language::LanguageModel &model);

  const Architecture &arch;
  Keys &keys;
  Tensors &tensors;
  language::Problems &problems;

  int64_t hidden = 0;
  int64_t blocks = 0; ///< block_count: also those set apart
  int64_t layers = 0; ///< that compute
  double epsilon = 0;
  bool rotatesAll = true; ///< also layers without a window
  double residual = 1;
};

} // namespace narae::gguf

#endif // NARAE_LIB_FRONTEND_GGUF_MODELBUILDER_H
