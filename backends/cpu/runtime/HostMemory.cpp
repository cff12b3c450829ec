//===- HostMemory.cpp - Aligned memory of the host -----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/runtime/HostMemory.h"

#include <cstdlib>
#include <sys/mman.h>

using namespace narae;

static constexpr uint64_t smallAlignment = 64;
static constexpr uint64_t hugePage = 2 << 20;

void *cpu::allocateMemory(uint64_t bytes) {
  // Larger requests cannot be met, and rounding them up must not wrap.
  if (bytes > (uint64_t(1) << 62))
    return nullptr;
  if (bytes == 0)
    bytes = 1;
  uint64_t alignment = bytes >= 2 * hugePage ? hugePage : smallAlignment;
  uint64_t rounded = (bytes + alignment - 1) / alignment * alignment;
  void *address = std::aligned_alloc(alignment, rounded);
  if (address && alignment == hugePage)
    (void)madvise(address, rounded, MADV_HUGEPAGE);
  return address;
}

void cpu::releaseMemory(void *address) { std::free(address); }
