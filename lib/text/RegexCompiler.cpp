//===- RegexCompiler.cpp - Regular expressions into programs --------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A recursive descent that emits instructions as it goes. A repeated piece is
// copied; jumps inside of it are relative until the end.
//
//===----------------------------------------------------------------------===//

#include "lib/text/Regex.h"
#include "lib/text/RegexSets.h"
#include "lib/text/Unicode.h"

#include <algorithm>
#include <cctype>
#include <string>

namespace narae::str {

/// Limits of expressions: nesting, repetitions (those of RE2), instructions.
static constexpr int maxDepth = 200, maxRepeat = 1000;
static constexpr size_t maxProgram = 1 << 16;

class RegexCompiler {
  using Kind = Regex::Kind;
  /// Instructions whose targets are relative to their own place.
  using Code = std::vector<Regex::Instruction>;
  struct Flags {
    bool fold = false, lines = false, dotAll = false;
  };

public:
  RegexCompiler(std::string_view pattern) : pattern(pattern) {}

  Expected<Regex> run() {
    Code code;
    Flags flags;
    bool ok = alternatives(code, flags, 0);
    if (ok && at != pattern.size())
      ok = fail("there is a ) without its (");
    if (!ok)
      return Status::error("regular expression '" + std::string(pattern) +
                           "', at byte " + std::to_string(at) + ": " + problem);
    code.push_back({Kind::Match});
    for (uint32_t i = 0; i < code.size(); ++i)
      if (code[i].kind == Kind::Split || code[i].kind == Kind::Jump) {
        code[i].a += i;
        code[i].b += i;
      }
    result.program = std::move(code);
    return std::move(result);
  }

private:
  bool fail(const char *text) {
    if (problem.empty())
      problem = text;
    return false;
  }
  bool more() const { return at < pattern.size(); }
  bool take(std::string_view text) {
    if (pattern.substr(at, text.size()) != text)
      return false;
    at += text.size();
    return true;
  }
  uint32_t next() {
    size_t bytes = 0;
    uint32_t c = decode(pattern.substr(at), bytes);
    at += bytes;
    return c;
  }
  bool tooLarge(const Code &code) {
    return code.size() > maxProgram && !fail("it is too large");
  }

  // The grammar, loosest first.
  bool alternatives(Code &code, Flags &flags, int depth);
  bool sequence(Code &code, Flags &flags, int depth);
  bool group(Code &code, Flags &flags, int depth);
  bool piece(Code &code, Flags &flags, int depth);
  bool repeat(Code &code, size_t begin);
  bool escape(Code &code, const Flags &flags);
  bool literalEscape(uint32_t c, uint32_t &value);
  bool bracket(CharacterSet &set, const Flags &flags);
  bool posix(CharacterSet &set, bool &found);

  void addSet(Code &code, CharacterSet set, const Flags &flags);
  void addChar(Code &code, uint32_t c, const Flags &flags) {
    addSet(code, {{c, c}}, flags);
  }

  std::string_view pattern;
  size_t at = 0;
  std::string problem;
  Regex result;
};

void RegexCompiler::addSet(Code &code, CharacterSet set, const Flags &flags) {
  if (flags.fold)
    fold(set);
  normalize(set);
  auto known = std::find(result.sets.begin(), result.sets.end(), set);
  auto index = static_cast<uint32_t>(known - result.sets.begin());
  if (known == result.sets.end())
    result.sets.push_back(std::move(set));
  code.push_back({Kind::Char, index});
}

bool RegexCompiler::alternatives(Code &code, Flags &flags, int depth) {
  if (depth > maxDepth)
    return fail("groups are nested too deep");
  Code left;
  if (!sequence(left, flags, depth))
    return false;
  while (take("|")) {
    Code right;
    if (!sequence(right, flags, depth))
      return false;
    // split 1, over; left; jump to the end; right
    auto size = static_cast<uint32_t>(left.size());
    left.insert(left.begin(), Regex::Instruction{Kind::Split, 1, size + 2});
    left.push_back({Kind::Jump, static_cast<uint32_t>(right.size()) + 1});
    left.insert(left.end(), right.begin(), right.end());
    if (tooLarge(left))
      return false;
  }
  code.insert(code.end(), left.begin(), left.end());
  return !tooLarge(code);
}

bool RegexCompiler::sequence(Code &code, Flags &flags, int depth) {
  while (more() && pattern[at] != '|' && pattern[at] != ')') {
    size_t begin = code.size();
    if (!piece(code, flags, depth) || !repeat(code, begin) || tooLarge(code))
      return false;
  }
  return true;
}

/// What stands in parentheses; flags alone, `(?i)`, hold for what follows.
bool RegexCompiler::group(Code &code, Flags &flags, int depth) {
  Flags inner = flags;
  if (take("?")) {
    if (take("P<") || take("<")) {
      size_t end = pattern.find('>', at);
      if (end == std::string_view::npos || end == at || take("=") || take("!"))
        return fail("this is no group of RE2: looking behind is not supported");
      at = end + 1;
    } else {
      for (bool value = true; !take(":");) {
        if (take(")")) {
          flags = inner;
          return true;
        }
        char flag = more() ? pattern[at] : '\0';
        if (flag == '-' && value)
          value = false;
        else if (flag == 'i')
          inner.fold = value;
        else if (flag == 'm')
          inner.lines = value;
        else if (flag == 's')
          inner.dotAll = value;
        else if (flag != 'U') // which changes captures alone
          return fail("this is no group of RE2");
        ++at;
      }
    }
  }
  if (!alternatives(code, inner, depth + 1))
    return false;
  return take(")") || fail("there is a ( without its )");
}

bool RegexCompiler::piece(Code &code, Flags &flags, int depth) {
  CharacterSet set;
  switch (uint32_t c = next()) {
  case '(':
    return group(code, flags, depth);
  case '[':
    if (!bracket(set, flags))
      return false;
    addSet(code, std::move(set), Flags());
    return true;
  case '.':
    if (flags.dotAll)
      set = {{0, 0x10ffff}};
    else
      set = {{0, '\n' - 1}, {'\n' + 1, 0x10ffff}};
    addSet(code, std::move(set), Flags());
    return true;
  case '^':
    code.push_back({Kind::Begin, flags.lines});
    return true;
  case '$':
    code.push_back({Kind::End, flags.lines});
    return true;
  case '*':
  case '+':
  case '?':
    --at;
    return fail("there is nothing to repeat");
  case '\\':
    return escape(code, flags);
  default:
    addChar(code, c, flags);
    return true;
  }
}

/// A number in {n,m}; false where there is none.
static bool takeNumber(std::string_view text, size_t &at, int &value) {
  size_t begin = at;
  for (value = 0; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at)
    value = std::min(value * 10 + (text[at] - '0'), maxRepeat + 1);
  return at != begin;
}

/// Reads *, +, ? or {n,m} behind the piece that begins at `begin`.
bool RegexCompiler::repeat(Code &code, size_t begin) {
  for (bool again = false; more(); again = true) {
    int least = 0, most = -1;
    size_t back = at;
    if (take("*")) {
    } else if (take("+")) {
      least = 1;
    } else if (take("?")) {
      most = 1;
    } else if (take("{")) {
      bool counts = takeNumber(pattern, at, least);
      most = least;
      if (counts && take(",") && !takeNumber(pattern, at, most))
        most = -1;
      if (!counts || !take("}")) {
        at = back; // a brace like any other character
        return true;
      }
      if (least > maxRepeat || most > maxRepeat || (most >= 0 && most < least))
        return fail("the numbers of a repetition are not in order or exceed "
                    "1000");
    } else {
      return true;
    }
    if (again)
      return fail("a repetition is repeated: put it into a group");
    (void)take("?"); // lazy: the same texts
    Code once(code.begin() + begin, code.end());
    auto size = static_cast<uint32_t>(once.size());
    size_t copies = std::max(least, most < 0 ? least + 1 : most);
    if (copies * (once.size() + 2) > maxProgram)
      return fail("it is too large");
    code.resize(begin);
    auto add = [&] { code.insert(code.end(), once.begin(), once.end()); };
    for (int i = 0; i < least; ++i)
      add();
    if (most < 0) { // split 1, over; once; back
      code.push_back({Kind::Split, 1, size + 2});
      add();
      code.push_back({Kind::Jump, 0u - (size + 1)});
    }
    for (int i = least; i < most; ++i) {
      code.push_back({Kind::Split, 1, size + 1});
      add();
    }
  }
  return true;
}

/// The character of an escape that means one: \n, \x41, \x{1F600}, \., ...
bool RegexCompiler::literalEscape(uint32_t c, uint32_t &value) {
  static constexpr std::string_view letters = "afnrtv", means = "\a\f\n\r\t\v";
  size_t letter =
      c < 0x80 ? letters.find(static_cast<char>(c)) : std::string_view::npos;
  if (letter != std::string_view::npos) {
    value = static_cast<unsigned char>(means[letter]);
    return true;
  }
  if (c == 'x') {
    bool braces = take("{");
    value = 0;
    size_t digits = 0, most = braces ? 6 : 2;
    for (; digits < most && more() && std::isxdigit(pattern[at] & 0xff);
         ++digits, ++at)
      value = value * 16 + static_cast<uint32_t>(std::stoi(
                               std::string(1, pattern[at]), nullptr, 16));
    if (!digits || (braces ? !take("}") : digits != 2) || value > 0x10ffff)
      return fail("\\x needs two digits, or some in braces");
    return true;
  }
  if (c < 0x80 && (std::isalnum(static_cast<int>(c)) || c == 0))
    return fail("this escape is not supported");
  value = c;
  return true;
}

bool RegexCompiler::escape(Code &code, const Flags &flags) {
  if (!more())
    return fail("there is a \\ at the end");
  uint32_t c = next(), value = 0;
  CharacterSet set;
  switch (c) {
  case 'b':
  case 'B':
    code.push_back({c == 'b' ? Kind::Word : Kind::NotWord});
    return true;
  case 'A':
  case 'z':
    code.push_back({c == 'A' ? Kind::Begin : Kind::End});
    return true;
  case 'Q': {
    size_t end = std::min(pattern.find("\\E", at), pattern.size());
    while (at < end)
      addChar(code, next(), flags);
    take("\\E");
    return true;
  }
  default:
    break;
  }
  if (perlClass(c, set)) {
    addSet(code, std::move(set), Flags());
    return true;
  }
  if (!literalEscape(c, value))
    return false;
  addChar(code, value, flags);
  return true;
}

/// [:alpha:] and its like.
bool RegexCompiler::posix(CharacterSet &set, bool &found) {
  found = take("[:");
  if (!found)
    return true;
  size_t end = pattern.find(":]", at);
  if (end == std::string_view::npos ||
      !addPosixClass(pattern.substr(at, end - at), set))
    return fail("this class in [: :] is unknown");
  at = end + 2;
  return true;
}

bool RegexCompiler::bracket(CharacterSet &set, const Flags &flags) {
  bool others = take("^");
  for (bool first = true; first || !take("]"); first = false) {
    bool found = false;
    if (!more())
      return fail("there is a [ without its ]");
    if (!posix(set, found))
      return false;
    if (found)
      continue;
    uint32_t low = next();
    if (low == '\\') {
      CharacterSet known;
      if (!more())
        return fail("there is a [ without its ]");
      uint32_t letter = next();
      if (perlClass(letter, known)) {
        set.insert(set.end(), known.begin(), known.end());
        continue;
      }
      if (!literalEscape(letter, low))
        return false;
    }
    uint32_t high = low;
    if (at + 1 < pattern.size() && pattern[at] == '-' &&
        pattern[at + 1] != ']') {
      ++at;
      high = next();
      if (high == '\\' && (!more() || !literalEscape(next(), high)))
        return fail("there is a [ without its ]");
    }
    if (high < low)
      return fail("a range ends before it begins");
    set.push_back({low, high});
  }
  if (flags.fold)
    fold(set);
  if (others)
    negate(set);
  return true;
}

Expected<Regex> Regex::compile(std::string_view pattern) {
  return RegexCompiler(pattern).run();
}

} // namespace narae::str
