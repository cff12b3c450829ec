//===- Functions.cpp - What the runtime computes of strings ---------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/text/Functions.h"
#include "lib/text/Unicode.h"

#include <charconv>
#include <cmath>
#include <limits>

using namespace narae;

//===----------------------------------------------------------------------===//
// Cases and parts
//===----------------------------------------------------------------------===//

template <typename Fn>
static std::string mapped(std::string_view text, Fn map) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    size_t bytes = 0;
    uint32_t character = str::decode(text, bytes);
    if (uint32_t other = map(character); other != character)
      str::append(result, other);
    else
      result += text.substr(0, bytes);
    text.remove_prefix(bytes);
  }
  return result;
}

std::string str::lower(std::string_view text) { return mapped(text, toLower); }
std::string str::upper(std::string_view text) { return mapped(text, toUpper); }

/// Drops white space at the begin.
static void skipSpace(std::string_view &text) {
  size_t bytes = 0;
  while (!text.empty() && str::isSpace(str::decode(text, bytes)))
    text.remove_prefix(bytes);
}

static void splitAtSpace(std::string_view text, int64_t limit,
                         std::vector<std::string_view> &parts) {
  for (skipSpace(text); !text.empty(); skipSpace(text)) {
    size_t end = 0, bytes = 0;
    if (limit >= 0 && static_cast<int64_t>(parts.size()) == limit)
      end = text.size();
    while (end < text.size() &&
           !str::isSpace(str::decode(text.substr(end), bytes)))
      end += bytes;
    parts.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

void str::split(std::string_view text, std::string_view delimiter,
                int64_t limit, std::vector<std::string_view> &parts) {
  parts.clear();
  if (delimiter.empty())
    return splitAtSpace(text, limit, parts);
  while (limit < 0 || static_cast<int64_t>(parts.size()) < limit) {
    size_t at = text.find(delimiter);
    if (at == std::string_view::npos)
      break;
    parts.push_back(text.substr(0, at));
    text.remove_prefix(at + delimiter.size());
  }
  parts.push_back(text);
}

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

/// Without white space around it and without a plus sign.
static std::string_view trimmed(std::string_view text) {
  auto isBlank = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  while (!text.empty() && isBlank(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && isBlank(text.back()))
    text.remove_suffix(1);
  if (text.size() > 1 && text[0] == '+' && text[1] != '-')
    text.remove_prefix(1);
  return text;
}

/// What a number is that from_chars says is out of range: infinite or zero.
/// The exponent of the first digit that counts tells.
template <typename T>
static T outOfRange(std::string_view text) {
  bool negative = text[0] == '-', point = false, counts = false;
  int64_t magnitude = 0;
  size_t at = negative;
  for (; at < text.size() &&
         (text[at] == '.' || (text[at] >= '0' && text[at] <= '9'));
       ++at) {
    if (text[at] == '.') {
      point = true;
      continue;
    }
    counts |= text[at] != '0';
    magnitude += counts && !point ? 1 : !counts && point ? -1 : 0;
  }
  int64_t exponent = 0;
  if (at < text.size()) { // an e, and perhaps a sign
    size_t digits = at + 1 + (text[at + 1] == '+');
    auto [end, error] = std::from_chars(text.data() + digits,
                                        text.data() + text.size(), exponent);
    if (error == std::errc::result_out_of_range)
      exponent = text[digits] == '-' ? INT32_MIN : INT32_MAX;
  }
  T value =
      magnitude + exponent > 0 ? std::numeric_limits<T>::infinity() : T(0);
  return negative ? -value : value;
}

template <typename T>
static bool parseFloat(std::string_view text, T &value) {
  text = trimmed(text);
  const char *end = text.data() + text.size();
  auto [stop, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || stop != end)
    return false;
  if (error == std::errc::result_out_of_range)
    value = outOfRange<T>(text);
  return error != std::errc::invalid_argument;
}

template <typename T>
static bool parseInteger(std::string_view text, T &value) {
  text = trimmed(text);
  const char *end = text.data() + text.size();
  auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc() && stop == end)
    return true;
  double wide = 0;
  if (!parseFloat(text, wide))
    return false;
  wide = std::trunc(wide);
  // Both bounds are powers of two, or 0.
  double low = std::numeric_limits<T>::is_signed ? -0x1p63 : 0;
  double high = std::numeric_limits<T>::is_signed ? 0x1p63 : 0x1p64;
  if (!(wide >= low && wide < high))
    return false;
  value = static_cast<T>(wide);
  return true;
}

bool str::parse(std::string_view text, float &value) {
  return parseFloat(text, value);
}
bool str::parse(std::string_view text, double &value) {
  return parseFloat(text, value);
}
bool str::parse(std::string_view text, int64_t &value) {
  return parseInteger(text, value);
}
bool str::parse(std::string_view text, uint64_t &value) {
  return parseInteger(text, value);
}

template <typename T>
static std::string formatFloat(T value) {
  if (std::isnan(value))
    return "nan";
  if (std::isinf(value))
    return value < 0 ? "-inf" : "inf";
  char buffer[64];
  T size = std::fabs(value);
  bool plain = size == 0 || (size >= T(1e-4) && size < T(1e16));
  auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value,
                                    plain ? std::chars_format::fixed
                                          : std::chars_format::scientific);
  std::string result(buffer, end);
  if (plain && result.find('.') == std::string::npos)
    result += ".0";
  return result;
}

std::string str::format(float value) { return formatFloat(value); }
std::string str::format(double value) { return formatFloat(value); }
std::string str::format(int64_t value) { return std::to_string(value); }
std::string str::format(uint64_t value) { return std::to_string(value); }
std::string str::format(bool value) { return value ? "True" : "False"; }
