//===- ZeroMemory.cpp - Host memory that is zero until written -----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/ZeroMemory.h"

#include <cstring>
#include <string>
#include <sys/mman.h>

using namespace narae;
using namespace narae::runtime;

Expected<std::unique_ptr<ZeroMemory>> ZeroMemory::create(uint64_t bytes) {
  std::unique_ptr<ZeroMemory> memory(new ZeroMemory());
  void *address = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (address == MAP_FAILED)
    return Status::error("no memory for the session's state (" +
                         std::to_string(bytes) + " bytes)");
  memory->address = static_cast<char *>(address);
  memory->bytes = bytes;
  return memory;
}

ZeroMemory::~ZeroMemory() {
  if (address)
    munmap(address, bytes);
}

void ZeroMemory::clear() {
  // Private anonymous pages that are dropped come back as zeros.
  if (madvise(address, bytes, MADV_DONTNEED) != 0)
    std::memset(address, 0, bytes);
}
