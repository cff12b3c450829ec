//===- MappedFile.cpp - A file mapped for reading ------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/artifact/MappedFile.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace narae;
using namespace narae::artifact;

static Status systemError(const std::string &what, const std::string &path) {
  return Status::error(what + " '" + path + "': " + std::strerror(errno));
}

Expected<std::unique_ptr<MappedFile>>
MappedFile::open(const std::string &path) {
  // A pipe must not block the open; whether it is a file is asked after it.
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return systemError("cannot open", path);
  struct stat info;
  if (fstat(fd, &info) != 0) {
    Status status = systemError("cannot read", path);
    close(fd);
    return status;
  }
  if (!S_ISREG(info.st_mode)) {
    close(fd);
    return Status::error("'" + path + "' is not a regular file");
  }
  std::unique_ptr<MappedFile> file(new MappedFile());
  file->length = static_cast<uint64_t>(info.st_size);
  if (file->length) {
    void *address = mmap(nullptr, file->length, PROT_READ, MAP_PRIVATE, fd, 0);
    if (address == MAP_FAILED) {
      Status status = systemError("cannot map", path);
      close(fd);
      return status;
    }
    file->bytes = static_cast<const char *>(address);
  }
  close(fd);
  return file;
}

MappedFile::~MappedFile() {
  if (bytes)
    munmap(const_cast<char *>(bytes), length);
}
