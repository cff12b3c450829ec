//===- Reader.h - Opens and verifies .narae files --------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_ARTIFACT_READER_H
#define NARAE_LIB_ARTIFACT_READER_H

#include "lib/artifact/Artifact_generated.h"
#include "lib/artifact/Container.h"
#include "lib/artifact/ExternalWeights.h"
#include "lib/artifact/MappedFile.h"
#include "lib/artifact/Status.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace narae::artifact {

/// Up to this many bytes of weights are hashed at every load.
constexpr uint64_t hashedWeightLimit = uint64_t(1) << 30;

struct ReadOptions {
  /// Hash weights beyond `hashedWeightLimit` too.
  bool verifyWeights = false;
  /// Leave external weights alone: for tools that only look at the program.
  bool skipExternalWeights = false;
  /// Folder of external weights; empty: the artifact's own.
  std::string weightsDir;
};

/// Bytes that somebody else owns.
struct Bytes {
  const void *data = nullptr;
  uint64_t size = 0;
};

/// A verified artifact. Nothing it hands out needs to be checked again;
/// everything lives as long as the reader. Safe to share between threads.
class Reader {
public:
  /// Maps a file; errors begin with its path.
  static Expected<std::unique_ptr<Reader>>
  open(const std::string &path, const ReadOptions &options = {});

  /// Reads from memory, which must outlive the reader and be page-aligned.
  static Expected<std::unique_ptr<Reader>>
  fromMemory(const void *data, size_t size, const ReadOptions &options = {});

  const Program &program() const { return *root; }
  const std::vector<Section> &sections() const { return table; }
  /// The bytes of `program().objects()[index]`.
  Bytes object(size_t index) const;
  /// The bytes of `program().attachments()[index]`.
  Bytes attachment(size_t index) const;
  /// Bytes of a session's state memory.
  uint64_t stateBytes() const;
  /// The bytes of `program().weights()[index]`: 64-byte aligned when they are
  /// in the file, aligned to their element when they are external; null with a
  /// size when they are absent.
  Bytes weight(size_t index) const { return weights[index]; }
  /// Bytes of all weights together.
  uint64_t weightBytes() const;

private:
  Reader() = default;
  Status read(const char *data, uint64_t size, const std::string &folder,
              const ReadOptions &options);

  std::unique_ptr<MappedFile> file;
  ExternalWeights external;
  const char *base = nullptr;
  std::vector<Section> table;
  std::vector<Bytes> weights;
  const Program *root = nullptr;
};

} // namespace narae::artifact

#endif // NARAE_LIB_ARTIFACT_READER_H
