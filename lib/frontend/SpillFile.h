//===- SpillFile.h - Bytes that need not be in memory -----------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_SPILLFILE_H
#define NARAE_LIB_FRONTEND_SPILLFILE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>

namespace narae {

/// A temporary file without a name, mapped piece by piece: large intermediate
/// bytes live in it rather than in the process's own memory. It goes with the
/// last of its pieces.
class SpillFile : public std::enable_shared_from_this<SpillFile> {
public:
  /// In `folder`; an empty one means the system's folder for large files.
  static llvm::Expected<std::shared_ptr<SpillFile>>
  create(const std::string &folder);
  ~SpillFile();
  SpillFile(const SpillFile &) = delete;
  SpillFile &operator=(const SpillFile &) = delete;

  /// A mapped part of the file: zeros at first, page-aligned.
  class Piece {
  public:
    ~Piece();
    Piece(const Piece &) = delete;
    Piece &operator=(const Piece &) = delete;
    llvm::MutableArrayRef<char> bytes() const { return mapped; }

  private:
    friend class SpillFile;
    Piece() = default;
    std::shared_ptr<SpillFile> file;
    uint64_t offset = 0;
    llvm::MutableArrayRef<char> mapped;
  };

  /// Room for `size` bytes on the disk, or an error where there is none.
  llvm::Expected<std::shared_ptr<Piece>> allocate(uint64_t size);

private:
  SpillFile() = default;
  int fd = -1;
  uint64_t end = 0;
  std::string folder;
};

/// Drops the pages of a mapped file (spilled or the user's own) from this
/// process; they come back from the file when they are read again.
void releasePages(llvm::ArrayRef<char> mapped);

} // namespace narae

#endif // NARAE_LIB_FRONTEND_SPILLFILE_H
