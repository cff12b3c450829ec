//===- GgufFuzzer.cpp - Any bytes as a GGUF file --------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/gguf/GgufLoader.h"

#include <cstdint>
#include <cstdlib>

using namespace narae::gguf;

/// A file either holds a model, whose weights lie inside of it, or is said to
/// be wrong.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::StringRef bytes(reinterpret_cast<const char *>(data), size);
  narae::language::Problems problems;
  File file = readFile(bytes, "fuzz.gguf", problems);
  if (!problems.empty())
    return 0;
  for (const TensorInfo &info : file.tensors)
    if (info.offset > size || info.length > size - info.offset)
      abort();
  LoadedModel loaded = describeModel(file);
  if (loaded.model.has_value() == !loaded.problems.empty())
    abort();
  return 0;
}
