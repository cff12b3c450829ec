//===- EntryVerifier.h - Refuses entries that do not hold together --------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_ARTIFACT_ENTRYVERIFIER_H
#define NARAE_LIB_ARTIFACT_ENTRYVERIFIER_H

#include "lib/artifact/Artifact_generated.h"
#include "lib/artifact/Status.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace narae::artifact {

/// The part of `verifyProgram` that looks at one entry. The tables of the
/// program are verified already.
Status verifyEntry(const Program &program, const Entry &entry);

/// The same for one call; `resultOf` is the buffer that a verified call writes.
Status verifyCall(const Entry &entry, uint32_t call);
uint32_t resultOf(const Entry &entry, uint32_t call);

/// Fails with "WHAT is INDEX, but there are only COUNT".
Status checkIndex(const std::string &what, uint64_t index, uint64_t count);

/// Fails unless the elements of a vector are aligned: the flatbuffer's own
/// verifier looks at the alignment of a vector's length only.
template <typename Vector>
Status checkAlignment(const std::string &what, const Vector *vector,
                      size_t alignment) {
  if (!vector || reinterpret_cast<uintptr_t>(vector->Data()) % alignment == 0)
    return Status::success();
  return Status::error(what + " are not aligned");
}

} // namespace narae::artifact

#endif // NARAE_LIB_ARTIFACT_ENTRYVERIFIER_H
