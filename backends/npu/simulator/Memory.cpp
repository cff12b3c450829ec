//===- Memory.cpp - Sparse bytes ------------------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/simulator/Memory.h"

#include <algorithm>
#include <cstring>

using namespace narae::npu;

void Memory::read(int64_t address, void *data, size_t count) const {
  auto *out = static_cast<uint8_t *>(data);
  while (count) {
    int64_t within = address % pageBytes;
    size_t part = std::min<size_t>(count, pageBytes - within);
    auto page = pages.find(address / pageBytes);
    if (page == pages.end())
      std::memset(out, 0, part);
    else
      std::memcpy(out, page->second.get() + within, part);
    address += part, out += part, count -= part;
  }
}

void Memory::write(int64_t address, const void *data, size_t count) {
  auto *in = static_cast<const uint8_t *>(data);
  while (count) {
    int64_t within = address % pageBytes;
    size_t part = std::min<size_t>(count, pageBytes - within);
    Page &page = pages[address / pageBytes];
    if (!page)
      page.reset(new uint8_t[pageBytes]());
    std::memcpy(page.get() + within, in, part);
    address += part, in += part, count -= part;
  }
}
