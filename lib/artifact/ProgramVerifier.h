//===- ProgramVerifier.h - Refuses programs that do not hold together *- C++
//-*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_ARTIFACT_PROGRAMVERIFIER_H
#define NARAE_LIB_ARTIFACT_PROGRAMVERIFIER_H

#include "lib/artifact/Artifact_generated.h"
#include "lib/artifact/Container.h"
#include "lib/artifact/Status.h"

#include <cstddef>
#include <vector>

namespace narae::artifact {

/// Checks the bytes of a program section: the flatbuffer's structure, then
/// every index, enum and range in it, so that whoever follows them needs no
/// checks of its own. What depends on run-time values (sizes, offsets) is
/// left to the runtime. Beyond the ranges:
///  - aliases form no cycle, and nothing copies into a weight or an input;
///  - the prologue reads no tensor, stays in itself, and the registers that
///    it sets are set by nothing else (it does not run every time).
Status verifyProgram(const void *data, size_t size,
                     const std::vector<Section> &sections);

/// Elements of a flatbuffer vector that may be absent.
template <typename Vector>
size_t count(const Vector *vector) {
  return vector ? vector->size() : 0;
}

/// A flatbuffer string that may be absent.
inline const char *text(const flatbuffers::String *string) {
  return string ? string->c_str() : "";
}

/// The buffer whose memory `buffer` is a part of: itself, or what its chain
/// of aliases ends in. Only for verified programs.
inline uint32_t rootOf(const Entry &entry, uint32_t buffer) {
  while (entry.buffers()->Get(buffer)->kind() == BufferKind_Alias)
    buffer = entry.buffers()->Get(buffer)->index();
  return buffer;
}

} // namespace narae::artifact

#endif // NARAE_LIB_ARTIFACT_PROGRAMVERIFIER_H
