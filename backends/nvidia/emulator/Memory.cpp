//===- Memory.cpp - Device memory of the emulator ------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/nvidia/emulator/Memory.h"

#include <cstring>
#include <limits>
#include <new>

using namespace narae;
using namespace narae::nvidia;

static constexpr uint64_t kAlignment = 256;
/// Memory that is not zero where it was never written costs pages: large
/// allocations (weights, caches) are left as the system gives them.
static constexpr uint64_t kPoisonBytes = 1 << 20;

Expected<uint64_t> Memory::allocate(uint64_t bytes) {
  Block block;
  block.bytes = bytes;
  if (bytes < std::numeric_limits<uint64_t>::max() - kAlignment) {
    block.storage.reset(new (std::nothrow) char[bytes + kAlignment]);
    if (checked && block.storage &&
        bytes < std::numeric_limits<uint64_t>::max() / sizeof(ByteShadow))
      block.shadow.reset(new (std::nothrow) ByteShadow[bytes]());
  }
  if (!block.storage || (checked && !block.shadow))
    return Status::error("no memory for " + std::to_string(bytes) +
                         " bytes of the emulated GPU");
  auto start = reinterpret_cast<uint64_t>(block.storage.get());
  block.begin = (start + kAlignment - 1) / kAlignment * kAlignment;
  std::memset(reinterpret_cast<void *>(block.begin), 0xcd,
              std::min(bytes, kPoisonBytes));
  uint64_t address = block.begin;
  std::lock_guard lock(mutex);
  blocks.emplace(address, std::move(block));
  return address;
}

void Memory::release(uint64_t address) {
  std::lock_guard lock(mutex);
  blocks.erase(address);
}

Memory::Block *Memory::find(uint64_t address) {
  std::lock_guard lock(mutex);
  auto after = blocks.upper_bound(address);
  if (after == blocks.begin())
    return nullptr;
  Block &block = std::prev(after)->second;
  return address < block.begin + block.bytes ? &block : nullptr;
}

Status Memory::checkRange(uint64_t address, uint64_t bytes) {
  Block *block = find(address);
  if (!block)
    return Status::error("a copy of " + std::to_string(bytes) +
                         " bytes is outside of the device's memory");
  if (bytes <= block->bytes - (address - block->begin))
    return Status::success();
  return Status::error("a copy of " + std::to_string(bytes) +
                       " bytes goes beyond an allocation of " +
                       std::to_string(block->bytes));
}
