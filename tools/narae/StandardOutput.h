//===- StandardOutput.h - Artifacts to the standard output --------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_TOOLS_NARAE_STANDARDOUTPUT_H
#define NARAE_TOOLS_NARAE_STANDARDOUTPUT_H

#include "lib/artifact/Status.h"

#include <string>

namespace narae::tool {

/// A file for what goes to the standard output in the end: artifacts are not
/// written from the first byte to the last. Goes away with the object.
class TemporaryFile {
public:
  static Expected<TemporaryFile> create();
  ~TemporaryFile();
  TemporaryFile(TemporaryFile &&other) noexcept : name(std::move(other.name)) {
    other.name.clear();
  }
  TemporaryFile &operator=(TemporaryFile &&) = delete;

  const std::string &path() const { return name; }
  /// Copies the file to the standard output.
  Status print() const;

private:
  explicit TemporaryFile(std::string name) : name(std::move(name)) {}
  std::string name;
};

} // namespace narae::tool

#endif // NARAE_TOOLS_NARAE_STANDARDOUTPUT_H
