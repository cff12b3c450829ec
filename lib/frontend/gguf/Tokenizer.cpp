//===- Tokenizer.cpp - The tokenizer inside a GGUF file -------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/gguf/Tokenizer.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Base64.h"
#include "llvm/Support/JSON.h"

#include <cmath>
#include <set>

namespace narae::gguf {

using llvm::StringRef;
using llvm::Twine;
namespace json = llvm::json;

namespace {

class TokenizerWriter {
public:
  TokenizerWriter(const File &file, language::LanguageModel &model,
                  language::Problems &problems)
      : file(file), model(model), problems(problems) {}
  void write();

private:
  const Value *find(StringRef key) const {
    auto it = file.metadata.find(("tokenizer." + key).str());
    return it == file.metadata.end() ? nullptr : &it->second;
  }
  void problem(StringRef key, const Twine &message) {
    problems.push_back({("tokenizer." + key).str(), message.str()});
  }
  const std::vector<StringRef> *strings(StringRef key);
  void tokens(json::OStream &out);
  void numbers(json::OStream &out, StringRef key, StringRef name);
  void special(json::OStream &out);
  void flags(json::OStream &out);
  void characterMap(json::OStream &out);
  void templates(json::OStream &out);

  const File &file;
  language::LanguageModel &model;
  language::Problems &problems;
  size_t count = 0;
  std::set<int64_t> ends;
};

} // namespace

/// An array of UTF-8 strings, or null.
const std::vector<StringRef> *TokenizerWriter::strings(StringRef key) {
  const Value *value = find(key);
  if (!value)
    return nullptr;
  if (!value->isArray || value->type != ValueType::String) {
    problem(key, "is " + value->show() + "; an array of strings is expected");
    return nullptr;
  }
  for (size_t i = 0; i < value->strings.size(); ++i)
    if (!json::isUTF8(value->strings[i])) {
      problem(key, "has an element that is not UTF-8: number " + Twine(i));
      return nullptr;
    }
  return &value->strings;
}

/// Control tokens with which models end their turns, whatever else the file
/// calls the end.
static bool endsTurn(StringRef token) {
  static constexpr llvm::StringLiteral known[] = {
      "<|eot_id|>",    "<|im_end|>",      "<|end|>",       "<|eom_id|>",
      "<|endoftext|>", "<|end_of_text|>", "<end_of_turn>", "[|endofturn|]"};
  return llvm::is_contained(known, token);
}

void TokenizerWriter::tokens(json::OStream &out) {
  const std::vector<StringRef> *tokens = strings("ggml.tokens");
  if (!tokens) {
    if (!find("ggml.tokens"))
      problem("ggml.tokens", "is missing, though the file names a tokenizer");
    return;
  }
  count = tokens->size();
  if (count > static_cast<uint64_t>(model.vocabulary))
    problem("ggml.tokens", "has " + Twine(count) +
                               " tokens, but the model's vocabulary has " +
                               Twine(model.vocabulary) +
                               ": the tokenizer does not fit the model");
  const Value *types = find("ggml.token_type");
  enum { Control = 3 };
  for (size_t i = 0; i < count; ++i)
    if (types && types->integer(i) == Control && endsTurn((*tokens)[i]))
      ends.insert(i);
  auto list = [&](StringRef name, const std::vector<StringRef> &values) {
    out.attributeArray(name, [&] {
      for (StringRef value : values)
        out.value(value);
    });
  };
  list("tokens", *tokens);
  const std::vector<StringRef> *merges = strings("ggml.merges");
  if (!merges)
    return;
  for (size_t i = 0; i < merges->size(); ++i)
    if (!(*merges)[i].drop_front(1).contains(' ')) {
      problem("ggml.merges", "has an element that is not two tokens with a "
                             "space between them: number " +
                                 Twine(i));
      return;
    }
  list("merges", *merges);
}

void TokenizerWriter::numbers(json::OStream &out, StringRef key,
                              StringRef name) {
  const Value *value = find(key);
  if (!value)
    return;
  if (!value->isArray || value->count != count) {
    problem(key, "is " + value->show() + ", but there are " + Twine(count) +
                     " tokens");
    return;
  }
  for (size_t i = 0; i < count; ++i) {
    std::optional<double> number = value->number(i);
    if (!number || !std::isfinite(*number)) {
      problem(key, "has an element that is not a number: number " + Twine(i));
      return;
    }
  }
  out.attributeArray(name, [&] {
    for (size_t i = 0; i < count; ++i)
      if (std::optional<int64_t> whole = value->integer(i))
        out.value(*whole);
      else
        out.value(*value->number(i));
  });
}

void TokenizerWriter::special(json::OStream &out) {
  out.attributeObject("special", [&] {
    for (StringRef full : file.keys) {
      StringRef name = full;
      if (!name.consume_front("tokenizer.ggml.") ||
          !name.consume_back("_token_id"))
        continue;
      StringRef key = full.drop_front(StringRef("tokenizer.").size());
      const Value *value = find(key);
      std::optional<int64_t> id = value->integer();
      if (!id || value->isArray) {
        problem(key, "is " + value->show() + "; a token's number is expected");
        continue;
      }
      // 2^32 - 1 stands for none.
      if (*id == -1 || *id == UINT32_MAX)
        continue;
      if (*id < 0 || static_cast<uint64_t>(*id) >= count) {
        problem(key, "is " + Twine(*id) + ", but there are " + Twine(count) +
                         " tokens");
        continue;
      }
      if (name == "eos" || name == "eot" || name == "eom")
        ends.insert(*id);
      if (json::isUTF8(name))
        out.attribute(name, *id);
    }
  });
}

void TokenizerWriter::flags(json::OStream &out) {
  for (StringRef name : {"add_bos_token", "add_eos_token", "add_sep_token",
                         "add_space_prefix", "remove_extra_whitespaces"}) {
    std::string key = ("ggml." + name).str();
    const Value *value = find(key);
    if (!value)
      continue;
    if (std::optional<bool> flag = value->boolean(); flag && !value->isArray)
      out.attribute(name, *flag);
    else
      problem(key, "is " + value->show() + "; true or false is expected");
  }
}

/// SentencePiece's rules for normal forms, as base64.
void TokenizerWriter::characterMap(json::OStream &out) {
  StringRef key = "ggml.precompiled_charsmap";
  const Value *value = find(key);
  if (!value)
    return;
  if (!value->isArray || value->bytes.size() != value->count)
    problem(key, "is " + value->show() + "; a list of bytes is expected");
  else if (value->count)
    out.attribute("precompiled_charsmap", llvm::encodeBase64(value->bytes));
}

void TokenizerWriter::templates(json::OStream &out) {
  auto text = [&](StringRef key) -> std::optional<StringRef> {
    const Value *value = find(key);
    std::optional<StringRef> text = value ? value->string() : std::nullopt;
    if (value && (!text || value->isArray || !json::isUTF8(*text))) {
      problem(key, "is not a text in UTF-8");
      return std::nullopt;
    }
    return text;
  };
  if (std::optional<StringRef> main = text("chat_template"))
    out.attribute("chat_template", *main);
  out.attributeObject("chat_templates", [&] {
    for (StringRef key : file.keys)
      if (StringRef name = key;
          name.consume_front("tokenizer.chat_template.") && json::isUTF8(name))
        if (std::optional<StringRef> other =
                text(key.drop_front(StringRef("tokenizer.").size())))
          out.attribute(name, *other);
  });
}

void TokenizerWriter::write() {
  const Value *kind = find("ggml.model");
  if (!kind)
    return;
  std::optional<StringRef> name = kind->string();
  if (!name || kind->isArray || !json::isUTF8(*name)) {
    problem("ggml.model", "is " + kind->show() + "; a name is expected");
    return;
  }
  if (*name == "none" || *name == "no_vocab")
    return;
  std::string text;
  llvm::raw_string_ostream stream(text);
  json::OStream out(stream);
  out.object([&] {
    out.attribute("model", *name);
    if (const Value *pre = find("ggml.pre"))
      if (std::optional<StringRef> word = pre->string();
          word && json::isUTF8(*word))
        out.attribute("pre", *word);
    tokens(out);
    numbers(out, "ggml.scores", "scores");
    numbers(out, "ggml.token_type", "token_type");
    special(out);
    flags(out);
    characterMap(out);
    templates(out);
    out.attributeArray("end_tokens", [&] {
      for (int64_t id : ends)
        out.value(id);
    });
  });
  stream.flush();
  model.endTokens.assign(ends.begin(), ends.end());
  language::Attachment attachment;
  attachment.name = "gguf-tokenizer.json";
  attachment.bytes =
      std::make_shared<const std::vector<char>>(text.begin(), text.end());
  model.attachments.push_back(std::move(attachment));
}

void attachTokenizer(const File &file, language::LanguageModel &model,
                     language::Problems &problems) {
  TokenizerWriter(file, model, problems).write();
}

} // namespace narae::gguf
