//===- HostMemory.h - Aligned memory of the host ---------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_RUNTIME_HOSTMEMORY_H
#define NARAE_BACKENDS_CPU_RUNTIME_HOSTMEMORY_H

#include <cstdint>

namespace narae::cpu {

/// At least 64-byte aligned; from 4 MiB on aligned to 2 MiB, with huge pages
/// asked for. Null when there is no memory. Free with `releaseMemory`.
void *allocateMemory(uint64_t bytes);
void releaseMemory(void *address);

} // namespace narae::cpu

#endif // NARAE_BACKENDS_CPU_RUNTIME_HOSTMEMORY_H
