//===- MappedFile.h - A file mapped for reading ----------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_ARTIFACT_MAPPEDFILE_H
#define NARAE_LIB_ARTIFACT_MAPPEDFILE_H

#include "lib/artifact/Status.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace narae::artifact {

/// A regular file, mapped private and read-only; unmapped with the object.
/// A file that another program shortens while it is mapped ends the process
/// at the next access (SIGBUS), as with shared libraries.
class MappedFile {
public:
  static Expected<std::unique_ptr<MappedFile>> open(const std::string &path);
  ~MappedFile();
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;

  const char *data() const { return bytes; }
  uint64_t size() const { return length; }

private:
  MappedFile() = default;
  const char *bytes = nullptr;
  uint64_t length = 0;
};

} // namespace narae::artifact

#endif // NARAE_LIB_ARTIFACT_MAPPEDFILE_H
