//===- Attachments.h - Files that travel with a model -----------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_HUGGINGFACE_ATTACHMENTS_H
#define NARAE_LIB_FRONTEND_HUGGINGFACE_ATTACHMENTS_H
#include "lib/frontend/language/Model.h"
#include "lib/frontend/language/Problem.h"

namespace narae::huggingface {

class Config;

/// Tokenizer, chat template and generation settings of a folder, those that
/// are there. Notes a problem where the tokenizer has ids that the vocabulary
/// does not, unless `unchecked`.
void addAttachments(language::LanguageModel &model, const std::string &folder,
                    bool unchecked, language::Problems &problems);

/// The tokens that end a text: of generation_config.json, or of config.json.
/// `config` may be null.
std::vector<int64_t> readEndTokens(const std::string &folder, Config *config,
                                   Config *outer, language::Problems &problems);

} // namespace narae::huggingface

#endif // NARAE_LIB_FRONTEND_HUGGINGFACE_ATTACHMENTS_H
