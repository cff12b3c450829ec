//===- TextLines.h - Columns, colours and line breaks -----------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_PLAN_TEXTLINES_H
#define NARAE_LIB_PLAN_TEXTLINES_H

#include <cstdint>
#include <string>

namespace narae::plan {

/// A number with so many decimals: "12.30".
std::string fixed(double value, int decimals);
/// A whole number with commas: "70,272".
std::string grouped(double value);
/// "1 sequence", "2 sequences"
std::string counted(int64_t number, const std::string &noun);
/// Padded with spaces behind it, or before it.
std::string left(const std::string &text, size_t width);
std::string right(const std::string &text, size_t width);
/// At most `width` columns; "..." stands for the middle of what is longer.
std::string elide(const std::string &text, size_t width);
/// Lines of up to 80 columns, broken at spaces: the first behind `first`
/// spaces, others behind `next`. A word that is longer stays whole.
std::string wrap(const std::string &text, size_t first, size_t next);

enum class Colour { Blue, Green, Yellow };

/// Adds colours on a terminal, and nothing elsewhere.
class Ink {
public:
  explicit Ink(bool colours) : colours(colours) {}
  std::string bold(const std::string &text) const;
  std::string good(const std::string &text) const;
  std::string bad(const std::string &text) const;
  /// A line of its own.
  std::string heading(const std::string &text) const;
  /// Part of a bar: a letter for each column, coloured on a terminal.
  std::string block(size_t columns, char letter, Colour colour) const;

private:
  std::string with(const char *code, const std::string &text) const;
  bool colours;
};

} // namespace narae::plan

#endif // NARAE_LIB_PLAN_TEXTLINES_H
