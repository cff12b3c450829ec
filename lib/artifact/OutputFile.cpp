//===- OutputFile.cpp - A file that appears only when it is whole --------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/artifact/OutputFile.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace narae;
using namespace narae::artifact;

static constexpr size_t bufferSize = 1 << 20;

static Status systemError(const std::string &path) {
  return Status::error("cannot write '" + path + "': " + std::strerror(errno));
}

/// Where a path leads when it is a symbolic link, else the path itself: the
/// link stays and the file behind it is replaced.
static std::string resolveLink(const std::string &path) {
  char resolved[PATH_MAX];
  return realpath(path.c_str(), resolved) ? resolved : path;
}

static std::string directoryOf(const std::string &path) {
  size_t slash = path.rfind('/');
  if (slash == std::string::npos)
    return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Expected<std::unique_ptr<OutputFile>>
OutputFile::create(const std::string &path) {
  std::unique_ptr<OutputFile> file(new OutputFile());
  file->path = resolveLink(path);
  file->buffer.reserve(bufferSize);
  struct stat info;
  bool exists = stat(file->path.c_str(), &info) == 0;
  if (exists && S_ISDIR(info.st_mode))
    return Status::error("cannot write '" + path + "': it is a directory");
  if (exists && !S_ISREG(info.st_mode)) {
    file->fd = open(file->path.c_str(), O_WRONLY | O_CLOEXEC);
    if (file->fd < 0)
      return systemError(path);
    return file;
  }
  if (exists && access(file->path.c_str(), W_OK) != 0)
    return systemError(path);
  file->temporary = file->path + ".XXXXXX";
  file->fd = mkostemp(file->temporary.data(), O_CLOEXEC);
  if (file->fd < 0) {
    file->temporary.clear();
    return systemError(path);
  }
  // mkostemp makes files that nobody else may read; a new file gets what
  // `open` would have given it.
  mode_t mask = umask(0);
  umask(mask);
  fchmod(file->fd, exists ? (info.st_mode & 07777) : (0666 & ~mask));
  return file;
}

OutputFile::~OutputFile() {
  if (fd >= 0)
    close(fd);
  if (!temporary.empty())
    unlink(temporary.c_str());
}

Status OutputFile::put(const char *data, size_t size, uint64_t at) {
  while (size) {
    ssize_t n = temporary.empty()
                    ? ::write(fd, data, size)
                    : pwrite(fd, data, size, static_cast<off_t>(at));
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return failure = systemError(path);
    data += n;
    at += static_cast<uint64_t>(n);
    size -= static_cast<size_t>(n);
  }
  return Status::success();
}

Status OutputFile::flush() {
  Status status = put(buffer.data(), buffer.size(), written - buffer.size());
  buffer.clear();
  return status;
}

Status OutputFile::write(const void *data, size_t size) {
  if (failure.failed())
    return failure;
  const char *bytes = static_cast<const char *>(data);
  if (buffer.size() + size > bufferSize)
    if (Status status = flush(); status.failed())
      return status;
  if (size >= bufferSize) {
    Status status = put(bytes, size, written);
    written += size;
    return status;
  }
  buffer.insert(buffer.end(), bytes, bytes + size);
  written += size;
  return Status::success();
}

Status OutputFile::padTo(uint64_t offset) {
  static const char zeros[4096] = {};
  while (written < offset) {
    size_t n = std::min<uint64_t>(sizeof(zeros), offset - written);
    if (Status status = write(zeros, n); status.failed())
      return status;
  }
  return Status::success();
}

Status OutputFile::overwrite(uint64_t offset, const void *data, size_t size) {
  if (failure.failed())
    return failure;
  if (Status status = flush(); status.failed())
    return status;
  if (temporary.empty() && lseek(fd, static_cast<off_t>(offset), SEEK_SET) < 0)
    return failure = systemError(path);
  return put(static_cast<const char *>(data), size, offset);
}

Status OutputFile::commit() {
  if (failure.failed())
    return failure;
  if (Status status = flush(); status.failed())
    return status;
  if (temporary.empty()) {
    int result = close(fd);
    fd = -1;
    return result == 0 ? Status::success() : (failure = systemError(path));
  }
  if (fsync(fd) != 0)
    return failure = systemError(path);
  int result = close(fd);
  fd = -1;
  if (result != 0 || rename(temporary.c_str(), path.c_str()) != 0)
    return failure = systemError(path);
  temporary.clear();
  // The new name is safe once the directory is; a file system that cannot
  // flush directories has still renamed.
  int directory = open(directoryOf(path).c_str(), O_RDONLY | O_DIRECTORY);
  if (directory >= 0) {
    (void)fsync(directory);
    close(directory);
  }
  return Status::success();
}
