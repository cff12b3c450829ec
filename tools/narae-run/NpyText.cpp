//===- NpyText.cpp - Strings in .npy files --------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tools/narae-run/NpyText.h"
#include "lib/text/Unicode.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

using namespace narae;

/// Characters of a string in "<U12"; longer ones are not read.
static constexpr long maxCharacters = 1 << 28;

bool narae::isText(const std::string &descr) {
  if (descr.size() < 3 || descr.size() > 12 ||
      (descr[0] != '<' && descr[0] != '=') || descr[1] != 'U' ||
      descr.find_first_not_of("0123456789", 2) != std::string::npos)
    return false;
  return std::atol(descr.c_str() + 2) <= maxCharacters;
}

Expected<std::vector<std::string>> narae::textOf(const NpyArray &array) {
  size_t width = static_cast<size_t>(std::atol(array.descr.c_str() + 2));
  size_t count = 1;
  for (int64_t dim : array.shape)
    count *= static_cast<size_t>(dim);
  std::vector<std::string> texts(count);
  for (size_t i = 0; i < count; ++i) {
    std::vector<uint32_t> text(width);
    if (width)
      std::memcpy(text.data(), array.bytes.data() + 4 * width * i, 4 * width);
    while (!text.empty() && text.back() == 0)
      text.pop_back();
    for (uint32_t character : text) {
      if (character == 0 || character > 0x10ffff || character >> 11 == 0x1b)
        return Status::error("string " + std::to_string(i) +
                             " has a zero or something that is no character");
      str::append(texts[i], character);
    }
  }
  return texts;
}

Status narae::writeNpyText(const std::string &path,
                           const std::vector<int64_t> &shape,
                           const char *const *strings) {
  size_t count = 1, width = 1;
  for (int64_t dim : shape)
    count *= static_cast<size_t>(dim);
  std::vector<std::vector<uint32_t>> texts(count);
  for (size_t i = 0; i < count; ++i) {
    std::string_view rest = strings[i];
    for (size_t bytes = 0; !rest.empty(); rest.remove_prefix(bytes))
      texts[i].push_back(str::decode(rest, bytes));
    width = std::max(width, texts[i].size());
  }
  std::vector<uint32_t> elements(count * width);
  for (size_t i = 0; i < count; ++i)
    std::copy(texts[i].begin(), texts[i].end(),
              elements.begin() + static_cast<ptrdiff_t>(i * width));
  return writeNpy(path, "<U" + std::to_string(width), 4 * width, shape,
                  elements.data());
}
