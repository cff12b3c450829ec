//===- Functions.h - What the runtime computes of strings -------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_TEXT_FUNCTIONS_H
#define NARAE_LIB_TEXT_FUNCTIONS_H

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace narae::str {

/// All letters in one case; bytes that are no UTF-8 stay.
std::string lower(std::string_view text);
std::string upper(std::string_view text);

/// Cuts a text at each delimiter, at most `limit` times where that is not
/// negative. With an empty delimiter at each run of white space, and the ends
/// are trimmed: Python's str.split.
void split(std::string_view text, std::string_view delimiter, int64_t limit,
           std::vector<std::string_view> &parts);

/// The number that a text says, with white space around it. Floats may be
/// INF or NaN in any case; integers may be written as floats, and are
/// truncated then. False when it is no number that fits.
bool parse(std::string_view text, float &value);
bool parse(std::string_view text, double &value);
bool parse(std::string_view text, int64_t &value);
bool parse(std::string_view text, uint64_t &value);

/// A number as NumPy writes it: the fewest digits that give it back, "1.0",
/// "1e-05", "nan", "-inf".
std::string format(float value);
std::string format(double value);
std::string format(int64_t value);
std::string format(uint64_t value);
/// "True" or "False".
std::string format(bool value);

} // namespace narae::str

#endif // NARAE_LIB_TEXT_FUNCTIONS_H
