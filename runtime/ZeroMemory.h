//===- ZeroMemory.h - Host memory that is zero until written ---*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_RUNTIME_ZEROMEMORY_H
#define NARAE_RUNTIME_ZEROMEMORY_H

#include "lib/artifact/Status.h"

#include <cstdint>
#include <memory>

namespace narae::runtime {

/// Pages of zeros. What nobody has written takes no memory, so a cache for a
/// long context costs what is in it.
class ZeroMemory {
public:
  static Expected<std::unique_ptr<ZeroMemory>> create(uint64_t bytes);
  ~ZeroMemory();
  ZeroMemory(const ZeroMemory &) = delete;
  ZeroMemory &operator=(const ZeroMemory &) = delete;

  char *data() const { return address; }
  /// Makes everything zero again.
  void clear();

private:
  ZeroMemory() = default;
  char *address = nullptr;
  uint64_t bytes = 0;
};

} // namespace narae::runtime

#endif // NARAE_RUNTIME_ZEROMEMORY_H
