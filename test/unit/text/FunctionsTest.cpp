//===- FunctionsTest.cpp - Cases, parts and numbers -----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/text/Functions.h"
#include "lib/text/Unicode.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace narae;

using Parts = std::vector<std::string>;

static Parts split(std::string_view text, std::string_view delimiter,
                   int64_t limit = -1) {
  std::vector<std::string_view> parts;
  str::split(text, delimiter, limit, parts);
  return Parts(parts.begin(), parts.end());
}

TEST(Text, Cases) {
  EXPECT_EQ(str::lower("ABC Éß 한 Ω"), "abc éß 한 ω");
  EXPECT_EQ(str::upper("abc é ж"), "ABC É Ж");
  EXPECT_EQ(str::upper("a\xff\xc3z"), "A\xff\xc3Z") << "no UTF-8: as it was";
}

TEST(Text, Utf8) {
  for (uint32_t c : {0x41u, 0x7fu, 0x80u, 0x7ffu, 0x800u, 0xd7ffu, 0xe000u,
                     0xffffu, 0x10000u, 0x10ffffu}) {
    std::string text;
    size_t bytes = 0;
    str::append(text, c);
    EXPECT_EQ(str::decode(text, bytes), c);
    EXPECT_EQ(bytes, text.size());
  }
  // Longer than needed, half of a pair, beyond the last one, cut off.
  for (const char *text : {"\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80",
                           "\xf4\x90\x80\x80", "\xe2\x82", "\x80"}) {
    size_t bytes = 0;
    EXPECT_EQ(str::decode(text, bytes), str::replacement);
    EXPECT_EQ(bytes, 1u);
  }
}

TEST(Text, Split) {
  EXPECT_EQ(split("a,b,,c", ","), (Parts{"a", "b", "", "c"}));
  EXPECT_EQ(split("", ","), (Parts{""}));
  EXPECT_EQ(split("a--b--c", "--", 1), (Parts{"a", "b--c"}));
  EXPECT_EQ(split("a,b", ",", 0), (Parts{"a,b"}));
  EXPECT_EQ(split("  a \t b\u00a0c\n", ""), (Parts{"a", "b", "c"}));
  EXPECT_EQ(split("", ""), Parts());
  EXPECT_EQ(split(" a  b  c ", "", 1), (Parts{"a", "b  c "}));
}

template <typename T>
static T number(std::string_view text) {
  T value{};
  EXPECT_TRUE(str::parse(text, value)) << text;
  return value;
}

TEST(Text, Parse) {
  EXPECT_EQ(number<float>(" 3.25\n"), 3.25f);
  EXPECT_EQ(number<double>("+1e-5"), 1e-5);
  EXPECT_EQ(number<float>("1e99"), INFINITY);
  EXPECT_EQ(number<float>("-1e99"), -INFINITY);
  EXPECT_EQ(number<float>("1e-99"), 0.0f);
  EXPECT_EQ(number<float>("0.000001e42"), 1e36f);
  EXPECT_EQ(number<double>("1" + std::string(400, '0')), INFINITY);
  EXPECT_EQ(number<double>("0." + std::string(400, '0') + "1"), 0.0);
  EXPECT_EQ(number<double>("1e99999999999999999999"), INFINITY);
  EXPECT_EQ(number<double>("1e-99999999999999999999"), 0.0);
  EXPECT_EQ(number<float>("+INF"), INFINITY);
  EXPECT_EQ(number<double>("-inf"), -INFINITY);
  EXPECT_TRUE(std::isnan(number<float>("NaN")));
  EXPECT_EQ(number<int64_t>("-9223372036854775808"), INT64_MIN);
  EXPECT_EQ(number<int64_t>("100.5"), 100);
  EXPECT_EQ(number<uint64_t>("18446744073709551615"), UINT64_MAX);
  double value;
  int64_t whole;
  uint64_t natural;
  for (const char *text : {"", " ", "abc", "1x", "1 2", "+-1", "++1", "0x10"})
    EXPECT_FALSE(str::parse(text, value)) << text;
  for (const char *text : {"9223372036854775808", "inf", "nan", "1e30", "one"})
    EXPECT_FALSE(str::parse(text, whole)) << text;
  EXPECT_FALSE(str::parse("-1", natural));
}

TEST(Text, Format) {
  EXPECT_EQ(str::format(1.0f), "1.0");
  EXPECT_EQ(str::format(0.1f), "0.1");
  EXPECT_EQ(str::format(0.1), "0.1");
  EXPECT_EQ(str::format(-0.0), "-0.0");
  EXPECT_EQ(str::format(1e15), "1000000000000000.0");
  EXPECT_EQ(str::format(1e16), "1e+16");
  EXPECT_EQ(str::format(1e-4), "0.0001");
  EXPECT_EQ(str::format(1e-5), "1e-05");
  EXPECT_EQ(str::format(NAN), "nan");
  EXPECT_EQ(str::format(-INFINITY), "-inf");
  EXPECT_EQ(str::format(INT64_MIN), "-9223372036854775808");
  EXPECT_EQ(str::format(UINT64_MAX), "18446744073709551615");
  EXPECT_EQ(str::format(true), "True");
}
