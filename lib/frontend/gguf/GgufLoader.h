//===- GgufLoader.h - Language models out of GGUF files ---------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_GGUF_GGUFLOADER_H
#define NARAE_LIB_FRONTEND_GGUF_GGUFLOADER_H

#include "lib/frontend/gguf/File.h"
#include "lib/frontend/language/Model.h"
#include "lib/frontend/language/Problem.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <optional>

namespace narae::gguf {

struct GgufOptions {
  /// Full names of keys and tensors that may stay unread, with * and ?.
  std::vector<std::string> ignore;
  /// Only shapes are taken: weights get no pieces.
  bool withoutWeights = false;
};

/// A model, or what is wrong: never both, never neither.
struct LoadedModel {
  std::optional<language::LanguageModel> model;
  language::Problems problems;
};

/// The model in a .gguf file, or in all files of a split one, of which `path`
/// is the first (NAME-00001-of-0000N.gguf). Weights refer to the files.
LoadedModel loadGguf(llvm::StringRef path, const GgufOptions &options = {});

/// The model that `file` describes.
LoadedModel describeModel(const File &file, const GgufOptions &options = {});

} // namespace narae::gguf

#endif // NARAE_LIB_FRONTEND_GGUF_GGUFLOADER_H
