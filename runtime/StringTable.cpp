//===- StringTable.cpp - Strings by numbers -------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/StringTable.h"
#include "lib/artifact/ProgramVerifier.h"

#include <algorithm>
#include <cstring>

using namespace narae;
using namespace narae::runtime;

/// Bytes of the first piece of memory.
static constexpr size_t firstPiece = 4096;

StringTable::StringTable(const artifact::Program &program) {
  uint32_t number = artifact::count(program.strings());
  texts.reserve(number + 1);
  texts.push_back("");
  for (uint32_t i = 0; i < number; ++i) {
    const auto &text = *program.strings()->Get(i);
    texts.push_back({text.c_str(), text.size()});
  }
  numbers.reserve(texts.size());
  for (size_t i = 0; i < texts.size(); ++i)
    numbers.emplace(texts[i], static_cast<int64_t>(i));
  constants = texts.size();
}

/// One piece is enough next time for what took several now.
void StringTable::Memory::clear() {
  if (pieces.size() > 1) {
    pieces.clear();
    size = total;
    pieces.emplace_back(new char[size]);
  }
  used = total = 0;
}

char *StringTable::Memory::take(size_t bytes) {
  if (pieces.empty() || size - used < bytes) {
    size = std::max(bytes, pieces.empty() ? firstPiece : 2 * size);
    pieces.emplace_back(new char[size]);
    used = 0;
  }
  char *result = pieces.back().get() + used;
  used += bytes;
  total += bytes;
  return result;
}

void StringTable::beginRun() {
  for (size_t i = constants; i < texts.size(); ++i)
    numbers.erase(texts[i]);
  texts.resize(constants);
  std::swap(now, before);
  now.clear();
}

int64_t StringTable::intern(std::string_view text) {
  if (auto known = numbers.find(text); known != numbers.end())
    return known->second;
  char *copy = now.take(text.size() + 1);
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  auto number = static_cast<int64_t>(texts.size());
  texts.emplace_back(copy, text.size());
  numbers.emplace(texts.back(), number);
  return number;
}
