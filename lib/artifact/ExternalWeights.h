//===- ExternalWeights.h - Weights in files of their own -------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_ARTIFACT_EXTERNALWEIGHTS_H
#define NARAE_LIB_ARTIFACT_EXTERNALWEIGHTS_H

#include "lib/artifact/Artifact_generated.h"
#include "lib/artifact/MappedFile.h"
#include "lib/artifact/Status.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace narae::artifact {

/// The files that an artifact's weights were left in, mapped once each.
class ExternalWeights {
public:
  /// The bytes of a verified weight with `file` set, looked up in `folder`.
  /// Checks range and hash; weights after the first 1 GiB are hashed only
  /// when `verifyAll` is set. Bytes that are not aligned to their element in
  /// the file are copied.
  Expected<const char *> find(const Weight &weight, const std::string &folder,
                              bool verifyAll);

private:
  struct AlignedDelete {
    void operator()(char *bytes) const;
  };
  std::map<std::string, std::unique_ptr<MappedFile>> files;
  std::vector<std::unique_ptr<char[], AlignedDelete>> copies;
  uint64_t hashed = 0;
};

} // namespace narae::artifact

#endif // NARAE_LIB_ARTIFACT_EXTERNALWEIGHTS_H
