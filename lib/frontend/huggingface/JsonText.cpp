//===- JsonText.cpp - JSON that nobody vouches for ------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/huggingface/JsonText.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace narae;
using llvm::StringRef;

/// LLVM's parser recurses; this much it can.
static constexpr int kMaxDepth = 64;
/// tokenizer.json of the largest vocabularies takes 40 MB.
static constexpr uint64_t kMaxBytes = uint64_t(1) << 28;

/// The end of the string literal that begins at `i`: the closing quote.
static size_t endOfString(StringRef text, size_t i) {
  for (++i; i < text.size() && text[i] != '"'; ++i)
    if (text[i] == '\\')
      ++i;
  return i;
}

/// What is wrong with the nesting and the outermost keys; "" for nothing.
/// Anything that is not JSON is left to the parser.
static std::string checkOutline(StringRef text) {
  llvm::StringSet<> keys;
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '{' || c == '[') {
      if (++depth > kMaxDepth)
        return "is nested deeper than " + std::to_string(kMaxDepth) + " levels";
    } else if (c == '}' || c == ']') {
      --depth;
    } else if (c == '"') {
      size_t end = endOfString(text, i);
      StringRef rest = text.substr(end + 1).ltrim(" \t\r\n");
      if (depth == 1 && rest.starts_with(":")) {
        StringRef key = text.slice(i + 1, end);
        if (!keys.insert(key).second)
          return "has the key '" + key.str() + "' twice";
      }
      i = end;
    }
  }
  return "";
}

std::optional<llvm::json::Object>
huggingface::parseObject(StringRef text, const std::string &place,
                         language::Problems &problems) {
  if (std::string wrong = checkOutline(text); !wrong.empty()) {
    problems.push_back({place, wrong});
    return std::nullopt;
  }
  llvm::Expected<llvm::json::Value> value = llvm::json::parse(text);
  if (!value) {
    problems.push_back(
        {place, "is not JSON: " + llvm::toString(value.takeError())});
    return std::nullopt;
  }
  if (llvm::json::Object *object = value->getAsObject())
    return std::move(*object);
  problems.push_back({place, "holds no JSON object"});
  return std::nullopt;
}

std::optional<llvm::json::Object>
huggingface::readObject(const std::string &path, const std::string &place,
                        language::Problems &problems) {
  uint64_t size = 0;
  if (llvm::sys::fs::is_directory(path) || llvm::sys::fs::file_size(path, size))
    return std::nullopt;
  if (size > kMaxBytes) {
    problems.push_back({place, "has " + std::to_string(size) +
                                   " bytes, more than any such file needs"});
    return std::nullopt;
  }
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer) {
    problems.push_back(
        {place, "cannot be read: " + buffer.getError().message()});
    return std::nullopt;
  }
  return parseObject((*buffer)->getBuffer(), place, problems);
}
