//===- Suggest.cpp - Did you mean ---------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tools/narae/Options.h"

#include <algorithm>
#include <numeric>

using namespace narae;

/// Levenshtein's distance.
static size_t distance(const std::string &a, const std::string &b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t(0));
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      size_t change = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({change, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

std::string tool::suggest(const std::string &word,
                          const std::vector<std::string> &candidates) {
  std::string best;
  size_t limit = word.size() / 3 + 2;
  for (const std::string &candidate : candidates) {
    bool isPrefix =
        word.size() > 2 && candidate.compare(0, word.size(), word) == 0;
    size_t apart = isPrefix ? 0 : distance(word, candidate);
    if (apart < limit) {
      limit = apart;
      best = candidate;
    }
  }
  return best;
}

std::string tool::didYouMean(const std::string &word,
                             const std::vector<std::string> &candidates) {
  std::string found = suggest(word, candidates);
  return found.empty() ? "" : "; did you mean '" + found + "'?";
}
