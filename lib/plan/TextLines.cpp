//===- TextLines.cpp - Columns, colours and line breaks -------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/plan/TextLines.h"

#include <cstdio>

using namespace narae::plan;

std::string narae::plan::fixed(double value, int decimals) {
  char text[400]; // the largest double has 309 digits
  std::snprintf(text, sizeof(text), "%.*f", decimals, value);
  return text;
}

std::string narae::plan::grouped(double value) {
  std::string digits = fixed(value, 0);
  size_t begin = digits[0] == '-' ? 1 : 0;
  for (size_t at = digits.size(); at > begin + 3;)
    digits.insert(at -= 3, ",");
  return digits;
}

std::string narae::plan::counted(int64_t number, const std::string &noun) {
  return grouped(double(number)) + " " + noun + (number == 1 ? "" : "s");
}

std::string narae::plan::left(const std::string &text, size_t width) {
  return text + std::string(width > text.size() ? width - text.size() : 0, ' ');
}

std::string narae::plan::right(const std::string &text, size_t width) {
  return std::string(width > text.size() ? width - text.size() : 0, ' ') + text;
}

std::string narae::plan::elide(const std::string &text, size_t width) {
  if (text.size() <= width)
    return text;
  size_t head = (width - 3) / 2, tail = width - 3 - head;
  return text.substr(0, head) + "..." + text.substr(text.size() - tail);
}

std::string narae::plan::wrap(const std::string &text, size_t first,
                              size_t next) {
  std::string result, line(first, ' ');
  bool isEmpty = true;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = std::min(text.find(' ', begin), text.size());
    if (!isEmpty && line.size() + 1 + (end - begin) > 80) {
      result += line + "\n";
      line = std::string(next, ' ');
      isEmpty = true;
    }
    line += (isEmpty ? "" : " ") + text.substr(begin, end - begin);
    isEmpty = false;
    begin = end + 1;
  }
  return result + line + "\n";
}

std::string Ink::with(const char *code, const std::string &text) const {
  return colours ? std::string("\033[") + code + "m" + text + "\033[0m" : text;
}

std::string Ink::bold(const std::string &text) const { return with("1", text); }
std::string Ink::good(const std::string &text) const {
  return with("32", text);
}
std::string Ink::bad(const std::string &text) const {
  return with("1;31", text);
}
std::string Ink::heading(const std::string &text) const {
  return with("1", text) + "\n";
}

std::string Ink::block(size_t columns, char letter, Colour colour) const {
  const char *code = colour == Colour::Blue    ? "44"
                     : colour == Colour::Green ? "42"
                                               : "43";
  return with(code, std::string(columns, letter));
}
