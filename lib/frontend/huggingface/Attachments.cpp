//===- Attachments.cpp - Files that travel with a model -------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/huggingface/Attachments.h"

#include "lib/frontend/huggingface/Config.h"
#include "lib/frontend/huggingface/JsonText.h"

#include "llvm/Support/FileSystem.h"

using namespace narae;
using namespace narae::huggingface;

static const char *const kFiles[] = {"tokenizer.json",
                                     "tokenizer_config.json",
                                     "special_tokens_map.json",
                                     "added_tokens.json",
                                     "chat_template.jinja",
                                     "chat_template.json",
                                     "generation_config.json",
                                     "tokenizer.model",
                                     "vocab.json",
                                     "merges.txt",
                                     "vocab.txt"};

/// The largest id of a tokenizer.json and its token.
static std::pair<int64_t, std::string>
largestToken(const llvm::json::Object &tokenizer) {
  std::pair<int64_t, std::string> largest = {-1, ""};
  auto consider = [&](std::optional<int64_t> id, llvm::StringRef token) {
    if (id && *id > largest.first)
      largest = {*id, token.str()};
  };
  if (const llvm::json::Object *model = tokenizer.getObject("model")) {
    if (const llvm::json::Object *vocabulary = model->getObject("vocab"))
      for (const auto &[token, id] : *vocabulary)
        consider(id.getAsInteger(), token);
    // Unigram models list tokens in the order of their ids.
    if (const llvm::json::Array *list = model->getArray("vocab"))
      consider(int64_t(list->size()) - 1, "the last one");
  }
  if (const llvm::json::Array *added = tokenizer.getArray("added_tokens"))
    for (const llvm::json::Value &entry : *added)
      if (const llvm::json::Object *token = entry.getAsObject())
        consider(token->getInteger("id"),
                 token->getString("content").value_or(""));
  return largest;
}

void huggingface::addAttachments(language::LanguageModel &model,
                                 const std::string &folder, bool unchecked,
                                 language::Problems &problems) {
  for (const char *name : kFiles)
    if (llvm::sys::fs::exists(folder + "/" + name) &&
        !llvm::sys::fs::is_directory(folder + "/" + name))
      model.attachments.push_back({name, name, nullptr});
  if (unchecked)
    return;
  const std::string file = "tokenizer.json";
  if (auto tokenizer = readObject(folder + "/" + file, file, problems)) {
    auto [id, token] = largestToken(*tokenizer);
    if (id >= model.vocabulary && model.vocabulary > 0)
      problems.push_back(
          {file, "has the token '" + token + "' with the id " +
                     std::to_string(id) + ", and the model has " +
                     std::to_string(model.vocabulary) +
                     " tokens: is it another model's? (--ignore=" + file +
                     " compiles anyway)"});
  }
}

/// One number or a list of them.
static std::vector<int64_t> tokensOf(const llvm::json::Value *value) {
  std::vector<int64_t> tokens;
  if (!value)
    return tokens;
  if (std::optional<int64_t> one = value->getAsInteger())
    tokens.push_back(*one);
  if (const llvm::json::Array *list = value->getAsArray())
    for (const llvm::json::Value &entry : *list)
      if (std::optional<int64_t> one = entry.getAsInteger())
        tokens.push_back(*one);
  return tokens;
}

std::vector<int64_t> huggingface::readEndTokens(const std::string &folder,
                                                Config *config, Config *outer,
                                                language::Problems &problems) {
  std::vector<int64_t> tokens;
  const std::string file = "generation_config.json";
  std::optional<llvm::json::Object> settings;
  if (!folder.empty())
    settings = readObject(folder + "/" + file, file, problems);
  if (settings)
    tokens = tokensOf(settings->get("eos_token_id"));
  for (Config *from : {outer, config})
    if (tokens.empty() && from)
      tokens = tokensOf(from->value({"eos_token_id"}));
  return tokens;
}
