//===- Unicode.cpp - UTF-8 and cases of letters ---------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/text/Unicode.h"

#include <clocale>
#include <cwctype>
#include <locale.h>

using namespace narae;

uint32_t str::decode(std::string_view text, size_t &bytes) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned first = byte(0);
  bytes = 1;
  if (first < 0x80)
    return first;
  size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length)
    return replacement;
  uint32_t character = first & (0x7f >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80)
      return replacement;
    character = character << 6 | (byte(i) & 0x3f);
  }
  // Neither longer than needed, nor half of a pair, nor beyond the last one.
  constexpr uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (character < least[length] || (character >> 11) == 0x1b ||
      character > 0x10ffff)
    return replacement;
  bytes = length;
  return character;
}

void str::append(std::string &text, uint32_t character) {
  auto add = [&](uint32_t byte) { text += static_cast<char>(byte); };
  auto rest = [&](int shift) { add(0x80 | (character >> shift & 0x3f)); };
  if (character < 0x80)
    return add(character);
  if (character < 0x800) {
    add(0xc0 | character >> 6);
    return rest(0);
  }
  if (character < 0x10000) {
    add(0xe0 | character >> 12);
  } else {
    add(0xf0 | character >> 18);
    rest(12);
  }
  rest(6);
  rest(0);
}

bool str::isSpace(uint32_t c) {
  return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 ||
         c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
         c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

/// The C library's own UTF-8 locale, whatever the program has set; null where
/// there is none.
static locale_t utf8() {
  static const locale_t locale = [] {
    locale_t found = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return found ? found : newlocale(LC_CTYPE_MASK, "en_US.UTF-8", nullptr);
  }();
  return locale;
}

uint32_t str::toLower(uint32_t c) {
  if (c < 0x80)
    return c >= 'A' && c <= 'Z' ? c + 32 : c;
  return utf8() ? static_cast<uint32_t>(towlower_l(c, utf8())) : c;
}

uint32_t str::toUpper(uint32_t c) {
  if (c < 0x80)
    return c >= 'a' && c <= 'z' ? c - 32 : c;
  return utf8() ? static_cast<uint32_t>(towupper_l(c, utf8())) : c;
}
