//===- SpillFile.cpp - Bytes that need not be in memory -------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/SpillFile.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace narae;

/// Of every system this runs on, and a multiple of its pages.
static constexpr uint64_t kPage = 65536;

static llvm::Error systemError(const char *what, const std::string &folder,
                               int code) {
  return llvm::createStringError(
      std::error_code(code, std::generic_category()),
      "cannot %s a temporary file in '%s': %s", what, folder.c_str(),
      std::error_code(code, std::generic_category()).message().c_str());
}

llvm::Expected<std::shared_ptr<SpillFile>>
SpillFile::create(const std::string &folder) {
  std::shared_ptr<SpillFile> file(new SpillFile());
  file->folder = folder;
  if (folder.empty()) {
    llvm::SmallString<128> path;
    llvm::sys::path::system_temp_directory(/*ErasedOnReboot=*/false, path);
    file->folder = path.str().str();
  }
  file->fd = open(file->folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file->fd < 0) { // not every file system has files without a name
    std::string name = file->folder + "/narae-XXXXXX";
    file->fd = mkostemp(name.data(), O_CLOEXEC);
    if (file->fd < 0)
      return systemError("make", file->folder, errno);
    unlink(name.c_str());
  }
  return file;
}

SpillFile::~SpillFile() {
  if (fd >= 0)
    close(fd);
}

llvm::Expected<std::shared_ptr<SpillFile::Piece>>
SpillFile::allocate(uint64_t size) {
  uint64_t length = llvm::alignTo(std::max<uint64_t>(size, 1), kPage);
  // A full disk shows here and not as a signal at some later store.
  if (int code = posix_fallocate(fd, static_cast<off_t>(end), off_t(length)))
    return systemError("enlarge", folder, code);
  void *at = mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                  static_cast<off_t>(end));
  if (at == MAP_FAILED)
    return systemError("map", folder, errno);
  std::shared_ptr<Piece> piece(new Piece());
  piece->file = shared_from_this();
  piece->offset = end;
  piece->mapped = {static_cast<char *>(at), size};
  end += length;
  return piece;
}

SpillFile::Piece::~Piece() {
  uint64_t length = llvm::alignTo(std::max<uint64_t>(mapped.size(), 1), kPage);
  munmap(mapped.data(), length);
#ifdef FALLOC_FL_PUNCH_HOLE
  // The disk gets its blocks back at once; where it cannot, with the file.
  (void)fallocate(file->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                  static_cast<off_t>(offset), static_cast<off_t>(length));
#endif
}

void narae::releasePages(llvm::ArrayRef<char> mapped) {
  uint64_t page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  uint64_t begin =
      llvm::alignTo(reinterpret_cast<uintptr_t>(mapped.data()), page);
  uint64_t end = llvm::alignDown(
      reinterpret_cast<uintptr_t>(mapped.data()) + mapped.size(), page);
  if (begin < end)
    (void)madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
}
