//===- Memory.h - Device memory of the emulator ----------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NVIDIA_EMULATOR_MEMORY_H
#define NARAE_BACKENDS_NVIDIA_EMULATOR_MEMORY_H

#include "lib/artifact/Status.h"

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

namespace narae::nvidia {

/// What the checker remembers of a byte: who touched it last, as numbers that
/// grow from launch to launch, so that nothing is ever reset.
struct ByteShadow {
  uint32_t writer = 0, reader = 0;
};

/// Device memory is host memory, and knows where its allocations end.
class Memory {
public:
  struct Block {
    uint64_t begin = 0, bytes = 0;
    std::unique_ptr<char[]> storage;
    std::unique_ptr<ByteShadow[]> shadow; ///< where accesses are checked
  };

  explicit Memory(bool checked) : checked(checked) {}

  /// Aligned to 256 bytes, as the driver's. What nobody has written is
  /// 0xcd..., so that results that depend on it are seen.
  Expected<uint64_t> allocate(uint64_t bytes);
  void release(uint64_t address);
  /// The block that an address is in, or null.
  Block *find(uint64_t address);
  /// Whether a copy may touch the bytes: they are of one allocation.
  Status checkRange(uint64_t address, uint64_t bytes);

private:
  bool checked;
  std::mutex mutex;
  std::map<uint64_t, Block> blocks; ///< by address
};

} // namespace narae::nvidia

#endif // NARAE_BACKENDS_NVIDIA_EMULATOR_MEMORY_H
