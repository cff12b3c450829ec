//===- Config.h - config.json, read once and completely ---------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_HUGGINGFACE_CONFIG_H
#define NARAE_LIB_FRONTEND_HUGGINGFACE_CONFIG_H
#include "lib/frontend/language/Problem.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/JSON.h"

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace narae::huggingface {

/// Several spellings of one key; the first that is there and not null counts.
using Spellings = std::initializer_list<llvm::StringRef>;

/// An object of config.json that remembers which keys were read. A value of
/// the wrong kind or out of its range is a problem and reads as absent; null
/// is absent.
class Config {
public:
  /// `problems` and `object` must outlive this and its parts.
  Config(const llvm::json::Object &object, const std::string &file,
         language::Problems &problems)
      : object(&object), file(file), problems(&problems),
        read(std::make_shared<std::set<std::string>>()) {}

  /// Whether a spelling is there and not null. Counts as read.
  bool has(Spellings keys) { return find(keys).value; }

  /// 1 to 2^24 or what is said: sizes never go beyond what graphs can hold.
  std::optional<int64_t> integer(Spellings keys, int64_t least = 1,
                                 int64_t most = int64_t(1) << 24);
  /// The same; when absent, a problem is noted and `least` returned.
  int64_t required(Spellings keys, int64_t least = 1,
                   int64_t most = int64_t(1) << 24);
  std::optional<double> number(Spellings keys);
  std::optional<bool> flag(Spellings keys);
  std::optional<std::string> word(Spellings keys);
  /// An integer, a string or an array of any, as it is.
  const llvm::json::Value *value(Spellings keys) { return find(keys).value; }
  std::optional<std::vector<std::string>> words(Spellings keys);
  std::optional<std::vector<double>> numbers(Spellings keys);
  /// An object inside, whose keys are tracked as "outer.inner".
  std::optional<Config> part(Spellings keys);

  /// Says that a key plays no part in this family's mathematics.
  void ignore(Spellings keys);
  /// Notes a problem at the spelling that is there, else at the first.
  void fail(Spellings keys, const std::string &message);

  /// Calls `report` for each key that nothing read and whose value is not
  /// neutral (null, false, 0, "", [], {}); nested ones as "outer.inner", but
  /// only in objects that were read themselves.
  void forEachUnread(
      const std::function<void(const std::string &key,
                               const llvm::json::Value &value)> &report) const;
  const llvm::json::Object &json() const { return *object; }

private:
  struct Found {
    const llvm::json::Value *value = nullptr;
    std::string key; ///< with the names of the objects around it
  };
  Found find(Spellings keys);
  void unreadOf(
      const llvm::json::Object &in, const std::string &prefix,
      const std::function<void(const std::string &, const llvm::json::Value &)>
          &report) const;
  void wrong(const Found &found, const std::string &wanted);

  const llvm::json::Object *object;
  std::string file, prefix;
  language::Problems *problems;
  std::shared_ptr<std::set<std::string>> read; ///< of all parts
};

/// Whether a key of config.json never changes what a model computes: names,
/// training, generation and storage.
bool isHarmlessKey(llvm::StringRef key);

/// A value in a message, cut when long.
std::string valueText(const llvm::json::Value &value);

} // namespace narae::huggingface

#endif // NARAE_LIB_FRONTEND_HUGGINGFACE_CONFIG_H
