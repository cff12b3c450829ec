//===- Unicode.h - UTF-8 and cases of letters -------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_TEXT_UNICODE_H
#define NARAE_LIB_TEXT_UNICODE_H

#include <cstdint>
#include <string>
#include <string_view>

namespace narae::str {

/// What stands for bytes that are no UTF-8.
inline constexpr uint32_t replacement = 0xfffd;

/// Takes the first character of a text that is not empty. `bytes` is how many
/// it has; a byte that begins no character is one by itself, `replacement`.
uint32_t decode(std::string_view text, size_t &bytes);
void append(std::string &text, uint32_t character);
/// Whether a character is white space, as Unicode says.
bool isSpace(uint32_t character);
/// The letter in the other case by Unicode's simple mappings (one character to
/// one), the same in all languages; all other characters stay.
uint32_t toLower(uint32_t character);
uint32_t toUpper(uint32_t character);

} // namespace narae::str

#endif // NARAE_LIB_TEXT_UNICODE_H
