//===- OutputFile.h - A file that appears only when it is whole *- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_ARTIFACT_OUTPUTFILE_H
#define NARAE_LIB_ARTIFACT_OUTPUTFILE_H

#include "lib/artifact/Status.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace narae::artifact {

/// Writes to a temporary file beside `path` and moves it there in `commit`.
/// Until then, and after any error, what `path` named before stays as it was.
/// A `path` that is no regular file (a device, a pipe) is written directly.
class OutputFile {
public:
  static Expected<std::unique_ptr<OutputFile>> create(const std::string &path);
  ~OutputFile();
  OutputFile(const OutputFile &) = delete;
  OutputFile &operator=(const OutputFile &) = delete;

  /// Appends, through a buffer. After an error every call returns it.
  Status write(const void *data, size_t size);
  /// Appends zeros up to `offset`.
  Status padTo(uint64_t offset);
  /// Bytes appended so far.
  uint64_t offset() const { return written; }
  /// Overwrites bytes that were appended before. Not for pipes.
  Status overwrite(uint64_t offset, const void *data, size_t size);
  /// Flushes to the disk and gives the file its name.
  Status commit();

private:
  OutputFile() = default;
  Status flush();
  Status put(const char *data, size_t size, uint64_t at);

  std::string path, temporary;
  int fd = -1;
  uint64_t written = 0;
  std::vector<char> buffer;
  Status failure;
};

} // namespace narae::artifact

#endif // NARAE_LIB_ARTIFACT_OUTPUTFILE_H
