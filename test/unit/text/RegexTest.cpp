//===- RegexTest.cpp - Regular expressions --------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/text/Regex.h"

#include <gtest/gtest.h>

using namespace narae;
using narae::str::Regex;

static bool matches(const std::string &pattern, const std::string &text) {
  auto regex = Regex::compile(pattern);
  EXPECT_TRUE(regex.ok()) << regex.message();
  return regex.ok() && regex->fullMatch(text);
}

static std::string problem(const std::string &pattern) {
  return Regex::compile(pattern).message();
}

TEST(Regex, WholeTextOnly) {
  EXPECT_TRUE(matches("abc", "abc"));
  EXPECT_FALSE(matches("abc", "abcd"));
  EXPECT_FALSE(matches("abc", "xabc"));
  EXPECT_TRUE(matches("", ""));
  EXPECT_FALSE(matches("", "a"));
  // The alternative that fits the whole text counts, not the first.
  EXPECT_TRUE(matches("a|ab", "ab"));
  EXPECT_TRUE(matches("(a|ab)(c|bcd)", "abcd"));
}

TEST(Regex, Repetitions) {
  EXPECT_TRUE(matches("a*", "aaa"));
  EXPECT_FALSE(matches("a+", ""));
  EXPECT_TRUE(matches("(ab)?c", "c"));
  EXPECT_TRUE(matches("a{2,3}", "aaa"));
  EXPECT_FALSE(matches("a{2,3}", "aaaa"));
  EXPECT_FALSE(matches("a{2}", "a"));
  EXPECT_TRUE(matches("a{2,}", "aaaaa"));
  EXPECT_TRUE(matches("a{0}", ""));
  EXPECT_TRUE(matches("(a*)*b", "aab"));
  EXPECT_TRUE(matches("a+?", "aa")); // lazy ones accept the same texts
  EXPECT_TRUE(matches("a{,2}", "a{,2}")) << "no repetition, as in RE2";
}

TEST(Regex, Characters) {
  EXPECT_TRUE(matches("한.", "한글"));
  EXPECT_FALSE(matches(".", "\n"));
  EXPECT_TRUE(matches("(?s).", "\n"));
  EXPECT_TRUE(matches("[a-c가-힣]+", "b나"));
  EXPECT_TRUE(matches("[^a-c]", "é"));
  EXPECT_TRUE(matches("[]a]", "]"));
  EXPECT_TRUE(matches("[a-]", "-"));
  EXPECT_TRUE(matches("\\d\\w\\s\\D\\W\\S", "1_ x-y"));
  EXPECT_FALSE(matches("\\d", "٣")) << "ASCII, as in RE2";
  EXPECT_TRUE(matches("[[:alpha:][:digit:]_]+", "a1_"));
  EXPECT_TRUE(matches("\\x41\\x{1F600}\\.\\t", "A😀.\t"));
  EXPECT_TRUE(matches("\\Qa.b*\\E", "a.b*"));
  EXPECT_TRUE(matches(".", "\xff")) << "what is no UTF-8 is one character";
}

TEST(Regex, FlagsAndPlaces) {
  EXPECT_TRUE(matches("(?i)straße|É", "STRASSE") == false);
  EXPECT_TRUE(matches("(?i)É", "é"));
  EXPECT_TRUE(matches("a(?i:b)c", "aBc"));
  EXPECT_FALSE(matches("a(?i:b)c", "aBC"));
  EXPECT_TRUE(matches("(?i)[^a]", "B"));
  EXPECT_FALSE(matches("(?i)[^a]", "A"));
  EXPECT_TRUE(matches("^a$", "a"));
  EXPECT_FALSE(matches("a^b", "ab"));
  EXPECT_TRUE(matches("(?m)a$\\n^b", "a\nb"));
  EXPECT_TRUE(matches("\\bab\\b cd", "ab cd"));
  EXPECT_FALSE(matches("a\\bb", "ab"));
  EXPECT_TRUE(matches("a\\Bb", "ab"));
  EXPECT_TRUE(matches("(?P<name>a)(?<other>b)(?:c)", "abc"));
}

TEST(Regex, TakesTimeInProportion) {
  // Backtracking would take 2^100000 steps, recursion a deep stack.
  std::string text(100000, 'a');
  EXPECT_FALSE(matches("(a+)+b", text));
  EXPECT_TRUE(matches("(a|aa)*", text));
}

TEST(Regex, SaysWhatIsWrong) {
  EXPECT_NE(problem("a(b").find("'a(b', at byte 3: there is a ( without"),
            std::string::npos)
      << problem("a(b");
  for (const char *pattern :
       {"(", ")", "a)", "[a", "[", "*a", "a**", "\\", "[b-a]", "a{2,1}",
        "a{1001}", "(?=a)", "(?<=a)", "(?P=n)", "\\pL", "\\1", "[[:no:]]",
        "\\x{110000}", "((a{1000}){1000}){1000}"})
    EXPECT_FALSE(problem(pattern).empty()) << pattern;
  std::string deep(10000, '(');
  EXPECT_NE(problem(deep).find("too deep"), std::string::npos);
}
