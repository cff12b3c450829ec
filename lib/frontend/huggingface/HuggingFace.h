//===- HuggingFace.h - Checkpoints as their makers release them -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_HUGGINGFACE_HUGGINGFACE_H
#define NARAE_LIB_FRONTEND_HUGGINGFACE_HUGGINGFACE_H
#include "lib/frontend/language/Encoder.h"
#include "lib/frontend/language/Model.h"
#include "lib/frontend/language/Problem.h"

#include "llvm/ADT/StringRef.h"

namespace narae::huggingface {

struct LoadOptions {
  /// Only config.json is read; weights get shapes and no bytes.
  bool withoutWeights = false;
  /// Keys of config.json (nested ones as "outer.inner") and tensors that may
  /// stay unread, with * and ?; "tokenizer.json" for one that does not fit.
  std::vector<std::string> ignore;
};

/// What a folder holds. Only without problems are the models of use.
struct Checkpoint {
  language::LanguageModel model;
  /// Of a text encoder (BERT), instead of `model`.
  std::optional<language::EncoderModel> encoder;
  std::string folder; ///< files of pieces and attachments are relative to it
  language::Problems problems;
  bool ok() const { return problems.empty(); }
};

/// Whether a path is a folder with config.json, or a config.json.
bool isCheckpoint(llvm::StringRef path);

/// Reads a folder as on the Hugging Face Hub: config.json, safetensors and
/// what belongs to its tokenizer; or, without weights, a configuration of any
/// name. All problems are returned, not the first only. Every one names the
/// file, the key or the tensor.
Checkpoint loadCheckpoint(llvm::StringRef path, const LoadOptions &options);

/// The same of the text of a configuration alone, always without weights.
Checkpoint describeConfig(llvm::StringRef text, LoadOptions options);

} // namespace narae::huggingface

#endif // NARAE_LIB_FRONTEND_HUGGINGFACE_HUGGINGFACE_H
