//===- Regex.cpp - Matching regular expressions ---------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/text/Regex.h"
#include "lib/text/Unicode.h"

#include <algorithm>

using namespace narae;
using namespace narae::str;

/// Before the first character and after the last one.
static constexpr uint32_t nothing = UINT32_MAX;

static bool isWord(uint32_t c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c == '_' ||
         (c >= 'a' && c <= 'z');
}

/// Adds to `next` what can be reached from an instruction without a character,
/// each instruction once a step.
void Regex::follow(uint32_t at, bool begin, bool end, uint32_t before,
                   uint32_t after) {
  stack.assign(1, at);
  while (!stack.empty()) {
    uint32_t i = stack.back();
    stack.pop_back();
    if (seen[i] == step)
      continue;
    seen[i] = step;
    const Instruction &inst = program[i];
    bool holds = true;
    switch (inst.kind) {
    case Kind::Char:
    case Kind::Match:
      next.push_back(i);
      continue;
    case Kind::Split:
      stack.push_back(inst.b);
      stack.push_back(inst.a);
      continue;
    case Kind::Jump:
      stack.push_back(inst.a);
      continue;
    case Kind::Begin:
      holds = begin || (inst.a && before == '\n');
      break;
    case Kind::End:
      holds = end || (inst.a && after == '\n');
      break;
    case Kind::Word:
    case Kind::NotWord:
      holds = (isWord(before) != isWord(after)) == (inst.kind == Kind::Word);
      break;
    }
    if (holds)
      stack.push_back(i + 1);
  }
}

bool Regex::fullMatch(std::string_view text) {
  seen.resize(program.size());
  size_t bytes = 0;
  uint32_t after = text.empty() ? nothing : decode(text, bytes);
  next.clear();
  ++step;
  follow(0, /*begin=*/true, text.empty(), nothing, after);
  while (!text.empty() && !next.empty()) {
    uint32_t c = after;
    text.remove_prefix(bytes);
    after = text.empty() ? nothing : decode(text, bytes);
    current.swap(next);
    next.clear();
    ++step;
    for (uint32_t i : current)
      if (program[i].kind == Kind::Char && contains(sets[program[i].a], c))
        follow(i + 1, /*begin=*/false, text.empty(), c, after);
  }
  return text.empty() && std::any_of(next.begin(), next.end(), [&](uint32_t i) {
           return program[i].kind == Kind::Match;
         });
}
