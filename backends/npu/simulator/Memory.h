//===- Memory.h - Sparse bytes -------------------------------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Bytes of a memory, of which only the pages that were written exist.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_SIMULATOR_MEMORY_H
#define NARAE_BACKENDS_NPU_SIMULATOR_MEMORY_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>

namespace narae::npu {

/// A memory of `size` bytes; addresses are checked by the caller. Bytes that
/// were never written read as zero (whether they may be read is the tracker's
/// question).
class Memory {
public:
  explicit Memory(int64_t size = 0) : limit(size) {}
  int64_t size() const { return limit; }
  void read(int64_t address, void *data, size_t count) const;
  void write(int64_t address, const void *data, size_t count);

private:
  static constexpr int64_t pageBytes = 64 << 10;
  using Page = std::unique_ptr<uint8_t[]>;
  std::unordered_map<int64_t, Page> pages;
  int64_t limit;
};

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_SIMULATOR_MEMORY_H
