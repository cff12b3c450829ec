//===- Memory.h - Bytes of the machine's memories ------------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The bytes of scratchpads, accumulators, shared memories, DRAM and the host,
// without their history. Only what was touched takes memory of this process.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_SIMULATOR_MEMORY_H
#define NARAE_BACKENDS_NPU_SIMULATOR_MEMORY_H

#include "backends/npu/isa/Instruction.h"
#include "backends/npu/machine/Machine.h"

#include <cstddef>
#include <memory>
#include <unordered_map>

namespace narae::npu {

/// How many units of a memory the machine has, and the bytes of each.
int64_t unitsOf(const Machine &machine, Space space);
int64_t bytesOf(const Machine &machine, Space space);

/// One memory: zeros at first. Bytes lie in one piece where the system gives
/// that much address space, else in pages.
class Memory {
public:
  explicit Memory(int64_t size);
  ~Memory();
  Memory(const Memory &) = delete;
  Memory &operator=(const Memory &) = delete;

  void read(int64_t address, void *data, size_t count) const;
  void write(int64_t address, const void *data, size_t count);
  /// The bytes from `address` on, or null where `count` of them do not lie in
  /// one piece. The range must be inside of the memory.
  uint8_t *piece(int64_t address, int64_t count);

private:
  static constexpr int64_t pageBytes = 64 << 10;
  using Page = std::unique_ptr<uint8_t[]>;
  Page &page(int64_t address);
  std::unordered_map<int64_t, Page> pages;
  uint8_t *whole = nullptr;
  int64_t size;
};

/// All memories of a machine.
class Memories {
public:
  explicit Memories(const Machine &machine);
  /// The unit must exist.
  Memory &at(Space space, int32_t unit);

private:
  struct Kind {
    int64_t bytes;
    std::vector<std::unique_ptr<Memory>> units;
  };
  std::vector<Kind> kinds; ///< by Space
};

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_SIMULATOR_MEMORY_H
