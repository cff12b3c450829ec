//===- Architecture.h - Families that GGUF files name -----------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What an architecture's name in a GGUF file stands for, where its keys and
// tensors do not say it. A new family is a row of the table.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_GGUF_ARCHITECTURE_H
#define NARAE_LIB_FRONTEND_GGUF_ARCHITECTURE_H

#include "lib/frontend/gguf/File.h"
#include "lib/frontend/language/Model.h"

namespace narae::gguf {

struct Architecture {
  llvm::StringLiteral name;
  /// Neighbouring elements of a head rotate: the rows of q and k are stored
  /// permuted (or the family is defined so).
  bool pairs;
  enum Norms {
    Before,        ///< attn_norm and ffn_norm
    After,         ///< post_attention_norm and post_ffw_norm, of the results
    BeforeRenamed, ///< attn_norm and post_attention_norm, which ffn_norm is
  } norms;
  enum HeadNorms { None, Possible, Needed } headNorms;
  enum Kind { Grouped, Latent } attention;
  enum Window {
    Global,  ///< no layer has a window
    MayHave, ///< if the file says so
    Has,     ///< the file must say so
  } window;
  enum Feed {
    DenseOnly,
    DenseOrExperts, ///< experts where the file counts some
    ExpertsOnly,    ///< after `leading_dense_block_count` dense layers
  } feed;
  language::Experts::Scoring scoring; ///< where the file does not say
  bool normalise;                     ///< likewise
  /// logit_scale, residual_scale, embedding_scale, attention.scale.
  bool multipliers;
  /// swiglu_clamp_exp, swiglu_clamp_shexp.
  bool limits;
};

/// The row of a name, or null. Case and the choice of - or _ do not matter.
const Architecture *findArchitecture(llvm::StringRef name);
/// Says which architectures there are, which is nearest to that of `file` and
/// what differs, judging by what is known of `name` and by the tensors.
std::string explainUnknown(llvm::StringRef name, const File &file);

} // namespace narae::gguf

#endif // NARAE_LIB_FRONTEND_GGUF_ARCHITECTURE_H
