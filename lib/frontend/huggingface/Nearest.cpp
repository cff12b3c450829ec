//===- Nearest.cpp - Which family an unknown model is nearest to ----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/huggingface/Nearest.h"

#include "lib/frontend/huggingface/DecoderReader.h"

using namespace narae;
using namespace narae::huggingface;
using llvm::StringRef;

/// How a family would read a configuration.
struct Difference {
  std::vector<std::string> unread;   ///< keys
  std::vector<std::string> problems; ///< what it would miss
  size_t size() const { return unread.size() + problems.size(); }
};

static Difference differenceTo(const Family &family,
                               const llvm::json::Object &object) {
  Difference difference;
  language::Problems problems;
  Config config(object, "config.json", problems);
  Tensors tensors({}, "", /*withoutFiles=*/true, {}, problems);
  DecoderReader(family, config, nullptr, tensors, problems).read();
  for (const language::Problem &problem : problems)
    difference.problems.push_back(problem.message);
  config.forEachUnread([&](const std::string &key, const llvm::json::Value &) {
    if (!isHarmlessKey(key))
      difference.unread.push_back(key);
  });
  return difference;
}

/// Edits between an unknown name and the nearest of a family's.
static unsigned distanceByName(const Family &family, StringRef modelType,
                               llvm::ArrayRef<std::string> classes) {
  unsigned least = 1000;
  auto consider = [&](StringRef name, const std::vector<StringRef> &known) {
    for (StringRef other : known)
      least =
          std::min(least, StringRef(name.lower()).edit_distance(other.lower()));
  };
  if (!modelType.empty())
    consider(modelType, family.modelTypes);
  for (const std::string &name : classes)
    consider(name, family.classes);
  return least;
}

static std::string joined(const std::vector<std::string> &parts) {
  std::string text;
  for (size_t i = 0; i < parts.size() && i < 8; ++i)
    text += (i ? ", " : "") + parts[i];
  return parts.size() > 8 ? text + ", ..." : text;
}

std::string huggingface::describeUnknown(StringRef modelType,
                                         llvm::ArrayRef<std::string> classes,
                                         const llvm::json::Object &config) {
  const Family *byName = nullptr, *byKeys = nullptr;
  Difference difference;
  std::string known;
  for (const Family &family : decoderFamilies()) {
    known += (known.empty() ? "" : ", ") + std::string(family.name);
    unsigned distance = distanceByName(family, modelType, classes);
    if (!byName || distance < distanceByName(*byName, modelType, classes))
      byName = &family;
    Difference next = differenceTo(family, config);
    if (!byKeys || next.size() < difference.size()) {
      byKeys = &family;
      difference = std::move(next);
    }
  }
  std::string what = "model_type '" + modelType.str() + "'";
  if (!classes.empty())
    what += " (" + classes.front() + ")";
  std::string text =
      what + " is not known. Nearest by its keys is " + byKeys->name;
  if (!difference.unread.empty())
    text += ", which does not have " + joined(difference.unread);
  if (!difference.problems.empty())
    text += std::string(difference.unread.empty() ? ", for which " : "; ") +
            joined(difference.problems);
  if (difference.size() == 0)
    text += ", whose keys it all has: setting model_type to it may do";
  if (byName != byKeys)
    text += ". Nearest by name is " + std::string(byName->name);
  return text + ". Known are " + known;
}
