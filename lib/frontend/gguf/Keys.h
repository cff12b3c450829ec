//===- Keys.h - Reads a model's hyperparameters -----------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_GGUF_KEYS_H
#define NARAE_LIB_FRONTEND_GGUF_KEYS_H

#include "lib/frontend/gguf/File.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/Twine.h"

#include <functional>

namespace narae::gguf {

/// The keys `ARCHITECTURE.name` of a file. A value of the wrong kind is a
/// problem and reads as absent. What was read is remembered: structural keys
/// that nobody read are problems.
class Keys {
public:
  Keys(const File &file, llvm::StringRef prefix, language::Problems &problems)
      : file(file), prefix(prefix.str()), problems(problems) {}

  /// "llama.block_count".
  std::string name(llvm::StringRef key) const {
    return prefix + "." + key.str();
  }
  const Value *find(llvm::StringRef key);
  /// Takes every key that begins so for read: what it describes is not there.
  void skip(llvm::StringRef start);

  /// A number from `least` to 2^30. Without a default the key is required;
  /// what is returned then is `least`, and a problem is noted.
  int64_t size(llvm::StringRef key, std::optional<int64_t> byDefault = {},
               int64_t least = 1);
  /// The same, of a layer: the key has one value for all layers, or an array.
  int64_t layerSize(llvm::StringRef key, int64_t layer, int64_t layers,
                    std::optional<int64_t> byDefault = {}, int64_t least = 1);
  /// A finite number above 0, where `positive`.
  double number(llvm::StringRef key, std::optional<double> byDefault = {},
                bool positive = true);
  /// The number of a layer: one for all, or an array of `layers`.
  double layerNumber(llvm::StringRef key, int64_t layer, int64_t layers,
                     double byDefault);
  bool flag(llvm::StringRef key, bool byDefault);
  std::string word(llvm::StringRef key, llvm::StringRef byDefault);

  void problem(llvm::StringRef key, const llvm::Twine &message);
  /// Notes every structural key that nobody read, that is not known to be
  /// harmless and whose value is not neutral, unless `ignored` (full name).
  void checkAllRead(llvm::function_ref<bool(llvm::StringRef)> ignored);

private:
  std::optional<int64_t> sizeOf(const Value &value, uint64_t at,
                                llvm::StringRef key, int64_t least);
  const File &file;
  std::string prefix;
  language::Problems &problems;
  llvm::StringSet<> read, said;
};

} // namespace narae::gguf

#endif // NARAE_LIB_FRONTEND_GGUF_KEYS_H
