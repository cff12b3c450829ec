//===- Parameters.h - Sizes of a described model ----------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_LANGUAGE_PARAMETERS_H
#define NARAE_LIB_FRONTEND_LANGUAGE_PARAMETERS_H

#include "lib/frontend/language/Model.h"

namespace narae::language {

/// Elements of all weights, and what the description leaves out of the model
/// proper. A tied head counts once; scales of fp8 do not count.
int64_t countParameters(const LanguageModel &model);

/// Elements that one token reads: experts only as many as are chosen, the head,
/// but no norms of the hidden state and not the table of embeddings.
int64_t countActiveParameters(const LanguageModel &model);

/// Numbers that the caches hold: for each token that a sequence keeps, and
/// those of layers with a window, which end at the window's size.
struct CacheSize {
  int64_t growing = 0;  ///< a token
  int64_t fixed = 0;    ///< a sequence
  int64_t perToken = 0; ///< a token, if no layer had a window
};
CacheSize countCache(const LanguageModel &model);

} // namespace narae::language

#endif // NARAE_LIB_FRONTEND_LANGUAGE_PARAMETERS_H
