//===- RegexSets.h - Sets of characters -------------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_TEXT_REGEXSETS_H
#define NARAE_LIB_TEXT_REGEXSETS_H

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace narae::str {

/// Ranges of characters, both ends included.
using CharacterSet = std::vector<std::pair<uint32_t, uint32_t>>;

/// Sorts the ranges and joins those that touch.
void normalize(CharacterSet &set);
/// All other characters; normalised.
void negate(CharacterSet &set);
/// Adds the letters of the set in their other case.
void fold(CharacterSet &set);
/// Whether a character is in a normalised set.
bool contains(const CharacterSet &set, uint32_t character);
/// The set of \d, \s, \w, \D, \S or \W, of ASCII as in RE2; false for
/// other letters.
bool perlClass(uint32_t letter, CharacterSet &set);
/// Adds the class that [:NAME:] or [:^NAME:] is; false for unknown names.
bool addPosixClass(std::string_view name, CharacterSet &set);

} // namespace narae::str

#endif // NARAE_LIB_TEXT_REGEXSETS_H
