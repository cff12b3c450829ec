//===- Regex.h - Regular expressions in RE2's syntax ------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Answers one question: does all of a text match? All ways through the
// expression are followed at the same time (Thompson 1968), so the time is at
// most the product of the sizes of text and expression, for any text.
// std::regex recurses and may overflow the stack.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_TEXT_REGEX_H
#define NARAE_LIB_TEXT_REGEX_H

#include "lib/artifact/Status.h"
#include "lib/text/RegexSets.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace narae::str {

/// A compiled expression. Texts are UTF-8; bytes that are not stand for U+FFFD.
///
/// RE2's syntax without `\p{...}`, `\C` and captures: groups only group.
/// Letters fold by their simple case mappings under `(?i)`.
class Regex {
public:
  /// Fails with the place of what is wrong.
  static Expected<Regex> compile(std::string_view pattern);
  /// Whether the whole text matches. Not for several threads at once: the
  /// memory for it is kept.
  bool fullMatch(std::string_view text);

private:
  friend class RegexCompiler;

  enum class Kind : uint8_t {
    Char,  ///< a character of sets[a]
    Split, ///< goes on at a and at b
    Jump,  ///< goes on at a
    Begin, ///< nothing, at the text's begin; by line where a is 1
    End,
    Word,    ///< nothing, at a boundary of a word
    NotWord, ///< nothing, elsewhere
    Match
  };
  struct Instruction {
    Kind kind;
    uint32_t a = 0, b = 0;
  };

  void follow(uint32_t at, bool begin, bool end, uint32_t before,
              uint32_t after);

  std::vector<Instruction> program;
  std::vector<CharacterSet> sets; ///< normalised
  // While matching: instructions to try next, each once.
  std::vector<uint32_t> current, next, stack;
  std::vector<uint64_t> seen;
  uint64_t step = 0;
};

} // namespace narae::str

#endif // NARAE_LIB_TEXT_REGEX_H
