//===- Tokenizer.h - The tokenizer inside a GGUF file -----------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_GGUF_TOKENIZER_H
#define NARAE_LIB_FRONTEND_GGUF_TOKENIZER_H

#include "lib/frontend/gguf/File.h"
#include "lib/frontend/language/Model.h"

namespace narae::gguf {

/// Attaches `gguf-tokenizer.json` to `model`, if the file has a tokenizer, and
/// sets its end tokens. The JSON object has what the metadata
/// `tokenizer.ggml.*` has: model, pre, tokens, scores, token_type, merges,
/// `special` (names and ids: bos, eos, unknown, padding, ...), flags
/// (add_bos_token, add_eos_token, add_space_prefix ...), `chat_template`,
/// `chat_templates` (others, by name) and `end_tokens`.
/// A tokenizer that contradicts itself or the vocabulary is a problem.
void attachTokenizer(const File &file, language::LanguageModel &model,
                     language::Problems &problems);

} // namespace narae::gguf

#endif // NARAE_LIB_FRONTEND_GGUF_TOKENIZER_H
