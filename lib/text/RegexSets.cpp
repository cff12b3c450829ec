//===- RegexSets.cpp - Sets of characters ---------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/text/RegexSets.h"
#include "lib/text/Unicode.h"

#include <algorithm>
#include <iterator>

using namespace narae;
using namespace narae::str;

/// No letter beyond has another case.
static constexpr uint32_t lastLetter = 0x1ffff;

void str::normalize(CharacterSet &set) {
  std::sort(set.begin(), set.end());
  size_t kept = 0;
  for (size_t i = 0; i < set.size(); ++i)
    if (kept && set[i].first <= set[kept - 1].second + 1)
      set[kept - 1].second = std::max(set[kept - 1].second, set[i].second);
    else
      set[kept++] = set[i];
  set.resize(kept);
}

void str::negate(CharacterSet &set) {
  normalize(set);
  CharacterSet others;
  uint32_t begin = 0;
  for (auto [first, last] : set) {
    if (first > begin)
      others.push_back({begin, first - 1});
    begin = last + 1;
  }
  if (begin <= 0x10ffff)
    others.push_back({begin, 0x10ffff});
  set = std::move(others);
}

bool str::perlClass(uint32_t c, CharacterSet &set) {
  switch (c | 0x20) {
  case 'd':
    set = {{'0', '9'}};
    break;
  case 's':
    set = {{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}};
    break;
  case 'w':
    set = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
    break;
  default:
    return false;
  }
  if (c < 'a')
    negate(set);
  return c < 0x80;
}

void str::fold(CharacterSet &set) {
  CharacterSet others;
  for (auto [first, last] : set)
    for (uint32_t c = first; c <= std::min(last, lastLetter); ++c)
      for (uint32_t other : {toLower(c), toUpper(c)})
        if (other != c)
          others.push_back({other, other});
  set.insert(set.end(), others.begin(), others.end());
}

bool str::contains(const CharacterSet &set, uint32_t c) {
  auto after = std::upper_bound(
      set.begin(), set.end(), c,
      [](uint32_t value, const auto &range) { return value < range.first; });
  return after != set.begin() && c <= std::prev(after)->second;
}

bool str::addPosixClass(std::string_view name, CharacterSet &set) {
  static const std::pair<std::string_view, CharacterSet> classes[] = {
      {"alnum", {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}}},
      {"alpha", {{'A', 'Z'}, {'a', 'z'}}},
      {"ascii", {{0, 0x7f}}},
      {"blank", {{'\t', '\t'}, {' ', ' '}}},
      {"cntrl", {{0, 0x1f}, {0x7f, 0x7f}}},
      {"digit", {{'0', '9'}}},
      {"graph", {{'!', '~'}}},
      {"lower", {{'a', 'z'}}},
      {"print", {{' ', '~'}}},
      {"punct", {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}},
      {"space", {{'\t', '\r'}, {' ', ' '}}},
      {"upper", {{'A', 'Z'}}},
      {"word", {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}},
      {"xdigit", {{'0', '9'}, {'A', 'F'}, {'a', 'f'}}}};
  bool others = !name.empty() && name[0] == '^';
  for (const auto &[known, ranges] : classes) {
    if (name.substr(others) != known)
      continue;
    CharacterSet found = ranges;
    if (others)
      negate(found);
    set.insert(set.end(), found.begin(), found.end());
    return true;
  }
  return false;
}
