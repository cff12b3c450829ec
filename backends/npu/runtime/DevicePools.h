//===- DevicePools.h - Who has which bytes of device memory -----*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// DRAM of a device: one pool a stack, which are no single memory. A pool is
// divided into granules; a large allocation takes whole ones, small ones share
// a granule. Each allocation lies in one pool. Those of one size, which are
// the same matrix of several layers as a rule, go to the pools in turn, so that
// each kind of work finds all bandwidth; from the point where a pool is three
// quarters full the emptiest pool comes first.
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
    std::map<uint64_t, uint64_t> alike; ///< number of allocations by size
    Ranges granules;                    ///< free, of whole granules
    Ranges shared; ///< free, in granules of small allocations
    std::map<uint64_t, uint64_t> sizes; ///< of allocations
    uint64_t used = 0, taken = 0;
  };
  static bool take(Ranges &ranges, uint64_t bytes, uint64_t &begin);
  static void give(Ranges &ranges, uint64_t begin, uint64_t bytes);
  bool isSmall(uint64_t bytes) const { return bytes <= granule / 2; }
  bool allocateIn(Pool &pool, uint64_t bytes, uint64_t &offset);
  /// The pools in the order in which an allocation should try them.
  std::vector<size_t> preferred(uint64_t bytes) const;
  Status outOfMemory(uint64_t bytes) const;

  const uint64_t granule, capacity;
  const int64_t chiplets;
  std::vector<Pool> pools;
};

/// "1.50 GiB"
std::string formatBytes(uint64_t bytes);

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_RUNTIME_DEVICEPOOLS_H
