//===- WeightStore.h - The bytes behind fm.weight_data ----------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_WEIGHTSTORE_H
#define NARAE_LIB_FRONTEND_WEIGHTSTORE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"

#include <memory>
#include <string>
#include <vector>

namespace narae {

/// Holds or maps the bytes of a compilation's weights, by symbol name.
/// Files are mapped once, however many weights lie in them.
class WeightStore {
public:
  /// Bytes [offset, offset + length) of a file. Fails when they are not there.
  llvm::Error addFile(llvm::StringRef name, llvm::StringRef path,
                      uint64_t offset, uint64_t length);
  /// Takes bytes over.
  void addBytes(llvm::StringRef name, std::vector<char> bytes);
  /// The bytes, or none when no weight has this name.
  std::optional<llvm::ArrayRef<char>> find(llvm::StringRef name) const;
  void erase(llvm::StringRef name) { weights.erase(name); }

  /// xxh3-64 of bytes, as fm.weight_data records it.
  static uint64_t hash(llvm::ArrayRef<char> bytes);

private:
  struct Weight {
    llvm::ArrayRef<char> bytes;
    std::shared_ptr<void> owner;
  };
  llvm::StringMap<Weight> weights;
  llvm::StringMap<std::shared_ptr<llvm::MemoryBuffer>> files;
};

} // namespace narae

#endif // NARAE_LIB_FRONTEND_WEIGHTSTORE_H
