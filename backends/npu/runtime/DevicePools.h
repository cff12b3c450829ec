//===- DevicePools.h - Who has which bytes of device memory -----*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// DRAM of a device: one pool a stack, which are no single memory. A pool is
// divided into granules; a large allocation takes whole ones, small ones share
// a granule. Each allocation lies in one pool, the one that has most left, so
// that stacks fill evenly and their bandwidth adds up.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_RUNTIME_DEVICEPOOLS_H
#define NARAE_BACKENDS_NPU_RUNTIME_DEVICEPOOLS_H

#include "backends/npu/machine/Machine.h"
#include "lib/artifact/Status.h"

#include <map>

namespace narae::npu {

class DevicePools {
public:
  explicit DevicePools(const Machine &machine);

  /// The flat address (see object/Object.h) of `bytes` bytes, aligned to
  /// `bufferAlignment`, large ones to the granule. Out of memory says what is
  /// needed, the most that a pool has in one piece, and how full they are.
  Expected<uint64_t> allocate(uint64_t bytes);
  /// The address of an allocation.
  void release(uint64_t address);

  /// Bytes of allocations in a pool, and of the granules that hold them.
  uint64_t used(int64_t pool) const { return pools[size_t(pool)].used; }
  uint64_t taken(int64_t pool) const { return pools[size_t(pool)].taken; }
  /// "chiplet 2, stack 1"
  std::string nameOf(int64_t pool) const;

private:
  /// Free bytes by their begin; neighbours are always one range.
  using Ranges = std::map<uint64_t, uint64_t>;
  struct Pool {
    Ranges granules; ///< free, of whole granules
    Ranges shared;   ///< free, in granules of small allocations
    std::map<uint64_t, uint64_t> sizes; ///< of allocations
    uint64_t used = 0, taken = 0;
  };
  static bool take(Ranges &ranges, uint64_t bytes, uint64_t &begin);
  static void give(Ranges &ranges, uint64_t begin, uint64_t bytes);
  bool isSmall(uint64_t bytes) const { return bytes <= granule / 2; }
  bool allocateIn(Pool &pool, uint64_t bytes, uint64_t &offset);
  Status outOfMemory(uint64_t bytes) const;

  const uint64_t granule, capacity;
  const int64_t chiplets;
  std::vector<Pool> pools;
};

/// "1.50 GiB"
std::string formatBytes(uint64_t bytes);

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_RUNTIME_DEVICEPOOLS_H
