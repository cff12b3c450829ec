//===- WeightStore.h - The bytes behind fm.weight_data ----------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_WEIGHTSTORE_H
#define NARAE_LIB_FRONTEND_WEIGHTSTORE_H

#include "lib/frontend/SpillFile.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace narae {

/// Bytes [offset, offset + length) of a file.
struct WeightPiece {
  std::string file; ///< a path
  uint64_t offset = 0, length = 0;
};

/// Holds or maps the bytes of a compilation's weights and attachments, by
/// symbol name. Files are mapped once, however many weights lie in them, and
/// no copy of many weights is ever in memory: what is gathered or computed and
/// large lives in a temporary file.
class WeightStore {
public:
  /// Bytes [offset, offset + length) of a file. Fails when they are not there.
  llvm::Error addFile(llvm::StringRef name, llvm::StringRef path,
                      uint64_t offset, uint64_t length);
  /// The bytes of pieces, one after the other; pieces that touch are one.
  llvm::Error addPieces(llvm::StringRef name,
                        llvm::ArrayRef<WeightPiece> pieces);
  /// Takes bytes over.
  void addBytes(llvm::StringRef name, std::vector<char> bytes);
  /// Shares bytes with whoever made them.
  void addBytes(llvm::StringRef name,
                std::shared_ptr<const std::vector<char>> bytes);
  /// Memory for the bytes of a weight that the compiler computes, zero at
  /// first and 64-byte aligned; large ones are mapped from a temporary file.
  llvm::Expected<llvm::MutableArrayRef<char>> allocate(llvm::StringRef name,
                                                       uint64_t size);
  /// Where temporary files go; before the first of them.
  void setSpillFolder(std::string folder) { spillFolder = std::move(folder); }

  bool contains(llvm::StringRef name) const { return weights.contains(name); }
  /// Bytes of a weight, or none when no weight has this name.
  std::optional<uint64_t> size(llvm::StringRef name) const;
  /// The bytes in one piece, or none when no weight has this name. Gathers
  /// several pieces; fails (a full disk) as none, with `failure` set.
  std::optional<llvm::ArrayRef<char>> find(llvm::StringRef name);
  const std::string &failure() const { return failed; }
  /// Hands the bytes over from the first to the last, and drops from memory
  /// what was read, as far as a file keeps it. `sink` false ends it.
  bool stream(llvm::StringRef name,
              llvm::function_ref<bool(llvm::ArrayRef<char>)> sink) const;
  /// Where a weight's bytes are when they are in files of the user's; empty
  /// for bytes that were computed or given.
  llvm::ArrayRef<WeightPiece> source(llvm::StringRef name) const;
  /// Drops a weight's pages from memory, as far as a file keeps them.
  void release(llvm::StringRef name) const;
  void erase(llvm::StringRef name) { weights.erase(name); }

  /// xxh3-64 of bytes, as fm.weight_data records it.
  static uint64_t hash(llvm::ArrayRef<char> bytes);
  /// The same of a weight, however many pieces it has; 0 for an unknown one.
  uint64_t hash(llvm::StringRef name) const;

private:
  struct Weight {
    llvm::SmallVector<llvm::ArrayRef<char>, 1> parts;
    std::vector<std::shared_ptr<const void>> owners;
    std::vector<WeightPiece> source;
    bool mapped = false; ///< all parts come back from a file when dropped
  };
  llvm::Expected<std::shared_ptr<llvm::MemoryBuffer>> map(llvm::StringRef path);
  llvm::Expected<llvm::MutableArrayRef<char>> room(uint64_t size,
                                                   Weight &weight);

  llvm::StringMap<Weight> weights;
  llvm::StringMap<std::shared_ptr<llvm::MemoryBuffer>> files;
  std::shared_ptr<SpillFile> spill;
  std::string spillFolder, failed;
};

} // namespace narae

#endif // NARAE_LIB_FRONTEND_WEIGHTSTORE_H
