//===- Describe.cpp - A checkpoint's description --------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/driver/Describe.h"
#include "lib/driver/ImportLanguage.h"
#include "lib/frontend/gguf/GgufLoader.h"
#include "lib/frontend/huggingface/HuggingFace.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace narae;
using namespace narae::driver;

std::optional<language::LanguageModel>
driver::describeModel(const std::string &path,
                      std::vector<Diagnostic> &diagnostics) {
  auto fail = [&](const language::Problems &problems) {
    for (const language::Problem &problem : problems)
      diagnostics.push_back(
          {Diagnostic::Error, problem.place, problem.message});
    return std::nullopt;
  };
  if (!llvm::sys::fs::exists(path))
    return fail({{"", "there is no file '" + path + "'"}});
  if (!isLanguageModel(path))
    return fail({{"", "'" + path +
                          "' is no language model: give a checkpoint folder, "
                          "a .gguf file or a config.json"}});
  if (llvm::StringRef(path).ends_with(".gguf")) {
    gguf::GgufOptions options;
    options.withoutWeights = true;
    gguf::LoadedModel loaded = gguf::loadGguf(path, options);
    if (!loaded.model)
      return fail(loaded.problems);
    return std::move(loaded.model);
  }
  huggingface::LoadOptions options;
  options.withoutWeights = true;
  huggingface::Checkpoint loaded = huggingface::loadCheckpoint(path, options);
  if (!loaded.ok())
    return fail(loaded.problems);
  if (loaded.encoder)
    return fail({{"", "'" + path +
                          "' is a text encoder, which keeps no cache and "
                          "generates nothing: there is nothing to plan"}});
  // A path such as "config.json" says nothing of the folder's name.
  llvm::StringRef name = loaded.model.name;
  if (name.empty() || name == "." || name == "..")
    loaded.model.name = loaded.model.family;
  return std::move(loaded.model);
}
