//===- Memory.cpp - Bytes of the machine's memories -----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/simulator/Memory.h"

#include <algorithm>
#include <cstring>
#include <sys/mman.h>

using namespace narae::npu;

int64_t narae::npu::unitsOf(const Machine &machine, Space space) {
  switch (space) {
  case Space::Scratchpad:
  case Space::Accumulator:
    return machine.allCores();
  case Space::Shared:
    return machine.chiplets;
  case Space::Dram:
    return machine.dram.pools;
  case Space::Host:
    return 1;
  }
  return 0;
}

int64_t narae::npu::bytesOf(const Machine &machine, Space space) {
  switch (space) {
  case Space::Scratchpad:
    return machine.scratchpad.bytes;
  case Space::Accumulator:
    return machine.tensor.accumulatorBytes;
  case Space::Shared:
    return machine.shared.bytes;
  case Space::Dram:
    return machine.usableDram();
  case Space::Host:
    return int64_t(1) << 47;
  }
  return 0;
}

/// Larger ones are no memory of a chip: pages.
static constexpr int64_t largestWhole = int64_t(1) << 40;

Memory::Memory(int64_t size) : size(size) {
  if (size <= 0 || size > largestWhole)
    return;
  int flags = MAP_PRIVATE | MAP_ANONYMOUS;
#ifdef MAP_NORESERVE
  flags |= MAP_NORESERVE;
#endif
  void *mapped = mmap(nullptr, size_t(size), PROT_READ | PROT_WRITE, flags, -1,
                      /*offset=*/0);
  if (mapped != MAP_FAILED)
    whole = static_cast<uint8_t *>(mapped);
}

Memory::~Memory() {
  if (whole)
    munmap(whole, size_t(size));
}

Memory::Page &Memory::page(int64_t address) {
  Page &page = pages[address / pageBytes];
  if (!page)
    page.reset(new uint8_t[pageBytes]());
  return page;
}

void Memory::read(int64_t address, void *data, size_t count) const {
  auto *out = static_cast<uint8_t *>(data);
  if (whole && count) {
    std::memcpy(out, whole + address, count);
    return;
  }
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
  if (whole && count) {
    std::memcpy(whole + address, in, count);
    return;
  }
  while (count) {
    int64_t within = address % pageBytes;
    size_t part = std::min<size_t>(count, pageBytes - within);
    std::memcpy(page(address).get() + within, in, part);
    address += part, in += part, count -= part;
  }
}

uint8_t *Memory::piece(int64_t address, int64_t count) {
  if (whole)
    return whole + address;
  int64_t within = address % pageBytes;
  return within + count <= pageBytes ? page(address).get() + within : nullptr;
}

Memories::Memories(const Machine &machine) {
  for (Space space : {Space::Scratchpad, Space::Accumulator, Space::Shared,
                      Space::Dram, Space::Host}) {
    Kind kind;
    kind.bytes = bytesOf(machine, space);
    kind.units.resize(size_t(unitsOf(machine, space)));
    kinds.push_back(std::move(kind));
  }
}

Memory &Memories::at(Space space, int32_t unit) {
  Kind &kind = kinds[size_t(space)];
  std::unique_ptr<Memory> &memory = kind.units[size_t(unit)];
  if (!memory)
    memory = std::make_unique<Memory>(kind.bytes);
  return *memory;
}
