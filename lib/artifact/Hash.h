//===- Hash.h - Content hashes of sections and weights ---------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_ARTIFACT_HASH_H
#define NARAE_LIB_ARTIFACT_HASH_H

#include <cstddef>
#include <cstdint>
#include <memory>

namespace narae::artifact {

/// XXH3 (64 bits) of a block of memory. A check against damage, no signature.
uint64_t hashBytes(const void *data, size_t size);

/// The same hash over data that comes in pieces.
class Hasher {
public:
  Hasher();
  ~Hasher();
  Hasher(const Hasher &) = delete;
  Hasher &operator=(const Hasher &) = delete;
  void add(const void *data, size_t size);
  uint64_t finish() const;

private:
  struct State;
  std::unique_ptr<State> state;
};

} // namespace narae::artifact

#endif // NARAE_LIB_ARTIFACT_HASH_H
